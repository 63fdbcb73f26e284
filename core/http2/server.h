/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 for the server of http/server.h, by prior knowledge (RFC 9113, 3.3) or
 * ALPN: see http/carrier.h. */
#ifndef HTTP2_SERVER_H
#define HTTP2_SERVER_H

#include "http/carrier.h"

extern const struct http_protocol http2_protocol;

#endif
