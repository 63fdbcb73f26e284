/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its response over connected streams, each parsed and written anew: the same for a
 * forwarded request and for one within a tunnel.  Both connections may go on with another request,
 * which is decided on its own.  For the egress folder; loop thread only. */
#ifndef EGRESS_FORWARD_RELAY_H
#define EGRESS_FORWARD_RELAY_H

#include "egress/client.h"

void egress_relay_begin(struct client *c);
/* Says 100 Continue to a client that waits for it before it sends its body. */
void egress_relay_continue(struct client *c);
/* What the client's parser says is wrong, as an answer. */
void egress_relay_malformed(struct client *c);

#endif
