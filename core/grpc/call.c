/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/lease.h"
#include "base/alloc.h"
#include "grpc/details.h"
#include "grpc/timeout.h"
#include "http/stream.h"

enum {
    RECEIVE_MS = 30 * 1000, /* for the message of a client without streams */
    FULL = 256 * 1024,                              /* queued, from where on a method should wait */
};

#define NO_DEADLINE UINT64_MAX

#define TYPE "application/grpc"

/* ---- the end ---- */

static void drop_part(struct grpc_call *call)
{
    if (--call->parts)
        return;
    grpc_frames_free(&call->frames);
    if (call->method->secret)
        buf_wipe(&call->message);
    buf_free(&call->message);
    buf_free(&call->details);
    buf_free(&call->rest);
    free(call);
}

/* A request whose client is gone is answered here, as it must not be from within on_gone. */
static void timer_closed(uv_handle_t *timer)
{
    struct grpc_call *call = timer->data;
    if (call->req)
        http_respond(call->req, 200, TYPE, NULL, 0);
    drop_part(call);
}

/* Nothing more is called. */
static void settle(struct grpc_call *call)
{
    call->ended = true;
    auth_lease_end(call->lease);
    call->lease = NULL;
    uv_close((uv_handle_t *)&call->timer, timer_closed);
}

static void cancel(struct grpc_call *call)
{
    if (call->ended)
        return;
    settle(call);
    if (call->method && call->method->cancelled)
        call->method->cancelled(call);
}

static void put_trailer(struct grpc_call *call, const char *name, const char *value)
{
    if (call->stream)
        http_stream_trailer(call->stream, name, value);
    else
        http_header(call->req, name, value);
}

static void put_status(struct grpc_call *call, enum grpc_code code, const char *text)
{
    char number[12];
    struct buf message = {0}, details = {0};
    snprintf(number, sizeof number, "%d", code);
    grpc_put_message(&message, text);
    if (code != GRPC_OK)
        grpc_put_details(&details, code, text, &call->details);
    if (call->stream)
        http_stream_clear_trailers(call->stream);
    put_trailer(call, "grpc-status", number);
    if (message.len)
        put_trailer(call, "grpc-message", message.data);
    if (details.len)
        put_trailer(call, "grpc-status-details-bin", details.data);
    buf_free(&message);
    buf_free(&details);
}

static void finish(struct grpc_call *call, enum grpc_code code, const char *text)
{
    struct http_request *req = call->req;
    put_status(call, code, text);
    call->req = NULL;
    settle(call);
    if (call->stream)
        http_stream_close(call->stream);
    else
        http_respond(req, 200, TYPE, NULL, 0);
}

