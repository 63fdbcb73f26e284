/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/closer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"

enum { WAITING_MAX = 256, BATCH = 64 };

struct batch {
    struct thread_item item;
    size_t n;
    int fds[BATCH];
};

struct egress_closer {
    struct thread *thread;
    uv_prepare_t before_wait;                       /* active while there is a batch */
    struct batch *batch;                            /* of this turn of the loop, or NULL */
    atomic_uint waiting;
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
        struct batch *batch = (struct batch *)items;
        next = items->next;
        for (size_t i = 0; i < batch->n; i++) {
            close_one(batch->fds[i]);
            atomic_fetch_sub(&closer->waiting, 1);
        }
        free(batch);
    }
}

static void hand_over(struct egress_closer *closer)
{
    struct batch *batch = closer->batch;
    closer->batch = NULL;
    uv_prepare_stop(&closer->before_wait);
    if (batch)
        thread_add(closer->thread, &batch->item);
}

static void on_wait(uv_prepare_t *before_wait)
{
    hand_over(before_wait->data);
}

static void free_closer(uv_handle_t *before_wait)
{
    free(before_wait->data);
}

struct egress_closer *egress_closer_new(uv_loop_t *loop, struct error *err)
{
    struct egress_closer *closer = alloc_zero(1, sizeof *closer);
    closer->thread = thread_new("closer", 0, close_all, closer, err);
    if (!closer->thread) {
        free(closer);
        return NULL;
    }
    uv_prepare_init(loop, &closer->before_wait);
    closer->before_wait.data = closer;
    return closer;
}

void egress_closer_free(struct egress_closer *closer)
{
    if (!closer)
        return;
    hand_over(closer);
    thread_free(closer->thread);
    uv_close((uv_handle_t *)&closer->before_wait, free_closer);
}

void egress_closer_close(struct egress_closer *closer, int fd)
{
    if (!closer->batch) {
        closer->batch = alloc_zero(1, sizeof *closer->batch);
        uv_prepare_start(&closer->before_wait, on_wait);
    }
    closer->batch->fds[closer->batch->n++] = fd;
    atomic_fetch_add(&closer->waiting, 1);
    if (closer->batch->n == BATCH)
        hand_over(closer);
}

bool egress_closer_has_room(const struct egress_closer *closer)
{
    return atomic_load(&closer->waiting) < WAITING_MAX;
}
