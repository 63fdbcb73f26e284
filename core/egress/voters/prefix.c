/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/prefix.h"

#include "egress/deny.h"
#include "egress/forward/relay.h"
#include "egress/judge.h"
#include "egress/voters/verdict.h"

static const struct client_state prefix_state;

static void have_prefix(struct client *c)
{
    struct question *q = question_now(c);
    net_pause(c->stream);
    q->partial = true;
    egress_client_expect(c, 0);
    c->reached(c);
}

static void refuse_much(struct client *c)
{
    struct egress_refusal refusal;
    egress_verdict_unavailable(c, "the sandbox sends more than 64 MiB of bodies at once that "
                               "voters look at", &refusal);
    egress_verdict_deny(c, &refusal);
}

static void take(struct client *c)
{
    struct question *q = question_now(c);
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    struct buf *all = &c->exchange.body;
    enum http_event event = HTTP_GOT_BODY;
    while (all->len <= q->needs.body_bytes &&
           (event = http_parser_next(c->requests, &bytes, &len, &body, &body_len)) ==
               HTTP_GOT_BODY)
        buf_add(all, body, body_len);
    buf_consume(&c->pending, c->pending.len - len);
    c->exchange.request_done = event == HTTP_GOT_END;
    if (event == HTTP_BAD)
        egress_relay_malformed(c);
    else if (!question_count(q, all->cap))
        refuse_much(c);
    else if (event != HTTP_MORE)
        have_prefix(c);
}

static void prefix_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        take(c);
    } else if (n == UV_EOF) {
        http_parser_eof(c->requests);
        egress_relay_malformed(c);
    } else {
        egress_client_close(c);
    }
}

static void prefix_timed_out(struct client *c)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_LATE, "what voters look at of the body did not arrive "
                  "within %u ms", c->proxy->limits.voted_body_ms);
    egress_client_refuse(c, &refusal);
}

static void prefix_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    if (egress_judge(c, &refusal, &reason) == VERDICT_REFUSED)
        egress_deny_changed(c, &refusal);
    buf_free(&reason);
}

static const struct client_state prefix_state = {
    .client_read = prefix_client_read,
    .timed_out = prefix_timed_out,
    .policy_changed = prefix_policy_changed,
};

void egress_prefix_read(struct question *q, void (*go_on)(struct client *c))
{
    struct client *c = q->c;
    c->state = &prefix_state;
    c->reached = go_on;
    egress_client_expect(c, c->proxy->limits.voted_body_ms);
    take(c);
    if (c->state != &prefix_state)
        return;
    egress_relay_continue(c);
    net_read(c->stream);
}
