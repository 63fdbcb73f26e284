/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/body.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "egress/deny.h"
#include "egress/forward/relay.h"
#include "egress/inspect/credentials.h"
#include "egress/inspect/signing.h"
#include "egress/judge.h"
#include "egress/record.h"
#include "policy/match/calls.h"

enum { BODY_MS = 30000 };                           /* for all of it */

static const struct client_state body_state;

static const struct sluice_endpoint *endpoint_of(const struct client *c)
{
    return c->exchange.rules.endpoint;
}

/* Rules are about the calls in it; otherwise only credentials are replaced. */
static bool is_for_calls(const struct client *c)
{
    return c->exchange.rules.needs_body;
}

static size_t max_of(const struct client *c)
{
    if (is_for_calls(c))
        return policy_body_max(endpoint_of(c));
    return egress_signing_wants_body(c) ? EGRESS_SIGNING_BODY_MAX : EGRESS_CREDENTIALS_BODY_MAX;
}

static enum egress_refusal_kind kind_of(const struct client *c)
{
    if (!is_for_calls(c))
        return REFUSAL_MISPLACED;
    bool graphql = strcmp(endpoint_of(c)->protocol, "graphql") == 0;
    return graphql ? REFUSAL_GRAPHQL : REFUSAL_RPC;
}

/* What cannot be read cannot be judged. */
static void refuse(struct client *c, const char *problem)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, kind_of(c), "%s", problem);
    if (is_for_calls(c))
        snprintf(refusal.detail, sizeof refusal.detail,
                 "%s request rejected before policy evaluation: %s",
                 kind_of(c) == REFUSAL_GRAPHQL ? "GraphQL" : "JSON-RPC", problem);
    egress_record_refused(c, EGRESS_ENGINE_REQUEST, refusal.reason);
    egress_client_refuse(c, &refusal);
}

static void refuse_length(struct client *c)
{
    char problem[128];
    snprintf(problem, sizeof problem, "the body is longer than the %zu bytes that are inspected",
             max_of(c));
    refuse(c, problem);
}

/* at: behind the word charset. */
static bool is_utf8(const char *at)
{
    static const char *const names[] = {"utf-8", "utf8", "us-ascii"};
    at += strspn(at, " \t");
    at += *at == '=';
    at += strspn(at, " \t\"'");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(at, names[i], len) == 0 && strchr(" \t\"';", at[len]))
            return true;                            /* strchr finds the NUL, too */
    }
    return false;
}

static const char *check_type(const char *type)
{
    if (strncasecmp(type, "multipart/", 10) == 0)
        return "a body of several parts (multipart) cannot be inspected";
    if (strchr(type, ','))
        return "Content-Type has more than one value";
    for (const char *at = type; (at = strcasestr(at, "charset"));) {
        at += strlen("charset");
        if (!is_utf8(at))
            return "a body in another character set than UTF-8 cannot be inspected";
    }
    return NULL;
}

/* NULL, or why the body is not what it seems. */
static const char *check_head(const struct http_head *head)
{
    const char *coding = http_head_get(head, "Content-Encoding");
    const char *type = http_head_get(head, "Content-Type");
    if (http_head_count(head, "Content-Encoding") > 1 || http_head_count(head, "Content-Type") > 1)
        return "Content-Encoding and Content-Type must not appear more than once";
    if (coding && strcasecmp(coding, "identity") != 0)
        return "an encoded body (Content-Encoding) cannot be inspected";
    return type ? check_type(type) : NULL;
}

static void read_calls(struct client *c)
{
    struct exchange *exchange = &c->exchange;
    const struct policy_http_request request = egress_exchange_request(exchange);
    if (is_for_calls(c))
        policy_calls_read(endpoint_of(c), &request, buf_str(&exchange->body), exchange->body.len,
                          &exchange->calls);
    egress_client_expect(c, 0);
    c->reached(c);
}

static void have_body(struct client *c)
{
    net_pause(c->stream);
    c->exchange.request_done = true;
    egress_client_expect(c, 0);
    egress_client_take_turn(c, read_calls);
}

/* The endpoint that judges it may be another one than when it was read. */
static void have_whole_body(struct client *c)
{
    if (c->exchange.body.len > policy_body_max(endpoint_of(c)))
        refuse_length(c);
    else
        have_body(c);
}

/* Long bodies of all clients together. */
static bool is_too_much(const struct client *c)
{
    size_t all = 0;
    if (c->exchange.body.len <= EGRESS_CREDENTIALS_BODY_MAX || is_for_calls(c))
        return false;
    for (const struct client *other = c->proxy->clients; other; other = other->next)
        all += other->exchange.body.len;
    return all > EGRESS_SIGNING_BODIES_MAX;
}

static void refuse_much(struct client *c)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_BUSY, "the sandbox sends more than %d MiB of bodies at once "
                  "that are read to be signed", EGRESS_SIGNING_BODIES_MAX / 1024 / 1024);
    egress_client_refuse(c, &refusal);
}

static void take_body(struct client *c)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len, max = max_of(c);
    struct buf *all = &c->exchange.body;
    enum http_event event;
    while ((event = http_parser_next(c->requests, &bytes, &len, &body, &body_len)) ==
               HTTP_GOT_BODY &&
           all->len + body_len <= max)
        buf_add(all, body, body_len);
    buf_consume(&c->pending, c->pending.len - len);
    if (event == HTTP_GOT_BODY)
        refuse_length(c);
    else if (event == HTTP_BAD)
        egress_relay_malformed(c);
    else if (is_too_much(c))
        refuse_much(c);
    else if (event == HTTP_GOT_END)
        have_body(c);
}

static void body_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        take_body(c);
    } else if (n == UV_EOF) {
        http_parser_eof(c->requests);
        egress_relay_malformed(c);
    } else {
        egress_client_close(c);
    }
}

static void body_timed_out(struct client *c)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_LATE, "the body did not arrive within %d s", BODY_MS / 1000);
    egress_client_refuse(c, &refusal);
}

static void body_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    bool for_calls = is_for_calls(c);
    enum egress_verdict verdict = egress_judge(c, &refusal, &reason);
    bool goes_on = (verdict == VERDICT_NEEDS_BODY) == for_calls && verdict != VERDICT_REFUSED;
    if (!goes_on && verdict != VERDICT_REFUSED)
        egress_refuse(&refusal, REFUSAL_POLICY, "the policy changed while the body was read");
    if (!goes_on)
        egress_deny_changed(c, &refusal);
    buf_free(&reason);
}

static const struct client_state body_state = {
    .client_read = body_client_read,
    .timed_out = body_timed_out,
    .policy_changed = body_policy_changed,
};

void egress_body_read(struct client *c, void (*go_on)(struct client *c))
{
    const struct http_head *head = c->exchange.head;
    const char *problem = is_for_calls(c) ? check_head(head) : NULL;
    c->state = &body_state;
    c->reached = go_on;
    if (problem) {
        refuse(c, problem);
        return;
    }
    if (head->has_length && head->length > max_of(c)) {
        refuse_length(c);
        return;
    }
    if (c->exchange.request_done) {                 /* it was read for a decision before */
        have_whole_body(c);
        return;
    }
    egress_client_expect(c, BODY_MS);
    take_body(c);
    if (c->state != &body_state || c->exchange.request_done)
        return;
    egress_relay_continue(c);
    net_read(c->stream);
}
