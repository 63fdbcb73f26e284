/* SPDX-License-Identifier: Apache-2.0 */
/* The proof of HTTP/1.1 that a server understood a WebSocket request (RFC 6455, 4.2.2), which
 * HTTP/2 does without (RFC 8441).  Pure, but for the random bytes of a key. */
#ifndef HTTP2_WEBSOCKET_H
#define HTTP2_WEBSOCKET_H

#include "base/buf.h"

enum { HTTP2_WEBSOCKET_KEY_SIZE = 25 };             /* with its NUL */

void http2_websocket_make_key(char key[HTTP2_WEBSOCKET_KEY_SIZE]);
/* Appends the value of Sec-WebSocket-Accept. */
void http2_websocket_accept(const char *key, struct buf *out);

#endif
