/* SPDX-License-Identifier: Apache-2.0 */
#include "enforceable.h"

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

const char *unenforceable_field(const struct sluice_endpoint *e)
{
#define X(name, is_set) \
    if (is_set)         \
        return name;
    UNENFORCEABLE_FIELDS(X)
#undef X
    return NULL;
}
