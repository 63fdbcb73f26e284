/* SPDX-License-Identifier: Apache-2.0 */
/* Records denials as draft chunks.
 *
 * A workload can cause any number of denials, and the jobs of a sandbox run one after another.  So
 * one job at a time records a limited number, the queue is bounded, and an update of the sandbox's
 * policy waits for at most one such job. */
#include <stdlib.h>

#include "base/alloc.h"
#include "chain/inspect/inspect.h"
#include "runtime/sandbox.h"

enum {
    WAITING_MAX = 1024,                             /* denials of one sandbox */
    AT_ONCE = 32,                                   /* denials that one job records */
};

struct denial_report {
    struct denial_report *next;
    struct arena *arena;                            /* with the texts of items */
    struct drafts_denial *items;
    size_t n;
};

struct recording {
    struct runtime *all;
    char *id, *name;
    struct denial_report *reports;
    struct drafts_denial *items;                    /* of all of them */
    struct drafts_recorded *outcomes;               /* of each; not valid where failed */
    size_t n;
    bool failed;
};

static void free_reports(struct denial_report *reports)
{
    for (struct denial_report *r = reports, *next; r; r = next) {
        next = r->next;
        arena_free(r->arena);
        free(r);
    }
}

static void record(void *arg)
{
    struct recording *r = arg;
    struct error err;
    r->outcomes = alloc_zero(r->n + 1, sizeof *r->outcomes);
    r->failed = drafts_record_denials(r->all->setup.drafts, r->name, r->id, r->items, r->n,
                                      r->outcomes, &err) != 0;
    if (r->failed)
        log_error(r->all->setup.log, "cannot record what sandbox %s was denied: %s", r->name,
                  err.text);
}

static void begin(struct sandbox *s);

static void add_text(json_t *json, const char *name, const char *text)
{
    if (text && *text)
        json_object_set_new(json, name, json_string(text));
}

/* draft: the id of the chunk that a decision is made about; "": there is none. */
static void publish_held(struct sandbox *s, const struct drafts_denial *item, const char *draft)
{
    json_t *json = json_pack("{s:s, s:i, s:s, s:s, s:I}", "host", item->host, "port",
                             (int)item->port, "binary", item->binary, "stage", item->stage,
                             "waiting", (json_int_t)item->waiting);
    add_text(json, "draft", draft);
    add_text(json, "method", item->method);
    add_text(json, "path", item->path);
    add_text(json, "operation", item->operation);
    add_text(json, "field", item->field);
    add_text(json, "rpc_method", item->rpc_method);
    add_text(json, "tool", item->tool);
    add_text(json, "vote", item->vote);
    events_publish(s->all->setup.events, "held", s->name, json);
}

/* Requests that wait for a decision which is made, or which nobody can make, wait in vain. */
static void tell_held(struct sandbox *s, const struct recording *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct drafts_denial *item = &r->items[i];
        if (!item->waiting && !item->only_waiting)
            continue;
        publish_held(s, item, r->outcomes[i].id);
        if (item->waiting && !r->outcomes[i].decidable)
            sandbox_send(s, &(struct sandbox_message){
                                .type = MESSAGE_REJECTED,
                                .rejected = {.host = item->host, .port = item->port,
                                             .binary = item->binary, .method = item->method,
                                             .path = item->path, .operation = item->operation,
                                             .field = item->field, .rpc_method = item->rpc_method,
                                             .tool = item->tool, .vote = item->vote}});
    }
}

static void recorded(void *arg)
{
    struct recording *r = arg;
    struct sandbox *s = sandbox_find(r->all, r->id);
    if (!s || !s->ready)
        drafts_forget_waiting(r->all->setup.drafts, r->id);
    if (s) {
        s->recording_denials = false;
        if (!r->failed)
            tell_held(s, r);
        if (s->denials)
            begin(s);
    }
    free_reports(r->reports);
    free(r->items);
    free(r->outcomes);
    free(r->id);
    free(r->name);
    free(r);
}

