/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of either side that wait until the loop has looked at other sockets.  For this folder;
 * loop thread only. */
#ifndef EGRESS_WEBSOCKET_TURNS_H
#define EGRESS_WEBSOCKET_TURNS_H

#include "egress/client.h"

void egress_websocket_take_turn(struct client *c);

#endif
