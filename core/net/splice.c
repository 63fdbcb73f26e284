/* SPDX-License-Identifier: Apache-2.0 */
#include "net/splice.h"

#include <stdlib.h>

#include "base/alloc.h"

struct net_splice;

struct end {
    struct net_splice *splice;
    struct net_stream *stream;                      /* NULL: closed */
    struct end *other;
    bool read_ended, write_ended;
};

struct net_splice {
    struct end a, b;
    void (*on_end)(void *ctx, int status);
    void *ctx;
    int status;
};

static void close_both(struct net_splice *splice, int status)
{
    if (!splice->status)
        splice->status = status;
    if (splice->a.stream)
        net_close(splice->a.stream);
    if (splice->b.stream)
        net_close(splice->b.stream);
}

static void end_read(void *owner, const char *bytes, ssize_t n)
{
    struct end *end = owner;
    if (n < 0 && n != UV_EOF) {
        close_both(end->splice, (int)n);
    } else if (n == UV_EOF) {
        end->read_ended = true;
        net_finish(end->other->stream);
    } else if (!net_write(end->other->stream, bytes, (size_t)n)) {
        net_pause(end->stream);
    }
}

static void end_drained(void *owner, int status)
{
    struct end *end = owner;
    if (status < 0)
        close_both(end->splice, status);
    else if (!end->other->read_ended)
        net_read(end->other->stream);
}

/* A peer that is wholly gone has ended both sides. */
static void end_finished(void *owner, int status)
{
    struct end *end = owner;
    end->write_ended = true;
    if (status < 0 && status != UV_ENOTCONN)
        close_both(end->splice, status);
    else if (end->other->write_ended)
        close_both(end->splice, 0);
}

static void end_closed(void *owner)
{
    struct end *end = owner;
    struct net_splice *splice = end->splice;
    end->stream = NULL;
    if (end->other->stream)
        return;
    if (splice->on_end)
        splice->on_end(splice->ctx, splice->status);
    free(splice);
}

struct net_splice *net_splice(struct net_stream *a, struct net_stream *b,
                              void (*on_end)(void *ctx, int status), void *ctx)
{
    static const struct net_calls calls = {
        .read = end_read, .drained = end_drained, .finished = end_finished, .closed = end_closed,
    };
    struct net_splice *splice = alloc_zero(1, sizeof *splice);
    splice->a = (struct end){.splice = splice, .stream = a, .other = &splice->b};
    splice->b = (struct end){.splice = splice, .stream = b, .other = &splice->a};
    splice->on_end = on_end;
    splice->ctx = ctx;
    net_set_owner(a, &calls, &splice->a);
    net_set_owner(b, &calls, &splice->b);
    net_read(a);
    net_read(b);
    return splice;
}

void net_splice_close(struct net_splice *splice)
{
    close_both(splice, UV_ECANCELED);
}
