/* SPDX-License-Identifier: Apache-2.0 */
/* Which host a new sandbox goes to, and the list of hosts for people. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/hosts/hosts.h"
#include "runtime/hosts/parts.h"

/* selector: k=v,k=v; "*": any host has them. */
static bool has_labels(const struct host *h, const char *selector)
{
    json_t *labels = json_loads(h->labels, 0, NULL);
    char *copy = alloc_str(selector), *rest = NULL;
    bool has = true;
    for (char *pair = strtok_r(copy, ",", &rest); pair && has && strcmp(selector, "*") != 0;
         pair = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(pair, '=');
        const char *value;
        if (equals)
            *equals = '\0';
        value = json_string_value(json_object_get(labels, pair));
        has = equals && value && strcmp(value, equals + 1) == 0;
    }
    free(copy);
    json_decref(labels);
    return has;
}

static bool is_selector(const char *wanted)
{
    return strcmp(wanted, "*") == 0 || strchr(wanted, '=');
}

static bool takes_more(const struct host *h)
{
    return h->ready && !*h->unable && h->n_sandboxes < h->capacity;
}

/* a/b < c/d, as shares of what there is room for. */
static bool has_less(const struct host *a, const struct host *b)
{
    return (uint64_t)a->n_sandboxes * b->capacity < (uint64_t)b->n_sandboxes * a->capacity;
}

/* Under the lock. */
static struct host *least_loaded(struct runtime *all, const char *selector)
{
    struct host *best = NULL;
    for (struct host *h = all->hosts; h; h = h->next)
        if (takes_more(h) && has_labels(h, selector) && (!best || has_less(h, best)))
            best = h;
    return best;
}

static int refuse_named(const struct host *h, const char *name, struct error *err)
{
    char seen[CLOCK_TEXT_SIZE];
    if (!h)
        return error_set(err, ERROR_NOT_FOUND, "there is no host '%.64s': sluice host list shows "
                         "the hosts of this gateway", name);
    if (!h->ready)
        return error_set(err, ERROR_STATE, "the host %s is away; it was last seen %s", h->name,
                         clock_format(h->seen_ms, seen));
    if (*h->unable)
        return error_set(err, ERROR_STATE, "the host %s can make no sandboxes: %.400s", h->name,
                         h->unable);
    return error_set(err, ERROR_LIMIT, "the host %s has room for %u sandboxes, and has as many",
                     h->name, h->capacity);
}

int runtime_pick_host(struct runtime *all, const char *wanted, struct arena *arena,
                      const char **host, struct error *err)
{
    int rc = 0;
    *host = "";
    if (!*wanted && all->bwrap)
        return 0;
    if (!*wanted)
        wanted = "*";
    uv_mutex_lock(&all->lock);
    struct host *named = is_selector(wanted) ? NULL : host_find(all, wanted);
    struct host *h = is_selector(wanted) ? least_loaded(all, wanted)
                     : named && takes_more(named) ? named : NULL;
    if (h) {
        *host = arena_str(arena, h->name);
        h->n_sandboxes++;                           /* until they are counted again */
    } else if (!is_selector(wanted)) {
        rc = refuse_named(named, wanted, err);
    } else if (!all->hosts && !all->bwrap) {
        rc = 0; /* a start says why none can be made here */
    } else {
        rc = error_set(err, ERROR_STATE, "no host that has %s takes a further sandbox: sluice host "
                       "list shows them", strcmp(wanted, "*") == 0 ? "room" : wanted);
    }
    uv_mutex_unlock(&all->lock);
    return rc;
}

/* ---- the list ---- */

static const char *state_of(const struct host *h)
{
    return !h->ready ? "away" : *h->unable ? "unable" : "ready";
}

static json_t *row(const char *name, const char *labels, size_t n, uint32_t capacity,
                   const char *state)
{
    return json_pack("{s:s, s:o, s:I, s:I, s:s}", "name", name, "labels",
                     json_loads(labels, 0, NULL), "sandboxes", (json_int_t)n, "capacity",
                     (json_int_t)capacity, "state", state);
}

static json_t *describe(const struct host *h)
{
    char seen[CLOCK_TEXT_SIZE];
    json_t *out = row(h->name, h->labels, h->n_sandboxes, h->capacity, state_of(h));
    json_object_set_new(out, "gateway", json_string(h->ready ? h->all->setup.gateway_id : ""));
    json_object_set_new(out, "address", json_string(h->origin));
    json_object_set_new(out, "version", json_string(h->version));
    json_object_set_new(out, "error", json_string(h->unable));
    json_object_set_new(out, "seen_at", json_string(clock_format(h->seen_ms, seen)));
    return out;
}

static bool is_listed(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
        if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
            return true;
    return false;
}

/* A host that has not connected since the gateway began, and has sandboxes on record. */
static json_t *describe_missing(struct runtime *all, const char *name)
{
    size_t n = 0;
    for (const struct sandbox *s = all->list; s; s = s->next)
        n += s->state != SANDBOX_DOWN && strcmp(s->host, name) == 0;
    json_t *out = row(name, "{}", n, 0, "away");
    static const char *const empty[] = {"gateway", "address", "version", "error", "seen_at"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        json_object_set_new(out, empty[i], json_string(""));
    return out;
}

json_t *runtime_hosts_json(struct runtime *all)
{
    json_t *list = json_array();
    hosts_count(all);
    for (const struct host *h = all->hosts; h; h = h->next)
        json_array_append_new(list, describe(h));
    for (const struct sandbox *s = all->list; s; s = s->next)
        if (*s->host && !is_listed(list, s->host))
            json_array_append_new(list, describe_missing(all, s->host));
    return json_pack("{s:o}", "hosts", list);
}
