/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/gzip.h"

#include <zlib.h>

enum {
    PIECE = 16 * 1024,
    EITHER_FORM = 15 + 32,                          /* gzip or zlib, by what it begins with */
};

/* The next piece, or what is wrong: nothing more comes although the end has not come. */
static int inflate_piece(z_stream *z, size_t max, struct buf *out)
{
    size_t before = out->len;
    size_t room = max + 1 - before < PIECE ? max + 1 - before : PIECE;
    buf_reserve(out, room);
    z->next_out = (Bytef *)out->data + before;
    z->avail_out = (uInt)room;
    int rc = inflate(z, Z_NO_FLUSH);
    out->len += room - z->avail_out;
    out->data[out->len] = '\0';
    return rc == Z_OK && out->len == before ? Z_DATA_ERROR : rc;
}

enum grpc_inflated grpc_inflate(const void *bytes, size_t len, size_t max, struct buf *out)
{
    z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len};
    int rc = Z_OK;
    if (inflateInit2(&z, EITHER_FORM) != Z_OK)
        return GRPC_NOT_COMPRESSED;
    while (rc == Z_OK && out->len <= max)
        rc = inflate_piece(&z, max, out);
    bool whole = rc == Z_STREAM_END && z.avail_in == 0;
    inflateEnd(&z);
    if (out->len > max)
        return GRPC_INFLATES_TOO_FAR;
    return whole ? GRPC_INFLATED : GRPC_NOT_COMPRESSED;
}
