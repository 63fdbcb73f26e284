/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/message.h"

#include "egress/record.h"
#include "egress/report.h"
#include "egress/voters/facts.h"
#include "egress/voters/question.h"
#include "egress/voters/verdict.h"

bool egress_message_is_watched(const struct client *c)
{
    const struct question *q = question_now(c);
    return q && q->set && q->needs.any;
}

static void refuse(struct client *c, const struct inspect_verdict *verdict, struct buf *reason)
{
    struct inspect_verdict copy = *verdict;
    struct egress_refusal refusal;
    copy.verdict = SLUICE_DENY;                     /* a message does not wait for a person */
    egress_verdict_refuse(c, &copy, &refusal);
    egress_verdict_tell(c, &refusal);
    buf_puts(reason, refusal.reason);
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
    *out = (struct egress_message_verdict){.answer = MESSAGE_PASSES};
    if (verdict->verdict == SLUICE_DENY || verdict->verdict == SLUICE_HOLD) {
        out->answer = MESSAGE_REFUSED;
        refuse(c, verdict, reason);
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

static void refuse_unavailable(struct client *c, struct buf *reason)
{
    struct egress_refusal refusal;
    egress_verdict_unavailable(c, "too many messages wait for the verdict of voters", &refusal);
    egress_verdict_tell(c, &refusal);
    buf_puts(reason, refusal.reason);
}

void egress_message_ask(struct client *c, const char *text, size_t len, struct buf *reason,
                        void (*answered)(struct client *c,
                                         const struct egress_message_verdict *verdict,
                                         const char *reason),
                        struct egress_message_verdict *out)
{
    struct question *q = question_now(c);
    struct inspect_verdict verdict = {0};
    *out = (struct egress_message_verdict){.answer = MESSAGE_REFUSED};
    if (c->proxy->n_questions >= QUESTION_WAITING_MAX) {
        refuse_unavailable(c, reason);
        return;
    }
    q->message_answered = answered;
    struct arena *arena = question_begin(q);
    const struct sluice_request *request =
        egress_facts_message(c, text, len, q->needs.body_bytes, 0, arena);
    if (question_ask(q, request, on_verdict, &verdict))
        take(c, &verdict, reason, out);
    else
        out->answer = MESSAGE_LATER;
}
