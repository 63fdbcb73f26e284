/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/closer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"

enum { WAITING_MAX = 256 };

struct egress_closer {
    struct thread *thread;
    atomic_uint waiting;
};

struct errand {
    struct thread_item item;
    int fd;
};

/* Nobody but a workload that races with this makes the socket linger again. */
static void close_one(int fd)
{
    const struct linger off = {0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    close(fd);
}

static void close_all(void *ctx, struct thread_item *items)
{
    struct egress_closer *closer = ctx;
    for (struct thread_item *next; items; items = next) {
        struct errand *errand = (struct errand *)items;
        next = items->next;
        close_one(errand->fd);
        free(errand);
        atomic_fetch_sub(&closer->waiting, 1);
    }
}

struct egress_closer *egress_closer_new(struct error *err)
{
    struct egress_closer *closer = alloc_zero(1, sizeof *closer);
    closer->thread = thread_new("closer", 0, close_all, closer, err);
    if (closer->thread)
        return closer;
    free(closer);
    return NULL;
}

void egress_closer_free(struct egress_closer *closer)
{
    if (!closer)
        return;
    thread_free(closer->thread);
    free(closer);
}

void egress_closer_close(struct egress_closer *closer, int fd)
{
    struct errand *errand = alloc_zero(1, sizeof *errand);
    errand->fd = fd;
    atomic_fetch_add(&closer->waiting, 1);
    thread_add(closer->thread, &errand->item);
}

bool egress_closer_has_room(const struct egress_closer *closer)
{
    return atomic_load(&closer->waiting) < WAITING_MAX;
}
