/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/error.h"
#include "http/tunnel.h"

#include <stdlib.h>

struct splice;

struct end {
    struct splice *splice;
    struct http_tunnel *tunnel;                     /* NULL: closed */
    struct end *other;
    bool ended;                                     /* the peer has ended its side */
};

struct splice {
    struct end a, b;
    void (*on_end)(void *ctx, const struct error *why);
    void *ctx;
    bool broken;
    struct error why;
};

static void end_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    struct end *end = ctx;
    end->ended = len == 0;
    if (!end->other->tunnel)
        return;
    if (end->ended)
        http_tunnel_shutdown(end->other->tunnel);
    else if (!http_tunnel_write(end->other->tunnel, bytes, len))
        http_tunnel_pause(tunnel);
}

static void end_drain(struct http_tunnel *tunnel, void *ctx)
{
    (void)tunnel;
    struct end *end = ctx;
    if (end->other->tunnel)
        http_tunnel_resume(end->other->tunnel);
}

static void end_close(void *ctx, const struct error *why)
{
    struct end *end = ctx, *other = end->other;
    struct splice *splice = end->splice;
    end->tunnel = NULL;
    if (why && !splice->broken) {
        splice->broken = true;
        splice->why = *why;
    }
    if (other->tunnel) {
        /* When both peers have ended, the other tunnel closes itself once it has sent all. */
        if (why || !end->ended || !other->ended)
            http_tunnel_close(other->tunnel);
        return;
    }
    if (splice->on_end)
        splice->on_end(splice->ctx, splice->broken ? &splice->why : NULL);
    free(splice);
}

void http_tunnel_splice(struct http_tunnel *a, struct http_tunnel *b,
                        void (*on_end)(void *ctx, const struct error *why), void *ctx)
{
    static const struct http_tunnel_callbacks callbacks = {end_read, end_drain, end_close};
    struct splice *splice = alloc_zero(1, sizeof *splice);
    splice->a = (struct end){.splice = splice, .tunnel = a, .other = &splice->b};
    splice->b = (struct end){.splice = splice, .tunnel = b, .other = &splice->a};
    splice->on_end = on_end;
    splice->ctx = ctx;
    http_tunnel_start(a, &callbacks, &splice->a);
    http_tunnel_start(b, &callbacks, &splice->b);
}
