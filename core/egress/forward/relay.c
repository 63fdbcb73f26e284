/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/forward/relay.h"

#include <stdio.h>
#include <string.h>

#include "egress/answer/reduce.h"
#include "egress/deny.h"
#include "egress/forward/retry.h"
#include "egress/inspect/credentials.h"
#include "egress/judge.h"
#include "egress/record.h"
#include "egress/tunnel/tunnel.h"
#include "egress/voters/message.h"
#include "egress/voters/question.h"
#include "egress/voters/response.h"
#include "egress/websocket/handshake.h"
#include "egress/websocket/websocket.h"

static const struct client_state relay_state;

/* What our own fields and the framing of a body add, mostly. */
enum { HEAD_ROOM = 512, INTERIMS_MAX = 32 };

/* ---- the request ---- */

void egress_relay_malformed(struct client *c)
{
    int status;
    struct egress_refusal refusal;
    const char *why = http_parser_error(c->requests, &status);
    egress_refuse(&refusal, status == 431 ? REFUSAL_LONG : REFUSAL_MALFORMED, "%s", why);
    egress_client_refuse(c, &refusal);
}

/* Bytes of an answer are with the client already: no other answer can take its place. */
static void bad_request(struct client *c)
{
    if (c->exchange.response)
        egress_client_close(c);
    else if (c->exchange.secrets.refused)
        egress_credentials_refuse_body(c);
    else
        egress_relay_malformed(c);
}

/* The beginning of the body, which was kept back for voters. */
static bool take_kept(struct client *c, struct buf *out)
{
    struct buf *kept = &c->exchange.body;
    bool passes = !kept->len || egress_credentials_pass_body(c, kept->data, kept->len);
    if (passes && kept->len)
        egress_frame_body(out, c->exchange.head->chunked, kept->data, kept->len);
    buf_free(kept);
    question_forget_body(c);
    return passes;
}

static enum http_event take_request(struct client *c, struct buf *out)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    bool chunked = c->exchange.head->chunked;
    enum http_event event;
    if (!take_kept(c, out))
        return HTTP_BAD;
    while ((event = http_parser_next(c->requests, &bytes, &len, &body, &body_len)) ==
           HTTP_GOT_BODY) {
        if (!egress_credentials_pass_body(c, body, body_len))
            return HTTP_BAD;
        egress_frame_body(out, chunked, body, body_len);
    }
    if (event == HTTP_GOT_END)
        egress_frame_end(out, chunked, NULL);
    buf_consume(&c->pending, c->pending.len - len);
    return event;
}

static void pass_request(struct client *c, struct buf *out)
{
    if (net_write(c->upstream.stream, out->data, out->len))
        net_read(c->stream);
    else
        net_pause(c->stream);
    if (c->exchange.secrets.in_head)
        buf_wipe(out);
    else
        buf_free(out);
}

/* What is here of the request's body goes on its way, behind what is in out; out is freed. */
static void send_request(struct client *c, struct buf *out)
{
    enum http_event event = take_request(c, out);
    if (event == HTTP_BAD) {
        buf_free(out);
        bad_request(c);
        return;
    }
    c->exchange.request_done = event == HTTP_GOT_END;
    pass_request(c, out);
}

/* The body was read before the decision. */
static void send_whole(struct client *c, const struct buf *body, struct buf *out)
{
    buf_add(out, body->data, body->len);
    buf_free(&c->exchange.body);
    question_forget_body(c);
    pass_request(c, out);
}

static bool waits_for_continue(const struct exchange *exchange)
{
    return exchange->head->minor > 0 && !exchange->request_done && !exchange->continued &&
           http_head_lists(exchange->head, "Expect", "100-continue");
}

void egress_relay_continue(struct client *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (waits_for_continue(&c->exchange))
        net_write(c->stream, go_on, sizeof go_on - 1);
    c->exchange.continued = true;
}

/* An origin that leaves a body unread takes it for the next request, which neither rules nor voters
 * would have judged: then there must be no next one. */
static bool is_last(const struct exchange *exchange)
{
    const struct http_head *head = exchange->head;
    return egress_exchange_seen_path(exchange) && (head->chunked || head->length > 0);
}

