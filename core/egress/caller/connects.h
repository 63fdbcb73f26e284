/* SPDX-License-Identifier: Apache-2.0 */
/* Connects to outside addresses, which stay suspended until it is known what becomes of them: their
 * sockets are connected to us meanwhile, and disconnected again where the answer is an error.
 *
 * Ownership: a connect is freed by its answer.  Loop thread only; the list outlives its
 * connects. */
#ifndef EGRESS_CALLER_CONNECTS_H
#define EGRESS_CALLER_CONNECTS_H

#include <uv.h>

#include "base/ipaddr.h"
#include "egress/caller/closer.h"
#include "egress/caller/notification.h"

struct egress_connect {
    struct egress_connects *list;
    struct egress_connect *prev, *next;
    uint64_t call;                                  /* the suspended one */
    int socket;                                     /* the caller's; closed with the answer */
    struct ipaddr address;                          /* what it named; IPv4 wherever it can be */
    uint16_t port;
    bool blocks;                                    /* else its program has other things to do */
    void (*gone)(void *owner);                      /* NULL: nobody wants to know */
    void *owner;
};

struct egress_connects {
    struct egress_closer *closer;                   /* borrowed */
    struct egress_notifications *notifications;
    uv_timer_t timer;
    struct egress_connect *first;
    void (*closed)(void *ctx);
    void *ctx;
};

/* Needs to be closed: closed(ctx) is called from the loop. */
void egress_connects_open(struct egress_connects *list, uv_loop_t *loop,
                          struct egress_notifications *notifications,
                          struct egress_closer *closer);
void egress_connects_close(struct egress_connects *list, void (*closed)(void *ctx), void *ctx);

/* The socket belongs to the connect from here on. */
struct egress_connect *egress_connects_add(struct egress_connects *list, uint64_t call, int socket);

/* gone(owner) is called from the loop, once, when the caller was killed; the owner answers all the
 * same. */
void egress_connect_watch(struct egress_connect *connect, void (*gone)(void *owner), void *owner);

/* result: 0, or a negative errno.  False: the caller is gone. */
bool egress_connect_answer(struct egress_connect *connect, int result);

#endif
