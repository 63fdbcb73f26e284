/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/wait.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct revision_wait {
    struct revision_wait_for what;
    char *sandbox;
    void (*done)(void *arg);
    void *arg;
    struct events_subscriber *subscriber;
    uv_timer_t timer;
    bool reading;                                   /* a read is under way */
    bool again;                                     /* something happened during it */
    bool settled; /* the read's: it has left pending, or cannot be read */
    bool over;                                      /* no more waiting */
};

static void read_status(void *arg)
{
    struct revision_wait *w = arg;
    struct arena *arena = arena_new();
    struct store_sandbox sandbox;
    struct store_revision r;
    struct error ignored;
    w->settled =
        store_sandbox_get(w->what.store, w->sandbox, arena, &sandbox, &ignored) != 0 ||
        store_revision_get(w->what.store, sandbox.id, w->what.revision, arena, &r, &ignored) != 0 ||
        strcmp(r.status, "pending") != 0;
    arena_free(arena);
}

static void free_wait(uv_handle_t *timer)
{
    struct revision_wait *w = timer->data;
    free(w->sandbox);
    free(w);
}

static void end(struct revision_wait *w)
{
    events_unsubscribe(w->what.events, w->subscriber);
    uv_close((uv_handle_t *)&w->timer, free_wait);
    w->done(w->arg);
}

static void look(struct revision_wait *w);

static void was_read(void *arg)
{
    struct revision_wait *w = arg;
    w->reading = false;
    if (w->settled || w->over)
        end(w);
    else if (w->again)
        look(w);
}

static void look(struct revision_wait *w)
{
    w->again = w->reading;
    if (w->reading)
        return;
    w->reading = true;
    jobs_run(w->what.jobs, NULL, read_status, was_read, w);
}

static void give_up(struct revision_wait *w)
{
    w->over = true;
    if (!w->reading)
        end(w);
}

static void on_event(void *ctx, const struct event *event)
{
    struct revision_wait *w = ctx;
    if (strcmp(event->type, "draining") == 0)
        give_up(w);
    else if (strcmp(event->sandbox, w->sandbox) == 0 &&
             (strcmp(event->type, "revision") == 0 || strcmp(event->type, "sandbox") == 0))
        look(w);
}

static void on_timeout(uv_timer_t *timer)
{
    give_up(timer->data);
}

void revision_wait_cancel(struct revision_wait *w)
{
    uv_timer_start(&w->timer, on_timeout, 0, 0);
}

struct revision_wait *revision_wait(const struct revision_wait_for *what, void (*done)(void *arg),
                                    void *arg)
{
    struct revision_wait *w = alloc_zero(1, sizeof *w);
    *w = (struct revision_wait){
        .what = *what, .sandbox = alloc_str(what->sandbox), .done = done, .arg = arg};
    uv_timer_init(what->loop, &w->timer);
    w->timer.data = w;
    w->subscriber = events_subscribe(what->events, NULL, on_event, w);
    uv_timer_start(&w->timer, on_timeout, what->timeout_ms, 0);
    look(w);                                        /* it may have moved before we subscribed */
    return w;
}
