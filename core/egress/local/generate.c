/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/generate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "egress/forward/relay.h"
#include "egress/inspect/inspect.h"
#include "egress/local/inference.h"
#include "egress/local/model.h"
#include "egress/reach.h"
#include "egress/record.h"

static const struct client_state body_state;

/* ---- answers ---- */

static void answer(struct client *c, int status, const char *error, const char *hint)
{
    struct buf out = {0};
    inference_print_error(status, error, hint, &out);
    egress_client_answer(c, &out);
    buf_free(&out);
}

static bool is_event_stream(const struct client *c)
{
    const char *type = http_head_get(c->exchange.response, "Content-Type");
    return type && strncasecmp(type, "text/event-stream", 17) == 0 && c->exchange.framing.chunked &&
           !http_head_get(c->exchange.response, "Content-Encoding");
}

/* Bytes of the answer are with the client already. */
static void break_off(struct client *c, const char *message)
{
    struct buf out = {0};
    if (!is_event_stream(c)) {
        egress_client_close(c);
        return;
    }
    inference_print_broken(message, &out);
    egress_client_answer(c, &out);
    buf_free(&out);
}

static void generate_fail(struct client *c, const struct egress_refusal *why)
{
    if (c->exchange.response)
        break_off(c, "the server broke its answer off");
    else if (why->kind == REFUSAL_RESPONSE)
        answer(c, 502, "inference service error", NULL);
    else
        answer(c, 503, "inference service unavailable", NULL);
}

static void generate_timed_out(struct client *c)
{
    egress_record_failed(c, "the server of inference.local does not answer in time");
    if (c->exchange.response)
        break_off(c, "the server was silent for too long");
    else
        answer(c, 503, "inference service unavailable", NULL);
}

static bool generate_received(struct client *c, size_t n)
{
    c->generate->received += n;
    if (c->exchange.response)
        egress_client_expect(c, GENERATE_IDLE_MS);
    if (c->generate->received <= GENERATE_ANSWER_MAX)
        return true;
    egress_record_failed(c, "an answer of inference.local is longer than 32 MiB");
    if (c->exchange.response)
        break_off(c, "the answer is longer than 32 MiB");
    else
        answer(c, 502, "inference service error", NULL);
    return false;
}

static void generate_end(struct client *c)
{
    egress_client_expect(c, 0);
    egress_client_drop_upstream(c);
    egress_addresses_free(&c->route.addresses);
    c->route.target = c->generate->own;
}

/* ---- requests ---- */

static void send_request(struct client *c)
{
    unsigned ms = c->generate->route->timeout_ms;
    egress_relay_begin(c);
    if (c->upstream.stream)
        egress_client_expect(c, ms);
}

static void connect_to_route(struct client *c)
{
    egress_reach_connect(c, send_request);
}

static void have_body(struct client *c)
{
    const char *path;
    const struct inference_route *route = c->generate->route;
    bool posts = strcmp(c->exchange.head->method, "POST") == 0;
    if (posts && model_set(&c->exchange.body, route->model) != 0) {
        answer(c, 400, "Bad Request", "the body is no JSON object");
        return;
    }
    egress_record_served(c, "inference");
    inference_url_read(route->base_url, &c->route.target, &c->generate->secure, &path);
    c->protocols = EGRESS_HTTP_1_1;
    c->generate->received = 0;
    egress_reach_addresses(c, connect_to_route);
}

static bool is_too_much(const struct client *c)
{
    size_t all = 0;
    for (const struct client *other = c->proxy->clients; other; other = other->next)
        all += other->generate ? other->exchange.body.len : 0;
    return all > GENERATE_BODIES_MAX;
}

