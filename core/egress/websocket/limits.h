/* SPDX-License-Identifier: Apache-2.0 */
/* The memory and the time that messages of a WebSocket connection may take, and how it ends where
 * they take more.  For this folder; loop thread only. */
#ifndef EGRESS_WEBSOCKET_LIMITS_H
#define EGRESS_WEBSOCKET_LIMITS_H

#include "egress/client.h"
#include "egress/websocket/session.h"

/* False: messages of the sandbox take too much memory. */
bool egress_websocket_has_memory(struct client *c);

/* Sets when the rest of the side's message has to be here.  fresh: the message that is held, if
 * any, is not the one that was held before. */
void egress_websocket_expect(struct client *c, struct websocket_side *side, bool fresh);
/* Nothing of the side is expected while others decide. */
void egress_websocket_wait(struct client *c, struct websocket_side *side);
/* The timer anew, for what is due first; but turns have it for themselves. */
void egress_websocket_set_timer(struct client *c);
/* Whether messages that are late can be looked at in a turn. */
bool egress_websocket_wants_turn(const struct client *c);

#define EGRESS_WEBSOCKET_CROWDED "the messages of this sandbox take too much memory"

/* The log has the reason, and both sides get a Close. */
void egress_websocket_end(struct client *c, unsigned status, const char *reason);
void egress_websocket_timed_out(struct client *c);

#endif
