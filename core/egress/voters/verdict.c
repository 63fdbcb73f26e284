/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/verdict.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/printable.h"
#include "egress/hold.h"
#include "egress/record.h"
#include "egress/report.h"
#include "egress/voters/question.h"

static const struct egress_finding denied = {"sluice.voter.denied", "Request Refused By Voter"},
                                   failed = {"sluice.voter.failed", "Voter Failed"};

static void describe(const struct client *c, struct egress_refusal *refusal)
{
    const struct sluice_rule *rule = c->exchange.rules.rule;
    rule = rule ? rule : c->route.decision.rule;
    const char *key = rule ? rule->key : NULL;
    refusal->engine = EGRESS_ENGINE_VOTER;
    refusal->policy = key;
    refusal->stage =
        c->exchange.kind == EXCHANGE_FORWARD ? "forward-l7-deny" : "connect-l7-deny";
    if (egress_exchange_is_judged(&c->exchange))
        refusal->request = egress_client_request(c, c->exchange.rules.call);
}

/* An approval is about the request as voters see it, whether rules are about requests or not. */
static void describe_held(const struct client *c, struct egress_refusal *refusal)
{
    const struct exchange *exchange = &c->exchange;
    const struct question *q = question_now(c);
    bool call = q && q->call < exchange->calls.n;
    refusal->request =
        egress_client_request(c, call ? &exchange->calls.items[q->call] : NULL);
    refusal->request.path = egress_exchange_seen_path(exchange);
}

/* What voters say is shown without characters that would do more than be read. */
static void print_reason(const struct inspect_verdict *v, struct egress_refusal *refusal)
{
    struct buf raw = {0}, text = {0};
    if (*v->middleware)
        buf_printf(&raw, "middleware %s: ", v->middleware);
    buf_printf(&raw, "voter %s: %s%s%s", v->voter, v->code, *v->code && *v->message ? ": " : "",
               v->message);
    printable_escape(&text, raw.data, raw.len, "");
    egress_refuse(refusal, refusal->kind, "%s", buf_str(&text));
    buf_free(&raw);
    buf_free(&text);
}

static void print_detail(const struct inspect_verdict *v, struct egress_refusal *refusal)
{
    const char *text = "Request rejected by a voter";
    if (*v->middleware && v->failed)
        text = "Request could not be processed by configured middleware";
    else if (*v->middleware)
        text = "Request rejected by configured middleware";
    else if (v->failed)
        text = "Request could not be judged by a voter";
    snprintf(refusal->detail, sizeof refusal->detail, "%s", text);
}

void egress_verdict_refuse(const struct client *c, const struct inspect_verdict *v,
                           struct egress_refusal *refusal)
{
    bool of_policy = *v->middleware;
    refusal->kind = of_policy ? v->failed ? REFUSAL_STAGE_FAILED : REFUSAL_STAGE
                              : v->failed ? REFUSAL_VOTER_FAILED : REFUSAL_VOTER;
    print_reason(v, refusal);
    print_detail(v, refusal);
    describe(c, refusal);
    refusal->vote = (struct egress_refused_vote){v->voter, v->code, v->message, v->middleware};
}

void egress_verdict_hold(const struct client *c, const struct inspect_hold *hold,
                         struct egress_refusal *refusal)
{
    const struct inspect_verdict v = {.verdict = SLUICE_HOLD, .voter = hold->voter,
                                      .code = hold->code, .message = hold->message,
                                      .middleware = hold->middleware};
    egress_verdict_refuse(c, &v, refusal);
    describe_held(c, refusal);
    snprintf(refusal->held_by, sizeof refusal->held_by, "%s:%s", hold->voter, hold->code);
    snprintf(refusal->detail, sizeof refusal->detail,
             "Request waits for a person's approval, which a voter asks for");
}

void egress_verdict_unavailable(const struct client *c, const char *why,
                                struct egress_refusal *refusal)
{
    const struct question *q = question_now(c);
    bool stages = q && q->stages.n;
    egress_refuse(refusal, stages ? REFUSAL_STAGES : REFUSAL_VOTERS, "%s", why);
    snprintf(refusal->detail, sizeof refusal->detail, "%s",
             stages ? "Request could not be processed by configured middleware"
                    : "Request could not be judged by the voters");
    describe(c, refusal);
}

void egress_verdict_too_long(const struct client *c, size_t max, struct egress_refusal *refusal)
{
    egress_refuse(refusal, REFUSAL_STAGE_FAILED,
                  "the body is longer than the %zu bytes that middlewares take", max);
    snprintf(refusal->detail, sizeof refusal->detail,
             "Request could not be processed by configured middleware");
    describe(c, refusal);
}

void egress_verdict_transformed(const struct client *c, const char *why,
                                struct egress_refusal *refusal)
{
    egress_refuse(refusal, REFUSAL_STAGE_FAILED, "middleware transformation %s", why);
    snprintf(refusal->detail, sizeof refusal->detail,
             "Request could not be processed by configured middleware");
    describe(c, refusal);
}

/* What ends a part of a line, or a list of facts, is the line's own. */
static void print_fact(struct buf *out, const struct inspect_fact *fact)
{
    size_t from = out->len;
    buf_printf(out, "%s.%s=%s", fact->voter, fact->key, fact->value);
    for (char *p = out->data + from; p < out->data + out->len; p++)
        if (strchr("[];", *p))
            *p = '?';
}

void egress_verdict_note(const struct client *c, const struct inspect_verdict *verdict)
{
    static const struct egress_finding noted = {INSPECT_FINDING_FACTS, "Facts Of Voters"};
    struct buf raw = {0}, text = {0};
    for (size_t i = 0; i < verdict->n_facts; i++) {
        buf_puts(&raw, i ? "; " : "");
        print_fact(&raw, &verdict->facts[i]);
    }
    if (raw.len) {
        printable_escape(&text, raw.data, raw.len, "");
        egress_record_facts(c, text.data);
        egress_report_finding(c, &noted, text.data);
    }
    buf_free(&raw);
    buf_free(&text);
}

void egress_verdict_tell(struct client *c, const struct egress_refusal *refusal)
{
    bool by_failure = refusal->kind != REFUSAL_VOTER && refusal->kind != REFUSAL_STAGE;
    const struct egress_finding *finding = by_failure ? &failed : &denied;
    egress_record_refused(c, refusal->engine, refusal->reason);
    egress_report_finding(c, finding, refusal->reason);
}

void egress_verdict_report(struct client *c, const struct egress_refusal *refusal)
{
    if (*refusal->held_by && !egress_hold_has_reported(c, refusal))
        egress_report(c, refusal);
}

void egress_verdict_deny(struct client *c, const struct egress_refusal *refusal)
{
    egress_verdict_tell(c, refusal);
    egress_client_refuse(c, refusal);
}
