/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "http2/http2.h"
#include "http2/parts.h"

enum {
    STREAMS = 100,
    HEAD_BYTES = 16 * 1024,
    /* A server's clients are near; a client's servers are far away, and send more than they get. */
    SERVER_WINDOW = 64 * 1024,
    CLIENT_WINDOW = 256 * 1024,
    STALL_MS = 300000,
    IDLE_MS = 60000,
    SETTINGS_MS = 10000,
    ENDING_MS = 1000,                               /* for the peer to read why */
    TICKS = 4,                                      /* in the shortest of these times */
    RESETS = 200, RESETS_PER_S = 50,
    IDLE_FRAMES = 1000, IDLE_FRAMES_PER_S = 100,
    QUEUE_MAX = 2000,                               /* frames that wait to be sent */
    BATCH = 48 * 1024,
    OUT_KEPT = 4096,                                /* memory of a connection between two writes */
};

static void tell_ended(struct http2 *h, const char *why)
{
    if (h->state == HTTP2_ENDED)
        return;
    h->state = HTTP2_ENDED;
    uv_timer_stop(&h->timer);
    if (!h->closing)
        h->calls->ended(h->owner, why);
}

static void break_streams(struct http2 *h, int status)
{
    for (struct http2_stream *s = h->streams; s; s = s->next)
        http2_stream_break(s, status);
}

static void end_waited(uv_timer_t *timer)
{
    struct http2 *h = timer->data;
    tell_ended(h, h->problem);
}

static void flush(struct http2 *h)
{
    if (!h->out.len)
        return;
    h->congested = !net_write(h->below, h->out.data, h->out.len);
    if (h->out.cap > OUT_KEPT)
        buf_free(&h->out);
    else
        buf_clear(&h->out);
}

/* Our side ends; the peer gets the time to read why. */
static void begin_end(struct http2 *h)
{
    if (h->state != HTTP2_OPEN)
        return;
    flush(h);
    h->state = HTTP2_ENDING;
    break_streams(h, UV_ECONNRESET);
    net_read(h->below);
    net_finish(h->below);
    uv_timer_start(&h->timer, end_waited, ENDING_MS, 0);
}

/* ---- sending ---- */

static void on_resume(uv_idle_t *idle);

/* One write's worth of frames.  False: there are no more. */
static bool collect(struct http2 *h)
{
    const uint8_t *bytes;
    ssize_t n = 1;
    while (h->out.len < BATCH && n > 0) {
        h->in_session = true;
        n = nghttp2_session_mem_send(h->session, &bytes);
        h->in_session = false;
        if (n > 0)
            buf_add(&h->out, bytes, (size_t)n);
    }
    return h->out.len >= BATCH;
}

/* What streams write in one turn of the loop is one write below. */
void http2_pump(struct http2 *h)
{
    if (h->in_session || h->closing || h->state != HTTP2_OPEN)
        return;
    while (!h->congested && collect(h))
        flush(h);
    if (h->out.len && !h->settling)
        uv_idle_start(&h->resume, on_resume);
    if (nghttp2_session_get_outbound_queue_size(h->session) > QUEUE_MAX && !h->fault)
        h->fault = "the peer makes more answers necessary than it reads";
}

/* ---- settling ---- */

void http2_wake(struct http2_stream *s)
{
    struct http2 *h = s->h;
    if (!s->due) {
        s->due = true;
        s->next_due = NULL;
        *h->due_end = s;
        h->due_end = &s->next_due;
    }
    if (!h->settling)
        uv_idle_start(&h->resume, on_resume);
}

static void tell_settled(struct http2 *h)
{
    if (!h->settled_due)
        return;
    h->settled_due = false;
    if (!h->closing && h->calls->settled)
        h->calls->settled(h->owner);
}

static void settle_streams(struct http2 *h)
{
    h->settling = true;
    tell_settled(h);
    while (h->due) {
        struct http2_stream *s = h->due;
        h->due = s->next_due;
        if (!h->due)
            h->due_end = &h->due;
        s->due = false;
        http2_stream_settle(s);
    }
    h->settling = false;
}

/* The peer is told why it is sent away, whatever waits below. */
static void send_away(struct http2 *h, uint32_t code, const char *why)
{
    snprintf(h->problem, sizeof h->problem, "%s", why);
    nghttp2_session_terminate_session(h->session, code);
    h->congested = false;
    http2_pump(h);
    begin_end(h);
}

static bool is_over(const struct http2 *h)
{
    return !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
}

