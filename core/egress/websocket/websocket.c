/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/websocket.h"

#include <stdio.h>
#include <string.h>

#include "base/unset.h"
#include "egress/inspect/credentials.h"
#include "egress/judge.h"
#include "egress/record.h"
#include "egress/report.h"
#include "egress/uses.h"
#include "egress/voters/message.h"
#include "egress/websocket/closing.h"
#include "egress/websocket/limits.h"
#include "egress/websocket/server.h"
#include "egress/websocket/turns.h"
#include "policy/match/calls.h"

static const struct client_state websocket_state;

/* Rules are about its messages. */
static bool is_judged(const struct client *c)
{
    const struct sluice_endpoint *route = c->exchange.rules.endpoint;
    return c->exchange.websocket && route && strcmp(route->protocol, "websocket") == 0;
}

bool egress_websocket_is_inspected(const struct client *c)
{
    const struct sluice_endpoint *route = c->exchange.rules.endpoint;
    return is_judged(c) ||
           (c->exchange.websocket && egress_upgrade_is_watched(c, MESSAGE_OF_CLIENT)) ||
           (c->exchange.websocket && route && route->websocket_credential_rewrite);
}

/* ---- one message ---- */

/* Servers may read an operation in a binary message as one in a text. */
static bool has_operations(const struct client *c)
{
    const struct policy_http_request request = egress_exchange_message(&c->exchange);
    return is_judged(c) && policy_has_calls(c->exchange.rules.endpoint, &request);
}

static void deny(struct client *c, const char *reason)
{
    struct egress_refusal refusal;
    egress_judge_refuse_request(c, reason, &refusal);
    egress_record_refused(c, EGRESS_ENGINE_MESSAGE, refusal.reason);
    egress_report(c, &refusal);
}

/* Of GraphQL the operation in it decides. */
static void decide_calls(struct client *c, struct policy_http_request *request, struct buf *reason)
{
    struct exchange *exchange = &c->exchange;
    size_t len;
    const char *text = messages_payload(&c->websocket->client.messages, &len);
    if (len > policy_body_max(exchange->rules.endpoint)) {
        buf_printf(reason, "the message is longer than the %zu bytes that are inspected",
                   policy_body_max(exchange->rules.endpoint));
        return;
    }
    policy_calls_read(exchange->rules.endpoint, request, text, len, &exchange->calls);
    request->calls = &exchange->calls;
    policy_http_decide(&c->route.candidates, request, &exchange->rules, reason);
}

static void forget_calls(struct exchange *exchange)
{
    policy_calls_free(&exchange->calls);
    exchange->rules.call = NULL;
    exchange->message = NULL;
}

/* A message is a use of its own: nothing of it is left to the next one. */
static void allow(struct client *c, const char *reason)
{
    uint64_t of_upgrade = c->exchange.use;
    egress_record_allowed(c, EGRESS_ENGINE_MESSAGE, reason);
    egress_uses_count(c);
    c->exchange.use = of_upgrade;
}

/* The last use of a grant may have closed a rule since the upgrade was judged. */
static bool upgrade_still_passes(struct client *c, struct buf *reason)
{
    UNSET struct egress_refusal refusal;
    if (c->route.generation == c->proxy->generation)
        return true;
    if (egress_judge(c, &refusal, reason) != VERDICT_ALLOWED)
        return false;
    c->websocket->client.messages.only_text = has_operations(c);
    return true;
}

/* Rules are about texts.  False: it is denied, and reason says why. */
static bool judge_message(struct client *c, struct buf *reason)
{
    struct exchange *exchange = &c->exchange;
    if (!upgrade_still_passes(c, reason))
        return false;
    if (!is_judged(c) || messages_is_binary(&c->websocket->client.messages))
        return true;
    struct policy_http_request request = egress_exchange_message(exchange);
    policy_http_decide(&c->route.candidates, &request, &exchange->rules, reason);
    exchange->message = request.method;
    if (exchange->rules.needs_body)
        decide_calls(c, &request, reason);
    if (exchange->rules.allowed)
        allow(c, buf_str(reason));
    else
        deny(c, buf_str(reason));
    return exchange->rules.allowed;
}

/* ---- voters ---- */

static void on_answer(struct client *c, const struct egress_message_verdict *verdict,
                      const char *reason);

/* Another text may ask for something else: rules are asked again. */
static bool take_change(struct client *c, const struct egress_message_verdict *verdict,
                      struct buf *reason)
{
    if (!verdict->changed)
        return true;
    messages_replace(&c->websocket->client.messages, verdict->changed, verdict->len);
    policy_calls_free(&c->exchange.calls);
    return judge_message(c, reason);
}

