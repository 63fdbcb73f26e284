/* SPDX-License-Identifier: Apache-2.0 */
/* Records how the main process of a sandbox stands, then publishes it. */
#include <stdlib.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"

struct main_report {
    struct runtime *all;
    char *id, *name, *error;
    struct sandbox_main main;
    bool changed;
    int rc;
    struct error err;
};

static int write_main(struct store_tx *tx, void *arg, struct error *err)
{
    const struct main_report *r = arg;
    return store_tx_sandbox_main(tx,
                                 &(struct store_sandbox){.id = r->id,
                                                         .main_started_ms = r->main.started_ms,
                                                         .main_ended_ms = r->main.ended_ms,
                                                         .main_code = r->main.code,
                                                         .main_error = r->error},
                                 err);
}

/* A supervisor that comes back tells what may be on record already. */
static void report_work(void *arg)
{
    struct main_report *r = arg;
    struct arena *arena = arena_new();
    struct store_sandbox s;
    r->rc = store_sandbox_by_id(r->all->setup.store, r->id, arena, &s, &r->err);
    r->changed = r->rc == 0 && (s.main_started_ms != r->main.started_ms ||
                                s.main_ended_ms != r->main.ended_ms);
    arena_free(arena);
    if (r->changed)
        r->rc = store_write(r->all->setup.store, write_main, r, &r->err);
}

static void publish(const struct main_report *r)
{
    json_t *data = json_pack("{s:s}", "state", r->main.ended_ms ? "ended" : "running");
    if (r->main.ended_ms)
        json_object_update_new(data, json_pack("{s:I, s:s}", "exit_code", (json_int_t)r->main.code,
                                               "error", r->error));
    events_publish(r->all->setup.events, "main", r->name, data);
}

static void report_written(void *arg)
{
    struct main_report *r = arg;
    if (r->rc != 0)
        log_error(r->all->setup.log, "cannot record how the main process of sandbox %s stands: %s",
                  r->name, r->err.text);
    else if (r->changed)
        publish(r);
    free(r->id);
    free(r->name);
    free(r->error);
    free(r);
}

void sandbox_main_reported(struct sandbox *s, const struct sandbox_main *report)
{
    struct main_report *r = alloc_zero(1, sizeof *r);
    *r = (struct main_report){.all = s->all,
                              .id = alloc_str(s->id),
                              .name = alloc_str(s->name),
                              .error = alloc_str(report->error),
                              .main = *report};
    sandbox_record(s, report_work, report_written, r);
}
