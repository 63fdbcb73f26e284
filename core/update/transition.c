/* SPDX-License-Identifier: Apache-2.0 */
/* What the voters see of an update. */
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "policy/diff.h"
#include "update/updates.h"

static void drop_json(void *json)
{
    json_decref(json);
}

static int by_key(const void *a, const void *b)
{
    const struct sluice_label *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static void read_labels(struct update *u, struct sluice_sandbox *out)
{
    json_t *labels = json_loads(u->sandbox.labels_json ? u->sandbox.labels_json : "{}", 0, NULL);
    if (!labels)
        return;
    arena_defer(u->arena, drop_json, labels);
    const struct sluice_label **list =
        arena_alloc(u->arena, (json_object_size(labels) + 1) * sizeof *list);
    const char *key;
    json_t *value;
    json_object_foreach(labels, key, value) {
        struct sluice_label *label = arena_zalloc(u->arena, sizeof *label);
        *label = (struct sluice_label){sizeof *label, key, json_string_value(value)};
        list[out->n_labels++] = label;
    }
    qsort(list, out->n_labels, sizeof(void *), by_key);
    out->labels = list;
}

static const struct sluice_sandbox *describe_sandbox(struct update *u)
{
    struct sluice_sandbox *s = arena_zalloc(u->arena, sizeof *s);
    s->size = sizeof *s;
    s->name = u->sandbox.name;
    s->id = u->sandbox.id;
    s->network = strcmp(u->sandbox.network, "none") == 0 ? SLUICE_NETWORK_NONE
                                                         : SLUICE_NETWORK_PROXY;
    s->running = strcmp(u->sandbox.phase, "ready") == 0;
    read_labels(u, s);
    return s;
}

const struct sluice_transition *update_transition(struct update *u)
{
    const struct update_result *r = u->result;
    struct sluice_transition *t = arena_zalloc(u->arena, sizeof *t);
    t->size = sizeof *t;
    t->kind = u->request->kind;
    t->dry_run = u->request->dry_run;
    t->reason = u->request->reason ? u->request->reason : "";
    t->sandbox = describe_sandbox(u);
    t->actor = &u->request->actor;
    t->baseline = u->baseline ? policy_model(u->baseline) : NULL;
    t->current = r->current ? policy_model(r->current) : NULL;
    t->candidate = policy_model(r->candidate);
    t->diff = r->diff;
    t->draft = u->request->kind == SLUICE_APPROVE ? u->request->draft : NULL;
    t->now_ms = r->at_ms;
    t->findings = r->findings.items;
    t->n_findings = r->findings.n;
    return t;
}
