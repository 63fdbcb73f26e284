/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the sandboxes of an earlier gateway. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/hosts/hosts.h"
#include "runtime/sandbox.h"

/* Its supervisor ended while no gateway ran. */
static int mark_stopped(struct store_tx *tx, void *arg, struct error *err)
{
    const struct store_sandbox *record = arg;
    if (store_tx_sandbox_main_end(tx, record->id, clock_now_ms(),
                                  "the sandbox ended while no gateway ran", err) != 0)
        return -1;
    return store_tx_sandbox_phase(tx, record->id, "stopped", "", err);
}

static int take_home(struct store_tx *tx, void *arg, struct error *err)
{
    const struct store_sandbox *record = arg;
    return store_tx_sandbox_home(tx, record->id, err);
}

/* 1: it is this gateway's to adopt.  One without a home is if its folder is here: its record comes
 * from a store that was not shared. */
static int is_at_home(struct runtime *all, struct store_sandbox *record, const char *dir,
                      struct error *err)
{
    const char *self = all->setup.gateway_id;
    if (!*self || strcmp(record->home, self) == 0)
        return 1;
    if (*record->home || access(dir, F_OK) != 0)
        return 0;
    record->home = self;
    return store_write(all->setup.store, take_home, record, err) == 0 ? 1 : -1;
}

static int adopt(struct runtime *all, struct store_sandbox *record, struct error *err)
{
    struct sandbox *s = sandbox_add(all, record);
    int here = is_at_home(all, record, s->dir, err);
    if (here <= 0)
        return here;
    free(s->home);
    s->home = alloc_str(record->home);
    log_ring_load(&s->log);
    if (sandbox_is_hosted(s)) {                     /* its host says whether it runs */
        s->state = s->failed || strcmp(record->phase, "stopped") == 0 ? SANDBOX_DOWN : SANDBOX_UP;
        return 0;
    }
    if (site_lock_held(s->dir)) {
        s->state = SANDBOX_UP;
        log_info(all->setup.log, "sandbox %s is running: waiting for its supervisor to come back",
                 s->name);
        return 0;
    }
    s->state = SANDBOX_DOWN;
    sandbox_claim_again(s);
    sandbox_leave_cgroups(s->dir);
    if (s->failed || strcmp(record->phase, "stopped") == 0)
        return 0;
    log_warn(all->setup.log, "sandbox %s ended while no gateway ran: it is stopped now", s->name);
    return store_write(all->setup.store, mark_stopped, record, err);
}

int runtime_adopt(struct runtime *all, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_sandbox *records;
    size_t n;
    int rc = store_sandbox_list(all->setup.store, arena, &records, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = adopt(all, &records[i], err);
    arena_free(arena);
    return rc;
}
