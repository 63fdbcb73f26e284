/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what policies say of requests: a list of cases (core/policy/match/cases.h).  Oracles: what
 * is refused has a reason; a request is allowed or denied, and the second time, too; without
 * rules it is denied; a denial says why. */
#include "policy/match/cases.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/check/check.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CASES_MAX = 8 };

static void wrong(const char *what, const char *id)
{
    fprintf(stderr, "%s: %s\n", id, what);
    abort();
}

static struct policy_answer ask(const struct policy_case *c, const struct sluice_policy *policy)
{
    struct policy_answer answer = {0}, again = {0};
    policy_ask(policy, &c->question, &answer);
    policy_ask(policy, &c->question, &again);
    if (again.allowed != answer.allowed || again.audited != answer.audited ||
        strcmp(buf_str(&again.reason), buf_str(&answer.reason)) != 0)
        wrong("another answer the second time", c->id);
    if (!answer.allowed && !answer.reason.len)
        wrong("a denial without a reason", c->id);
    buf_free(&again.reason);
    return answer;
}

/* Rules that are all closed to a caller allow it nothing. */
static void check_closed(const struct policy_case *c, const struct sluice_policy *policy)
{
    struct policy_case closed = *c;
    const char **keys = calloc(policy->n_rules, sizeof *keys);
    for (size_t i = 0; i < policy->n_rules; i++)
        keys[i] = policy->rules[i]->key;
    closed.question.connection.closed = keys;
    closed.question.connection.n_closed = policy->n_rules;
    struct policy_answer answer = ask(&closed, policy);
    if (answer.allowed)
        wrong("a closed rule allows something", c->id);
    buf_free(&answer.reason);
    free(keys);
}

/* A program that a rule names by a link to it is let through by that rule, if its host is. */
static void check_links(const struct policy_case *c, const struct sluice_policy *policy)
{
    const struct sluice_rule *rule = policy->rules[0];
    struct policy_case linked = *c;
    struct policy_request *r = &linked.question.connection;
    if (!rule->n_binaries)
        return;
    const struct policy_link links[] = {{"/nowhere", r->binary},
                                        {rule->binaries[0]->path,
                                         r->n_ancestors ? r->ancestors[0] : r->binary}};
    r->links = links;
    r->n_links = 2;
    struct policy_decision decision;
    policy_match(policy, r, &decision, NULL);
    if (policy_rule_opens(rule, r) && !decision.allowed)
        wrong("a link does not lead to its program", c->id);
    if (!policy_rule_takes_caller(rule, r) || !policy_rule_program(rule, r))
        wrong("a link is passed over", c->id);
    const struct policy_link *link = policy_rule_link(rule, r);
    if (link && !policy_link_leads_to(link, r))
        wrong("a link leads elsewhere", c->id);
    struct policy_answer answer = ask(&linked, policy);
    buf_free(&answer.reason);
}

static void check_answers(const struct policy_case *c, struct policy *policy)
{
    struct policy_answer answer = ask(c, policy_model(policy));
    struct sluice_policy nothing = *policy_model(policy);
    nothing.n_rules = 0;
    struct policy_answer without = ask(c, &nothing);
    if (without.allowed)
        wrong("a policy without rules allows something", c->id);
    buf_free(&answer.reason);
    buf_free(&without.reason);
    if (policy_model(policy)->n_rules) {
        check_closed(c, policy_model(policy));
        check_links(c, policy_model(policy));
    }
}

/* What the runner of cases makes of it: one of both expectations is met, but for a refused
 * policy. */
static void check_case(struct policy_case *c)
{
    struct buf why = {0};
    *c = (struct policy_case){.id = c->id, .policy = c->policy, .question = c->question,
                              .connection_only = c->connection_only, .look_up = c->look_up,
                              .reason = ""};
    bool denies = policy_case_passes(c, NULL, &why);
    c->allow = true;
    bool allows = policy_case_passes(c, NULL, &why);
    c->audited = true;
    allows |= policy_case_passes(c, NULL, &why);
    if (denies && allows)
        wrong("it is allowed and denied", c->id);
    if (!denies && !allows && !why.len)
        wrong("a case fails without a reason", c->id);
    buf_free(&why);
}

static void run(const struct doc_node *node, struct arena *arena)
{
    struct problems problems = {0};
    struct policy_case c;
    if (policy_case_read(node, "", arena, &c, &problems) != 0) {
        if (!problems.n)
            wrong("a case is refused without a reason", "");
    } else if (c.policy) {
        struct policy *policy = policy_decode(c.policy, "", NULL);
        if (policy)
            check_answers(&c, policy);
        policy_unref(policy);
        check_case(&c);
    }
    problems_free(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct doc_node *tree;
    if (doc_parse((const char *)data, size, DOC_YAML, POLICY_BYTES_MAX, arena, &tree, NULL) == 0 &&
        tree->kind == DOC_LIST)
        for (size_t i = 0; i < tree->n && i < CASES_MAX; i++)
            run(tree->items[i], arena);
    arena_free(arena);
    return 0;
}
