/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres/follower.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "store/postgres/outbox.h"
#include "store/postgres/pg_parts.h"

enum {
    POLL_MS = 1000,
    /* A row is removed by whoever has heard of it so long ago. */
    KEPT_MS = 10 * 60000, MARKS = 10,
    /* Who was away for longer than this may have missed some. */
    AWAY_MAX_MS = KEPT_MS / 2,
};

/* That row was the newest at that time. */
struct mark {
    int64_t at_ms, seq;
};

struct follower {
    struct pg *pg;
    int64_t seq;                                    /* of the last row that was heard of */
    int64_t read_at_ms;                             /* since boot: the last time that it was read */
    int64_t beat_at_ms;                             /* the next beat */
    struct mark marks[MARKS];                       /* one each KEPT_MS / MARKS, the oldest first */
    int64_t heard_by_all;                           /* rows up to this one may go */
    store_heard_fn *heard;
    void *ctx;
    const struct log *log;
    bool lost;                                      /* the log says so */
    int wake;                                       /* eventfd */
    _Atomic bool closing;
    struct thread *thread;
    struct thread_item life;                        /* the one item of that thread */
};

/* ---- one turn ---- */

static int revive(struct follower *f, struct error *err)
{
    if (pg_alive(f->pg))
        return 0;
    if (pg_revive(f->pg, err) != 0 || sql_run(&f->pg->sql, err, "LISTEN " OUTBOX_CHANNEL, "") ||
        pg_settle(f->pg, err) != 0) {
        pg_drop(f->pg);
        return -1;
    }
    if (f->lost)
        log_info(f->log, "following the other gateways of the store %s again",
                 f->pg->place->label);
    f->lost = false;
    return 0;
}

/* 1: there may be more. */
static int read_some(struct follower *f, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_change *changes;
    size_t n;
    int64_t now = clock_boot_ms();
    int rc = outbox_read(f->pg, &f->seq, arena, &changes, &n, err);
    if (rc == 0 && now - f->read_at_ms > AWAY_MAX_MS)
        f->heard(f->ctx, &(struct store_change){.topic = STORE_TOPIC_ALL, .subject = "",
                                                .part = ""}, 1);
    if (rc == 0)
        f->read_at_ms = now;
    if (rc == 0 && n)
        f->heard(f->ctx, changes, n);
    arena_free(arena);
    return rc < 0 ? -1 : n == OUTBOX_READ_MAX;
}

static void mark(struct follower *f, int64_t now)
{
    if (now - f->marks[MARKS - 1].at_ms < KEPT_MS / MARKS)
        return;
    f->heard_by_all = f->marks[0].seq;
    memmove(f->marks, f->marks + 1, (MARKS - 1) * sizeof *f->marks);
    f->marks[MARKS - 1] = (struct mark){now, f->seq};
}

static int beat(struct follower *f, struct error *err)
{
    int64_t now = clock_boot_ms();
    if (now < f->beat_at_ms)
        return 0;
    f->beat_at_ms = now + STORE_BEAT_MS;
    mark(f, now);
    return outbox_beat(f->pg, f->heard_by_all, err);
}

static void turn(struct follower *f)
{
    struct error err;
    int rc = revive(f, &err);
    while (rc == 0 && (rc = read_some(f, &err)) > 0 && !f->closing)
        rc = 0;
    if (rc == 0)
        rc = beat(f, &err);
    if (rc < 0 && !f->lost)
        log_warn(f->log, "%s; what other gateways write is heard of when it is back", err.text);
    f->lost = f->lost || rc < 0;
    if (rc < 0)
        pg_drop(f->pg);
}

/* ---- waiting ---- */

/* Whether another gateway has notified: what this one wrote can wait. */
static bool is_notified(struct follower *f)
{
    const struct libpq *pq = &f->pg->place->pq;
    bool notified = false;
    PGnotify *note;
    if (!pq->PQconsumeInput(f->pg->conn))
        return true;                                /* and the next turn finds it lost */
    while ((note = pq->PQnotifies(f->pg->conn))) {
        notified |= strcmp(note->extra, f->pg->place->gateway) != 0;
        pq->PQfreemem(note);
    }
    return notified;
}

static void wait_for_news(struct follower *f)
{
    uint64_t until = clock_mono_ms() + POLL_MS, now;
    while (!f->closing && (now = clock_mono_ms()) < until) {
        struct pollfd fds[] = {
            {.fd = f->wake, .events = POLLIN},
            {.fd = f->pg->conn ? f->pg->place->pq.PQsocket(f->pg->conn) : -1, .events = POLLIN}};
        poll(fds, 2, (int)(until - now));
        if (fds[1].revents && is_notified(f))
            return;
    }
}

static void live(void *ctx, struct thread_item *item)
{
    struct follower *f = ctx;
    (void)item;
    while (!f->closing) {
        turn(f);
        wait_for_news(f);
    }
}

/* ---- life ---- */

struct follower *follower_new(struct pg_place *place, int64_t seq, store_heard_fn *heard,
                              void *ctx, const struct log *log, struct error *err)
{
    struct follower *f = alloc_zero(1, sizeof *f);
    *f = (struct follower){.pg = pg_new(place, PG_WRITE), .seq = seq,
                           .read_at_ms = clock_boot_ms(), .heard = heard, .ctx = ctx, .log = log,
                           .wake = eventfd(0, EFD_CLOEXEC)};
    f->thread = f->wake < 0 ? NULL : thread_new("follow", 1, live, f, err);
    if (f->thread) {
        thread_add(f->thread, &f->life);
        return f;
    }
    if (f->wake < 0)
        error_errno(err, ERROR_INTERNAL, "cannot make an event descriptor");
    follower_free(f);
    return NULL;
}

void follower_free(struct follower *f)
{
    if (!f)
        return;
    f->closing = true;
    if (f->wake >= 0)
        eventfd_write(f->wake, 1);
    thread_free(f->thread);
    if (f->wake >= 0)
        close(f->wake);
    pg_close(f->pg);
    free(f);
}
