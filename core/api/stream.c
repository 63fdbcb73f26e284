/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/events: server-sent events (WHATWG HTML, section 9.2), resumable by Last-Event-ID. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/routes.h"
#include "base/alloc.h"
#include "http/stream.h"

enum { KEEP_ALIVE_MS = 15000 };

struct follower {
    struct api *api;
    struct http_stream *stream;
    struct events_subscriber *subscriber;
    uv_timer_t timer;
};

static void send_event(void *ctx, const struct event *event)
{
    struct follower *f = ctx;
    char id[24];
    snprintf(id, sizeof id, "%lu", (unsigned long)event->id);
    http_sse_event(f->stream, id, event->type, event->json);
}

static void keep_alive(uv_timer_t *timer)
{
    struct follower *f = timer->data;
    http_sse_comment(f->stream, "still here");
}

static void free_follower(uv_handle_t *timer)
{
    free(timer->data);
}

static void stream_closed(void *ctx, const struct error *why)
{
    (void)why;
    struct follower *f = ctx;
    events_unsubscribe(f->api->events, f->subscriber);
    uv_close((uv_handle_t *)&f->timer, free_follower);
}

/* A client that was away longer than the gateway remembers is told to read everything again. */
static void resume(struct follower *f, const char *last_id, const char *sandbox)
{
    uint64_t id = strtoull(last_id, NULL, 10);
    struct events *events = f->api->events;
    if (!events_replay(events, id, sandbox, send_event, f))
        http_sse_event(f->stream, NULL, "reset", "{\"reason\":\"events since then are no longer kept: read the current state again\"}");
}

void handle_events(struct api *api, struct http_request *req)
{
    const char *last_id = http_request_header(req, "Last-Event-ID");
    const char *sandbox = http_request_query(req, "sandbox");
    /* follow=false: what is kept, and the end */
    bool once = http_request_query(req, "follow") && !api_flag(req, "follow");
    char *wanted = alloc_str(sandbox), *from = alloc_str(last_id);
    struct follower *f = alloc_zero(1, sizeof *f);
    f->api = api;
    http_header(req, "Cache-Control", "no-store");
    f->stream = http_stream_begin(req, 200, "text/event-stream", stream_closed, f);
    if (f->stream) {
        uv_timer_init(api->loop, &f->timer);
        f->timer.data = f;
        uv_timer_start(&f->timer, keep_alive, KEEP_ALIVE_MS, KEEP_ALIVE_MS);
        f->subscriber = events_subscribe(api->events, wanted, send_event, f);
        http_sse_comment(f->stream, "sluice events");
        if (from)
            resume(f, from, wanted);
        else if (once)
            events_replay(api->events, 0, wanted, send_event, f);
        if (once)
            http_stream_close(f->stream);
    } else {
        free(f);
    }
    free(wanted);
    free(from);
}
