/* SPDX-License-Identifier: Apache-2.0 */
/* A header block of HTTP/2 as it comes, field by field, and the HTTP/1.1 text that it becomes.
 *
 * The fields have passed nghttp2's rules (RFC 9113, 8.2 and 8.3).  A block that is larger than its
 * limit is cut and printed longer than the limit of a head, and a field with a byte that no field
 * may have is printed so that no reader takes it: who reads the text refuses it as it refuses such
 * a head of HTTP/1.1.  Plain values, any thread. */
#ifndef HTTP2_BLOCK_H
#define HTTP2_BLOCK_H

#include <stdbool.h>

#include "base/buf.h"

struct http2_block {
    struct buf method, scheme, authority, path, protocol, status;   /* pseudo-header fields */
    struct buf host, cookie;                        /* several cookie fields are one */
    struct buf lines;                               /* the other fields, a line each */
    size_t size;                                    /* as RFC 9113, 6.5.2 counts it */
    size_t n_lines;
    bool too_large, invalid, has_length;
};

/* max_size: of all fields together. */
void http2_block_add(struct http2_block *block, const char *name, size_t name_len,
                     const char *value, size_t value_len, size_t max_size);
/* For another block; the memory is kept. */
void http2_block_clear(struct http2_block *block);
void http2_block_free(struct http2_block *block);
/* CONNECT with the protocol "websocket" (RFC 8441). */
bool http2_block_is_websocket(const struct http2_block *block);

struct http2_form {
    bool secure;                                    /* the scheme of a request has to be https */
    bool ended;                                     /* no body follows the head */
    bool to_head;                                   /* the response is one to HEAD */
    const char *websocket_key;                      /* of a WebSocket request and its response */
    size_t max_head;                                /* what readers of the text take */
};

/* Appends a request or response head.  True: its body is to be sent in chunks.  A request for a
 * WebSocket becomes an upgrade, a response to one its acceptance. */
bool http2_print_request(const struct http2_block *block, const struct http2_form *form,
                         struct buf *out);
bool http2_print_response(const struct http2_block *block, const struct http2_form *form,
                          struct buf *out);
/* Appends the lines of trailer fields. */
void http2_print_trailers(const struct http2_block *block, struct buf *out);

#endif
