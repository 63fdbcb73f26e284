/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/frames.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "grpc/gzip.h"

enum grpc_encoding grpc_encoding_of(const char *name)
{
    if (!name || strcasecmp(name, "identity") == 0)
        return GRPC_IDENTITY;
    bool known = strcasecmp(name, "gzip") == 0 || strcasecmp(name, "deflate") == 0;
    return known ? GRPC_COMPRESSED : GRPC_UNKNOWN_ENCODING;
}

static enum grpc_event too_large(const struct grpc_frames *f, enum grpc_code *code,
                                 struct error *why, const char *what)
{
    *code = GRPC_RESOURCE_EXHAUSTED;
    error_set(why, ERROR_TOO_LARGE, "the message %s more than %zu bytes, which is the most that "
              "this method takes", what, f->max);
    return GRPC_BAD;
}

static enum grpc_event bad(enum grpc_code *code, struct error *why, const char *text)
{
    *code = GRPC_INTERNAL;
    error_set(why, ERROR_MALFORMED, "%s", text);
    return GRPC_BAD;
}

/* A prefix is complete. */
static enum grpc_event begin(struct grpc_frames *f, enum grpc_code *code, struct error *why)
{
    const unsigned char *p = f->prefix;
    f->left = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (p[0] > 1)
        return bad(code, why, "a message begins with a byte that is neither 0 nor 1");
    if (p[0] == 1 && f->encoding == GRPC_IDENTITY)
        return bad(code, why, "a message is compressed, but grpc-encoding does not say how");
    if (f->left > f->max)
        return too_large(f, code, why, "has");
    return GRPC_MORE;
}

static enum grpc_event inflate_message(struct grpc_frames *f, struct buf *out, enum grpc_code *code,
                                       struct error *why)
{
    struct buf whole = {0};
    enum grpc_inflated how = grpc_inflate(buf_str(&f->message), f->message.len, f->max, &whole);
    buf_free(&f->message);
    buf_free(out);
    *out = whole;
    if (how == GRPC_INFLATES_TOO_FAR)
        return too_large(f, code, why, "would inflate to");
    if (how == GRPC_NOT_COMPRESSED)
        return bad(code, why, "a compressed message cannot be read");
    return GRPC_MESSAGE;
}

static enum grpc_event finish(struct grpc_frames *f, struct buf *out, enum grpc_code *code,
                              struct error *why)
{
    f->n_prefix = 0;
    if (f->prefix[0])
        return inflate_message(f, out, code, why);
    buf_free(out);
    *out = f->message;
    f->message = (struct buf){0};
    return GRPC_MESSAGE;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum grpc_event grpc_frames_next(struct grpc_frames *f, const char **bytes, size_t *len,
                                 struct buf *out, enum grpc_code *code, struct error *why)
{
    while (*len) {
        bool in_prefix = f->n_prefix < GRPC_PREFIX_SIZE;
        size_t n = smaller(*len, in_prefix ? GRPC_PREFIX_SIZE - f->n_prefix : f->left);
        if (in_prefix)
            memcpy(f->prefix + f->n_prefix, *bytes, n);
        else
            buf_add(&f->message, *bytes, n);
        *bytes += n;
        *len -= n;
        f->n_prefix += in_prefix ? n : 0;
        f->left -= in_prefix ? 0 : n;
        if (in_prefix && f->n_prefix == GRPC_PREFIX_SIZE && begin(f, code, why) == GRPC_BAD)
            return GRPC_BAD;
        if (f->n_prefix == GRPC_PREFIX_SIZE && !f->left)
            return finish(f, out, code, why);
    }
    return GRPC_MORE;
}

bool grpc_frames_idle(const struct grpc_frames *f)
{
    return f->n_prefix == 0;
}

void grpc_frames_free(struct grpc_frames *f)
{
    buf_free(&f->message);
}

void grpc_frames_put(struct buf *out, const void *message, size_t len)
{
    const char prefix[GRPC_PREFIX_SIZE] = {0, (char)(len >> 24), (char)(len >> 16),
                                           (char)(len >> 8), (char)len};
    buf_add(out, prefix, sizeof prefix);
    buf_add(out, message, len);
}
