/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes that an owner writes to frames. */
#include <string.h>

#include "http2/fields.h"
#include "http2/parts.h"

/* What the owner writes is no message: a mistake of ours, or of a relay. */
static void give_up(struct http2_stream *s)
{
    http2_stream_reset(s, NGHTTP2_INTERNAL_ERROR, UV_EPROTO);
}

/* ---- the body ---- */

static void send_trailers(struct http2_stream *s)
{
    struct http2_fields fields;
    http2_fields_of_trailers(http_parser_trailers(s->parser), &fields);
    nghttp2_submit_trailer(s->h->session, s->id, fields.items, fields.n);
    http2_fields_free(&fields);
}

/* What nghttp2 may send of the body now. */
static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *connection)
{
    struct http2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    struct http2 *h = connection;
    (void)source;
    if (!s)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t n = s->data.len < max ? s->data.len : max;
    if (!n && !s->message_ended)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(to, buf_str(&s->data), n);
    buf_consume(&s->data, n);
    s->moved_ms = uv_now(h->loop);
    if (s->data.len)
        return (ssize_t)n;
    http2_wake(s);
    if (!s->message_ended)
        return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    s->end_sent = true;
    if (http_parser_trailers(s->parser)) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        send_trailers(s);
    }
    return (ssize_t)n;
}

/* ---- the head ---- */

static void submit_response(struct http2_stream *s, const struct http2_fields *fields, bool ends)
{
    const nghttp2_data_provider body = {.read_callback = read_body};
    if (nghttp2_submit_response(s->h->session, s->id, fields->items, fields->n,
                                ends ? NULL : &body) != 0)
        give_up(s);
}

static void submit_request(struct http2_stream *s, const struct http2_fields *fields, bool ends)
{
    const nghttp2_data_provider body = {.read_callback = read_body};
    int32_t id = nghttp2_submit_request(s->h->session, NULL, fields->items, fields->n,
                                        ends ? NULL : &body, s);
    if (id < 0) {
        s->refused = true;
        http2_stream_break(s, UV_ECONNRESET);
        return;
    }
    s->id = id;
    s->known = true;
}

static void send_request_head(struct http2_stream *s, const struct http_head *head, bool ends)
{
    struct http2_fields fields;
    bool websocket = *s->websocket_key;
    s->to_head = strcmp(head->method, "HEAD") == 0;
    if (websocket && !http2_takes_websockets(s->h)) {
        http2_stream_break(s, UV_ENOTSUP);
        return;
    }
    http2_fields_of_request(head, s->h->secure, websocket, &fields);
    submit_request(s, &fields, ends);
    http2_fields_free(&fields);
}

/* To a WebSocket request, only 101 says that the stream is open: 200 would say so to the client. */
static void send_response_head(struct http2_stream *s, const struct http_head *head, bool ends)
{
    struct http2_fields fields;
    bool refuses = *s->websocket_key && !s->switched && head->status / 100 == 2;
    if (refuses) {
        http2_stream_reset(s, NGHTTP2_CONNECT_ERROR, UV_EPROTO);
        return;
    }
    http2_fields_of_response(head, s->switched ? 200 : head->status, &fields);
    submit_response(s, &fields, ends);
    http2_fields_free(&fields);
}

static void send_interim_head(struct http2_stream *s, const struct http_head *head)
{
    struct http2_fields fields;
    http2_fields_of_response(head, head->status, &fields);
    nghttp2_submit_headers(s->h->session, NGHTTP2_FLAG_NONE, s->id, NULL, fields.items, fields.n,
                           NULL);
    http2_fields_free(&fields);
}

/* The head waits until it is known whether anything follows it: a frame says both. */
static void send_head(struct http2_stream *s, bool ends)
{
    struct http_head *head = s->head;
    s->head = NULL;
    if (!head || s->broken) {
        http_head_free(head);
        return;
    }
    if (s->h->server)
        send_response_head(s, head, ends);
    else
        send_request_head(s, head, ends);
    s->end_sent |= ends;
    http_head_free(head);
    http2_wake(s);
}

/* ---- the message ---- */

static void have_response_head(struct http2_stream *s, struct http_head *head)
{
    s->switched = head->status == 101 && *s->websocket_key;
    if (head->status < 200 || s->to_head)
        http_parser_no_body(s->parser);
    if (head->status >= 200 || s->switched) {
        s->head = head;
        return;
    }
    if (head->status != 101)
        send_interim_head(s, head);
    http_head_free(head);
}

static void have_request_head(struct http2_stream *s, struct http_head *head)
{
    const char *key = http_head_get(head, "Sec-WebSocket-Key");
    if (key && strlen(key) < sizeof s->websocket_key &&
        http_head_lists(head, "Upgrade", "websocket"))
        strcpy(s->websocket_key, key);
    s->head = head;
}

/* Nothing ends with an interim response, nor with a request that asks for a WebSocket. */
static void have_end(struct http2_stream *s)
{
    if (!s->message_begun || (!s->h->server && *s->websocket_key)) {
        send_head(s, false);
        return;
    }
    s->message_ended = true;
    send_head(s, !s->data.len && !http_parser_trailers(s->parser));
}

static void have_head(struct http2_stream *s, struct http_head *head)
{
    s->message_begun = !s->h->server || head->status >= 200;
    if (s->h->server)
        have_response_head(s, head);
    else
        have_request_head(s, head);
}

static void have_bytes(struct http2_stream *s, const char *bytes, size_t len)
{
    send_head(s, false);
    if (!s->broken)
        buf_add(&s->data, bytes, len);
}

static void parse(struct http2_stream *s, const char *bytes, size_t len)
{
    const char *body;
    size_t body_len;
    while (!s->message_ended && !s->broken && !s->switched) {
        switch (http_parser_next(s->parser, &bytes, &len, &body, &body_len)) {
        case HTTP_GOT_HEAD:
            have_head(s, http_parser_take_head(s->parser));
            break;
        case HTTP_GOT_BODY:
            have_bytes(s, body, body_len);
            break;
        case HTTP_GOT_END:
            have_end(s);
            break;
        case HTTP_BAD:
            give_up(s);
            return;
        case HTTP_MORE:
            send_head(s, false);
            return;
        }
    }
    if (s->switched)
        have_bytes(s, bytes, len);
}

void http2_take(struct http2_stream *s, const char *bytes, size_t len)
{
    if (s->message_ended || s->broken)
        return;
    if (s->switched)
        have_bytes(s, bytes, len);
    else
        parse(s, bytes, len);
    if (s->known && (s->data.len || s->message_ended) && !s->end_sent)
        nghttp2_session_resume_data(s->h->session, s->id);
}

void http2_take_end(struct http2_stream *s)
{
    if (s->message_ended || s->broken)
        return;
    if (s->switched)
        s->message_ended = true;
    else if (s->message_begun && http_parser_eof(s->parser) == HTTP_GOT_END)
        have_end(s);
    else
        give_up(s);
    if (s->known && s->message_ended && !s->end_sent)
        nghttp2_session_resume_data(s->h->session, s->id);
}