static enum egress_message_answer ask_voters(struct client *c, struct buf *reason)
{
    struct websocket_side *client = &c->websocket->client;
    struct egress_message message = {.side = MESSAGE_OF_CLIENT,
                                     .binary = messages_is_binary(&client->messages)};
    struct egress_message_verdict verdict;
    message.bytes = messages_payload(&client->messages, &message.len);
    egress_message_ask(c, &message, reason, on_answer, &verdict);
    client->voting = verdict.answer == MESSAGE_LATER;
    if (verdict.answer == MESSAGE_PASSES && !take_change(c, &verdict, reason))
        return MESSAGE_REFUSED;
    return verdict.answer;
}

/* Values take the place of placeholders in a text.  False: one is refused, and reason says why. */
static bool fill_text(struct client *c, struct buf *reason)
{
    struct messages *m = &c->websocket->client.messages;
    UNSET struct egress_refusal refusal;
    struct buf filled = {0};
    size_t len;
    const char *text = messages_payload(m, &len);
    int rc = egress_credentials_fill_message(c, text, len, &filled, &refusal);
    if (rc > 0)
        messages_replace(m, filled.data, filled.len);
    if (rc < 0) {
        buf_puts(reason, refusal.reason);
        egress_record_refused(c, refusal.engine, refusal.reason);
        egress_credentials_find(c, &refusal);
    }
    buf_wipe(&filled);
    return rc >= 0;
}

/* What is held goes on.  False: it is refused, and reason says why. */
static bool pass_message(struct client *c, struct buf *out, struct buf *reason)
{
    struct messages *m = &c->websocket->client.messages;
    bool passes = messages_is_binary(m) || fill_text(c, reason);
    if (passes)
        messages_pass(m, out);
    forget_calls(&c->exchange);
    return passes;
}

static enum egress_message_answer judge_held(struct client *c, struct buf *out,
                                             struct buf *reason)
{
    enum egress_message_answer answer = MESSAGE_REFUSED;
    if (judge_message(c, reason))
        answer = ask_voters(c, reason);
    if (answer == MESSAGE_PASSES && !pass_message(c, out, reason))
        answer = MESSAGE_REFUSED;
    if (answer == MESSAGE_REFUSED)
        forget_calls(&c->exchange);
    return answer;
}

/* ---- what the client sends ---- */

static void send_on(struct client *c, struct buf *out)
{
    struct websocket_side *client = &c->websocket->client;
    if (out->len)
        client->blocked = !net_write(c->upstream.stream, out->data, out->len);
    if (client->blocked)
        net_pause(c->stream);
    buf_wipe(out);                                  /* messages may have credentials */
}

/* What follows the message waits with it; pending has it. */
static void wait_for_voters(struct client *c, const char *bytes, size_t len)
{
    buf_add(&c->pending, bytes, len);
    net_pause(c->stream);
    egress_websocket_wait(c, &c->websocket->client);
}

/* The rest of what was read waits until the loop has looked at other sockets. */
static void wait_for_turn(struct client *c, const char *bytes, size_t len)
{
    c->websocket->client.late = true;
    buf_add(&c->pending, bytes, len);
    net_pause(c->stream);
    if (c->websocket->client.blocked)
        egress_websocket_expect(c, &c->websocket->client, false);
    else
        egress_websocket_take_turn(c);
}

static void take(struct client *c, const char *bytes, size_t len)
{
    struct websocket_side *client = &c->websocket->client;
    struct messages *m = &client->messages;
    struct buf out = {0}, reason = {0};
    enum message_event event;
    enum egress_message_answer answer = MESSAGE_PASSES;
    bool judged = false, late = false;
    m->only_text = has_operations(c);
    m->hold_binary = egress_message_is_watched(c, MESSAGE_OF_CLIENT);
    while (!late && (event = messages_next(m, &bytes, &len, &out)) == MESSAGE_WHOLE &&
           (answer = judge_held(c, &out, &reason)) == MESSAGE_PASSES) {
        buf_clear(&reason);
        judged = true;
        late = len && egress_client_turn_is_over(c);
    }
    bool room = egress_websocket_has_memory(c);
    send_on(c, &out);
    if (answer == MESSAGE_LATER)
        wait_for_voters(c, bytes, len);
    else if (late)
        wait_for_turn(c, bytes, len);
    else if (event == MESSAGE_WHOLE)
        egress_websocket_close(c, CLOSE_POLICY, buf_str(&reason));
    else if (event == MESSAGE_BAD)
        egress_websocket_end(c, m->status, m->problem);
    else if (!room)
        egress_websocket_end(c, CLOSE_TRY_LATER, EGRESS_WEBSOCKET_CROWDED);
    else
        egress_websocket_expect(c, client, judged);
    buf_free(&reason);
}