static void resume_closed(uv_handle_t *handle);

static void close_if_empty(struct http2 *h)
{
    if (!h->closing || h->n_streams || h->resume_closing)
        return;
    h->resume_closing = true;
    uv_close((uv_handle_t *)&h->resume, resume_closed);
}

/* After anything that happened: owners are told, frames sent, and a connection that is over
 * ends. */
static void settle(struct http2 *h)
{
    if (h->settling)
        return;
    http2_pump(h);
    settle_streams(h);
    http2_pump(h);
    if (h->state == HTTP2_OPEN && !h->closing) {
        if (h->fault)
            send_away(h, NGHTTP2_ENHANCE_YOUR_CALM, h->fault);
        else if (is_over(h) || ((h->peer_leaves || h->leaving) && !h->n_streams))
            begin_end(h);
        settle_streams(h);
    }
    if (!h->closing)
        flush(h);
    close_if_empty(h);
}

static void receive(struct http2 *h, const char *bytes, size_t len)
{
    h->in_session = true;
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, len);
    h->in_session = false;
    if (n >= 0 || h->fault)
        return;
    bool flood = n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
    if (flood)
        h->fault = nghttp2_strerror((int)n);
    else
        send_away(h, NGHTTP2_PROTOCOL_ERROR, *h->problem ? h->problem : nghttp2_strerror((int)n));
}

/* What was read before the connection began comes before what the stream below reads. */
static void receive_early(struct http2 *h)
{
    struct buf early = h->early;
    h->early = (struct buf){0};
    if (early.len && h->state == HTTP2_OPEN)
        receive(h, early.data, early.len);
    buf_free(&early);
}

static void on_resume(uv_idle_t *idle)
{
    struct http2 *h = idle->data;
    uv_idle_stop(idle);
    receive_early(h);
    settle(h);
}

/* ---- the stream below ---- */

/* An owner that sends its request again must not do so here. */
static void lose_below(struct http2 *h, int status, const char *why)
{
    h->peer_leaves = true;
    break_streams(h, status);
    settle(h);
    tell_ended(h, why);
}

static void below_read(void *owner, const char *bytes, ssize_t n)
{
    struct http2 *h = owner;
    receive_early(h);
    if (n < 0) {
        lose_below(h, UV_ECONNRESET, n == UV_EOF ? h->problem : uv_strerror((int)n));
    } else if (h->state == HTTP2_OPEN && !h->fault) {
        receive(h, bytes, (size_t)n);
        settle(h);
    }
}

static void below_drained(void *owner, int status)
{
    struct http2 *h = owner;
    h->congested = false;
    if (status < 0)
        lose_below(h, UV_ECONNRESET, uv_strerror(status));
    else
        settle(h);
}

/* TLS may still be shaking hands. */
static void below_connected(void *owner, int status)
{
    struct http2 *h = owner;
    if (status != 0)
        lose_below(h, status, uv_strerror(status));
}

static void free_connection(struct http2 *h)
{
    void (*closed)(void *) = h->calls->closed;
    void *owner = h->owner;
    if (--h->handles)
        return;
    nghttp2_session_del(h->session);
    http2_block_free(&h->block);
    buf_free(&h->early);
    buf_free(&h->out);
    free(h);
    closed(owner);
}

static void below_closed(void *owner)
{
    free_connection(owner);
}

static void timer_closed(uv_handle_t *handle)
{
    free_connection(handle->data);
}

static void resume_closed(uv_handle_t *handle)
{
    free_connection(handle->data);
}

static const struct net_calls below_calls = {.read = below_read,
                                             .drained = below_drained,
                                             .connected = below_connected,
                                             .closed = below_closed};

/* ---- time ---- */

/* A request whose head does not come is none. */
static bool is_used(const struct http2 *h)
{
    for (const struct http2_stream *s = h->streams; s; s = s->next)
        if (s->stream.calls)
            return true;
    return false;
}

static void on_tick(uv_timer_t *timer)
{
    struct http2 *h = timer->data;
    uint64_t now = uv_now(h->loop);
    for (struct http2_stream *s = h->streams; s; s = s->next)
        if (http2_stream_has_data(s) && now - s->moved_ms >= h->limits.stall_ms)
            http2_stream_reset(s, NGHTTP2_CANCEL, UV_ETIMEDOUT);
    if (is_used(h))
        h->idle_ms = now;
    else if (now - h->idle_ms >= h->limits.idle_ms)
        send_away(h, NGHTTP2_NO_ERROR, "");
    if (!h->server && !h->settled && now - h->begun_ms >= h->limits.settings_ms)
        send_away(h, NGHTTP2_SETTINGS_TIMEOUT, "the server did not send its settings in time");
    settle(h);
}

