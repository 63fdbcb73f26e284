/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of WebSocket (RFC 6455, section 4) and of its extension permessage-deflate
 * (RFC 7692, section 7).  Pure. */
#ifndef EGRESS_WEBSOCKET_HANDSHAKE_H
#define EGRESS_WEBSOCKET_HANDSHAKE_H

#include "http/head.h"

/* Whether the request asks for WebSocket, and as it has to. */
bool egress_websocket_is_valid(const struct http_head *request);

/* The extensions that an inspected connection asks for in place of the client's: permessage-deflate
 * without context takeover by the client where an offer of the client is no more than that, else
 * none ("").  both: by the server neither, so that its messages can be read. */
const char *egress_websocket_offer(const struct http_head *request, bool both);

/* NULL, or why the response does not accept exactly that request.  offer: what was asked for in
 * place of the client's extensions; NULL: they were passed on, and so is what the response says of
 * them. */
const char *egress_websocket_problem(const struct http_head *request,
                                     const struct http_head *response, const char *offer);

/* The server compresses a message with what it knows of those before. */
bool egress_websocket_keeps_context(const struct http_head *response);

#endif