/* Takes whole reports from the head of the queue, which is not empty. */
static void take_reports(struct sandbox *s, struct recording *r)
{
    struct denial_report **end = &s->denials;
    r->reports = s->denials;
    do {
        r->items = alloc_resize(r->items, r->n + (*end)->n, sizeof *r->items);
        for (size_t i = 0; i < (*end)->n; i++)
            r->items[r->n++] = (*end)->items[i];
        end = &(*end)->next;
    } while (*end && r->n + (*end)->n <= AT_ONCE);
    s->denials = *end;
    *end = NULL;
    s->n_denials -= r->n;
}

static void begin(struct sandbox *s)
{
    struct recording *r = alloc_zero(1, sizeof *r);
    *r = (struct recording){.all = s->all, .id = alloc_str(s->id), .name = alloc_str(s->name)};
    take_reports(s, r);
    if (s->n_denials_lost)
        log_warn(s->all->setup.log,
                 "sandbox %s: %zu denials are not on record: there were too many at once", s->name,
                 s->n_denials_lost);
    s->n_denials_lost = 0;
    s->recording_denials = true;
    jobs_run(s->all->setup.jobs, s->name, record, recorded, r);
}

static void publish_finding(struct sandbox *s, const struct sandbox_denial *item)
{
    const char *severity = strcmp(item->finding, INSPECT_FINDING_FACTS) == 0 ? "info" : "high";
    events_publish(s->all->setup.events, "finding", s->name,
                   json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:I}", "finding", item->finding,
                             "severity", severity, "host", item->host, "port", (int)item->port,
                             "binary", item->binary, "reason", item->reason, "count",
                             (json_int_t)item->count));
}

static void publish(struct sandbox *s, const struct sandbox_denial *item)
{
    json_t *json = json_pack("{s:s, s:i, s:s, s:s, s:s, s:I}", "host", item->host, "port",
                             (int)item->port, "binary", item->binary, "reason", item->reason,
                             "stage", item->stage, "count", (json_int_t)item->count);
    if (item->method) {
        json_object_set_new(json, "method", json_string(item->method));
        json_object_set_new(json, "path", json_string(item->path ? item->path : ""));
    }
    add_text(json, "operation", item->operation);
    add_text(json, "field", item->field);
    add_text(json, "rpc_method", item->rpc_method);
    add_text(json, "tool", item->tool);
    add_text(json, "vote", item->vote);
    events_publish(s->all->setup.events, "denial", s->name, json);
}

void sandbox_denied(struct sandbox *s, const struct sandbox_denials *list, struct arena *arena)
{
    struct denial_report *report = alloc_zero(1, sizeof *report), **last = &s->denials;
    *report =
        (struct denial_report){.arena = arena,
                               .items = arena_zalloc(arena, (list->n + 1) * sizeof *report->items)};
    for (size_t i = 0; i < list->n; i++) {
        const struct sandbox_denial *item = &list->items[i];
        if (item->finding) {
            publish_finding(s, item);
            continue;
        }
        report->items[report->n++] = (struct drafts_denial){
            .host = item->host, .port = item->port, .binary = item->binary,
            .reason = item->reason, .stage = item->stage, .count = item->count,
            .first_seen_ms = item->first_seen_ms, .last_seen_ms = item->last_seen_ms,
            .addresses = item->addresses, .n_addresses = item->n_addresses,
            .method = item->method, .path = item->path,
            .operation = item->operation, .field = item->field,
            .rpc_method = item->rpc_method, .tool = item->tool, .vote = item->vote,
            .ancestors = item->ancestors, .n_ancestors = item->n_ancestors,
            .links = item->links, .n_links = item->n_links,
            .waiting = item->waiting, .only_waiting = item->count == 0,
        };
        if (item->count)
            publish(s, item);
    }
    if (report->n == 0) {
        free_reports(report);
        return;
    }
    if (s->n_denials + report->n > WAITING_MAX) {
        s->n_denials_lost += report->n;
        free_reports(report);
        return;
    }
    while (*last)
        last = &(*last)->next;
    *last = report;
    s->n_denials += report->n;
    if (!s->recording_denials)
        begin(s);
}

void sandbox_denials_drop(struct sandbox *s)
{
    free_reports(s->denials);
    s->denials = NULL;
}
