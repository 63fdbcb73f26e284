/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes a sandbox: stops it, deletes its files, then its record.  After a failure it can be
 * deleted again. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/hosts/hosts.h"
#include "runtime/sandbox.h"

struct removal {
    struct runtime *all;
    char *id, *dir;
    char name[64];
    runtime_done *done;
    void *arg;
    struct error err;
    int rc;
};

static int write_removal(struct store_tx *tx, void *arg, struct error *err)
{
    const struct removal *r = arg;
    return store_tx_sandbox_delete(tx, r->id, clock_now_ms(), err);
}

static void removal_work(void *arg)
{
    struct removal *r = arg;
    r->rc = r->dir ? site_remove(r->dir, &r->all->uids, r->all->supervisor, &r->err) : 0;
    if (r->rc == 0)
        r->rc = store_write(r->all->setup.store, write_removal, r, &r->err);
}

/* A new sandbox may still be starting while it is deleted. */
static void drop_sandbox(struct sandbox *s)
{
    struct sandbox_waiter *waiters = sandbox_take_waiters(s);
    struct error err;
    error_set(&err, ERROR_NOT_FOUND, "sandbox '%s' was deleted", s->name);
    events_publish(s->all->setup.events, "sandbox", s->name,
                   json_pack("{s:s, s:s}", "id", s->id, "phase", "deleted"));
    if (s->state != SANDBOX_DOWN)
        sandbox_kill(s);
    sandbox_retire_uid(s);
    sandbox_forget(s);
    sandbox_drop(s);
    sandbox_tell_waiters(waiters, &err);
}

static void removal_done(void *arg)
{
    struct removal *r = arg;
    struct sandbox *s = sandbox_find(r->all, r->id);
    if (s && r->rc != 0)
        s->removing = false;                        /* it is still there, and still has its name */
    if (s && r->rc == 0)
        drop_sandbox(s);
    r->done(r->arg, r->rc == 0 ? NULL : &r->err);
    free(r->id);
    free(r->dir);
    free(r);
}

static void removal_emptied(void *arg, const struct error *err)
{
    struct removal *r = arg;
    struct sandbox *s = sandbox_find(r->all, r->id);
    if (err) {                                      /* its host has not deleted its files */
        r->err = *err;
        r->rc = -1;
        removal_done(r);
        return;
    }
    if (s)
        sandbox_record(s, removal_work, removal_done, r);   /* after its last phase */
    else
        jobs_run(r->all->setup.jobs, NULL, removal_work, removal_done, r);
}

static void removal_stopped(void *arg, const struct error *err)
{
    struct removal *r = arg;
    struct sandbox *s = sandbox_find(r->all, r->id);
    if (err && s && s->state != SANDBOX_DOWN) {
        r->err = *err;
        r->rc = -1;
        removal_done(r);
        return;
    }
    if (s && sandbox_is_hosted(s))
        sandbox_remove_hosted(s, removal_emptied, r);
    else
        removal_emptied(r, NULL);
}

void runtime_delete(struct runtime *all, const char *id, runtime_done *done, void *arg)
{
    struct removal *r = alloc_zero(1, sizeof *r);
    struct sandbox *s = sandbox_find(all, id);
    if (s && sandbox_check_home(s, &r->err) != 0) {
        done(arg, &r->err);
        free(r);
        return;
    }
    *r = (struct removal){.all = all, .id = alloc_str(id), .done = done, .arg = arg, .rc = 0};
    if (!s) {
        removal_stopped(r, NULL);
        return;
    }
    r->dir = alloc_str(s->dir);
    s->removing = true;
    sandbox_stop(s, removal_stopped, r);
}
