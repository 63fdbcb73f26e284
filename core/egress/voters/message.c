/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/message.h"

#include "egress/record.h"
#include "egress/report.h"
#include "egress/voters/approvals.h"
#include "egress/voters/facts.h"
#include "egress/voters/question.h"
#include "egress/voters/verdict.h"

bool egress_message_is_watched(const struct client *c)
{
    const struct question *q = question_now(c);
    return q && q->set && q->needs.any;
}

/* A message waits for no person; the next one like it passes once it is approved. */
static bool is_refused(struct client *c, const struct inspect_verdict *verdict,
                       struct egress_refusal *refusal)
{
    struct question *q = question_now(c);
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

/* Only the text of a message can be changed. */
static const struct inspect_change *text_of(const struct inspect_verdict *verdict)
{
    for (size_t i = verdict->n_changes; i-- > 0;)
        if (!verdict->changes[i].header)
            return &verdict->changes[i];
    return NULL;
}

static void take(struct client *c, const struct inspect_verdict *verdict, struct buf *reason,
                 struct egress_message_verdict *out)
{
    const struct inspect_change *text = text_of(verdict);
    struct egress_refusal refusal;
    *out = (struct egress_message_verdict){.answer = MESSAGE_PASSES};
    if (is_refused(c, verdict, &refusal)) {
        out->answer = MESSAGE_REFUSED;
        refuse(c, &refusal, reason);
    } else if (text) {
        out->changed = text->value ? text->value : "";
        out->len = text->len;
    }
}

static void on_verdict(struct client *c, const struct inspect_verdict *verdict)
{
    struct question *q = question_now(c);
    struct egress_message_verdict answer;
    struct buf reason = {0};
    take(c, verdict, &reason, &answer);
    q->message_answered(c, &answer, buf_str(&reason));
    buf_free(&reason);
}

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

void egress_message_ask(struct client *c, const char *text, size_t len, struct buf *reason,
                        void (*answered)(struct client *c,
                                         const struct egress_message_verdict *verdict,
                                         const char *reason),
                        struct egress_message_verdict *out)
{
    struct question *q = question_of_message(c);
    struct inspect_verdict verdict = {0};
    const char *why = problem(c, q);
    *out = (struct egress_message_verdict){.answer = why ? MESSAGE_REFUSED : MESSAGE_PASSES};
    if (why)
        refuse_unavailable(c, why, reason);
    if (why || !q || !q->set)
        return;
    q->message_answered = answered;
    struct arena *arena = question_begin(q);
    const struct sluice_request *request =
        egress_facts_message(c, text, len, q->needs.body_bytes, 0, arena);
    if (question_ask(q, request, on_verdict, &verdict))
        take(c, &verdict, reason, out);
    else
        out->answer = MESSAGE_LATER;
}