/* NULL: the client's own. */
static const char *extensions_of(const struct client *c)
{
    if (!egress_websocket_is_inspected(c))
        return NULL;
    return egress_websocket_offer(c->exchange.head,
                                  egress_upgrade_is_watched(c, MESSAGE_OF_SERVER));
}

/* HTTP/2 has trailers everywhere; some of its clients, such as those of gRPC, ask for them. */
static bool asks_for_trailers(const struct client *c)
{
    return c->carrier && http_head_lists(c->exchange.head, "TE", "trailers");
}

static void print_head(const struct client *c, const struct egress_filled *filled,
                       const struct buf *body, struct buf *out)
{
    const struct exchange *exchange = &c->exchange;
    const char *seen = egress_exchange_seen_path(exchange);
    bool replaced = filled->target.len > 0;
    const struct egress_rewrite how = {
        .path = replaced ? filled->target.data : seen ? seen : exchange->path,
        .query = seen && !replaced ? exchange->path + strcspn(exchange->path, "?") : "",
        .whole = exchange->request_done,
        .length = body->len,
        .default_port = c->inspected == INSPECTED_TLS ? 443 : 80,
        .via = !c->inspected,
        .last = is_last(exchange),
        .plain = egress_reduce_wanted(c) || egress_answer_is_watched(c),
        .trailers = asks_for_trailers(c),
        .websocket = exchange->websocket,
        .extensions = extensions_of(c)};
    egress_rewrite_request(exchange->head, &c->route.target, &how, out);
}

static void client_has_ended(struct client *c)
{
    c->ended = true;
    if (c->exchange.request_done) {
        egress_client_has_ended(c);
        return;
    }
    http_parser_eof(c->requests);
    bad_request(c);
}

/* The head, and what is here of the body. */
static void begin_request(struct client *c, const struct egress_filled *filled)
{
    struct buf out = {0};
    const struct buf *body = filled->body.len ? &filled->body : &c->exchange.body;
    buf_reserve(&out, HEAD_ROOM);
    print_head(c, filled, body, &out);
    net_read(c->upstream.stream);
    if (c->exchange.request_done)
        send_whole(c, body, &out);
    else
        send_request(c, &out);
}

/* False: the request is refused, as its credentials are not what they were. */
static bool begin_with_credentials(struct client *c)
{
    struct egress_filled filled = {0};
    struct egress_refusal refusal;
    if (c->exchange.secrets.in_head && egress_credentials_fill(c, &filled, &refusal) != 0) {
        egress_credentials_refuse(c, &refusal);
        return false;
    }
    begin_request(c, &filled);
    egress_filled_undo(c, &filled);
    return true;
}

static bool begin_of_service(struct client *c)
{
    struct buf out = {0};
    c->service->print(c, &out);
    net_read(c->upstream.stream);
    net_write(c->upstream.stream, out.data, out.len);
    net_read(c->stream);
    buf_wipe(&out);
    return true;
}

void egress_relay_begin(struct client *c)
{
    c->state = &relay_state;
    egress_client_expect(c, 0);
    if (!c->upstream.responses) {
        c->upstream.responses = http_parser_new(HTTP_OF_SERVER, EGRESS_HEAD_MAX);
        http_parser_keep_trailers(c->upstream.responses);
    }
    bool begun = c->service ? begin_of_service(c) : begin_with_credentials(c);
    if (!begun || c->state != &relay_state)
        return;
    if (c->ended)
        client_has_ended(c);
    else
        egress_relay_continue(c);
}

static void relay_client_read(struct client *c, const char *bytes, ssize_t n)
{
    struct buf out = {0};
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        if (!c->exchange.request_done)
            send_request(c, &out);
        else if (!egress_client_has_room(c))
            net_pause(c->stream);
        return;
    }
    if (n == UV_EOF)
        client_has_ended(c);
    else
        egress_client_close(c);
}

/* ---- the response ---- */

/* It cannot be passed on: said while there is still room for it, else by breaking off. */
static void bad_response(struct client *c, enum egress_refusal_kind kind, const char *reason)
{
    struct egress_refusal refusal;
    if (c->exchange.response && !c->service) {
        egress_record_failed(c, reason);
        egress_client_close(c);
        return;
    }
    egress_refuse(&refusal, kind, "%s", reason);
    snprintf(refusal.detail, sizeof refusal.detail, "the answer of %s cannot be passed on",
             c->route.target.authority);
    egress_fail(c, &refusal);
}

