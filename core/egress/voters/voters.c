/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/voters.h"

#include <stdio.h>
#include <string.h>

#include "base/unset.h"
#include "egress/deny.h"
#include "egress/hold.h"
#include "egress/inspect/override.h"
#include "egress/judge.h"
#include "egress/record.h"
#include "egress/report.h"
#include "egress/voters/approvals.h"
#include "egress/voters/changes.h"
#include "egress/voters/concern.h"
#include "egress/voters/facts.h"
#include "egress/voters/prefix.h"
#include "egress/voters/verdict.h"
#include "policy/match/target.h"

enum { READ_WHILE_WAITING = 16 * 1024 };

static const struct client_state voting_state;

/* ---- the verdict ---- */

static void refuse(struct client *c, const struct inspect_verdict *verdict)
{
    struct egress_refusal refusal;
    egress_verdict_refuse(c, verdict, &refusal);
    egress_hold_leave(c);
    egress_verdict_deny(c, &refusal);
}

static void hold(struct client *c, const struct egress_refusal *refusal)
{
    if (egress_hold_begin(c, refusal))
        return;
    egress_hold_leave(c);
    egress_verdict_report(c, refusal);
    egress_verdict_deny(c, refusal);
}

static void refuse_changes(struct client *c, const char *why)
{
    struct egress_refusal refusal;
    egress_verdict_transformed(c, why, &refusal);
    egress_verdict_deny(c, &refusal);
}

/* Another body may ask for something else: then the policy is asked about it. */
static void transform(struct question *q)
{
    struct exchange *exchange = &q->c->exchange;
    q->transformed = true;
    if (!exchange->calls.protocol)
        return;
    policy_calls_free(&exchange->calls);
    exchange->rules = (struct policy_http_decision){0};
}

/* False: it is refused. */
static bool change(struct question *q, const struct inspect_verdict *verdict)
{
    bool replaced = false, batch = q->c->exchange.calls.n > 1;
    const char *why = NULL;
    if (!verdict->n_changes)
        return true;
    why = egress_changes_apply(&q->c->exchange, verdict->changes, verdict->n_changes, &replaced);
    if (!why && replaced && batch)
        why = "of a body with several calls is not possible";
    if (why)
        refuse_changes(q->c, why);
    else if (replaced)
        transform(q);
    return !why;
}

/* ---- asking ---- */

enum answer { ANSWER_PASSED, ANSWER_REFUSED, ANSWER_LATER };

static enum answer take_verdict(struct question *q, const struct inspect_verdict *verdict)
{
    struct client *c = q->c;
    UNSET struct egress_refusal refusal;
    egress_verdict_note(c, verdict);
    if (verdict->verdict == SLUICE_DENY) {
        refuse(c, verdict);
        return ANSWER_REFUSED;
    }
    if (verdict->verdict == SLUICE_HOLD &&
        !egress_approvals_answer(c, verdict, &q->approvals, &refusal)) {
        hold(c, &refusal);
        return ANSWER_REFUSED;
    }
    return change(q, verdict) ? ANSWER_PASSED : ANSWER_REFUSED;
}

static void wait(struct question *q);
static void on_verdict(struct client *c, const struct inspect_verdict *verdict);

static enum answer refuse_unavailable(struct client *c, const char *why)
{
    struct egress_refusal refusal;
    egress_verdict_unavailable(c, why, &refusal);
    egress_verdict_deny(c, &refusal);
    return ANSWER_REFUSED;
}

/* There are no voters, so each middleware fails. */
static enum answer ask_nobody(struct question *q)
{
    const struct inspect_middleware *stage = egress_stages_required(&q->stages);
    if (!stage)
        return ANSWER_PASSED;
    refuse(q->c, &(struct inspect_verdict){
                     .verdict = SLUICE_DENY, .voter = stage->voter, .code = "VOTER_ERROR",
                     .message = "the gateway's chain has no such voter that looks at requests",
                     .middleware = stage->key, .failed = true});
    return ANSWER_REFUSED;
}

static enum answer ask_about_call(struct question *q)
{
    struct client *c = q->c;
    struct inspect_verdict verdict = {0};
    if (c->proxy->n_questions >= QUESTION_WAITING_MAX)
        return refuse_unavailable(c, "too many requests wait for the verdict of voters");
    struct arena *arena = question_begin(q);
    const struct sluice_request *request =
        egress_facts_request(c, q->needs.body_bytes, q->call, arena);
    if (!question_ask(q, request, on_verdict, &verdict)) {
        wait(q);
        return ANSWER_LATER;
    }
    return take_verdict(q, &verdict);
}

/* Of a body with several calls each is asked about: one that harms must not hide behind another. */
static enum answer ask(struct question *q)
{
    struct client *c = q->c;
    if (!q->set)
        return ask_nobody(q);
    if (c->exchange.calls.n > QUESTION_CALLS_MAX)
        return refuse_unavailable(c, "the body has more than 256 calls");
    enum answer answer = ANSWER_PASSED;
    while (answer == ANSWER_PASSED && (q->call == 0 || q->call < c->exchange.calls.n)) {
        answer = ask_about_call(q);
        q->call += answer == ANSWER_PASSED;
    }
    return answer;
}

static bool has_passed(struct question *q)
{
    q->passed = ask(q) == ANSWER_PASSED;
    return q->passed;
}

static void go_on(struct question *q)
{
    if (has_passed(q))
        q->go_on(q->c);
}

