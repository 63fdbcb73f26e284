/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway is to those who connect to it: a loop with an HTTP server on a Unix socket in a
 * folder of its own, and a watchdog.  It is the part "g" of the fixtures that are built on it. */
#ifndef TESTS_SUPPORT_GATEWAY_H
#define TESTS_SUPPORT_GATEWAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "http/address.h"
#include "http/server.h"
#include "support/patience.h"

struct gateway_fixture {
    uv_loop_t loop;
    uv_timer_t watchdog;
    bool expired, server_closed;
    struct http_server *server;                     /* NULL: it does not listen */
    char folder[64], address[HTTP_ADDRESS_SIZE];
    struct log log;
    struct arena *arena;
};

/* Turns the loop until the condition holds; a test that waits in vain fails. */
#define RUN_UNTIL(f, condition)                                                                    \
    do {                                                                                           \
        gateway_begin_wait(&(f)->g);                                                               \
        while (!(condition) && !(f)->g.expired)                                                    \
            uv_run(&(f)->g.loop, UV_RUN_ONCE);                                                     \
        if ((f)->g.expired)                                                                        \
            fail_msg("waited in vain for %s", #condition);                                         \
    } while (0)

static inline void gateway_expire(uv_timer_t *timer)
{
    ((struct gateway_fixture *)timer->data)->expired = true;
}

/* A wait that has expired stays so: what cleans up after it does not wait once more. */
static inline void gateway_begin_wait(struct gateway_fixture *g)
{
    if (!g->expired)
        uv_timer_start(&g->watchdog, gateway_expire, patience_ms(), 0);
}

static inline void gateway_open(struct gateway_fixture *g)
{
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&g->loop);
    uv_timer_init(&g->loop, &g->watchdog);
    g->watchdog.data = g;
    gateway_begin_wait(g);
    uv_unref((uv_handle_t *)&g->watchdog);
    snprintf(g->folder, sizeof g->folder, "/tmp/sluice-gateway-XXXXXX");
    assert_non_null(mkdtemp(g->folder));
    snprintf(g->address, sizeof g->address, "unix:%s/socket", g->folder);
    g->log = (struct log){.fd = STDERR_FILENO, .level = LOG_ERROR, .program = "test"};
    g->arena = arena_new();
}

static inline void gateway_serve(struct gateway_fixture *g, const struct http_router *router,
                                 void *ctx)
{
    struct error err;
    g->server_closed = false;
    g->server = http_server_new(&g->loop, NULL, router, ctx, &g->log);
    if (http_server_listen(g->server, g->address, 0, &err) != 0)
        fail_msg("%s", err.text);
}

static inline void gateway_server_closed(void *ctx)
{
    ((struct gateway_fixture *)ctx)->server_closed = true;
}

static inline void gateway_shut(struct gateway_fixture *g)
{
    if (!g->server)
        return;
    http_server_close(g->server, gateway_server_closed, g);
    g->server = NULL;
    while (!g->server_closed && !g->expired)
        uv_run(&g->loop, UV_RUN_ONCE);
    assert_true(g->server_closed);
}

static inline int gateway_remove_entry(const char *path, const struct stat *st, int kind,
                                       struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void gateway_count_open(uv_handle_t *handle, void *n)
{
    *(int *)n += !uv_is_closing(handle);
}

/* The server must be shut, and every handle of the loop closed. */
static inline void gateway_close(struct gateway_fixture *g)
{
    int open = 0;
    uv_close((uv_handle_t *)&g->watchdog, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    uv_walk(&g->loop, gateway_count_open, &open);
    assert_int_equal(open, 0);
    assert_int_equal(uv_loop_close(&g->loop), 0);
    arena_free(g->arena);
    assert_int_equal(nftw(g->folder, gateway_remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
