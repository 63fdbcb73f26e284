/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/lease.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/handle.h"

struct auth_lease {
    struct auth_lease *next, **at;                  /* at NULL: it is lost, and in no list */
    struct auth_leases *all;
    struct auth_principal who;
    enum auth_permission permission;
    char *sandbox;                                  /* its name; NULL: it is about none */
    auth_lease_lost *lost;
    void *arg;
};

struct auth_leases {
    const struct auth *auth;
    struct auth_lease *held, *losing;
    uv_timer_t timer;                               /* runs while a lease is held */
    uv_async_t wake;
    unsigned handles;
};

/* ---- lists ---- */

static void link_lease(struct auth_lease **list, struct auth_lease *lease)
{
    lease->next = *list;
    lease->at = list;
    if (lease->next)
        lease->next->at = &lease->next;
    *list = lease;
}

static void unlink_lease(struct auth_lease *lease)
{
    if (!lease->at)
        return;
    *lease->at = lease->next;
    if (lease->next)
        lease->next->at = lease->at;
    lease->at = NULL;
}

/* ---- checks ---- */

/* A sandbox that is gone ends what is open in it by itself. */
static int check_sandbox(const struct auth *auth, const struct auth_lease *lease, struct error *why)
{
    struct auth_principal who = lease->who;
    struct auth_sandbox sandbox;
    if (!lease->sandbox || !auth->find_sandbox ||
        !auth->find_sandbox(auth->supervisors, lease->sandbox, &sandbox) ||
        strcmp(sandbox.id, lease->who.asked) != 0)
        return 0;
    auth_ask_about(&who, &sandbox);
    return auth_check(&who, lease->permission, sandbox.id, why);
}

static int check(const struct auth *auth, const struct auth_lease *lease, struct error *why)
{
    if (!auth_holds(auth, &lease->who))
        return error_set(why, ERROR_UNAUTHORIZED,
                         "what this was begun with no longer holds: the token was revoked or has "
                         "expired, or its role has changed");
    return check_sandbox(auth, lease, why);
}

/* A callback may end other leases, also such as are about to be told. */
static void check_all(struct auth_leases *all)
{
    struct auth_lease *next;
    struct error why;
    for (struct auth_lease *lease = all->held; lease; lease = next) {
        next = lease->next;
        if (check(all->auth, lease, &why) != 0) {
            unlink_lease(lease);
            link_lease(&all->losing, lease);
        }
    }
    while (all->losing) {
        struct auth_lease *lease = all->losing;
        unlink_lease(lease);
        if (check(all->auth, lease, &why) != 0)
            lease->lost(lease->arg, &why);
        else
            link_lease(&all->held, lease);
    }
    if (!all->held)
        uv_timer_stop(&all->timer);
}

static void on_timer(uv_timer_t *timer)
{
    check_all(timer->data);
}

static void on_wake(uv_async_t *wake)
{
    check_all(wake->data);
}

/* ---- all of them ---- */

struct auth_leases *auth_leases_new(uv_loop_t *loop, const struct auth *auth)
{
    struct auth_leases *all = alloc_zero(1, sizeof *all);
    all->auth = auth;
    uv_timer_init(loop, &all->timer);
    net_make_async(loop, &all->wake, on_wake);
    all->timer.data = all->wake.data = all;
    all->handles = 2;
    uv_unref((uv_handle_t *)&all->timer);
    uv_unref((uv_handle_t *)&all->wake);
    return all;
}

static void handle_closed(uv_handle_t *handle)
{
    struct auth_leases *all = handle->data;
    if (--all->handles == 0)
        free(all);
}

void auth_leases_close(struct auth_leases *all)
{
    if (!all)
        return;
    uv_close((uv_handle_t *)&all->timer, handle_closed);
    uv_close((uv_handle_t *)&all->wake, handle_closed);
}

void auth_leases_wake(struct auth_leases *all)
{
    if (all)
        uv_async_send(&all->wake);
}

/* ---- one ---- */

struct auth_lease *auth_lease_begin(struct auth_leases *all, const struct auth_principal *who,
                                    auth_lease_lost *lost, void *arg)
{
    if (!all)
        return NULL;
    struct auth_lease *lease = alloc_zero(1, sizeof *lease);
    lease->all = all;
    lease->who = *who;
    lease->lost = lost;
    lease->arg = arg;
    if (!all->held)
        uv_timer_start(&all->timer, on_timer, AUTH_LEASE_CHECK_MS, AUTH_LEASE_CHECK_MS);
    link_lease(&all->held, lease);
    return lease;
}

void auth_lease_of_sandbox(struct auth_lease *lease, const struct auth_principal *who,
                           enum auth_permission permission, const char *name)
{
    if (!lease)
        return;
    free(lease->sandbox);
    lease->sandbox = alloc_str(name);
    lease->who = *who;
    lease->permission = permission;
}

void auth_lease_end(struct auth_lease *lease)
{
    if (!lease)
        return;
    unlink_lease(lease);
    free(lease->sandbox);
    free(lease);
}