static void on_verdict(struct client *c, const struct inspect_verdict *verdict)
{
    struct question *q = question_now(c);
    net_pause(c->stream);
    egress_client_expect(c, 0);
    if (take_verdict(q, verdict) != ANSWER_PASSED)
        return;
    q->call++;
    if (q->call < c->exchange.calls.n) {
        go_on(q);
        return;
    }
    q->passed = true;
    q->go_on(c);
}

static bool body_fits(struct question *q);

static void have_prefix(struct client *c)
{
    struct question *q = question_now(c);
    if (body_fits(q))
        go_on(q);
}

static bool wants_body(const struct question *q)
{
    const struct exchange *exchange = &q->c->exchange;
    bool has_body = exchange->head->chunked || exchange->head->length > 0;
    return q->needs.body_bytes > 0 && has_body && !exchange->request_done && !q->partial;
}

/* ---- the bodies that middlewares take ---- */

static bool is_too_long(const struct question *q)
{
    const struct exchange *exchange = &q->c->exchange;
    const struct http_head *head = exchange->head;
    size_t max = q->needs.stage_bytes;
    if (!q->stages.n || !max)
        return false;
    return exchange->body.len > max ||
           (!exchange->request_done && !head->chunked && head->length > 0 &&
            (uint64_t)head->length > max);
}

/* A longer one passes none of them, and only where each may be left out and it said its length
 * beforehand. */
static bool may_pass_unread(const struct question *q)
{
    return !egress_stages_required(&q->stages) && !q->c->exchange.head->chunked;
}

/* False: it is refused. */
static bool body_fits(struct question *q)
{
    struct egress_refusal refusal;
    if (!is_too_long(q))
        return true;
    if (!may_pass_unread(q)) {
        egress_verdict_too_long(q->c, q->needs.stage_bytes, &refusal);
        egress_verdict_deny(q->c, &refusal);
        return false;
    }
    q->stages.n = 0;
    egress_concern_tell_unread(q->c, "its body is longer than middlewares take");
    return true;
}

/* ---- what they see ---- */

/* NULL, or why the request is rejected: servers could read another one in it. */
static const char *read_path(struct exchange *exchange, enum egress_refusal_kind *kind)
{
    size_t len = strcspn(exchange->path, "?");
    const char *why = egress_override_problem(exchange->head);
    *kind = why ? REFUSAL_MALFORMED : REFUSAL_TARGET;
    if (!why)
        why = policy_target_path(len ? exchange->path : "/", len ? len : 1, true,
                                 &exchange->shown);
    return why;
}

/* Voters see the path as rules do.  False: the request is refused. */
static bool can_be_shown(struct client *c)
{
    struct egress_refusal refusal;
    enum egress_refusal_kind kind;
    if (egress_exchange_seen_path(&c->exchange))
        return true;
    const char *why = read_path(&c->exchange, &kind);
    if (!why)
        return true;
    buf_clear(&c->exchange.shown);
    egress_refuse(&refusal, kind, "%s", why);
    if (kind == REFUSAL_TARGET)
        snprintf(refusal.detail, sizeof refusal.detail, "request-target must be canonical");
    egress_record_refused(c, EGRESS_ENGINE_VOTER, refusal.reason);
    egress_client_refuse(c, &refusal);
    return false;
}

bool egress_voters_pass(struct client *c, void (*again)(struct client *c))
{
    if (c->exchange.kind == EXCHANGE_CONNECT || c->service)
        return true;
    if (c->proxy->no_inspectors) {
        refuse_unavailable(c, c->proxy->no_inspectors);
        return false;
    }
    struct question *q = question_of(c);
    if (!q || (q->passed && egress_approvals_spend(c, &q->approvals)))
        return true;
    if (!can_be_shown(c))
        return false;
    q->go_on = again;
    q->call = 0;
    q->passed = false;
    buf_clear(&q->approvals);
    if (!body_fits(q))
        return false;
    if (wants_body(q)) {
        egress_prefix_read(q, have_prefix);
        return false;
    }
    bool before = q->transformed;
    q->transformed = false;
    if (!has_passed(q))
        return false;
    bool now = q->transformed;
    q->transformed = before || now;
    if (now)
        again(c);
    return !now && egress_approvals_spend(c, &q->approvals);
}

bool egress_voters_refuse_transformed(struct client *c, const struct egress_refusal *refusal)
{
    const struct question *q = question_now(c);
    struct buf why = {0};
    if (!q || !q->transformed)
        return false;
    buf_printf(&why, "denied by policy: %s", refusal->reason);
    refuse_changes(c, why.data);
    buf_free(&why);
    return true;
}

/* ---- a client that waits ---- */

/* To notice when it goes.  A body that is to come stays where it is. */
static void watch(struct client *c)
{
    const struct http_head *head = c->exchange.head;
    bool expects = !c->exchange.request_done && (head->chunked || head->length);
    bool read = c->pending.len < READ_WHILE_WAITING && (c->carrier || !expects);
    if (read && !c->ended) {
        net_read(c->stream);
    } else {
        net_pause(c->stream);
        egress_client_has_ended(c);
    }
}

static void wait(struct question *q)
{
    struct client *c = q->c;
    c->state = &voting_state;
    egress_client_expect(c, 0);
    watch(c);
}

static void voting_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n < 0 && n != UV_EOF) {
        egress_client_close(c);
        return;
    }
    if (n < 0)
        c->ended = true;
    else
        buf_add(&c->pending, bytes, (size_t)n);
    watch(c);
}

static void voting_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    if (egress_judge(c, &refusal, &reason) == VERDICT_REFUSED) {
        question_leave(question_now(c));
        egress_deny_changed(c, &refusal);
    }
    buf_free(&reason);
}

static const struct client_state voting_state = {
    .client_read = voting_client_read,
    .policy_changed = voting_policy_changed,
};
