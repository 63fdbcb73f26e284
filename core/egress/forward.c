/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its response, each parsed and written anew.  The upstream connection serves this
 * request only; the client's may go on with another one, which is decided on its own. */
#include "egress/connection.h"

#include <stdio.h>

static void bad_request(struct connection *c)
{
    if (c->response)
        egress_connection_close(c);
    else
        egress_connection_malformed(c);
}

static enum http_event take_request(struct connection *c, struct buf *out)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    bool chunked = c->flow.head->chunked;
    enum http_event event;
    while ((event = http_parser_next(c->requests, &bytes, &len, &body, &body_len)) == HTTP_GOT_BODY)
        egress_frame_body(out, chunked, body, body_len);
    if (event == HTTP_GOT_END)
        egress_frame_end(out, chunked);
    buf_consume(&c->pending, c->pending.len - len);
    return event;
}

/* What is here of the request's body goes on its way. */
static void send_request(struct connection *c)
{
    struct buf out = {0};
    enum http_event event = take_request(c, &out);
    if (event == HTTP_BAD) {
        buf_free(&out);
        bad_request(c);
        return;
    }
    c->request_done = event == HTTP_GOT_END;
    if (net_write(c->upstream, out.data, out.len))
        net_read(c->client);
    else
        net_pause(c->client);
    buf_free(&out);
}

void egress_forward_begin(struct connection *c)
{
    struct buf head = {0};
    c->state = CONNECTION_FORWARD;
    c->responses = http_parser_new(HTTP_OF_SERVER, EGRESS_HEAD_MAX);
    egress_rewrite_request(c->flow.head, &c->flow.target, c->flow.path, &head);
    net_write(c->upstream, head.data, head.len);
    buf_free(&head);
    net_read(c->upstream);
    send_request(c);
}

void egress_forward_client_read(struct connection *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        if (!c->request_done)
            send_request(c);
        else if (c->pending.len >= NET_READ_MAX)
            net_pause(c->client);
        return;
    }
    c->client_ended = true;
    if (n != UV_EOF) {
        egress_connection_close(c);
    } else if (!c->request_done) {
        http_parser_eof(c->requests);
        bad_request(c);
    } else {
        egress_connection_client_ended(c);
    }
}

/* The response cannot be passed on: said while there is still room for it, else by breaking off. */
static void bad_response(struct connection *c, enum egress_refusal_kind kind, const char *reason)
{
    struct egress_refusal refusal;
    egress_log_failure(c, reason);
    if (c->response) {
        egress_connection_close(c);
        return;
    }
    egress_refuse(&refusal, kind, "%s", reason);
    snprintf(refusal.detail, sizeof refusal.detail, "the answer of %s cannot be passed on",
             c->flow.target.authority);
    egress_connection_refuse(c, &refusal);
}

/* Everything the client is to have is with the kernel. */
static void response_sent(struct connection *c)
{
    if (c->framing.keep_alive && c->request_done)
        egress_connection_next_request(c);
    else
        egress_connection_end(c);
}

/* False: this is no answer to what was asked. */
static bool take_head(struct connection *c, struct buf *out)
{
    struct http_head *response = http_parser_take_head(c->responses);
    const struct http_head *request = c->flow.head;
    bool interim = response->status < 200, known = response->status != 101;
    if (interim) {
        http_parser_no_body(c->responses);
        if (known && request->minor > 0)
            egress_rewrite_interim(response, out);
        http_head_free(response);
        return known;
    }
    c->response = response;
    c->framing = egress_frame_response(request, response);
    if (c->framing.no_body)
        http_parser_no_body(c->responses);
    egress_rewrite_response(request, response, &c->framing, out);
    return true;
}

/* HTTP_MORE, HTTP_BAD, HTTP_GOT_END when the response is complete, or HTTP_GOT_HEAD when its head
 * is not acceptable. */
static enum http_event take_response(struct connection *c, const char *bytes, size_t len,
                                     struct buf *out)
{
    for (;;) {
        const char *body;
        size_t body_len;
        enum http_event event = http_parser_next(c->responses, &bytes, &len, &body, &body_len);
        if (event == HTTP_GOT_HEAD && !take_head(c, out))
            return event;
        if (event == HTTP_GOT_BODY)
            egress_frame_body(out, c->framing.chunked, body, body_len);
        if (event == HTTP_MORE || event == HTTP_BAD || (event == HTTP_GOT_END && c->response))
            return event;
    }
}

static void pass_on(struct connection *c, struct buf *out, bool complete)
{
    if (complete)
        egress_frame_end(out, c->framing.chunked);
    c->response_done = complete;
    bool taken = net_write(c->client, out->data, out->len);
    if (complete && taken)
        response_sent(c);
    else if (!taken)
        net_pause(c->upstream);
}

static void upstream_ended(struct connection *c, ssize_t n)
{
    struct buf out = {0};
    char reason[256];
    if (n == UV_EOF && c->response && http_parser_eof(c->responses) == HTTP_GOT_END) {
        pass_on(c, &out, true);
        buf_free(&out);
        return;
    }
    snprintf(reason, sizeof reason, "%s broke the connection off before its answer was complete"
             "%s%s", c->flow.target.authority, n == UV_EOF ? "" : ": ",
             n == UV_EOF ? "" : uv_strerror((int)n));
    bad_response(c, REFUSAL_UNREACHABLE, reason);
}

void egress_forward_upstream_read(struct connection *c, const char *bytes, ssize_t n)
{
    struct buf out = {0};
    int status;
    if (c->response_done)
        return;
    if (n < 0) {
        upstream_ended(c, n);
        return;
    }
    bool untold = !c->response;                     /* the client has nothing of it yet */
    enum http_event event = take_response(c, bytes, (size_t)n, &out);
    if (event == HTTP_BAD && untold) {
        http_head_free(c->response);
        c->response = NULL;
    }
    if (event == HTTP_GOT_HEAD)
        bad_response(c, REFUSAL_RESPONSE, "it switched protocols without being asked to");
    else if (event == HTTP_BAD)
        bad_response(c, REFUSAL_RESPONSE, http_parser_error(c->responses, &status));
    else
        pass_on(c, &out, event == HTTP_GOT_END);
    buf_free(&out);
}

void egress_forward_drained(struct connection *c, bool client, int status)
{
    if (client && status != 0)
        egress_connection_close(c);
    else if (client && c->response_done)
        response_sent(c);
    else if (client)
        net_read(c->upstream);
    else if (status == 0 && !c->client_ended && c->pending.len < NET_READ_MAX)
        net_read(c->client);
}
