/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/message.h"

#include "base/unset.h"
#include "egress/record.h"
#include "egress/report.h"
#include "egress/voters/approvals.h"
#include "egress/voters/facts.h"
#include "egress/voters/question.h"
#include "egress/voters/verdict.h"

bool egress_upgrade_is_watched(const struct client *c, enum egress_message_side side)
{
    const struct question *q = question_now(c);
    return q && q->set && (side == MESSAGE_OF_SERVER ? q->needs.responses : q->needs.any);
}

bool egress_message_is_watched(struct client *c, enum egress_message_side side)
{
    const struct question *q = question_of_message(c, side == MESSAGE_OF_SERVER);
    if (c->proxy->no_inspectors)
        return true;
    return q && (side == MESSAGE_OF_CLIENT || (q->set && q->needs.responses));
}

/* ---- the verdict ---- */

/* A message waits for no person; the next one like it passes once it is approved. */
static bool is_refused(struct question *q, const struct inspect_verdict *verdict,
                       struct egress_refusal *refusal)
{
    struct client *c = q->c;
    buf_clear(&q->approvals);
    if (verdict->verdict == SLUICE_DENY)
        egress_verdict_refuse(c, verdict, refusal);
    return verdict->verdict == SLUICE_DENY ||
           (verdict->verdict == SLUICE_HOLD &&
            !(egress_approvals_answer(c, verdict, &q->approvals, refusal) &&
              egress_approvals_spend(c, &q->approvals)));
}

static void refuse(struct client *c, const struct egress_refusal *refusal, struct buf *reason)
{
    egress_verdict_report(c, refusal);
    egress_verdict_tell(c, refusal);
    buf_puts(reason, refusal->reason);
}

/* Only what a message says can be changed. */
static const struct inspect_change *body_of(const struct inspect_verdict *verdict)
{
    for (size_t i = verdict->n_changes; i-- > 0;)
        if (!verdict->changes[i].header)
            return &verdict->changes[i];
    return NULL;
}

static void weigh(struct question *q, const struct inspect_verdict *verdict, struct buf *reason,
                  struct egress_message_verdict *out)
{
    const struct inspect_change *body = body_of(verdict);
    UNSET struct egress_refusal refusal;
    *out = (struct egress_message_verdict){.answer = MESSAGE_PASSES};
    egress_verdict_note(q->c, verdict);
    if (is_refused(q, verdict, &refusal)) {
        out->answer = MESSAGE_REFUSED;
        refuse(q->c, &refusal, reason);
    } else if (body) {
        out->changed = body->value ? body->value : "";
        out->len = body->len;
    }
}

/* What the server sends is an answer to the upgrade, whatever the client's message under way is. */
static void take(struct question *q, const struct inspect_verdict *verdict, struct buf *reason,
                 struct egress_message_verdict *out)
{
    struct exchange *exchange = &q->c->exchange;
    const char *message = exchange->message;
    const struct policy_call *call = exchange->rules.call;
    if (q->of_server) {
        exchange->message = NULL;
        exchange->rules.call = NULL;
    }
    weigh(q, verdict, reason, out);
    exchange->message = message;
    exchange->rules.call = call;
}

static void on_verdict(struct question *q, const struct inspect_verdict *verdict)
{
    struct egress_message_verdict answer;
    struct buf reason = {0};
    take(q, verdict, &reason, &answer);
    q->message_answered(q->c, &answer, buf_str(&reason));
    buf_free(&reason);
}

static void on_client_verdict(struct client *c, const struct inspect_verdict *verdict)
{
    on_verdict(question_now(c), verdict);
}

static void on_server_verdict(struct client *c, const struct inspect_verdict *verdict)
{
    on_verdict(question_of_server(c), verdict);
}

/* ---- asking ---- */

/* NULL, or why nobody judges the message. */
static const char *problem(const struct client *c, const struct question *q)
{
    if (c->proxy->no_inspectors)
        return c->proxy->no_inspectors;
    if (q && !q->set && egress_stages_required(&q->stages))
        return "the gateway's chain has no such voter that looks at requests";
    if (q && q->set && c->proxy->n_questions >= QUESTION_WAITING_MAX)
        return "too many messages wait for the verdict of voters";
    return NULL;
}

static void refuse_unavailable(struct client *c, const char *why, struct buf *reason)
{
    struct egress_refusal refusal;
    egress_verdict_unavailable(c, why, &refusal);
    egress_verdict_tell(c, &refusal);
    buf_puts(reason, refusal.reason);
}

static const struct sluice_request *facts(const struct question *q,
                                           const struct egress_message *message,
                                           struct arena *arena)
{
    const size_t max = q->needs.body_bytes;
    return q->of_server ? egress_facts_server_message(q->c, message, max, arena)
                        : egress_facts_message(q->c, message, max, arena);
}

void egress_message_ask(struct client *c, const struct egress_message *message, struct buf *reason,
                        egress_message_answered *answered, struct egress_message_verdict *out)
{
    bool of_server = message->side == MESSAGE_OF_SERVER;
    struct question *q = question_of_message(c, of_server);
    struct inspect_verdict verdict = {0};
    const char *why = problem(c, q);
    *out = (struct egress_message_verdict){.answer = why ? MESSAGE_REFUSED : MESSAGE_PASSES};
    if (why)
        refuse_unavailable(c, why, reason);
    if (why || !q || !q->set)
        return;
    q->message_answered = answered;
    struct arena *arena = question_begin(q);
    if (question_ask(q, facts(q, message, arena),
                     of_server ? on_server_verdict : on_client_verdict, &verdict))
        take(q, &verdict, reason, out);
    else
        out->answer = MESSAGE_LATER;
}
