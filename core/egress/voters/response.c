/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/response.h"

#include "egress/answer/reduce.h"
#include "egress/deny.h"
#include "egress/judge.h"
#include "egress/record.h"
#include "egress/voters/approvals.h"
#include "egress/voters/facts.h"
#include "egress/voters/question.h"
#include "egress/voters/verdict.h"

/* A stream of events is not kept back for longer: its beginning, and each further piece. */
enum { ANSWER_STREAM_MS = 1000, ANSWER_PIECE_MS = 50 };

static const struct client_state answer_state;

bool egress_answer_is_watched(const struct client *c)
{
    const struct question *q = question_now(c);
    return q && q->set && q->needs.responses;
}

/* They follow a body of which the voters have seen as much as they want. */
static bool has_trailers_to_judge(const struct client *c)
{
    return !question_now(c)->complete && egress_reduce_trailers(c);
}

bool egress_answer_is_held(const struct client *c)
{
    return c->exchange.response && egress_answer_is_watched(c) &&
           (!question_now(c)->answer_passed || has_trailers_to_judge(c));
}

bool egress_answer_is_untold(const struct client *c)
{
    return egress_answer_is_held(c) && !question_now(c)->answer_begun;
}

void egress_answer_add(struct client *c, const char *bytes, size_t len)
{
    struct question *q = question_now(c);
    if (egress_answer_is_held(c) && q->body.len <= q->needs.body_bytes)
        buf_add(&q->body, bytes, len);
}

void egress_answer_forget(struct client *c)
{
    struct question *q = question_now(c);
    http_head_free(c->exchange.response);
    c->exchange.response = NULL;
    question_leave(q);
    buf_free(&q->held);
    buf_free(&q->body);
}

static void pass(struct question *q)
{
    struct client *c = q->c;
    struct buf held = q->held;
    q->held = (struct buf){0};
    q->answer_begun = true;
    q->answer_passed = q->complete || c->ended || q->body.len >= q->needs.body_bytes;
    if (q->answer_passed)
        buf_free(&q->body);
    question_leave(q);
    question_count(q, q->body.cap);
    q->pass(c, &held, q->complete);
    buf_free(&held);
}

/* An answer that has begun breaks off. */
static void deny(struct client *c, const struct egress_refusal *refusal)
{
    if (question_now(c)->answer_begun) {
        egress_verdict_tell(c, refusal);
        egress_client_close(c);
        return;
    }
    http_head_free(c->exchange.response);
    c->exchange.response = NULL;
    egress_verdict_deny(c, refusal);
}

/* False: it is refused.  An answer waits for no person: the next one like it passes once it is
 * approved. */
static bool take(struct question *q, const struct inspect_verdict *verdict)
{
    struct client *c = q->c;
    struct egress_refusal refusal;
    egress_verdict_note(c, verdict);
    buf_clear(&q->approvals);
    if (verdict->verdict == SLUICE_DENY)
        egress_verdict_refuse(c, verdict, &refusal);
    else if (verdict->verdict != SLUICE_HOLD ||
             (egress_approvals_answer(c, verdict, &q->approvals, &refusal) &&
              egress_approvals_spend(c, &q->approvals)))
        return true;
    egress_verdict_report(c, &refusal);
    deny(c, &refusal);
    return false;
}

static void on_verdict(struct client *c, const struct inspect_verdict *verdict)
{
    struct question *q = question_now(c);
    egress_client_expect(c, 0);
    if (!take(q, verdict))
        return;
    c->state = q->back;
    net_read(c->upstream.stream);
    if (!c->ended && egress_client_has_room(c))
        net_read(c->stream);
    pass(q);
}

static void refuse_unavailable(struct client *c)
{
    struct egress_refusal refusal;
    egress_verdict_unavailable(c, "too many answers wait for the verdict of voters", &refusal);
    if (!question_now(c)->answer_begun)
        egress_answer_forget(c);
    deny(c, &refusal);
}

static void wait(struct question *q)
{
    struct client *c = q->c;
    q->back = c->state;
    c->state = &answer_state;
    egress_client_expect(c, 0);
    net_pause(c->upstream.stream);
    net_pause(c->stream);
}

void egress_answer_ask(struct client *c)
{
    struct question *q = question_now(c);
    struct inspect_verdict verdict = {0};
    if (!c->ended)
        egress_client_expect(c, 0);
    if (c->proxy->n_questions >= QUESTION_WAITING_MAX) {
        refuse_unavailable(c);
        return;
    }
    struct arena *arena = question_begin(q);
    struct sluice_request *request =
        egress_facts_request(c, q->needs.body_bytes, 0, arena);
    request->response =
        egress_facts_response(c, &q->body, q->needs.body_bytes,
                              q->complete && !q->answer_passed, arena);
    if (!question_ask(q, request, on_verdict, &verdict))
        wait(q);
    else if (take(q, &verdict))
        pass(q);
}

void egress_answer_hold(struct client *c, struct buf *out, bool complete,
                        void (*pass_on)(struct client *c, struct buf *out, bool complete))
{
    struct question *q = question_now(c);
    bool begins = q->held.len == 0;
    q->pass = pass_on;
    q->complete = complete;
    buf_add(&q->held, out->data, out->len);
    if (!question_count(q, q->held.cap + q->body.cap))
        refuse_unavailable(c);
    else if (complete || c->ended || q->body.len >= q->needs.body_bytes)
        egress_answer_ask(c);
    else if (begins)
        egress_client_expect(c, q->answer_begun ? ANSWER_PIECE_MS : ANSWER_STREAM_MS);
}

static void answer_client_read(struct client *c, const char *bytes, ssize_t n)
{
    (void)bytes;
    if (n < 0)
        egress_client_close(c);
}

static void answer_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    if (egress_judge(c, &refusal, &reason) == VERDICT_REFUSED) {
        if (question_now(c)->answer_begun) {
            egress_record_ended(c, refusal.engine, refusal.reason, false);
            egress_client_close(c);
        } else {
            egress_answer_forget(c);
            egress_deny_changed(c, &refusal);
        }
    }
    buf_free(&reason);
}

static const struct client_state answer_state = {
    .client_read = answer_client_read,
    .policy_changed = answer_policy_changed,
};