void grpc_end(struct grpc_call *call, enum grpc_code code, const char *format, ...)
{
    char text[GRPC_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    finish(call, code, text);
}

void grpc_end_error(struct grpc_call *call, const struct error *err)
{
    finish(call, grpc_code_of(err->kind), err->text);
}

/* What went wrong with the call itself. */
static void fail(struct grpc_call *call, enum grpc_code code, const char *text)
{
    if (call->method->cancelled)
        call->method->cancelled(call);
    finish(call, code, text);
}

/* Who called is no longer who they were, or may no longer do this. */
static void lease_lost(void *arg, const struct error *why)
{
    fail(arg, grpc_code_of(why->kind), why->text);
}

static void stream_closed(void *ctx, const struct error *why)
{
    struct grpc_call *call = ctx;
    (void)why;
    call->stream = NULL;
    cancel(call);
    drop_part(call);
}

static void request_gone(void *ctx)
{
    cancel(ctx);
}

static void deadline_passed(uv_timer_t *timer)
{
    struct grpc_call *call = timer->data;
    bool waits = !call->half_closed && !(call->method->kind & GRPC_CLIENT_STREAMS);
    fail(call, GRPC_DEADLINE_EXCEEDED,
         waits ? "the request did not come before the deadline" : "the deadline has passed");
}

/* ---- what the client is sent ---- */

static void stream_drained(void *ctx)
{
    struct grpc_call *call = ctx;
    if (!call->full || call->ended)
        return;
    call->full = false;
    if (call->method->drained)
        call->method->drained(call);
}

static void client_is_gone(uv_timer_t *timer)
{
    cancel(timer->data);
}

void grpc_send_head(struct grpc_call *call)
{
    struct http_request *req = call->req;
    if (!req || call->ended)
        return;
    call->req = NULL;
    call->stream = http_stream_begin(req, 200, TYPE, stream_closed, call);
    if (!call->stream) {
        uv_timer_start(&call->timer, client_is_gone, 0, 0);
        return;
    }
    call->parts++;
    http_stream_may_queue(call->stream, GRPC_QUEUE_MAX);
    http_stream_on_drain(call->stream, stream_drained);
    put_status(call, GRPC_UNAVAILABLE, "the gateway is stopping"); /* unless it is told otherwise */
}

bool grpc_send(struct grpc_call *call, const void *message, size_t len)
{
    struct buf framed = {0};
    grpc_send_head(call);
    if (!call->stream)
        return true;
    grpc_frames_put(&framed, message, len);
    http_stream_write(call->stream, framed.data, framed.len);
    buf_free(&framed);
    call->full = http_stream_queued(call->stream) > FULL;
    return !call->full;
}

void grpc_reply(struct grpc_call *call, const void *message, size_t len)
{
    grpc_send(call, message, len);
    finish(call, GRPC_OK, "");
}

/* ---- what the client sends ---- */

static void await(struct grpc_call *call)
{
    uint64_t now = uv_now(call->grpc->loop), at = call->deadline_ms;
    bool receiving = !call->half_closed && !(call->method->kind & GRPC_CLIENT_STREAMS);
    if (receiving && now + RECEIVE_MS < at)
        at = now + RECEIVE_MS;
    if (at == NO_DEADLINE)
        uv_timer_stop(&call->timer);
    else
        uv_timer_start(&call->timer, deadline_passed, at > now ? at - now : 0, 0);
}

static void have_message(struct grpc_call *call, struct buf *message)
{
    if (call->method->kind & GRPC_CLIENT_STREAMS) {
        call->method->message(call, buf_str(message), message->len);
        return;
    }
    if (call->n_messages++) {
        fail(call, GRPC_INTERNAL, "the method takes one message, and more than one has come");
        return;
    }
    call->message = *message;
    *message = (struct buf){0};
}

static void have_end(struct grpc_call *call)
{
    const struct grpc_method *method = call->method;
    call->half_closed = true;
    if (!grpc_frames_idle(&call->frames)) {
        fail(call, GRPC_INTERNAL, "the request ends within a message");
        return;
    }
    await(call);
    if (!(method->kind & GRPC_CLIENT_STREAMS) && !call->n_messages)
        fail(call, GRPC_INTERNAL, "the method takes one message, and none has come");
    else if (!(method->kind & GRPC_CLIENT_STREAMS))
        method->message(call, buf_str(&call->message), call->message.len);
    else if (method->half_closed)
        method->half_closed(call);
}

/* Until a method pauses, which may be after each message. */
static void take_messages(struct grpc_call *call, const char **bytes, size_t *len)
{
    enum grpc_event event = GRPC_MESSAGE;
    struct buf message = {0};
    enum grpc_code code;
    struct error why;
    while (*len && !call->ended && !call->paused && event == GRPC_MESSAGE) {
        event = grpc_frames_next(&call->frames, bytes, len, &message, &code, &why);
        if (event == GRPC_MESSAGE)
            have_message(call, &message);
        else if (event == GRPC_BAD)
            fail(call, code, why.text);
    }
    buf_free(&message);
}

static void receive(void *ctx, const char *bytes, size_t len)
{
    struct grpc_call *call = ctx;
    bool end = !len;
    if (call->ended)
        return;
    take_messages(call, &bytes, &len);
    buf_add(&call->rest, bytes, len);
    if (end && call->paused)
        call->end_waits = true;
    else if (end)
        have_end(call);
}

static void take_rest(struct grpc_call *call)
{
    const char *bytes = buf_str(&call->rest) + call->rest_at;
    size_t len = call->rest.len - call->rest_at;
    take_messages(call, &bytes, &len);
    call->rest_at = call->rest.len - len;
    if (call->paused || call->ended)
        return;
    buf_free(&call->rest);
    call->rest_at = 0;
    if (call->end_waits)
        have_end(call);
    call->end_waits = false;
}

void grpc_pause(struct grpc_call *call)
{
    call->paused = true;
    if (call->stream)
        http_stream_pause(call->stream);
    else if (call->req)
        http_request_pause(call->req);
}

void grpc_resume(struct grpc_call *call)
{
    call->paused = false;
    take_rest(call);
    if (call->paused || call->ended)
        return;
    if (call->stream)
        http_stream_resume(call->stream);
    else if (call->req)
        http_request_resume(call->req);
}

/* ---- the beginning ---- */

static size_t max_of(const struct grpc_method *method)
{
    size_t most = method->permission == AUTH_ANYBODY ? GRPC_STRANGER_MAX : GRPC_MESSAGE_MAX;
    return method->max ? method->max : most;
}

static struct grpc_call *call_new(struct http_request *req, struct grpc *grpc,
                                  const struct grpc_method *method, uint64_t deadline_ms)
{
    struct grpc_call *call = alloc_zero(1, sizeof *call);
    call->grpc = grpc;
    call->method = method;
    call->req = req;
    call->parts = 1;
    call->deadline_ms = deadline_ms;
    call->frames.max = max_of(method);
    call->frames.encoding = grpc_encoding_of(http_request_header(req, "grpc-encoding"));
    uv_timer_init(grpc->loop, &call->timer);
    call->timer.data = call;
    req->on_body = receive;
    req->on_body_ctx = call;
    req->on_gone = request_gone;
    req->on_gone_ctx = call;
    return call;
}

static void refuse(struct http_request *req, enum grpc_code code, const char *text)
{
    char number[12];
    struct buf message = {0};
    snprintf(number, sizeof number, "%d", code);
    grpc_put_message(&message, text);
    http_header(req, "grpc-status", number);
    http_header(req, "grpc-message", buf_str(&message));
    http_respond(req, 200, TYPE, NULL, 0);
    buf_free(&message);
}

static bool admit(struct http_request *req, struct grpc *grpc, const struct grpc_method *method,
                  struct auth_principal *who)
{
    const struct auth_question question = {.permission = method->permission,
                                           .later = method->of_sandbox,
                                           .stateless = method->permission == AUTH_ANYBODY};
    struct auth_refusal refusal;
    if (auth_admit(grpc->auth, req, &question, who, &refusal) != 0) {
        refuse(req, grpc_code_of(refusal.err.kind), refusal.err.text);
        return false;
    }
    if (*grpc->draining && method->permission != AUTH_ANYBODY) {
        refuse(req, GRPC_UNAVAILABLE, "the gateway is stopping: try again when it is back");
        return false;
    }
    return true;
}

static bool read_head(struct http_request *req, struct grpc *grpc, uint64_t *deadline_ms)
{
    const char *timeout = http_request_header(req, "grpc-timeout");
    uint64_t ms;
    *deadline_ms = NO_DEADLINE;
    if (timeout && !grpc_timeout_parse(timeout, &ms)) {
        refuse(req, GRPC_INTERNAL, "grpc-timeout is not up to eight digits and one of H M S m u n");
        return false;
    }
    if (timeout)
        *deadline_ms = uv_now(grpc->loop) + ms;
    if (grpc_encoding_of(http_request_header(req, "grpc-encoding")) != GRPC_UNKNOWN_ENCODING)
        return true;
    http_header(req, "grpc-accept-encoding", GRPC_ENCODINGS);
    refuse(req, GRPC_UNIMPLEMENTED,
           "the compression that grpc-encoding names is not known: use one of " GRPC_ENCODINGS);
    return false;
}

/* application/grpc, or with +proto. */
static bool is_protobuf(struct http_request *req)
{
    const char *codec = http_request_type(req) + strlen(TYPE);
    return !*codec || strcmp(codec, "+proto") == 0;
}

static void respond_error(struct http_request *req, enum error_kind kind, const char *text)
{
    struct error err;
    error_set(&err, kind, "%s", text);
    http_respond_error(req, &err);
}

static void begin_call(struct http_request *req, struct grpc *grpc)
{
    struct auth_principal who = {0};
    struct error err;
    uint64_t deadline_ms;
    const struct grpc_method *method = grpc_find_method(grpc->services, req->path, &err);
    if (strcmp(req->method, "POST") != 0)
        respond_error(req, ERROR_METHOD, "gRPC calls are POST requests");
    else if (!is_protobuf(req))
        respond_error(req, ERROR_MEDIA_TYPE, "gRPC messages are protobuf here: application/grpc");
    else if (!method)
        refuse(req, grpc_code_of(err.kind), err.text);
    else if (read_head(req, grpc, &deadline_ms) && admit(req, grpc, method, &who)) {
        struct grpc_call *call = call_new(req, grpc, method, deadline_ms);
        call->who = who;
        if (method->kind && method->permission != AUTH_ANYBODY)
            call->lease = auth_lease_begin(grpc->auth->leases, &who, lease_lost, call);
        await(call);
        if (method->kind & GRPC_SERVER_STREAMS)
            grpc_send_head(call);
        if (method->begin)
            method->begin(call);
    }
}

static void handle(struct http_request *req, void *ctx)
{
    begin_call(req, ctx);
}

/* Also with another codec, and parameters; application/grpc-web is something else. */
static bool is_grpc(const struct http_head *head)
{
    const char *type = http_head_get(head, "Content-Type");
    size_t n = strlen(TYPE);
    return type && strncasecmp(type, TYPE, n) == 0 && strchr("+; \t", type[n]);
}

const struct http_service grpc_service = {is_grpc, {.handler = handle, .reads_body = true}};
