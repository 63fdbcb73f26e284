/* SPDX-License-Identifier: Apache-2.0 */
/* What lasts ends with what its caller was admitted by: streams of events and logs, commands,
 * connections.  Whoever begins one takes a lease, and is told when the caller's token is revoked or
 * expires, their role loses a permission, or the sandbox is no longer shared with them.
 *
 * Ownership: a lease belongs to whoever took it until auth_lease_end.  struct auth and the loop
 * outlive the leases.
 * Threads: the loop's thread only, except auth_leases_wake. */
#ifndef AUTH_LEASE_H
#define AUTH_LEASE_H

#include <uv.h>

#include "auth/auth.h"

enum { AUTH_LEASE_CHECK_MS = 1000 };                /* how often the clock is looked at */

struct auth_lease;
struct auth_leases;

/* Called once, from the loop and never from within auth_lease_begin.  The lease has still to be
 * ended, now or later. */
typedef void auth_lease_lost(void *arg, const struct error *why);

struct auth_leases *auth_leases_new(uv_loop_t *loop, const struct auth *auth);
/* No lease is left; frees it when the loop turns.  NULL is fine. */
void auth_leases_close(struct auth_leases *leases);
/* A token was revoked, or rights changed: checks all leases soon.  Any thread; NULL is fine. */
void auth_leases_wake(struct auth_leases *leases);

/* Copies who.  NULL where leases is NULL. */
struct auth_lease *auth_lease_begin(struct auth_leases *leases, const struct auth_principal *who,
                                    auth_lease_lost *lost, void *arg);
/* It is about this sandbox: who, which has asked about it, must go on having the permission. */
void auth_lease_of_sandbox(struct auth_lease *lease, const struct auth_principal *who,
                           enum auth_permission permission, const char *name);
void auth_lease_end(struct auth_lease *lease);      /* NULL is fine */

#endif
