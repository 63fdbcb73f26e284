/* SPDX-License-Identifier: Apache-2.0 */
/* Refused requests that wait for a decision instead of being answered.
 *
 * Such a request stands still: its client is in a state of its own, in a list of the proxy, oldest
 * first.  A new policy has every one judged anew as if it had just come, some at a time; what is
 * allowed then goes on.  One whose time is over, or that is rejected, is judged once more and gets
 * the usual refusal.  Those that wait for the same decision are counted together (waiting.h).
 *
 * Only what a new rule could let pass is held, and only as much as the proxy's limits permit: the
 * rest is refused at once.  For the egress folder; loop thread only. */
#ifndef EGRESS_HOLD_H
#define EGRESS_HOLD_H

#include "egress/client.h"

enum { EGRESS_HELD_READ = 16 * 1024 };              /* bytes read of a client that waits */

struct egress_holds;

/* Owned by the proxy. */
struct egress_holds *egress_holds_new(struct egress_proxy *proxy);
/* Nothing waits any more.  The proxy has none from here on; closed(proxy) is called from the
 * loop. */
void egress_holds_close(struct egress_proxy *proxy, void (*closed)(struct egress_proxy *proxy));

/* True: the client waits from here on.  False: its request is to be refused. */
bool egress_hold_begin(struct client *c, const struct egress_refusal *refusal);
/* The client does not wait (any more). */
void egress_hold_leave(struct client *c);

/* It was reported when it began to wait. */
bool egress_hold_has_reported(const struct client *c, const struct egress_refusal *refusal);

/* What waits is judged anew, soon: by another policy, or other settings. */
void egress_hold_judge_all(struct egress_proxy *proxy);

/* The same for what waits because a voter holds it: by other approvals. */
void egress_hold_judge_voted(struct egress_proxy *proxy);
/* What a refused request would wait for; borrows from both. */
struct egress_waiting egress_hold_reason(const struct client *c,
                                         const struct egress_refusal *refusal);

/* Of all clients, and of those that are streams. */
unsigned egress_held_clients(const struct egress_proxy *proxy);
unsigned egress_held_streams(const struct egress_proxy *proxy);

#endif
