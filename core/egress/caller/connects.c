/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/connects.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum { WATCH_MS = 250 }; /* how soon it is noticed that a caller was killed */

void egress_connects_open(struct egress_connects *list, uv_loop_t *loop,
                          struct egress_notifications *notifications,
                          struct egress_closer *closer)
{
    *list = (struct egress_connects){.closer = closer, .notifications = notifications};
    uv_timer_init(loop, &list->timer);
    list->timer.data = list;
}

static void timer_closed(uv_handle_t *timer)
{
    struct egress_connects *list = timer->data;
    list->closed(list->ctx);
}

void egress_connects_close(struct egress_connects *list, void (*closed)(void *ctx), void *ctx)
{
    list->closed = closed;
    list->ctx = ctx;
    uv_close((uv_handle_t *)&list->timer, timer_closed);
}

static void tell_gone(struct egress_connect *connect)
{
    void (*gone)(void *) = connect->gone;
    connect->gone = NULL;
    gone(connect->owner);
}

static void look_after_callers(uv_timer_t *timer)
{
    struct egress_connects *list = timer->data;
    for (struct egress_connect *c = list->first, *next; c; c = next) {
        next = c->next;
        if (c->gone && !egress_suspended_call_valid(list->notifications, c->call))
            tell_gone(c);
    }
    if (!list->first)
        uv_timer_stop(timer);
}

struct egress_connect *egress_connects_add(struct egress_connects *list, uint64_t call, int socket)
{
    struct egress_connect *c = alloc_zero(1, sizeof *c);
    *c = (struct egress_connect){.list = list, .call = call, .socket = socket, .next = list->first,
                                 .blocks = !(fcntl(socket, F_GETFL) & O_NONBLOCK)};
    if (c->next)
        c->next->prev = c;
    list->first = c;
    if (!uv_is_active((uv_handle_t *)&list->timer))
        uv_timer_start(&list->timer, look_after_callers, WATCH_MS, WATCH_MS);
    return c;
}

void egress_connect_watch(struct egress_connect *connect, void (*gone)(void *owner), void *owner)
{
    connect->gone = gone;
    connect->owner = owner;
}

/* As a socket is whose connect has failed: it can be connected anew, and has no error left. */
static void disconnect(int fd)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int error;
    socklen_t len = sizeof error;
    connect(fd, &nowhere, sizeof nowhere);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

bool egress_connect_answer(struct egress_connect *connect, int result)
{
    struct egress_connects *list = connect->list;
    *(connect->prev ? &connect->prev->next : &list->first) = connect->next;
    if (connect->next)
        connect->next->prev = connect->prev;
    if (result != 0)
        disconnect(connect->socket);
    bool heard = egress_suspended_call_return(list->notifications, connect->call, result);
    egress_closer_close(list->closer, connect->socket);
    free(connect);
    return heard;
}
