/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/wait.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct record_wait {
    struct record_wait_for what;
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

bool record_wait_revision(const struct record_wait_for *what)
{
    struct arena *arena = arena_new();
    struct store_sandbox sandbox;
    struct store_revision r;
    struct error ignored;
    bool settled = store_sandbox_get(what->store, what->sandbox, arena, &sandbox, &ignored) != 0 ||
                   store_revision_get(what->store, sandbox.id, what->revision, arena, &r,
                                      &ignored) != 0 ||
                   strcmp(r.status, "pending") != 0;
    arena_free(arena);
    return settled;
}

bool record_wait_main(const struct record_wait_for *what)
{
    struct arena *arena = arena_new();
    struct store_sandbox sandbox;
    struct error ignored;
    bool settled = store_sandbox_get(what->store, what->sandbox, arena, &sandbox, &ignored) != 0 ||
                   !*sandbox.main_json || sandbox.main_ended_ms;
    arena_free(arena);
    return settled;
}

static void read_status(void *arg)
{
    struct record_wait *w = arg;
    struct record_wait_for what = w->what;
    what.sandbox = w->sandbox;
    w->settled = what.settled(&what);
}

static void free_wait(uv_handle_t *timer)
{
    struct record_wait *w = timer->data;
    free(w->sandbox);
    free(w);
}

static void end(struct record_wait *w)
{
    events_unsubscribe(w->what.events, w->subscriber);
    uv_close((uv_handle_t *)&w->timer, free_wait);
    w->done(w->arg);
}

static void look(struct record_wait *w);

static void was_read(void *arg)
{
    struct record_wait *w = arg;
    w->reading = false;
    if (w->settled || w->over)
        end(w);
    else if (w->again)
        look(w);
}

static void look(struct record_wait *w)
{
    w->again = w->reading;
    if (w->reading)
        return;
    w->reading = true;
    jobs_run(w->what.jobs, NULL, read_status, was_read, w);
}

static void give_up(struct record_wait *w)
{
    w->over = true;
    if (!w->reading)
        end(w);
}

static void on_event(void *ctx, const struct event *event)
{
    struct record_wait *w = ctx;
    if (strcmp(event->type, "draining") == 0)
        give_up(w);
    else if (strcmp(event->sandbox, w->sandbox) == 0 &&
             (strcmp(event->type, "revision") == 0 || strcmp(event->type, "sandbox") == 0 ||
              strcmp(event->type, "main") == 0))
        look(w);
}

static void on_timeout(uv_timer_t *timer)
{
    give_up(timer->data);
}

void record_wait_cancel(struct record_wait *w)
{
    uv_timer_start(&w->timer, on_timeout, 0, 0);
}

struct record_wait *record_wait(const struct record_wait_for *what, void (*done)(void *arg),
                                    void *arg)
{
    struct record_wait *w = alloc_zero(1, sizeof *w);
    *w = (struct record_wait){
        .what = *what, .sandbox = alloc_str(what->sandbox), .done = done, .arg = arg};
    uv_timer_init(what->loop, &w->timer);
    w->timer.data = w;
    w->subscriber = events_subscribe(what->events, NULL, on_event, w);
    uv_timer_start(&w->timer, on_timeout, what->timeout_ms, 0);
    look(w);                                        /* it may have moved before we subscribed */
    return w;
}
