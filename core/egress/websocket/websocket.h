/* SPDX-License-Identifier: Apache-2.0 */
/* A connection after its upgrade, where rules or voters are about its messages: what the client
 * sends is read frame by frame, and each message is judged before it goes on; what the server sends
 * where voters look at it (server.h).  For the egress folder; loop thread only. */
#ifndef EGRESS_WEBSOCKET_WEBSOCKET_H
#define EGRESS_WEBSOCKET_WEBSOCKET_H

#include "egress/client.h"

/* Whether the messages of the exchange, which upgrades its connection, are to be judged, or
 * credentials put into them. */
bool egress_websocket_is_inspected(const struct client *c);

/* From here on messages are judged.  bytes: of the server, behind its answer. */
void egress_websocket_begin(struct client *c, const char *bytes, size_t len);

#endif