static void client_has_ended(struct client *c)
{
    c->ended = true;
    net_finish(c->upstream.stream);
    if (egress_websocket_wants_turn(c))
        return;                                     /* which has the timer, and then looks again */
    egress_client_expect(c, 0);
    egress_client_has_ended(c);
}

static bool waits(const struct websocket_side *side)
{
    return side->late || side->voting;
}

/* With what is pending, then with what the client sends. */
static void go_on(struct client *c)
{
    struct buf pending = c->pending;
    c->pending = (struct buf){0};
    c->websocket->client.late = false;
    if (!c->ended)
        net_read(c->stream);
    take(c, buf_str(&pending), pending.len);
    buf_free(&pending);
    if (c->ended && c->state == &websocket_state && !waits(&c->websocket->client))
        client_has_ended(c);
}

static void on_answer(struct client *c, const struct egress_message_verdict *verdict,
                      const char *why)
{
    struct websocket_side *client = &c->websocket->client;
    struct buf out = {0}, reason = {0};
    buf_puts(&reason, why);
    client->voting = false;
    bool passes = verdict->answer == MESSAGE_PASSES && take_change(c, verdict, &reason) &&
                  pass_message(c, &out, &reason);
    if (passes) {
        send_on(c, &out);
        client->late = client->blocked;
        if (client->blocked)
            egress_websocket_expect(c, client, false);
        else
            go_on(c);
    } else {
        forget_calls(&c->exchange);
        egress_websocket_close(c, CLOSE_POLICY, buf_str(&reason));
    }
    buf_free(&out);
    buf_free(&reason);
}

void egress_websocket_begin(struct client *c, const char *bytes, size_t len)
{
    c->websocket = egress_websocket_new(c->exchange.deflate, c->exchange.deflate_context);
    c->state = &websocket_state;
    egress_client_expect(c, 0);
    net_read(c->upstream.stream);
    egress_websocket_server_sent(c, bytes, len);
    if (c->state == &websocket_state)
        go_on(c);
}

static void websocket_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0)
        take(c, bytes, (size_t)n);
    else if (n == UV_EOF)
        client_has_ended(c);
    else
        egress_client_close(c);
}

/* ---- what else happens ---- */

static void websocket_upstream_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        egress_websocket_server_sent(c, bytes, (size_t)n);
    } else if (n == UV_EOF) {
        c->upstream.ended = true;
        net_finish(c->stream);
    } else if (n < 0) {
        egress_client_close(c);
    }
}

/* What is late on either side.  What was read meanwhile follows. */
static void take_turn(struct client *c)
{
    struct egress_websocket *w = c->websocket;
    if (w->client.late && !w->client.blocked)
        go_on(c);
    if (c->state == &websocket_state && w->server.late && !w->server.blocked)
        egress_websocket_server_go_on(c);
    if (c->state != &websocket_state || egress_websocket_wants_turn(c))
        return;
    if (c->ended && !waits(&w->client))
        egress_client_has_ended(c);
    else
        egress_websocket_set_timer(c);
}

void egress_websocket_take_turn(struct client *c)
{
    egress_client_take_turn(c, take_turn);
}

static void websocket_client_drained(struct client *c, int status)
{
    struct websocket_side *server = &c->websocket->server;
    if (status != 0) {
        egress_client_close(c);
        return;
    }
    server->blocked = false;
    if (server->late) {
        egress_websocket_take_turn(c);
        return;
    }
    egress_websocket_read_server(c);
    if (!server->voting && !c->ended)
        egress_websocket_expect(c, server, false);
}

static void websocket_upstream_drained(struct client *c, int status)
{
    struct websocket_side *client = &c->websocket->client;
    if (status != 0) {
        egress_client_close(c);
        return;
    }
    client->blocked = false;
    if (client->late) {
        egress_websocket_take_turn(c);
        return;
    }
    if (c->ended || client->voting)
        return;
    egress_websocket_expect(c, client, false);
    net_read(c->stream);
}

static void websocket_finished(struct client *c)
{
    if (c->finished && c->upstream.finished)
        egress_client_close(c);
}

static void websocket_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_POLICY, "its requests are judged by their bodies now");
    if (egress_judge(c, &refusal, &reason) != VERDICT_ALLOWED) {
        egress_record_ended(c, EGRESS_ENGINE_REQUEST, refusal.reason, false);
        egress_websocket_close(c, CLOSE_RESTART, "the policy changed");
    }
    buf_free(&reason);
}

static const struct client_state websocket_state = {
    .client_read = websocket_client_read,
    .upstream_read = websocket_upstream_read,
    .client_drained = websocket_client_drained,
    .upstream_drained = websocket_upstream_drained,
    .client_finished = websocket_finished,
    .upstream_finished = websocket_finished,
    .timed_out = egress_websocket_timed_out,
    .policy_changed = websocket_policy_changed,
    .outlives_client = true,
};