/* ---- the beginning and the end ---- */

static void take_limits(struct http2 *h, const struct http2_limits *limits)
{
    static const struct http2_limits none = {0};
    const struct http2_limits *l = limits ? limits : &none;
    h->limits = (struct http2_limits){
        .streams = l->streams ? l->streams : STREAMS,
        .head_bytes = l->head_bytes ? l->head_bytes : HEAD_BYTES,
        .window = l->window ? l->window : h->server ? SERVER_WINDOW : CLIENT_WINDOW,
        .stall_ms = l->stall_ms ? l->stall_ms : STALL_MS,
        .idle_ms = l->idle_ms ? l->idle_ms : IDLE_MS,
        .settings_ms = l->settings_ms ? l->settings_ms : SETTINGS_MS};
}

static void start_timer(struct http2 *h)
{
    const struct http2_limits *l = &h->limits;
    unsigned shorter = l->stall_ms < l->idle_ms ? l->stall_ms : l->idle_ms;
    if (!h->server && l->settings_ms < shorter)
        shorter = l->settings_ms;
    uv_timer_init(h->loop, &h->timer);
    h->timer.data = h;
    uv_timer_start(&h->timer, on_tick, shorter / TICKS + 1, shorter / TICKS + 1);
}

static struct http2 *connection_new(struct net_stream *below, bool server, bool secure,
                                    const struct http2_limits *limits,
                                    const struct http2_calls *calls, void *owner)
{
    struct http2 *h = alloc_zero(1, sizeof *h);
    uint64_t now = uv_now(net_loop(below));
    h->loop = net_loop(below);
    h->below = below;
    h->calls = calls;
    h->owner = owner;
    h->server = server;
    h->secure = secure;
    h->due_end = &h->due;
    h->handles = 3;
    h->begun_ms = h->idle_ms = now;
    h->resets = rate_of(RESETS, RESETS_PER_S, now);
    h->idle_frames = rate_of(IDLE_FRAMES, IDLE_FRAMES_PER_S, now);
    take_limits(h, limits);
    start_timer(h);
    uv_idle_init(h->loop, &h->resume);
    h->resume.data = h;
    http2_session_new(h);
    net_set_owner(below, &below_calls, h);
    net_read(below);
    uv_idle_start(&h->resume, on_resume);
    return h;
}

struct http2 *http2_server_new(struct net_stream *below, const void *first, size_t n_first,
                               bool secure, const struct http2_limits *limits,
                               const struct http2_calls *calls, void *owner)
{
    struct http2 *h = connection_new(below, true, secure, limits, calls, owner);
    buf_add(&h->early, first, n_first);
    return h;
}

struct http2 *http2_client_new(struct net_stream *below, bool secure,
                               const struct http2_limits *limits, const struct http2_calls *calls,
                               void *owner)
{
    return connection_new(below, false, secure, limits, calls, owner);
}

bool http2_may_open(const struct http2 *h)
{
    return h->state == HTTP2_OPEN && !h->closing && !h->fault && !h->peer_leaves &&
           !h->requires_http_1_1 &&
           nghttp2_session_check_request_allowed(h->session) &&
           h->n_streams < nghttp2_session_get_remote_settings(
                              h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

unsigned http2_streams(const struct http2 *h)
{
    return h->n_streams;
}

bool http2_takes_websockets(const struct http2 *h)
{
    return nghttp2_session_get_remote_settings(h->session,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool http2_requires_http_1_1(const struct http2 *h)
{
    return h->requires_http_1_1;
}

void http2_leave(struct http2 *h)
{
    if (h->leaving || h->closing || h->state != HTTP2_OPEN)
        return;
    h->leaving = true;
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR,
                          NULL, 0);
    uv_idle_start(&h->resume, on_resume);
}

void http2_close(struct http2 *h)
{
    if (h->closing)
        return;
    if (h->state == HTTP2_OPEN)
        flush(h);
    h->closing = true;
    break_streams(h, UV_ECANCELED);
    net_close(h->below);
    uv_close((uv_handle_t *)&h->timer, timer_closed);
    if (!h->n_streams)
        uv_idle_start(&h->resume, on_resume);       /* which ends it from the loop */
}
