/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cure/cure.h"

#include <string.h>

#include "doc/writer.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"
#include "policy/rule.h"

struct curing {
    const struct sluice_policy *policy;
    const struct policy_request *caller;
    const struct policy_refused *refused;
    const struct policy_http_request *request;      /* NULL: not known but by its words */
    struct arena *arena;
    struct policy_cure *cure;
};

/* ---- one attempt ---- */

/* The policy without the rules of other places, which the cure does not touch. */
static struct sluice_policy near(const struct curing *c, const struct sluice_policy *policy)
{
    const struct sluice_rule **rules =
        arena_alloc(c->arena, (policy->n_rules + 1) * sizeof *rules);
    struct sluice_policy near = *policy;
    near.n_rules = 0;
    for (size_t i = 0; i < policy->n_rules; i++)
        if (policy_rule_opens(policy->rules[i], c->caller))
            rules[near.n_rules++] = policy->rules[i];
    near.rules = rules;
    return near;
}

/* Merging may widen another rule, whose settings are then those of both. */
static bool is_cured(struct curing *c)
{
    struct problems problems = {0}, warnings = {0};
    struct sluice_policy *to = arena_alloc(c->arena, sizeof *to);
    const struct policy_operations operations = {&c->cure->operation, 1, NULL};
    bool merged =
        policy_merge_model(c->policy, &operations, c->arena, &problems, &warnings, to) == 0;
    problems_free(&problems);
    problems_free(&warnings);
    if (!merged || !policy_refused_passes(to, c->caller, c->refused, c->request))
        return false;
    struct sluice_policy *before = arena_alloc(c->arena, sizeof *before);
    struct sluice_policy *after = arena_alloc(c->arena, sizeof *after);
    *before = near(c, c->policy);
    *after = near(c, to);
    c->cure->effect = policy_effect(before, after, c->arena);
    return c->cure->effect->relation == SLUICE_LOOSENS;
}

/* ---- the name ---- */

static bool is_of_program(const struct sluice_rule *rule, const char *binary)
{
    return rule->n_binaries == 1 && strcmp(rule->binaries[0]->path, binary) == 0;
}

static bool try_name(struct curing *c, const struct sluice_rule *rule, const char *name)
{
    c->cure->operation = (struct policy_operation){
        .kind = POLICY_ADD_RULE, .rule_name = name, .rule = rule, .host = "", .binary_path = ""};
    return is_cured(c);
}

/* A rule of that name may be about something else.  Only one of the same program can be widened. */
static bool find_name(struct curing *c, const struct sluice_rule *rule)
{
    enum { TRIES_MAX = 8 };
    const char *first = policy_refused_rule_name(c->refused, c->arena), *name = first;
    for (int i = 2, tries = 0; tries < TRIES_MAX; i++) {
        const struct sluice_rule *there = policy_find_rule(c->policy, name);
        bool fits = !there || is_of_program(there, c->refused->binary);
        if (fits && try_name(c, rule, name))
            return true;
        if (!there)
            return false;
        tries += fits;
        name = arena_printf(c->arena, "%s_%d", first, i);
    }
    return false;
}

/* ---- its length ---- */

static size_t length_of_call(const struct policy_call *call)
{
    size_t len = strlen(call->name) + strlen(call->method) + strlen(call->tool);
    for (size_t i = 0; i < call->n_fields; i++)
        len += strlen(call->fields[i]) + 1;
    return len;
}

/* What an effect takes grows with the square of it. */
static bool is_too_long(const struct policy_refused *refused,
                        const struct policy_http_request *request)
{
    const struct policy_calls *calls = request ? request->calls : NULL;
    size_t len = strlen(refused->path) + strlen(refused->operation) + strlen(refused->field) +
                 strlen(refused->rpc_method) + strlen(refused->tool);
    for (size_t i = 0; calls && i < calls->n; i++)
        len += length_of_call(&calls->items[i]);
    return len > POLICY_CURE_LENGTH_MAX;
}

const char *policy_cure(const struct sluice_policy *policy, const struct policy_request *caller,
                        const struct policy_refused *refused,
                        const struct policy_http_request *request, struct arena *arena,
                        struct policy_cure *out)
{
    struct curing c = {policy, caller, refused, request, arena, out};
    struct policy_decision connection;
    const struct sluice_rule *rule;
    const char *why = NULL;
    if (is_too_long(refused, request))
        return "its path and the names in its body are longer than 512 bytes";
    policy_match(policy, caller, &connection, NULL);
    if (connection.allowed)
        why = policy_cure_rule(policy, caller, refused, request, arena, &rule);
    else
        rule = policy_cure_connection(refused, arena);
    if (!why && !find_name(&c, rule))
        why = "no rule for it can be added without changing more than that";
    return why;
}

void policy_cure_write_operations(const struct policy_cure *cure, struct doc_writer *w)
{
    doc_write_key(w, "operations");
    doc_write_open(w, DOC_LIST);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "add_rule");
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "rule_name");
    doc_write_text(w, cure->operation.rule_name);
    doc_write_key(w, "rule");
    schema_write(&policy_rule_schema, cure->operation.rule, w);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_LIST);
}

void policy_cure_write(const struct policy_cure *cure, struct doc_writer *w)
{
    policy_cure_write_operations(cure, w);
    doc_write_key(w, "effect");
    policy_effect_write(cure->effect, w);
}
