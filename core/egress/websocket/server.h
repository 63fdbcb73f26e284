/* SPDX-License-Identifier: Apache-2.0 */
/* What the server sends after the upgrade.  Where no voter looks at answers it passes as it comes;
 * else each message is held until they have judged it.  For this folder; loop thread only. */
#ifndef EGRESS_WEBSOCKET_SERVER_H
#define EGRESS_WEBSOCKET_SERVER_H

#include "egress/client.h"

void egress_websocket_server_sent(struct client *c, const char *bytes, size_t len);
/* Messages that were late have their turn. */
void egress_websocket_server_go_on(struct client *c);
/* The server is read, unless a message of it waits. */
void egress_websocket_read_server(struct client *c);

#endif
