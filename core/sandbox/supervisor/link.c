/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/link.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "http/client.h"

enum { GOODBYE_MS = 2000 };

static const char SILENT[] = "it sent nothing, not even a ping, for too long";

struct gateway_link {
    struct gateway_link_request made;
    char *authorization;
    struct http_call *call;
    struct http_tunnel *tunnel;
    struct buf received;                            /* an incomplete line */
    uv_timer_t timer;                               /* next try, or silence, or goodbye */
    unsigned retry_ms;
    bool complained;                                /* of this interruption */
    bool silent;                                    /* it is closed for it */
    bool closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void dial(struct gateway_link *link);

static void on_retry(uv_timer_t *timer)
{
    dial(timer->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct gateway_link *link = handle->data;
    void (*on_closed)(void *ctx) = link->on_closed;
    void *ctx = link->closed_ctx;
    buf_free(&link->received);
    free(link->authorization);
    free(link);
    if (on_closed)
        on_closed(ctx);
}

static void close_link(struct gateway_link *link)
{
    if (!uv_is_closing((uv_handle_t *)&link->timer))
        uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}

static void lost(struct gateway_link *link, const char *why)
{
    if (link->closing) {
        close_link(link);
        return;
    }
    if (!link->complained)
        log_warn(link->made.log, "the gateway is away, enforcing on: %s", why);
    link->complained = true;
    uv_timer_start(&link->timer, on_retry, link->retry_ms, 0);
    link->retry_ms =
        link->retry_ms * 2 < LINK_RETRY_MAX_MS ? link->retry_ms * 2 : LINK_RETRY_MAX_MS;
    if (link->made.on_down)
        link->made.on_down(link->made.ctx);
}

/* --- messages -------------------------------------------------------------------------------- */

static void on_silence(uv_timer_t *timer)
{
    struct gateway_link *link = timer->data;
    link->silent = true;
    if (link->tunnel)
        http_tunnel_close(link->tunnel);
}

static void take_line(struct gateway_link *link, const char *line, size_t len)
{
    struct sandbox_message message;
    struct error err;
    struct arena *arena = arena_new();
    if (sandbox_message_decode(line, len, arena, &message, &err) == 0) {
        link->made.on_message(link->made.ctx, &message, arena);
        return;
    }
    log_error(link->made.log, "the gateway said something strange: %s", err.text);
    arena_free(arena);
}

static void take_lines(struct gateway_link *link)
{
    size_t at = 0;
    char *end_of_line;
    while (!link->closing && at < link->received.len &&
           (end_of_line = memchr(link->received.data + at, '\n', link->received.len - at))) {
        size_t len = (size_t)(end_of_line - (link->received.data + at));
        take_line(link, link->received.data + at, len);
        explicit_bzero(link->received.data + at, len);          /* it may have had credentials */
        at += len + 1;
    }
    buf_consume(&link->received, at);
}

static void on_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    struct gateway_link *link = ctx;
    if (len == 0 || link->received.len + len > SANDBOX_LINE_MAX) {
        http_tunnel_close(tunnel);
        return;
    }
    if (!link->closing)
        uv_timer_start(&link->timer, on_silence, link->made.silence_ms, 0);
    buf_add(&link->received, bytes, len);
    take_lines(link);
}

static void on_tunnel_close(void *ctx, const struct error *why)
{
    struct gateway_link *link = ctx;
    link->tunnel = NULL;
    buf_clear(&link->received);
    lost(link, why ? why->text : link->silent ? SILENT : "it ended the stream");
}

static void on_drain(struct http_tunnel *tunnel, void *ctx)
{
    struct gateway_link *link = ctx;
    (void)tunnel;
    if (!link->closing)
        link->made.on_drained(link->made.ctx);
}

static const struct http_tunnel_callbacks tunnel_callbacks = {
    .on_read = on_read, .on_drain = on_drain, .on_close = on_tunnel_close,
};

/* --- the call -------------------------------------------------------------------------------- */

static void on_upgrade(void *ctx, const struct http_head *head, struct http_tunnel *tunnel)
{
    struct gateway_link *link = ctx;
    (void)head;
    link->call = NULL;
    link->tunnel = tunnel;
    link->silent = false;
    link->retry_ms = LINK_RETRY_MIN_MS;
    if (link->complained)
        log_info(link->made.log, "the gateway is back");
    link->complained = false;
    http_tunnel_start(tunnel, &tunnel_callbacks, link);
    uv_timer_start(&link->timer, on_silence, link->made.silence_ms, 0);
    link->made.on_up(link->made.ctx);
}

static void on_response(void *ctx, const struct http_response *response)
{
    enum { GONE = 410 };
    struct gateway_link *link = ctx;
    int status = response->head->status;
    char why[512];
    json_t *problem = json_loadb(response->body.data ? response->body.data : "",
                                 response->body.len, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    snprintf(why, sizeof why, "HTTP status %d%s%s", status, detail ? ": " : "",
             detail ? detail : "");
    json_decref(problem);
    link->call = NULL;
    lost(link, why);
    if (status == GONE && !link->closing && link->made.on_orphaned)
        link->made.on_orphaned(link->made.ctx);
}

static void on_error(void *ctx, const struct error *err)
{
    struct gateway_link *link = ctx;
    link->call = NULL;
    lost(link, err->text);
}

static const struct http_call_callbacks call_callbacks = {
    .on_response = on_response, .on_upgrade = on_upgrade, .on_error = on_error,
};

static void dial(struct gateway_link *link)
{
    const struct http_field headers[] = {{"Authorization", link->authorization},
                                         {SANDBOX_HOST_INSTANCE, link->made.instance}};
    struct http_call_request request = {
        .address = link->made.gateway,
        .method = "GET",
        .path = link->made.path ? link->made.path : SANDBOX_STREAM_PATH,
        .upgrade = link->made.upgrade ? link->made.upgrade : SANDBOX_STREAM_UPGRADE,
        .headers = headers,
        .n_headers = link->made.instance ? 2 : 1,
        .timeout_ms = link->made.dial_ms};
    link->call = http_client_send(link->made.loop, &request, &call_callbacks, link);
}

struct gateway_link *sandbox_link_open(const struct gateway_link_request *request)
{
    struct gateway_link *link = alloc_zero(1, sizeof *link);
    link->made = *request;
    if (!link->made.silence_ms)
        link->made.silence_ms = SANDBOX_SILENCE_MS;
    if (!link->made.dial_ms)
        link->made.dial_ms = LINK_DIAL_MS;
    link->authorization = alloc_printf("Bearer %s", request->token);
    link->retry_ms = LINK_RETRY_MIN_MS;
    uv_timer_init(request->loop, &link->timer);
    link->timer.data = link;
    dial(link);
    return link;
}

bool sandbox_link_is_up(const struct gateway_link *link)
{
    return link->tunnel && !link->closing;
}

bool sandbox_link_has_room(const struct gateway_link *link)
{
    return sandbox_link_is_up(link) && http_tunnel_queued(link->tunnel) < HTTP_TUNNEL_QUEUE_HIGH;
}

bool sandbox_link_send(struct gateway_link *link, const struct sandbox_message *message)
{
    struct buf line = {0};
    if (!sandbox_link_is_up(link))
        return false;
    sandbox_message_encode(message, &line);
    http_tunnel_write(link->tunnel, line.data, line.len);
    buf_free(&line);
    return true;
}

void sandbox_link_close(struct gateway_link *link, void (*on_closed)(void *ctx), void *ctx)
{
    link->closing = true;
    link->on_closed = on_closed;
    link->closed_ctx = ctx;
    uv_timer_stop(&link->timer);
    if (link->tunnel) {
        http_tunnel_shutdown(link->tunnel);
        uv_timer_start(&link->timer, on_silence, GOODBYE_MS, 0);
        return;
    }
    if (link->call)
        http_client_cancel(link->call);
    close_link(link);
}
