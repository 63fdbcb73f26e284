/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/cases.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/check/check.h"
#include "policy/policy.h"

static const char *const known_keys[] = {
    "id",     "kind", "policy_id", "policy", "binary", "ancestors", "method", "host",
    "port",   "path", "query",     "headers", "body",  "setup",     "expect", "status",
    "reason", "audited", "or_refused", "defect", "why", "from", NULL};

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static const char *text_of(const struct doc_node *node, const char *key)
{
    const struct doc_node *value = doc_get(node, key);
    return value ? value->text : "";
}

static bool flag_of(const struct doc_node *node, const char *key)
{
    return is(text_of(node, key), "true");
}

/* What a reader of cases goes on with. */
struct reader {
    const struct doc_node *node;
    const char *path;
    struct problems *problems;
    bool bad;
};

static void complain(struct reader *r, const char *key, const char *message)
{
    const struct doc_node *at = doc_get(r->node, key);
    struct arena *arena = arena_new();
    problems_add(r->problems, doc_path_key(arena, r->path, key), at ? at->line : r->node->line,
                    at ? at->column : r->node->column, "%s", message);
    arena_free(arena);
    r->bad = true;
}

static void check_keys(struct reader *r)
{
    for (size_t i = 0; i < r->node->n; i++) {
        const char *key = r->node->keys[i]->text;
        size_t k = 0;
        while (known_keys[k] && !is(known_keys[k], key))
            k++;
        if (!known_keys[k])
            complain(r, key, "unknown key");
    }
}

static const char *need(struct reader *r, const char *key)
{
    const char *text = text_of(r->node, key);
    if (!*text)
        complain(r, key, "is missing");
    return text;
}

static uint16_t read_port(struct reader *r)
{
    char *end;
    const char *text = need(r, "port");
    unsigned long port = strtoul(text, &end, 10);
    if (*text && (*end || port > UINT16_MAX))
        complain(r, "port", "must be a number from 0 to 65535");
    return (uint16_t)port;
}

static void read_ancestors(struct reader *r, struct arena *arena, struct policy_request *out)
{
    const struct doc_node *list = doc_get(r->node, "ancestors");
    if (!list)
        return;
    const char **paths = arena_alloc(arena, (list->n + 1) * sizeof *paths);
    for (size_t i = 0; i < list->n; i++)
        paths[i] = list->items[i]->text;
    out->ancestors = paths;
    out->n_ancestors = list->n;
}

/* RFC 6455, 4.2.1, as far as a case says it. */
static bool is_websocket(const struct doc_node *headers)
{
    return headers && strcasecmp(text_of(headers, "upgrade"), "websocket") == 0 &&
           strcasestr(text_of(headers, "connection"), "upgrade") &&
           strlen(text_of(headers, "sec-websocket-key")) == 24 &&
           is(text_of(headers, "sec-websocket-version"), "13");
}

static void read_question(struct reader *r, struct arena *arena, struct policy_case *out)
{
    const struct doc_node *headers = doc_get(r->node, "headers");
    struct policy_question *q = &out->question;
    q->connection = (struct policy_request){.host = need(r, "host"), .port = read_port(r),
                                            .binary = need(r, "binary")};
    read_ancestors(r, arena, &q->connection);
    q->method = need(r, "method");
    q->path = text_of(r->node, "path");
    q->query = text_of(r->node, "query");
    q->websocket = is_websocket(headers);
    q->accept = doc_get(headers, "accept") ? text_of(headers, "accept") : NULL;
    q->body = text_of(r->node, "body");
    out->look_up = is(q->method, "DNS");
    out->connection_only = is(q->method, "CONNECT") || is(q->method, "TCP");
    if (out->connection_only)
        q->method = "";
}

int policy_case_read(const struct doc_node *node, const char *path, struct arena *arena,
                     struct policy_case *out, struct problems *problems)
{
    struct reader r = {node, path, problems, false};
    *out = (struct policy_case){.policy = doc_get(node, "policy")};
    if (node->kind != DOC_MAP) {
        problems_add(problems, path, node->line, node->column, "a case is a map");
        return -1;
    }
    check_keys(&r);
    read_question(&r, arena, out);
    out->id = need(&r, "id");
    out->allow = is(need(&r, "expect"), "allow");
    if (!out->allow && !is(text_of(node, "expect"), "deny"))
        complain(&r, "expect", "must be allow or deny");
    out->audited = flag_of(node, "audited");
    out->or_refused = flag_of(node, "or_refused");
    out->defect = flag_of(node, "defect");
    out->reason = text_of(node, "reason");
    out->needs_credentials =
        doc_get(node, "setup") && doc_get(doc_get(node, "setup"), "credentials");
    return r.bad ? -1 : 0;
}

/* ---- running ---- */

/* The policy of the case, NULL after saying why it is refused. */
static struct policy *load(const struct doc_node *node, struct buf *why)
{
    struct problems problems = {0};
    struct policy *policy = node->kind == DOC_MAP
                                ? policy_decode(node, "", &problems)
                                : policy_parse(node->text, strlen(node->text), DOC_YAML, &problems);
    if (policy)
        policy_check(policy, &problems, NULL);
    if (problems.n) {
        buf_printf(why, "the policy is refused: %s: %s", problems.items[0].path,
                   problems.items[0].message);
        policy_unref(policy);
        policy = NULL;
    }
    problems_free(&problems);
    return policy;
}

/* A resolver answers names that some rule is about. */
static bool names_host(const struct sluice_policy *policy, const char *host)
{
    for (size_t i = 0; i < policy->n_rules; i++)
        for (size_t j = 0; j < policy->rules[i]->n_endpoints; j++) {
            const char *pattern = policy->rules[i]->endpoints[j]->host;
            if (*pattern && policy_host_match(pattern, host))
                return true;
        }
    return false;
}

static void ask(const struct policy_case *c, const struct sluice_policy *policy,
                struct policy_answer *out)
{
    if (!c->look_up) {
        policy_ask(policy, &c->question, out);
        return;
    }
    *out = (struct policy_answer){.layer = "dns", .rule = ""};
    out->allowed = names_host(policy, c->question.connection.host);
}

static bool is_as_expected(const struct policy_case *c, const struct policy_answer *answer,
                           struct buf *why)
{
    if (answer->allowed != c->allow && c->defect)
        return true;
    if (answer->allowed != c->allow)
        buf_printf(why, "expected %s, got %s", c->allow ? "allow" : "deny",
                   answer->allowed ? "allow" : "deny");
    else if (answer->allowed && answer->audited != c->audited)
        buf_printf(why, "expected it %saudited", c->audited ? "" : "not ");
    else if (!answer->allowed && !strstr(buf_str(&answer->reason), c->reason))
        buf_printf(why, "expected the reason \"%s\"", c->reason);
    else
        return true;
    if (answer->reason.len)
        buf_printf(why, " (%s)", answer->reason.data);
    if (c->needs_credentials)
        buf_puts(why, "; the credentials of its setup are not looked at: a sandbox shows it");
    return false;
}

bool policy_case_passes(const struct policy_case *c, const struct sluice_policy *given,
                        struct buf *why)
{
    struct policy *own = c->policy ? load(c->policy, why) : NULL;
    const struct sluice_policy *policy = c->policy ? (own ? policy_model(own) : NULL) : given;
    struct policy_answer answer = {0};
    if (!policy)
        return c->policy && c->or_refused;
    ask(c, policy, &answer);
    bool passes = is_as_expected(c, &answer, why);
    buf_free(&answer.reason);
    policy_unref(own);
    return passes;
}
