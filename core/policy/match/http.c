/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/glob.h"
#include "policy/match/calls.h"
#include "policy/preset.h"

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static bool is_inspected(const struct sluice_endpoint *e)
{
    return *e->protocol && !is(e->protocol, "tcp");
}

void policy_candidates_find(const struct sluice_policy *policy,
                            const struct policy_request *connection,
                            struct policy_candidates *out)
{
    *out = (struct policy_candidates){0};
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct sluice_rule *rule = policy->rules[i];
        if (!policy_rule_takes_caller(rule, connection))
            continue;
        for (size_t j = 0; j < rule->n_endpoints; j++) {
            const struct sluice_endpoint *e = rule->endpoints[j];
            if (!is_inspected(e) || !policy_endpoint_takes_host(e, connection))
                continue;
            out->items = alloc_resize(out->items, out->n + 1, sizeof *out->items);
            out->items[out->n++] = (struct policy_candidate){rule, e};
        }
    }
}

void policy_candidates_free(struct policy_candidates *candidates)
{
    free(candidates->items);
    *candidates = (struct policy_candidates){0};
}

bool policy_candidates_keep_encoded_slash(const struct policy_candidates *candidates)
{
    for (size_t i = 0; i < candidates->n; i++)
        if (candidates->items[i].endpoint->allow_encoded_slash)
            return true;
    return false;
}

/* ---- the route ---- */

bool policy_path_top(const char *selector, char top[POLICY_TARGET_PATH_MAX + 1])
{
    size_t len = strlen(selector);
    if (len < 5 || len > POLICY_TARGET_PATH_MAX || !is(selector + len - 3, "/**"))
        return false;
    memcpy(top, selector, len - 3);
    top[len - 3] = '\0';
    return true;
}

static bool path_matches(const char *pattern, const char *path)
{
    return is(pattern, "**") || glob_match(pattern, path, '/', 0);
}

/* What is below /x includes /x itself, though no rule of the endpoint is then asked. */
static bool selects(const struct sluice_endpoint *e, const char *path)
{
    char top[POLICY_TARGET_PATH_MAX + 1];
    return !*e->path || path_matches(e->path, path) ||
           (policy_path_top(e->path, top) && path_matches(top, path));
}

size_t policy_path_specificity(const char *selector)
{
    size_t n = 0;
    for (; *selector; selector++)
        n += *selector != '*';
    return n;
}

bool policy_endpoint_rules_path(const struct sluice_endpoint *e, const char *path)
{
    return !*e->path || path_matches(e->path, path);
}

static const struct policy_candidate *find_route(const struct policy_candidates *candidates,
                                                 const char *path)
{
    const struct policy_candidate *best = NULL;
    for (size_t i = 0; i < candidates->n; i++) {
        const struct policy_candidate *c = &candidates->items[i];
        if (selects(c->endpoint, path) &&
            (!best || policy_path_specificity(c->endpoint->path) >=
                          policy_path_specificity(best->endpoint->path)))
            best = c;
    }
    return best;
}

/* ---- rules ---- */

bool policy_method_match(const char *written, const char *method)
{
    return is(written, "*") || strcasecmp(written, method) == 0 ||
           (strcasecmp(written, "GET") == 0 && strcasecmp(method, "HEAD") == 0);
}

bool policy_value_matches(const struct sluice_matcher *m, const char *value)
{
    for (size_t i = 0; i < m->n_any; i++)
        if (*m->any[i] && glob_match(m->any[i], value, '.', 0))
            return true;
    return false;
}

/* Of an allow rule all values of the key have to match, of a deny rule one is enough. */
static bool parameter_matches(const struct sluice_matcher *m, const char *query,
                              const char *separators, bool deny)
{
    struct policy_query q = {.rest = query, .separators = separators};
    size_t n = 0, matching = 0;
    bool bad = false;
    while (policy_query_next(&q, &bad)) {
        if (!is(buf_str(&q.key), m->key))
            continue;
        n++;
        matching += policy_value_matches(m, buf_str(&q.value));
    }
    policy_query_free(&q);
    return deny ? matching > 0 : n > 0 && matching == n;
}

