/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/enforceable.h"

#include <string.h>

/* What a plain endpoint does anyway may be asked for: it lets everything through (`full`, a path or
 * rules that select every request), it never only takes note (`enforce`), and two deprecated values
 * of tls mean what leaving it out means. */
static bool asks_for_more(const char *text, const char *anyway, const char *also)
{
    return *text && strcmp(text, anyway) != 0 && strcmp(text, also) != 0;
}

static bool selects_every_path(const char *path)
{
    return !*path || strcmp(path, "**") == 0 || strcmp(path, "/**") == 0;
}

static bool has_catch_all(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        const struct sluice_l7_rule *r = e->rules[i];
        bool every_path = *r->path && selects_every_path(r->path);
        if (strcmp(r->method, "*") == 0 && every_path && r->n_query == 0)
            return true;
    }
    return false;
}

/* X(field, whether endpoint e sets it).  A row leaves this list when the runtime learns its field.
 */
#define UNENFORCEABLE_FIELDS(X)                                                                    \
    X("protocol", *e->protocol)                                                                    \
    X("path", !selects_every_path(e->path))                                                        \
    X("access", asks_for_more(e->access, "full", "full"))                                          \
    X("rules", e->n_rules > 0 && !has_catch_all(e))                                                \
    X("deny_rules", e->n_deny_rules > 0)                                                           \
    X("enforcement", asks_for_more(e->enforcement, "enforce", "enforce"))                          \
    X("tls", asks_for_more(e->tls, "terminate", "passthrough") && strcmp(e->tls, "skip") != 0)     \
    X("allow_encoded_slash", e->allow_encoded_slash)                                               \
    X("websocket_credential_rewrite", e->websocket_credential_rewrite)                             \
    X("request_body_credential_rewrite", e->request_body_credential_rewrite)                       \
    X("persisted_queries", *e->persisted_queries)                                                  \
    X("graphql_persisted_queries", e->n_graphql_persisted_queries > 0)                             \
    X("graphql_max_body_bytes", e->graphql_max_body_bytes > 0)                                     \
    X("credential_signing", *e->credential_signing)                                                \
    X("signing_service", *e->signing_service)                                                      \
    X("signing_region", *e->signing_region)                                                        \
    X("credential_binding", *e->credential_provider)                                               \
    X("json_rpc", e->json_rpc != NULL)                                                             \
    X("mcp", e->mcp != NULL)

const char *policy_endpoint_unenforceable(const struct sluice_endpoint *e)
{
#define X(name, is_set) \
    if (is_set)         \
        return name;
    UNENFORCEABLE_FIELDS(X)
#undef X
    return NULL;
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
