/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of HTTP/2, made and read byte by byte, so that a test can send what no library would. */
#ifndef TESTS_SUPPORT_HTTP2_WIRE_H
#define TESTS_SUPPORT_HTTP2_WIRE_H

#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static inline void wire_number(struct buf *out, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(out, (char)(number >> (8 * i)));
}

static inline void wire_frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t stream,
                              const void *payload, size_t len)
{
    wire_number(out, len, 3);
    wire_number(out, type, 1);
    wire_number(out, flags, 1);
    wire_number(out, stream, 4);
    buf_add(out, payload, len);
}

static inline void wire_preface(struct buf *out)
{
    buf_puts(out, NGHTTP2_CLIENT_MAGIC);
    wire_frame(out, NGHTTP2_SETTINGS, 0, 0, "", 0);
}

static inline void wire_length(struct buf *out, size_t len)
{
    if (len < 127) {
        buf_putc(out, (char)len);
        return;
    }
    buf_putc(out, 127);
    for (len -= 127; len >= 128; len /= 128)
        buf_putc(out, (char)(len % 128 + 128));
    buf_putc(out, (char)len);
}

/* A literal field without indexing (RFC 7541, 6.2.2). */
static inline void wire_field(struct buf *out, const char *name, const char *value)
{
    buf_putc(out, 0);
    wire_length(out, strlen(name));
    buf_puts(out, name);
    wire_length(out, strlen(value));
    buf_puts(out, value);
}

/* Fields by pairs, up to NULL. */
static inline void wire_headers(struct buf *out, uint8_t flags, uint32_t stream,
                                const char *const *fields)
{
    struct buf block = {0};
    for (; *fields; fields += 2)
        wire_field(&block, fields[0], fields[1]);
    wire_frame(out, NGHTTP2_HEADERS, flags, stream, buf_str(&block), block.len);
    buf_free(&block);
}

#define WIRE_GET(path)                                                                           \
    (const char *const[])                                                                        \
    {                                                                                            \
        ":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", path, NULL         \
    }

static inline uint64_t wire_read(const char *bytes, int n)
{
    uint64_t number = 0;
    for (int i = 0; i < n; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return number;
}

static inline void wire_print_block(nghttp2_hd_inflater *inflater, const char *bytes, size_t len,
                                    struct buf *out)
{
    const uint8_t *at = (const uint8_t *)bytes, *end = at + len;
    for (int flags = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
        nghttp2_nv nv;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, (size_t)(end - at), 1);
        if (n < 0)
            return;
        at += n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            buf_printf(out, " %s=%s", (const char *)nv.name, (const char *)nv.value);
    }
    nghttp2_hd_inflate_end_headers(inflater);
}

/* What a peer has sent, a line for each frame but SETTINGS and WINDOW_UPDATE: "HEADERS 1 end
 * :status=200", "DATA 1 text", "RST_STREAM 1 code", "GOAWAY code". */
static inline void wire_print(const struct buf *in, struct buf *out)
{
    static const char *const types[] = {"DATA",     "HEADERS",      "PRIORITY", "RST_STREAM",
                                        "SETTINGS", "PUSH_PROMISE", "PING",     "GOAWAY",
                                        "WINDOW_UPDATE", "CONTINUATION"};
    nghttp2_hd_inflater *inflater;
    nghttp2_hd_inflate_new(&inflater);
    for (size_t at = 0; at + 9 <= in->len;) {
        const char *frame = in->data + at, *payload = frame + 9;
        size_t len = (size_t)wire_read(frame, 3);
        unsigned type = (unsigned char)frame[3], flags = (unsigned char)frame[4];
        at += 9 + len;
        if (at > in->len || type == NGHTTP2_SETTINGS || type == NGHTTP2_WINDOW_UPDATE)
            continue;
        buf_printf(out, "%s %d%s", type < 10 ? types[type] : "?", (int)wire_read(frame + 5, 4),
                   type < 2 && flags & NGHTTP2_FLAG_END_STREAM ? " end" : "");
        if (type == NGHTTP2_HEADERS)
            wire_print_block(inflater, payload, len, out);
        else if (type == NGHTTP2_DATA)
            buf_printf(out, " %.*s", (int)len, payload);
        else if (type == NGHTTP2_RST_STREAM)
            buf_printf(out, " %s", nghttp2_http2_strerror((uint32_t)wire_read(payload, 4)));
        else if (type == NGHTTP2_GOAWAY)
            buf_printf(out, " %s", nghttp2_http2_strerror((uint32_t)wire_read(payload + 4, 4)));
        buf_puts(out, "\n");
    }
    nghttp2_hd_inflate_del(inflater);
}

#endif
