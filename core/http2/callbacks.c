/* SPDX-License-Identifier: Apache-2.0 */
/* What nghttp2 tells while it reads and sends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "http2/parts.h"

/* Settings cost an acknowledgement each; a frame with content pays for some without. */
enum { SETTINGS_PRICE = 10, CONTENT_EARNS = 4 };

static struct http2_stream *stream_at(struct http2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

/* ---- floods ---- */

static int spend(struct http2 *h, struct rate *rate, unsigned price, const char *fault)
{
    if (rate_spend(rate, price, uv_now(h->loop)))
        return 0;
    h->fault = fault;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int spend_frames(struct http2 *h, unsigned price)
{
    return spend(h, &h->idle_frames, price, "the peer sends frames without use too fast");
}

static int spend_reset(struct http2 *h)
{
    return spend(h, &h->resets, 1, "streams are reset too fast");
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *connection)
{
    struct http2 *h = connection;
    (void)session;
    switch (hd->type) {
    case NGHTTP2_SETTINGS:
        return spend_frames(h, SETTINGS_PRICE);
    case NGHTTP2_PING:
    case NGHTTP2_PRIORITY:
    case NGHTTP2_WINDOW_UPDATE:
        return spend_frames(h, 1);
    case NGHTTP2_RST_STREAM:
        return spend_reset(h);
    case NGHTTP2_HEADERS:
        if (!h->server)
            return spend_frames(h, 1);              /* it may be one of many interim responses */
        rate_earn(&h->idle_frames, CONTENT_EARNS);
        return 0;
    default:
        return 0;
    }
}

static int have_data(struct http2 *h, const nghttp2_data *data)
{
    bool content = data->hd.length > data->padlen;
    if (content)
        rate_earn(&h->idle_frames, CONTENT_EARNS);
    return content || data->hd.flags & NGHTTP2_FLAG_END_STREAM ? 0 : spend_frames(h, 1);
}

/* A peer can make us reset its streams, too. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *connection)
{
    (void)session, (void)frame, (void)error;
    return spend_reset(connection);
}

/* ---- header blocks ---- */

static int begin_request(struct http2 *h, int32_t id)
{
    /* Their owners cannot keep up, or want no more. */
    if (h->n_streams >= 2 * h->limits.streams || h->leaving) {
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    struct http2_stream *s = http2_stream_new(h);
    s->id = id;
    s->known = true;
    nghttp2_session_set_stream_user_data(h->session, id, s);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *connection)
{
    struct http2 *h = connection;
    (void)session;
    http2_block_clear(&h->block);
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        return begin_request(h, frame->hd.stream_id);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *connection)
{
    struct http2 *h = connection;
    (void)session, (void)frame, (void)flags;
    http2_block_add(&h->block, (const char *)name, name_len, (const char *)value, value_len,
                    h->limits.head_bytes);
    return 0;
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *connection)
{
    struct http2 *h = connection;
    (void)session, (void)frame, (void)name, (void)name_len, (void)value, (void)value_len;
    (void)flags;
    h->block.invalid = true;
    return 0;
}

static void have_headers(struct http2_stream *s, const nghttp2_frame *frame)
{
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (!s->h->server) {
        http2_have_response(s, ended);
        if (s->final)
            rate_earn(&s->h->idle_frames, 1 + CONTENT_EARNS);
    } else if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        http2_have_request(s, ended);
    }
}

/* ---- frames ---- */

static void have_end(struct http2_stream *s, uint8_t flags)
{
    if (!(flags & NGHTTP2_FLAG_END_STREAM))
        return;
    s->in_ended = true;
    http2_wake(s);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *connection)
{
    struct http2 *h = connection;
    uint8_t type = frame->hd.type;
    (void)session;
    if (type == NGHTTP2_GOAWAY)
        h->peer_leaves = true;
    if (type == NGHTTP2_SETTINGS && !h->server && !h->settled)
        h->settled = h->settled_due = true;
    if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA)
        return 0;
    struct http2_stream *s = stream_at(h, frame->hd.stream_id);
    if (s && type == NGHTTP2_HEADERS)
        have_headers(s, frame);
    if (s)
        have_end(s, frame->hd.flags);
    return type == NGHTTP2_DATA ? have_data(h, &frame->data) : 0;
}

/* The connection's window opens at once, so that a stream that its owner does not read stops no
 * other one; the stream's own window bounds what waits. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *connection)
{
    struct http2_stream *s = stream_at(connection, id);
    (void)flags;
    nghttp2_session_consume_connection(session, len);
    if (s) {
        buf_add(&s->body, bytes, len);
        http2_wake(s);
    }
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *connection)
{
    struct http2 *h = connection;
    (void)session;
    if (frame->hd.type == NGHTTP2_DATA && frame->hd.length)
        rate_earn(&h->idle_frames, CONTENT_EARNS);
    return 0;
}

/* A request that was waiting for its turn when the server left. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *connection)
{
    (void)session, (void)error;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct http2_stream *s = stream_at(connection, frame->hd.stream_id);
    if (!s)
        return 0;
    s->refused = true;
    http2_stream_break(s, UV_ECONNRESET);
    return 0;
}

/* Whether the response is complete, and of a server the request too.  A peer can reset a stream
 * with NO_ERROR at any time, so the code alone says nothing. */
static bool is_complete(const struct http2 *h, const struct http2_stream *s, int32_t id)
{
    if (!h->server)
        return s && s->in_ended;
    return nghttp2_session_get_stream_local_close(h->session, id) == 1 &&
           nghttp2_session_get_stream_remote_close(h->session, id) == 1;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *connection)
{
    struct http2 *h = connection;
    struct http2_stream *s = stream_at(h, id);
    bool complete = is_complete(h, s, id);
    (void)session;
    if (code == NGHTTP2_NO_ERROR && complete)
        rate_earn(&h->resets, 1);
    if (!s)
        return 0;
    h->requires_http_1_1 |= code == NGHTTP2_HTTP_1_1_REQUIRED;
    s->refused = code == NGHTTP2_REFUSED_STREAM || code == NGHTTP2_HTTP_1_1_REQUIRED;
    if (complete && (code == NGHTTP2_NO_ERROR || !h->server))
        http2_stream_over(s);
    else
        http2_stream_break(s, UV_ECONNRESET);
    return 0;
}

static int on_error(nghttp2_session *session, int code, const char *text, size_t len,
                    void *connection)
{
    struct http2 *h = connection;
    (void)session, (void)code;
    snprintf(h->problem, sizeof h->problem, "%.*s", (int)len, text);
    return 0;
}

/* ---- the session ---- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *calls;
    if (nghttp2_session_callbacks_new(&calls) != 0)
        die("out of memory");
    nghttp2_session_callbacks_set_on_begin_frame_callback(calls, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(calls, on_invalid_header);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(calls, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(calls, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(calls, on_frame_not_send);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_stream_close);
    nghttp2_session_callbacks_set_error_callback2(calls, on_error);
    return calls;
}

/* nghttp2 has a limit of resets, too, which ends connections without saying why. */
static nghttp2_option *make_options(const struct http2 *h)
{
    enum { NEVER = 1 << 30 };
    nghttp2_option *options;
    if (nghttp2_option_new(&options) != 0)
        die("out of memory");
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_stream_reset_rate_limit(options, NEVER, NEVER);
    if (!h->server)                                 /* servers are not that strict */
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1);
    return options;
}

static void submit_settings(struct http2 *h)
{
    enum { SERVER_CONNECTION_WINDOW = 1 << 20, CLIENT_CONNECTION_WINDOW = 16 << 20 };
    const struct http2_limits *l = &h->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, l->window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, l->head_bytes},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, h->server ? l->streams : 0},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        {h->server ? NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL : NGHTTP2_SETTINGS_ENABLE_PUSH,
         h->server ? 1 : 0}};
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
                            sizeof settings / sizeof *settings);
    nghttp2_session_set_local_window_size(
        h->session, NGHTTP2_FLAG_NONE, 0,
        h->server ? SERVER_CONNECTION_WINDOW : CLIENT_CONNECTION_WINDOW);
}

void http2_session_new(struct http2 *h)
{
    nghttp2_session_callbacks *calls = make_callbacks();
    nghttp2_option *options = make_options(h);
    int rc = h->server ? nghttp2_session_server_new2(&h->session, calls, h, options)
                       : nghttp2_session_client_new2(&h->session, calls, h, options);
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(options);
    if (rc != 0)
        die("out of memory");
    submit_settings(h);
}
