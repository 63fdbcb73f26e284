/* SPDX-License-Identifier: Apache-2.0 */
/* Records the phases of a sandbox in the store, in order, and publishes them as events.  Waiters
 * are called after the phase is stored, so that the next read sees it. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/sandbox.h"

void sandbox_record(struct sandbox *s, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    char *key = alloc_printf("record of %s", s->id);
    jobs_run(s->all->setup.jobs, key, work, done, arg);
    free(key);
}

struct phase_write {
    struct runtime *all;
    char *id, *name;
    const char *phase;                              /* static text */
    char error[1024];
    bool fail_pending;
    int64_t at_ms;
    uint64_t number;                                /* among the phases of its sandbox */
    struct sandbox_waiter *waiters;
    bool failed;                                    /* then the waiters are told the outcome */
    struct error outcome;
    int rc;
    struct error err;
};

/* ---- in the store ---- */

static int fail_pending(struct store_tx *tx, const struct phase_write *w, struct error *err)
{
    return store_tx_revisions_abandon(
        tx, w->id, "the sandbox's supervisor ended before it loaded this revision", err);
}

static int write_phase(struct store_tx *tx, void *arg, struct error *err)
{
    const struct phase_write *w = arg;
    if (w->fail_pending && fail_pending(tx, w, err) != 0)
        return -1;
    bool over = strcmp(w->phase, "stopped") == 0 || strcmp(w->phase, "error") == 0;
    if (over && store_tx_sandbox_main_end(tx, w->id, w->at_ms, "the sandbox ended", err) != 0)
        return -1;
    return store_tx_sandbox_phase(tx, w->id, w->phase, w->error, err);
}

static void phase_work(void *arg)
{
    struct phase_write *w = arg;
    w->rc = store_write(w->all->setup.store, write_phase, w, &w->err);
}

void sandbox_phase_free(struct phase_write *w)
{
    if (!w)
        return;
    free(w->id);
    free(w->name);
    free(w);
}

/* A phase that could not be written is kept and written later, unless a newer one replaces it. */
static void keep_or_free(struct phase_write *w)
{
    struct sandbox *s = sandbox_find(w->all, w->id);
    bool gone = !s || s->removing || w->err.kind == ERROR_NOT_FOUND;    /* and its record with it */
    if (w->rc != 0 && !gone)
        log_error(w->all->setup.log, "cannot record that sandbox %s is %s: %s", w->name, w->phase,
                  w->err.text);
    if (w->rc != 0 && !gone && s->n_phases == w->number)
        s->unwritten = w;
    else
        sandbox_phase_free(w);
}

static void phase_done(void *arg)
{
    struct phase_write *w = arg;
    struct sandbox_waiter *waiters = w->waiters;
    bool failed = w->failed || w->rc != 0;
    struct error err = w->failed ? w->outcome : w->err;
    if (!w->failed && w->rc != 0)
        error_prefix(&err, "sandbox '%s' is %s, which cannot be recorded yet", w->name, w->phase);
    if (w->rc == 0)
        events_publish(
            w->all->setup.events, "sandbox", w->name,
            json_pack("{s:s, s:s, s:s}", "id", w->id, "phase", w->phase, "error", w->error));
    w->waiters = NULL;
    keep_or_free(w);
    sandbox_tell_waiters(waiters, failed ? &err : NULL);
}

/* ---- entering a phase ---- */

void sandbox_phase(struct sandbox *s, const char *phase, const struct error *outcome,
                   struct sandbox_waiter *waiters)
{
    struct phase_write *w = alloc_zero(1, sizeof *w);
    s->failed = strcmp(phase, "error") == 0;
    *w = (struct phase_write){.all = s->all,
                              .id = alloc_str(s->id),
                              .name = alloc_str(s->name),
                              .phase = phase,
                              .fail_pending = outcome != NULL,
                              .at_ms = clock_now_ms(),
                              .number = ++s->n_phases,
                              .waiters = waiters,
                              .failed = outcome != NULL};
    if (outcome) {
        w->outcome = *outcome;
        snprintf(w->error, sizeof w->error, "%s", outcome->text);
    }
    sandbox_phase_free(s->unwritten);
    s->unwritten = NULL;
    sandbox_record(s, phase_work, phase_done, w);
}

void sandbox_write_again(struct sandbox *s)
{
    struct phase_write *w = s->unwritten;
    s->unwritten = NULL;
    if (w)
        sandbox_record(s, phase_work, phase_done, w);
}

void sandbox_is_ready(struct sandbox *s)
{
    sandbox_drop_timer(s);
    s->state = SANDBOX_UP;
    sandbox_phase(s, "ready", NULL, sandbox_take_waiters(s));
}
