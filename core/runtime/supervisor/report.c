/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the store that a revision was loaded or failed, then publishes it.  The record waits
 * for the next transaction, as a supervisor that connects again reports once more. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/sandbox.h"

struct report {
    struct runtime *all;
    char *id, *name;
    uint64_t revision;
    char *failed;                                   /* why; NULL: loaded */
    int64_t at_ms;
};

static int write_report(struct store_tx *tx, void *arg, struct error *err)
{
    const struct report *r = arg;
    if (r->failed)
        return store_tx_revision_failed(tx, r->id, r->revision, r->failed, err);
    return store_tx_revision_loaded(tx, r->id, r->revision, r->at_ms, err);
}

static void report_written(void *arg, int rc, const struct error *err)
{
    struct report *r = arg;
    if (rc != 0)
        log_error(r->all->setup.log, "cannot record what became of revision %lu of sandbox %s: %s",
                  (unsigned long)r->revision, r->name, err->text);
    else
        events_publish(r->all->setup.events, "revision", r->name,
                       json_pack("{s:I, s:s, s:s}", "revision", (json_int_t)r->revision, "status",
                                 r->failed ? "failed" : "loaded", "error",
                                 r->failed ? r->failed : ""));
    free(r->id);
    free(r->name);
    free(r->failed);
    free(r);
}

void sandbox_report(struct sandbox *s, uint64_t revision, const char *failed)
{
    struct report *r = alloc_zero(1, sizeof *r);
    *r = (struct report){.all = s->all,
                         .id = alloc_str(s->id),
                         .name = alloc_str(s->name),
                         .revision = revision,
                         .failed = alloc_str(failed),
                         .at_ms = clock_now_ms()};
    jobs_write(s->all->setup.jobs, s->all->setup.store, write_report, report_written, r);
}
