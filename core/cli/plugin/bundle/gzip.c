/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <zlib.h>

#include "cli/plugin/bundle/bundle.h"

enum { WITH_GZIP_HEAD = 15 + 16, STEP = 256 * 1024, MEMORY = 8 };

int gzip_pack(const struct buf *plain, struct buf *out, struct error *err)
{
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, WITH_GZIP_HEAD, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return error_set(err, ERROR_INTERNAL, "cannot compress");
    buf_reserve(out, deflateBound(&z, plain->len));
    z.next_in = (Bytef *)plain->data;
    z.avail_in = (uInt)plain->len;
    z.next_out = (Bytef *)out->data;
    z.avail_out = (uInt)deflateBound(&z, plain->len);
    int rc = deflate(&z, Z_FINISH);
    out->len = z.total_out;
    deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : error_set(err, ERROR_INTERNAL, "cannot compress");
}

static int inflate_all(z_stream *z, size_t max, struct buf *out, struct error *err)
{
    int rc = Z_OK;
    while (rc == Z_OK) {
        buf_reserve(out, STEP);
        z->next_out = (Bytef *)out->data + out->len;
        z->avail_out = STEP;
        rc = inflate(z, Z_NO_FLUSH);
        out->len += STEP - z->avail_out;
        if (out->len > max)
            return error_set(err, ERROR_TOO_LARGE, "it has more than %zu MiB when it is unpacked",
                             max >> 20);
    }
    if (rc != Z_STREAM_END)
        return error_set(err, ERROR_MALFORMED, "its compression is broken, or it is cut short");
    return z->avail_in == 0
               ? 0
               : error_set(err, ERROR_MALFORMED, "more follows behind its end");
}

int gzip_unpack(struct buf *bytes, size_t max, struct error *err)
{
    struct buf out = {0};
    z_stream z = {.next_in = (Bytef *)bytes->data, .avail_in = (uInt)bytes->len};
    if (bytes->len < 2 || memcmp(bytes->data, "\x1f\x8b", 2) != 0)
        return 0;
    if (inflateInit2(&z, WITH_GZIP_HEAD) != Z_OK)
        return error_set(err, ERROR_INTERNAL, "cannot unpack");
    int rc = inflate_all(&z, max, &out, err);
    inflateEnd(&z);
    buf_free(rc == 0 ? bytes : &out);
    if (rc == 0)
        *bytes = out;
    return rc;
}
