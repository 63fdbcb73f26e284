/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of an HTTP/1.1 head as HTTP/2 has them (RFC 9113, 8.2 and 8.3): pseudo-header fields,
 * names in small letters, and none that is about the connection.  Pure. */
#ifndef HTTP2_FIELDS_H
#define HTTP2_FIELDS_H

#include <nghttp2/nghttp2.h>

#include "http/head.h"

/* Borrows from the head that it was made of; freed with http2_fields_free. */
struct http2_fields {
    nghttp2_nv *items;
    size_t n;
    char *names;                                    /* those written anew */
    char status[4];
};

/* websocket: an upgrade becomes CONNECT with a protocol (RFC 8441). */
void http2_fields_of_request(const struct http_head *head, bool secure, bool websocket,
                             struct http2_fields *out);
void http2_fields_of_response(const struct http_head *head, int status, struct http2_fields *out);
void http2_fields_of_trailers(const struct http_head *trailers, struct http2_fields *out);
void http2_fields_free(struct http2_fields *fields);

#endif
