/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/exchange.h"

#include <poll.h>
#include <time.h>

#include "base/clock.h"

/* One that failed or has its answer is ended; true then. */
static bool advance(struct exchange *x)
{
    int rc = 0;
    if (!x->ended && (rc = frame_write(x->fd, &x->out, &x->sent, &x->err)) > 0)
        rc = frame_read(x->fd, FRAME_ANSWER_MAX, &x->in, &x->err);
    x->ended = x->ended || rc != 0;
    x->failed = x->failed || rc < 0;
    return x->ended;
}

void exchange_begin(struct exchange *x, int fd, struct buf *frames, uint32_t limit_ms)
{
    *x = (struct exchange){.fd = fd, .left_ns = (uint64_t)limit_ms * 1000000u, .out = *frames};
    *frames = (struct buf){0};
    x->failed = x->ended = frame_write(fd, &x->out, &x->sent, &x->err) < 0;
}

static struct exchange *soonest(struct exchange *const *list, size_t n)
{
    struct exchange *out = NULL;
    for (size_t i = 0; i < n; i++)
        if (list[i] && !list[i]->ended && (!out || list[i]->left_ns < out->left_ns))
            out = list[i];
    return out;
}

/* Waits until one of them can go on, or the first is out of time, which ends it. */
static void wait_for_any(struct exchange *const *list, size_t n, struct pollfd *fds)
{
    struct exchange *first = soonest(list, n);
    uint64_t left = first->left_ns;
    const struct timespec wait = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    for (size_t i = 0; i < n; i++) {
        const struct exchange *x = list[i];
        fds[i] = (struct pollfd){.fd = x && !x->ended ? x->fd : -1,
                                 .events = x && x->sent < x->out.len ? POLLOUT : POLLIN};
    }
    if (left) {
        ppoll(fds, (nfds_t)n, &wait, NULL);
    } else {
        first->ended = first->failed = true;
        error_set(&first->err, ERROR_TIMEOUT, "no answer in time");
    }
}

static void charge(struct exchange *const *list, size_t n, uint64_t *since_ns)
{
    uint64_t now = clock_mono_ns(), spent = now - *since_ns;
    *since_ns = now;
    for (size_t i = 0; i < n; i++)
        if (list[i])
            list[i]->left_ns -= list[i]->left_ns < spent ? list[i]->left_ns : spent;
}

size_t exchange_await(struct exchange *const *list, size_t n, struct arena *arena)
{
    struct pollfd *fds = arena_alloc(arena, n * sizeof *fds);
    uint64_t since_ns = clock_mono_ns();
    for (;;) {
        size_t failed = n;
        bool open = false;
        for (size_t i = 0; i < n; i++) {
            bool ended = list[i] && advance(list[i]);
            if (ended && !list[i]->failed)
                return i;
            open = open || (list[i] && !ended);
            failed = ended ? i : failed;
        }
        if (!open)
            return failed;
        wait_for_any(list, n, fds);
        charge(list, n, &since_ns);
    }
}

const char *exchange_json(const struct exchange *x, size_t *len)
{
    *len = x->in.len - FRAME_HEADER;
    return x->in.data + FRAME_HEADER;
}

void exchange_end(struct exchange *x)
{
    buf_free(&x->out);
    buf_free(&x->in);
}
