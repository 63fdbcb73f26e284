/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/enforceable.h"

#include <string.h>

/* What a plain endpoint does anyway may be asked for: it lets everything through (`full`, a path or
 * rules that select every request), it never only takes note (`enforce`), and two deprecated values
 * of tls mean what leaving it out means. */
static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static bool selects_every_path(const char *path)
{
    return is_one_of(path, "**", "/**");
}

static bool has_catch_all(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        const struct sluice_l7_rule *r = e->rules[i];
        if (strcmp(r->method, "*") == 0 && selects_every_path(r->path) && r->n_query == 0)
            return true;
    }
    return false;
}

/* X(field, whether endpoint e sets it, whether that cannot be enforced).  A row leaves this list
 * when the runtime learns its field. */
#define UNENFORCEABLE_FIELDS(X)                                                                    \
    X("protocol", *e->protocol, strcmp(e->protocol, "tcp") != 0)                                                              \
    X("path", *e->path, !selects_every_path(e->path))                                              \
    X("access", *e->access, strcmp(e->access, "full") != 0)                                        \
    X("rules", e->n_rules > 0, !has_catch_all(e))                                                  \
    X("deny_rules", e->n_deny_rules > 0, true)                                                     \
    X("enforcement", *e->enforcement, strcmp(e->enforcement, "enforce") != 0)                      \
    X("tls", *e->tls, strcmp(e->tls, "skip") != 0                                                  \
                          && !is_one_of(e->tls, "terminate", "passthrough"))                       \
    X("allow_encoded_slash", e->allow_encoded_slash, true)                                         \
    X("websocket_credential_rewrite", e->websocket_credential_rewrite, true)                       \
    X("request_body_credential_rewrite", e->request_body_credential_rewrite, true)                 \
    X("persisted_queries", *e->persisted_queries, true)                                            \
    X("graphql_persisted_queries", e->n_graphql_persisted_queries > 0, true)                       \
    X("graphql_max_body_bytes", e->graphql_max_body_bytes > 0, true)                               \
    X("credential_signing", *e->credential_signing, true)                                          \
    X("signing_service", *e->signing_service, true)                                                \
    X("signing_region", *e->signing_region, true)                                                  \
    X("credential_binding", *e->credential_provider, true)                                         \
    X("json_rpc", e->json_rpc != NULL, true)                                                       \
    X("mcp", e->mcp != NULL, true)

/* Not inlined: it needs registers that sets_any does without. */
__attribute__((noinline))
static const char *first_unenforceable(const struct sluice_endpoint *e)
{
#define X(name, is_set, is_unenforceable) \
    if ((is_set) && (is_unenforceable))   \
        return name;
    UNENFORCEABLE_FIELDS(X)
#undef X
    return NULL;
}

/* Nearly every endpoint sets none of them: seen in half the time without a branch for each. */
static bool sets_any(const struct sluice_endpoint *e)
{
#define X(name, is_set, is_unenforceable) | ((is_set) != 0)
    return 0 UNENFORCEABLE_FIELDS(X);
#undef X
}

const char *policy_endpoint_unenforceable(const struct sluice_endpoint *e)
{
    return sets_any(e) ? first_unenforceable(e) : NULL;
}

int policy_enforceable(const struct sluice_policy *policy, struct error *err)
{
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct sluice_rule *rule = policy->rules[i];
        for (size_t j = 0; j < rule->n_endpoints; j++) {
            const char *field = policy_endpoint_unenforceable(rule->endpoints[j]);
            if (field)
                return error_set(err, ERROR_UNSUPPORTED, "%s.%s: this runtime cannot enforce %s yet",
                                 rule->endpoints[j]->doc_path, field, field);
        }
    }
    if (policy->n_middlewares)
        return error_set(err, ERROR_UNSUPPORTED, "%s: this runtime cannot enforce middlewares yet",
                         policy->middlewares[0]->doc_path);
    return 0;
}