/* Everything the client is to have is with the kernel. */
static void response_sent(struct client *c)
{
    const struct exchange *exchange = &c->exchange;
    if (c->service)
        c->service->end(c);
    if (!exchange->framing.keep_alive || !exchange->request_done) {
        egress_client_end(c);
        return;
    }
    c->upstream.used = true;
    if (!exchange->reusable || c->upstream.ended || c->upstream.http2)
        egress_client_drop_upstream(c);
    egress_client_next(c);
}

/* NULL, or why the response, which switches protocols, is not acceptable. */
static const char *check_switch(const struct client *c, const struct http_head *response)
{
    if (!c->exchange.websocket)
        return "it switched protocols without being asked to";
    return egress_websocket_problem(c->exchange.head, response, extensions_of(c));
}

/* NULL, or why it cannot be passed on.  Interim responses without end would be memory of ours where
 * the client does not read them. */
static const char *take_interim(struct client *c, struct http_head *response, struct buf *out)
{
    const char *problem = response->status == 101 ? check_switch(c, response) : NULL;
    if (++c->exchange.interims > INTERIMS_MAX)
        problem = "it sent more than 32 interim responses";
    c->exchange.switched = response->status == 101 && !problem;
    c->exchange.deflate = http_head_get(response, "Sec-WebSocket-Extensions") != NULL;
    c->exchange.deflate_context = egress_websocket_keeps_context(response);
    if (c->exchange.switched)
        egress_rewrite_upgrade(response, egress_answer_is_watched(c), out);
    else if (!problem && c->exchange.head->minor > 0 && !egress_answer_is_watched(c))
        egress_rewrite_interim(response, out);
    http_head_free(response);
    return problem;
}

/* NULL, or why this is no answer to what was asked. */
static const char *take_head(struct client *c, struct buf *out)
{
    struct exchange *exchange = &c->exchange;
    struct http_head *response = http_parser_take_head(c->upstream.responses);
    if (response->status < 200) {
        http_parser_no_body(c->upstream.responses);
        return take_interim(c, response, out);
    }
    exchange->response = response;
    egress_reduce_begin(c, response);
    exchange->reusable = response->keep_alive && !is_last(exchange);
    exchange->framing = egress_frame_response(exchange->head, response);
    if (exchange->framing.no_body)
        http_parser_no_body(c->upstream.responses);
    egress_rewrite_response(exchange->head, response, &exchange->framing, !c->inspected, out);
    return NULL;
}

/* HTTP_MORE, HTTP_BAD, HTTP_GOT_END when the response is complete, or HTTP_GOT_HEAD when its head
 * is not acceptable, which has a problem, or protocols are switched: what follows is left. */
static enum http_event take_response(struct client *c, const char **bytes, size_t *len,
                                     struct buf *out, const char **problem)
{
    struct exchange *exchange = &c->exchange;
    for (;;) {
        const char *body;
        size_t body_len;
        enum http_event event =
            http_parser_next(c->upstream.responses, bytes, len, &body, &body_len);
        if (event == HTTP_GOT_HEAD && (*problem = take_head(c, out)))
            return event;
        if (exchange->switched)
            return HTTP_GOT_HEAD;
        if (event == HTTP_GOT_BODY) {
            egress_answer_add(c, body, body_len);
            egress_reduce_body(c, body, body_len, out);
        }
        if (event == HTTP_GOT_END && exchange->response && *len)
            exchange->reusable = false;             /* nobody asked for more */
        if (event == HTTP_MORE || event == HTTP_BAD ||
            (event == HTTP_GOT_END && exchange->response))
            return event;
    }
}

/* From here on the connection is no longer HTTP.  bytes follow the response. */
static void switch_protocols(struct client *c, struct buf *response, const char *bytes, size_t len)
{
    bool inspected = egress_websocket_is_inspected(c);
    if (!inspected)
        buf_add(response, bytes, len);
    net_write(c->stream, response->data, response->len);
    if (inspected)
        egress_websocket_begin(c, bytes, len);
    else
        egress_tunnel_pass(c);
}

