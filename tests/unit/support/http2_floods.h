/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that cost their receiver more than their sender: each call adds the i-th of a flood. */
#ifndef TESTS_SUPPORT_HTTP2_FLOODS_H
#define TESTS_SUPPORT_HTTP2_FLOODS_H

#include "support/http2_wire.h"

enum {
    END_STREAM = NGHTTP2_FLAG_END_STREAM,
    END_HEADERS = NGHTTP2_FLAG_END_HEADERS,
    WHOLE = END_STREAM | END_HEADERS,
};

static inline void add_reset(struct buf *out, uint32_t i)
{
    wire_headers(out, WHOLE, 2 * i + 1, WIRE_GET("/"));
    wire_frame(out, NGHTTP2_RST_STREAM, 0, 2 * i + 1, "\0\0\0\x8", 4);
}

/* A reset that claims to be no error is one all the same. */
static inline void add_reset_without_error(struct buf *out, uint32_t i)
{
    wire_headers(out, WHOLE, 2 * i + 1, WIRE_GET("/"));
    wire_frame(out, NGHTTP2_RST_STREAM, 0, 2 * i + 1, "\0\0\0\0", 4);
}

/* A window that overflows makes the server reset the stream itself. */
static inline void add_provoked_reset(struct buf *out, uint32_t i)
{
    wire_headers(out, WHOLE, 2 * i + 1, WIRE_GET("/"));
    wire_frame(out, NGHTTP2_WINDOW_UPDATE, 0, 2 * i + 1, "\x7f\xff\xff\xff", 4);
}

/* So does a request that is malformed. */
static inline void add_malformed(struct buf *out, uint32_t i)
{
    static const char *const fields[] = {":method", "GET", "Upper", "case", NULL};
    wire_headers(out, WHOLE, 2 * i + 1, fields);
}

static inline void add_ping(struct buf *out, uint32_t i)
{
    (void)i;
    wire_frame(out, NGHTTP2_PING, 0, 0, "12345678", 8);
}

static inline void add_settings(struct buf *out, uint32_t i)
{
    (void)i;
    wire_frame(out, NGHTTP2_SETTINGS, 0, 0, "\0\x4\0\0\xff\xff", 6);
}

static inline void add_priority(struct buf *out, uint32_t i)
{
    wire_frame(out, NGHTTP2_PRIORITY, 0, 2 * i + 1, "\0\0\0\0\x1", 5);
}

static inline void add_window(struct buf *out, uint32_t i)
{
    (void)i;
    wire_frame(out, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\x1", 4);
}

static inline void add_empty_data(struct buf *out, uint32_t i)
{
    static const char *const fields[] = {":method", "POST", ":scheme", "http", ":authority", "a",
                                         ":path",   "/echo", NULL};
    if (i == 0)
        wire_headers(out, END_HEADERS, 1, fields);
    else if (i % 2)
        wire_frame(out, NGHTTP2_DATA, 0, 1, "", 0);
    else
        wire_frame(out, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\x3\0\0\0", 4);
}

static inline void add_continuation(struct buf *out, uint32_t i)
{
    struct buf block = {0};
    wire_field(&block, i ? "x" : ":method", "GET");
    wire_frame(out, i ? NGHTTP2_CONTINUATION : NGHTTP2_HEADERS, 0, 1, block.data, block.len);
    buf_free(&block);
}

#endif
