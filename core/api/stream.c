/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/events: server-sent events (WHATWG HTML, section 9.2), resumable by Last-Event-ID.  They
 * end when the follower's token is revoked, or it or their certificate expires. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/routes.h"
#include "auth/lease.h"
#include "base/alloc.h"
#include "http/stream.h"

enum { KEEP_ALIVE_MS = 15000 };

struct follower {
    struct api *api;
    struct http_stream *stream;
    struct events_subscriber *subscriber;
    struct auth_principal who;
    struct auth_lease *lease;
    uv_timer_t timer;
};

static void send_event(void *ctx, const struct event *event)
{
    struct follower *f = ctx;
    char id[24];
    if (!auth_holds(&f->api->auth, &f->who)) {
        http_stream_close(f->stream);
        return;
    }
    snprintf(id, sizeof id, "%lu", (unsigned long)event->id);
    http_sse_event(f->stream, id, event->type, event->json);
}

static void keep_alive(uv_timer_t *timer)
{
    struct follower *f = timer->data;
    http_sse_comment(f->stream, "still here");
}

static void lease_lost(void *arg, const struct error *why)
{
    struct follower *f = arg;
    (void)why;
    http_stream_close(f->stream);
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
    auth_lease_end(f->lease);
    uv_close((uv_handle_t *)&f->timer, free_follower);
}

/* If events after last_id were forgotten, tells the client to read the state again. */
static void resume(struct follower *f, const char *last_id, const char *sandbox)
{
    uint64_t id = strtoull(last_id, NULL, 10);
    struct events *events = f->api->events;
    if (!events_replay(events, id, sandbox, send_event, f))
        http_sse_event(
            f->stream, NULL, "reset",
            "{\"reason\":\"events since then are no longer kept: read the current state again\"}");
}

static void begin(struct follower *f, const char *sandbox, const char *last_id, bool once)
{
    struct api *api = f->api;
    uv_timer_init(api->loop, &f->timer);
    f->timer.data = f;
    f->lease = auth_lease_begin(api->auth.leases, &f->who, lease_lost, f);
    uv_timer_start(&f->timer, keep_alive, KEEP_ALIVE_MS, KEEP_ALIVE_MS);
    f->subscriber = events_subscribe_durable(api->events, sandbox, send_event, f);
    http_sse_comment(f->stream, "sluice events");
    if (last_id)
        resume(f, last_id, sandbox);
    else if (once)
        events_replay(api->events, 0, sandbox, send_event, f);
    if (once) {
        events_replay_unwritten(api->events, last_id ? strtoull(last_id, NULL, 10) : 0, sandbox,
                                send_event, f);
        http_stream_close(f->stream);
    }
}

/* follow=false: send the kept events and end */
static bool ends_at_once(const struct api_call *call)
{
    return api_query(call, "follow") && !api_flag(call->req, "follow");
}

/* http_stream_begin frees the request, so its texts are copied to the call's arena. */
static void follow(struct api_call *call)
{
    struct http_request *req = call->req;
    const char *last_id = arena_str(call->arena, http_request_header(req, "Last-Event-ID"));
    const char *sandbox = arena_str(call->arena, api_query(call, "sandbox"));
    bool once = ends_at_once(call);
    struct follower *f = alloc_zero(1, sizeof *f);
    f->api = call->api;
    f->who = *call->who;
    http_header(req, "Cache-Control", "no-store");
    f->stream = http_stream_begin(req, 200, "text/event-stream", stream_closed, f);
    if (f->stream)
        begin(f, sandbox, last_id, once);
    else
        free(f);
    api_drop(call);
}

/* A follower may name a sandbox that does not exist yet. */
int route_events(struct api_call *call)
{
    const char *sandbox = api_query(call, "sandbox");
    bool named = sandbox && *sandbox;               /* "": the gateway's own */
    if (named && ends_at_once(call) && api_sandbox_on_record(call, sandbox) != 0)
        return -1;
    call->status = 200;
    call->then = follow;
    return 0;
}