static void pass_on(struct client *c, struct buf *out, bool complete)
{
    if (complete)
        egress_reduce_end(c, out);
    c->exchange.response_done = complete;
    bool taken = net_write(c->stream, out->data, out->len);
    if (complete && taken)
        response_sent(c);
    else if (!taken)
        net_pause(c->upstream.stream);
}

/* As far as the client may have it. */
static void hand_on(struct client *c, struct buf *out, bool complete)
{
    if (egress_answer_is_held(c))
        egress_answer_hold(c, out, complete, pass_on);
    else
        pass_on(c, out, complete);
}

static void upstream_ended(struct client *c, ssize_t n)
{
    struct buf out = {0};
    char reason[256];
    if (egress_retry_is_harmless(c)) {
        c->exchange.retried = true;
        egress_client_drop_upstream(c);
        c->idle->again(c);
        return;
    }
    c->upstream.ended = true;
    if (n == UV_EOF && c->exchange.response && egress_retry_ends_well(c) &&
        http_parser_eof(c->upstream.responses) == HTTP_GOT_END) {
        hand_on(c, &out, true);
        buf_free(&out);
        return;
    }
    if (egress_answer_is_untold(c))
        egress_answer_forget(c);
    snprintf(reason, sizeof reason, "%s broke the connection off before its answer was complete"
             "%s%s", c->route.target.authority, n == UV_EOF ? "" : ": ",
             n == UV_EOF ? "" : uv_strerror((int)n));
    bad_response(c, REFUSAL_UNREACHABLE, reason);
}

static void relay_upstream_read(struct client *c, const char *bytes, ssize_t n)
{
    struct buf out = {0};
    const char *problem = NULL;
    size_t len = (size_t)n;
    int status;
    if (c->exchange.response_done) {
        c->exchange.reusable = false;
        return;
    }
    if (n < 0) {
        upstream_ended(c, n);
        return;
    }
    if (c->service && !c->service->received(c, len))
        return;
    bool untold = !c->exchange.response || egress_answer_is_untold(c); /* to the client */
    buf_reserve(&out, len + HEAD_ROOM);
    enum http_event event = take_response(c, &bytes, &len, &out, &problem);
    if (event == HTTP_BAD && untold) {
        http_head_free(c->exchange.response);
        c->exchange.response = NULL;
    }
    if (c->exchange.switched)
        switch_protocols(c, &out, bytes, len);
    else if (problem)
        bad_response(c, REFUSAL_RESPONSE, problem);
    else if (event == HTTP_BAD)
        bad_response(c, REFUSAL_RESPONSE, http_parser_error(c->upstream.responses, &status));
    else
        hand_on(c, &out, event == HTTP_GOT_END);
    buf_free(&out);
}

static void relay_client_drained(struct client *c, int status)
{
    if (status != 0)
        egress_client_close(c);
    else if (c->exchange.response_done)
        response_sent(c);
    else
        net_read(c->upstream.stream);
}

static void relay_upstream_drained(struct client *c, int status)
{
    if (status == 0 && !c->ended && egress_client_has_room(c))
        net_read(c->stream);
}

static void relay_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    if (egress_judge(c, &refusal, &reason) != VERDICT_REFUSED) {
        buf_free(&reason);
        return;
    }
    if (egress_answer_is_untold(c))
        egress_answer_forget(c);
    if (c->exchange.response) {
        egress_record_ended(c, refusal.engine, refusal.reason, false);
        egress_client_close(c);
    } else {
        egress_deny_changed(c, &refusal);
    }
    buf_free(&reason);
}

static void relay_timed_out(struct client *c)
{
    if (c->service)
        c->service->timed_out(c);
    else if (egress_answer_is_held(c))
        egress_answer_ask(c);
    else
        egress_client_close(c);
}

static const struct client_state relay_state = {
    .timed_out = relay_timed_out,
    .client_read = relay_client_read,
    .upstream_read = relay_upstream_read,
    .client_drained = relay_client_drained,
    .upstream_drained = relay_upstream_drained,
    .policy_changed = relay_policy_changed,
};
