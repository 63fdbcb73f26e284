/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of WebSocket (RFC 6455, section 4).  Pure. */
#ifndef EGRESS_FORWARD_WEBSOCKET_H
#define EGRESS_FORWARD_WEBSOCKET_H

#include "http/parser.h"

/* Whether the request asks for WebSocket, and as it has to. */
bool egress_websocket_is_valid(const struct http_head *request);
/* Whether the response accepts exactly that request. */
bool egress_websocket_accepts(const struct http_head *request, const struct http_head *response);

#endif
