/* SPDX-License-Identifier: Apache-2.0 */
#include "api/events.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

struct record {
    struct record *next;
    struct event event;
    char *type, *sandbox, *json;
};

struct events_subscriber {
    struct events_subscriber *next;
    char *sandbox;                                  /* NULL: all */
    events_fn *fn;
    void *ctx;
    bool gone;                                      /* unsubscribed while events are delivered */
};

struct events {
    uv_async_t wake;
    pthread_mutex_t lock;                           /* guards the incoming list */
    struct record *incoming, **incoming_last;

    struct record *kept[EVENTS_KEPT];               /* ring: id modulo EVENTS_KEPT */
    uint64_t first_id, next_id;
    struct events_subscriber *subscribers;
    bool delivering;
};

static void free_record(struct record *r)
{
    if (!r)
        return;
    free(r->type);
    free(r->sandbox);
    free(r->json);
    free(r);
}

static void remember(struct events *events, struct record *r)
{
    r->event = (struct event){events->next_id++, r->type, r->sandbox, r->json};
    struct record **slot = &events->kept[r->event.id % EVENTS_KEPT];
    free_record(*slot);
    *slot = r;
}

static bool concerns(const char *sandbox, const struct event *event)
{
    return !sandbox || strcmp(sandbox, event->sandbox) == 0;
}

static void sweep(struct events *events)
{
    for (struct events_subscriber **at = &events->subscribers; *at;) {
        struct events_subscriber *s = *at;
        if (!s->gone) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free(s->sandbox);
        free(s);
    }
}

static void deliver(struct events *events, const struct event *event)
{
    events->delivering = true;
    for (struct events_subscriber *s = events->subscribers; s; s = s->next)
        if (!s->gone && concerns(s->sandbox, event))
            s->fn(s->ctx, event);
    events->delivering = false;
    sweep(events);
}

static void on_wake(uv_async_t *wake)
{
    struct events *events = wake->data;
    pthread_mutex_lock(&events->lock);
    struct record *r = events->incoming;
    events->incoming = NULL;
    events->incoming_last = &events->incoming;
    pthread_mutex_unlock(&events->lock);
    for (struct record *next; r; r = next) {
        next = r->next;
        remember(events, r);
        deliver(events, &r->event);
    }
}

struct events *events_new(uv_loop_t *loop)
{
    struct events *events = alloc_zero(1, sizeof *events);
    events->first_id = events->next_id = (uint64_t)clock_now_ms() * 1024;
    events->incoming_last = &events->incoming;
    pthread_mutex_init(&events->lock, NULL);
    uv_async_init(loop, &events->wake, on_wake);
    uv_unref((uv_handle_t *)&events->wake);
    events->wake.data = events;
    return events;
}

static void on_closed(uv_handle_t *handle)
{
    struct events *events = handle->data;
    for (struct record *r = events->incoming, *next; r; r = next) {
        next = r->next;
        free_record(r);
    }
    for (size_t i = 0; i < EVENTS_KEPT; i++)
        free_record(events->kept[i]);
    for (struct events_subscriber *s = events->subscribers; s; s = s->next)
        s->gone = true;
    sweep(events);
    pthread_mutex_destroy(&events->lock);
    free(events);
}

void events_close(struct events *events)
{
    if (events)
        uv_close((uv_handle_t *)&events->wake, on_closed);
}

void events_publish(struct events *events, const char *type, const char *sandbox, json_t *data)
{
    char now[CLOCK_TEXT_SIZE];
    json_object_set_new(data, "sandbox", json_string(sandbox));
    json_object_set_new(data, "at", json_string(clock_format(clock_now_ms(), now)));
    struct record *r = alloc_zero(1, sizeof *r);
    r->type = alloc_str(type);
    r->sandbox = alloc_str(sandbox);
    r->json = json_dumps(data, JSON_COMPACT);
    json_decref(data);
    pthread_mutex_lock(&events->lock);
    *events->incoming_last = r;
    events->incoming_last = &r->next;
    pthread_mutex_unlock(&events->lock);
    uv_async_send(&events->wake);
}

struct events_subscriber *events_subscribe(struct events *events, const char *sandbox, events_fn *fn,
                                           void *ctx)
{
    struct events_subscriber *s = alloc_zero(1, sizeof *s);
    *s = (struct events_subscriber){events->subscribers, alloc_str(sandbox), fn, ctx, false};
    events->subscribers = s;
    return s;
}

void events_unsubscribe(struct events *events, struct events_subscriber *subscriber)
{
    if (!subscriber)
        return;
    subscriber->gone = true;
    if (!events->delivering)
        sweep(events);
}

bool events_replay(struct events *events, uint64_t last_id, const char *sandbox, events_fn *fn,
                   void *ctx)
{
    uint64_t oldest = events->next_id - events->first_id > EVENTS_KEPT
                          ? events->next_id - EVENTS_KEPT : events->first_id;
    bool complete = last_id + 1 >= oldest && last_id < events->next_id;
    for (uint64_t id = complete ? last_id + 1 : oldest; id < events->next_id; id++) {
        const struct record *r = events->kept[id % EVENTS_KEPT];
        if (concerns(sandbox, &r->event))
            fn(ctx, &r->event);
    }
    return complete;
}