static bool parameters_match(const struct sluice_l7_rule *r, const char *query,
                             const char *separators, bool deny)
{
    for (size_t i = 0; i < r->n_query; i++)
        if (!parameter_matches(r->query[i], query, separators, deny))
            return false;
    return true;
}

/* Some servers end a parameter at a semicolon, too.  An allow rule has to match either way, for a
 * deny rule one is enough. */
static bool query_matches(const struct sluice_l7_rule *r, const char *query, bool deny)
{
    bool matches = parameters_match(r, query, "&", deny);
    if (!r->n_query || matches == deny || !strchr(query, ';'))
        return matches;
    return parameters_match(r, query, "&;", deny);
}

bool policy_rule_is_about_requests(const struct sluice_l7_rule *r)
{
    return *r->method && *r->path && !*r->operation_type && !*r->operation_name && !r->n_fields &&
           !r->n_params && !*r->command;
}

static bool rule_matches(const struct sluice_l7_rule *r, const struct policy_http_request *request,
                         bool deny)
{
    return policy_rule_is_about_requests(r) && policy_method_match(r->method, request->method) &&
           path_matches(r->path, request->path) && query_matches(r, request->query, deny);
}

/* What the rules are asked about: a request, or one call of its body. */
struct question {
    const struct policy_http_request *request;
    const struct policy_call *call;                 /* NULL: the request itself */
};

static bool any_matches(const struct sluice_endpoint *e, const struct question *q, bool deny)
{
    const struct sluice_l7_rule *const *rules = deny ? e->deny_rules : e->rules;
    size_t n = deny ? e->n_deny_rules : e->n_rules;
    for (size_t i = 0; i < n; i++)
        if (q->call ? policy_rule_takes_call(e, rules[i], q->call, deny)
                    : rule_matches(rules[i], q->request, deny))
            return true;
    return false;
}

static bool preset_allows(const struct sluice_endpoint *e, const char *method)
{
    const char *const *methods = e->n_rules ? NULL : policy_preset(e->protocol, e->access);
    for (size_t i = 0; methods && methods[i]; i++)
        if (policy_method_match(methods[i], method))
            return true;
    return false;
}

static bool endpoint_allows(const struct sluice_endpoint *e, const struct question *q)
{
    bool allowed = q->call ? policy_endpoint_allows_call(e, q->call)
                           : preset_allows(e, q->request->method);
    return allowed || any_matches(e, q, false);
}

/* What the rules say together. */
struct verdict {
    const struct sluice_rule *allowing, *denying;
};

static bool permits(const struct verdict *verdict)
{
    return verdict->allowing && !verdict->denying;
}

static struct verdict ask_rules(const struct policy_candidates *candidates, const char *protocol,
                                const struct question *q)
{
    struct verdict verdict = {0};
    for (size_t i = 0; i < candidates->n; i++) {
        const struct policy_candidate *c = &candidates->items[i];
        const struct sluice_endpoint *e = c->endpoint;
        if (!is(e->protocol, protocol) || !policy_endpoint_rules_path(e, q->request->path))
            continue;
        if (!verdict.denying && any_matches(e, q, true))
            verdict.denying = c->rule;
        if (!verdict.allowing && endpoint_allows(e, q))
            verdict.allowing = c->rule;
    }
    return verdict;
}

/* Batches often have the same call many times. */
static bool are_equal(const struct policy_call *a, const struct policy_call *b)
{
    return !a->n_fields && !b->n_fields && a->refused == b->refused && is(a->method, b->method) &&
           is(a->tool, b->tool) && is(a->type, b->type) && is(a->name, b->name);
}

