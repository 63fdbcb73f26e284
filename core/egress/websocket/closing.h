/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an inspected WebSocket connection by the proxy: a Close frame for both sides, each
 * between two frames of what it gets.  Loop thread only. */
#ifndef EGRESS_WEBSOCKET_CLOSING_H
#define EGRESS_WEBSOCKET_CLOSING_H

#include "egress/client.h"

/* From here on nothing of the client passes.  The client is told the reason, the origin the status
 * alone. */
void egress_websocket_close(struct client *c, unsigned status, const char *reason);

#endif
