/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a sandbox: in the store, in order, and as an event. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "gateway/sandbox.h"

void sandbox_record(struct sandbox *s, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    char *key = alloc_printf("record of %s", s->id);
    jobs_run(s->all->setup.jobs, key, work, done, arg);
    free(key);
}

/* ---- phase: in the store and as an event ---- */

struct phase_write {
    struct sandboxes *all;
    char *id, *name;
    const char *phase;                              /* static text */
    char error[1024];
    bool fail_pending;
};

static int fail_pending(struct store_tx *tx, const struct phase_write *w, struct error *err)
{
    return store_tx_revisions_abandon(tx, w->id, "the sandbox's supervisor ended before it loaded this revision", err);
}

static int write_phase(struct store_tx *tx, void *arg, struct error *err)
{
    const struct phase_write *w = arg;
    if (w->fail_pending && fail_pending(tx, w, err) != 0)
        return -1;
    return store_tx_sandbox_phase(tx, w->id, w->phase, w->error, err);
}

static void phase_work(void *arg)
{
    struct phase_write *w = arg;
    struct error err;
    if (store_write(w->all->setup.store, write_phase, w, &err) != 0)
        log_error(w->all->setup.log, "cannot record that sandbox %s is %s: %s", w->name, w->phase, err.text);
}

static void phase_written(void *arg)
{
    struct phase_write *w = arg;
    events_publish(w->all->setup.events, "sandbox", w->name,
                   json_pack("{s:s, s:s, s:s}", "id", w->id, "phase", w->phase, "error", w->error));
    free(w->id);
    free(w->name);
    free(w);
}

void sandbox_phase(struct sandbox *s, const char *phase, const char *error)
{
    struct phase_write *w = alloc_zero(1, sizeof *w);
    w->all = s->all;
    w->id = alloc_str(s->id);
    w->name = alloc_str(s->name);
    w->phase = phase;
    w->fail_pending = strcmp(phase, "error") == 0;
    snprintf(w->error, sizeof w->error, "%s", error ? error : "");
    sandbox_record(s, phase_work, phase_written, w);
}

/* ---- ready ---- */

struct ready_note {
    char *id;
    struct sandboxes *all;
};

/* The waiters are told when the record says ready, so that whoever asks next reads it. */
static int write_ready(struct store_tx *tx, void *arg, struct error *err)
{
    const struct ready_note *note = arg;
    return store_tx_sandbox_phase(tx, note->id, "ready", "", err);
}

static void ready_work(void *arg)
{
    struct ready_note *note = arg;
    struct error err;
    if (store_write(note->all->setup.store, write_ready, note, &err) != 0)
        log_error(note->all->setup.log, "cannot record that a sandbox is ready: %s", err.text);
}

static void ready_done(void *arg)
{
    struct ready_note *note = arg;
    struct sandbox *s = sandbox_find(note->all, note->id);
    if (s && s->state == SANDBOX_UP) {
        events_publish(s->all->setup.events, "sandbox", s->name,
                       json_pack("{s:s, s:s, s:s}", "id", s->id, "phase", "ready", "error", ""));
        sandbox_tell_waiters(s, NULL);
    }
    free(note->id);
    free(note);
}

void sandbox_is_ready(struct sandbox *s)
{
    sandbox_drop_timer(s);
    s->state = SANDBOX_UP;
    struct ready_note *note = alloc_zero(1, sizeof *note);
    *note = (struct ready_note){alloc_str(s->id), s->all};
    sandbox_record(s, ready_work, ready_done, note);
}
