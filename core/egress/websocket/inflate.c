/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/inflate.h"

#include <stdbool.h>
#include <zlib.h>

enum { RAW_WINDOW = -MAX_WBITS, STEP = 16 * 1024 };

/* What a sender leaves out at the end: an empty block, which a reader puts back. */
static const unsigned char tail[] = {0x00, 0x00, 0xff, 0xff};

/* Z_OK: all input is taken; Z_STREAM_END: a final block has ended. */
static int take_all(z_stream *z, size_t max, struct buf *out)
{
    int rc;
    do {
        buf_reserve(out, STEP);
        z->next_out = (unsigned char *)out->data + out->len;
        z->avail_out = STEP;
        rc = inflate(z, Z_BLOCK);
        out->len += STEP - z->avail_out;
    } while (rc == Z_OK && (z->avail_in || !z->avail_out) && out->len <= max);
    return rc == Z_BUF_ERROR ? Z_OK : rc;
}

/* A block has ended with the last bit of the input. */
static bool is_at_border(const z_stream *z)
{
    enum { UNUSED_BITS = 7, AFTER_BLOCK = 128 };
    return !z->avail_in && (z->data_type & AFTER_BLOCK) && !(z->data_type & UNUSED_BITS);
}

static void feed(z_stream *z, const void *bytes, size_t len)
{
    z->next_in = (unsigned char *)(uintptr_t)bytes;
    z->avail_in = (unsigned)len;
}

/* A final block is followed by nothing but the byte that makes the tail a block (section 7.2.3.4):
 * whoever reads on finds an empty one. */
static bool is_followed_by_nothing(const z_stream *z)
{
    return z->avail_in == 1 && *z->next_in == 0;
}

static enum inflate_result run(z_stream *z, const char *bytes, size_t len, size_t max,
                               struct buf *out)
{
    feed(z, bytes, len);
    int rc = take_all(z, max, out);
    bool whole = rc == Z_STREAM_END && is_followed_by_nothing(z);
    if (rc == Z_OK && out->len <= max) {
        feed(z, tail, sizeof tail);
        rc = take_all(z, max, out);
        whole = rc == Z_STREAM_END ? !z->avail_in : rc == Z_OK && is_at_border(z);
    }
    if (out->len > max)
        return INFLATE_TOO_LONG;
    return whole ? INFLATE_DONE : INFLATE_BAD;
}

enum inflate_result inflate_message(const char *bytes, size_t len, size_t max, struct buf *out)
{
    z_stream z = {0};
    if (inflateInit2(&z, RAW_WINDOW) != Z_OK)
        return INFLATE_BAD;
    enum inflate_result result = run(&z, bytes, len, max, out);
    inflateEnd(&z);
    return result;
}
