/* SPDX-License-Identifier: Apache-2.0 */
/* From an allowed request to a connection: the name is resolved once, and what was checked is
 * dialled. What fails is answered here.  For this folder; loop thread only. */
#ifndef EGRESS_REACH_H
#define EGRESS_REACH_H

#include "egress/client.h"

/* Looks up the addresses of the route's target, then calls next. */
void egress_reach_addresses(struct client *c, void (*next)(struct client *c));
/* Connects to one of the route's addresses, which are checked, then calls next. */
void egress_reach_connect(struct client *c, void (*next)(struct client *c));

/* Waits for TLS with the origin, or for a connection that another client makes; next is called as
 * c->reached. */
void egress_reach_wait(struct client *c, void (*next)(struct client *c));

#endif
