/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in force, and the ends of its grants.
 *
 * A grant that ends takes its rule out of the policy at once, also while the gateway is away; the
 * gateway is told, and told again whenever it is there again, until it sends a revision that does
 * not name the grant any more.
 *
 * Ownership: the maker's until sandbox_enforcement_free, which must come after the loop has run out
 * of work.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_ENFORCEMENT_H
#define SANDBOX_SUPERVISOR_ENFORCEMENT_H

#include <uv.h>

#include "sandbox/supervisor/network.h"
#include "sandbox/wire/protocol.h"

struct enforcement;
struct log;

struct enforcement_setup {
    uv_loop_t *loop;
    const struct sandbox_spec *spec;                /* with the policy of the start */
    const struct log *log;
    void (*tell)(void *ctx, const struct sandbox_grant *grant);
    void *ctx;
};

/* NULL with err: the sandbox cannot be made with that policy. */
struct enforcement *sandbox_enforcement_new(const struct enforcement_setup *setup,
                                            struct error *err);
void sandbox_enforcement_close(struct enforcement *e);
void sandbox_enforcement_free(struct enforcement *e);           /* NULL is fine */

/* The network of the sandbox has started; NULL: it has none. */
int sandbox_enforcement_start(struct enforcement *e, struct network *network,
                              const struct container_ready *ready, struct error *err);
/* A revision: enforced from the next decision on.  -1: err says why it is refused; then the old one
 * stays in force. */
int sandbox_enforcement_take(struct enforcement *e, const struct sandbox_revision *revision,
                             struct error *err);
/* Tells of every use and every end that the gateway may not know. */
void sandbox_enforcement_tell(struct enforcement *e);

const struct sluice_policy *sandbox_enforcement_built(const struct enforcement *e);
uint64_t sandbox_enforcement_revision(const struct enforcement *e);

#endif