static void take_body(struct client *c)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    struct buf *all = &c->exchange.body;
    enum http_event event;
    while ((event = http_parser_next(c->requests, &bytes, &len, &body, &body_len)) ==
               HTTP_GOT_BODY &&
           all->len + body_len <= GENERATE_BODY_MAX)
        buf_add(all, body, body_len);
    buf_consume(&c->pending, c->pending.len - len);
    if (event == HTTP_GOT_BODY || is_too_much(c)) {
        answer(c, 413, "Payload Too Large", NULL);
    } else if (event == HTTP_BAD) {
        answer(c, 400, "Bad Request", NULL);
    } else if (event == HTTP_GOT_END) {
        net_pause(c->stream);
        c->exchange.request_done = true;
        egress_client_expect(c, 0);
        egress_client_take_turn(c, have_body);
    }
}

static void body_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n < 0) {
        egress_client_close(c);
        return;
    }
    buf_add(&c->pending, bytes, (size_t)n);
    take_body(c);
}

static void body_timed_out(struct client *c)
{
    answer(c, 408, "Request Timeout", NULL);
}

static const struct client_state body_state = {
    .client_read = body_client_read, .timed_out = body_timed_out};

/* False: it is answered. */
static bool choose_route(struct client *c)
{
    enum inference_protocol protocol = INFERENCE_OPENAI;
    const struct inference_routes *routes = c->proxy->inference;
    enum inference_call call =
        inference_call_find(c->exchange.head->method, c->exchange.path, &protocol);
    c->generate->route = inference_route_find(routes, call, protocol);
    if (call == INFERENCE_NONE)
        answer(c, 403, "connection not allowed by policy", NULL);
    else if (!routes || !routes->n)
        answer(c, 503, "cluster inference is not configured", INFERENCE_HINT);
    else if (!c->generate->route)
        answer(c, 400, "no compatible inference route available", NULL);
    return c->generate->route != NULL;
}

void egress_generate_begin(struct client *c)
{
    if (!choose_route(c))
        return;
    if (c->exchange.head->has_length && c->exchange.head->length > GENERATE_BODY_MAX) {
        answer(c, 413, "Payload Too Large", NULL);
        return;
    }
    c->state = &body_state;
    egress_client_expect(c, GENERATE_BODY_MS);
    take_body(c);
    if (c->state != &body_state || c->exchange.request_done)
        return;
    egress_relay_continue(c);
    net_read(c->stream);
}

static void generate_print(struct client *c, struct buf *out)
{
    const struct buf *body = &c->exchange.body;
    inference_print_head(c->exchange.head, c->generate->route, c->exchange.path, body->len, out);
    buf_add(out, body->data, body->len);
    buf_free(&c->exchange.body);
    c->generate->route = NULL;
}

static bool is_secure(const struct client *c)
{
    return c->generate->secure;
}

static const struct client_service service = {.secure = is_secure,
                                              .print = generate_print,
                                              .received = generate_received,
                                              .end = generate_end,
                                              .fail = generate_fail,
                                              .timed_out = generate_timed_out};

/* ---- tunnels ---- */

bool egress_generate_is(const struct egress_target *target)
{
    return target->port == 443 && strcmp(target->host, INFERENCE_HOST) == 0;
}

void egress_generate_open(struct client *c)
{
    static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
    struct egress_refusal refusal;
    if (!c->proxy->inspection.authority) {
        egress_refuse(&refusal, REFUSAL_NO_TLS,
                      INFERENCE_HOST " speaks TLS, and this sandbox has no certificate authority");
        egress_client_refuse(c, &refusal);
        return;
    }
    if (c->transparent && !egress_client_admit(c)) {
        egress_client_close(c);
        return;
    }
    if (!c->transparent)
        net_write(c->stream, established, sizeof established - 1);
    c->generate = alloc_zero(1, sizeof *c->generate);
    c->generate->own = c->route.target;
    c->service = &service;
    egress_inspect_serve(c);
}

void egress_generate_forget_routes(struct egress_proxy *proxy)
{
    for (struct client *c = proxy->clients, *next; c; c = next) {
        next = c->next;
        if (c->generate && c->generate->route)
            egress_client_close(c);
    }
}