/* Every call has to be permitted: the verdict on the first that is not, else on the last. */
static struct verdict ask_calls(const struct policy_candidates *candidates,
                                const struct policy_http_request *request,
                                struct policy_http_decision *out)
{
    const struct policy_calls *calls = request->calls;
    bool passes = calls->pass && policy_endpoint_rules_path(out->endpoint, request->path);
    struct verdict verdict = {.allowing = passes ? out->rule : NULL};
    for (size_t i = 0; i < calls->n; i++) {
        const struct question q = {request, &calls->items[i]};
        if (i > 0 && are_equal(q.call, q.call - 1))
            continue;
        verdict = ask_rules(candidates, out->endpoint->protocol, &q);
        if (!permits(&verdict)) {
            out->call = q.call;
            break;
        }
    }
    return verdict;
}

/* ---- the decision ---- */

static void refuse(struct policy_http_decision *out, struct buf *reason, const char *text)
{
    out->hard = true;
    if (reason)
        buf_puts(reason, text);
}

/* Where the route is not about messages, they are part of what its upgrade opened. */
static bool is_unjudged_message(const struct policy_http_request *request,
                                const struct sluice_endpoint *route)
{
    return request->message && route && !is(route->protocol, "websocket");
}

/* What holds whatever the rules say.  False: refused. */
static bool pass_route(const struct policy_http_request *request, struct policy_http_decision *out,
                       struct buf *reason)
{
    const struct sluice_endpoint *route = out->endpoint;
    if (!route)
        refuse(out, reason, "no L7 endpoint path matched request");
    else if (!route->allow_encoded_slash && strstr(request->path, "%2F"))
        refuse(out, reason, "request-target contains an encoded '/' (%2F) which is not allowed on "
                            "this endpoint");
    else if (is(route->protocol, "websocket") && !request->websocket)
        refuse(out, reason, "websocket endpoint requires a valid WebSocket upgrade request");
    return !out->hard;
}

/* The calls are known, and are ones of the route's protocol.  False: there is no verdict. */
static bool pass_body(const struct policy_http_request *request, struct policy_http_decision *out,
                      struct buf *reason)
{
    const struct policy_calls *calls = request->calls;
    if (!policy_has_calls(out->endpoint, request))
        return true;
    if (!calls || !is(calls->protocol, out->endpoint->protocol))
        out->needs_body = true;
    else if (calls->problem)
        refuse(out, reason, calls->problem);
    return !out->needs_body && !out->hard;
}

static void print_reason(const struct policy_http_request *request, const struct verdict *verdict,
                         const struct policy_http_decision *decision, struct buf *reason)
{
    const char *own =
        decision->call ? policy_call_denied(decision->endpoint, decision->call) : NULL;
    if (own)
        buf_puts(reason, own);
    else
        buf_printf(reason, "%s %s %s", request->method, request->path,
                   verdict->denying ? "blocked by deny rule" : "not permitted by policy");
}

void policy_http_decide(const struct policy_candidates *candidates,
                        const struct policy_http_request *request,
                        struct policy_http_decision *out, struct buf *reason)
{
    *out = (struct policy_http_decision){.allowed = candidates->n == 0};
    if (out->allowed)
        return;
    const struct policy_candidate *route = find_route(candidates, request->path);
    out->endpoint = route ? route->endpoint : NULL;
    out->rule = route ? route->rule : NULL;
    out->allowed = is_unjudged_message(request, out->endpoint);
    if (out->allowed)
        return;
    if (!pass_route(request, out, reason) || !pass_body(request, out, reason))
        return;
    struct verdict verdict =
        policy_has_calls(out->endpoint, request)
            ? ask_calls(candidates, request, out)
            : ask_rules(candidates, out->endpoint->protocol, &(struct question){request, NULL});
    if (verdict.denying || verdict.allowing)
        out->rule = verdict.denying ? verdict.denying : verdict.allowing;
    out->audited = !permits(&verdict) && !is(out->endpoint->enforcement, "enforce");
    out->allowed = permits(&verdict) || out->audited;
    if (!permits(&verdict) && reason)
        print_reason(request, &verdict, out, reason);
}
