/* SPDX-License-Identifier: Apache-2.0 */
#include "enforceable.h"

#include <string.h>

#define TEXT_IS_SET(id, member)                                        \
    static bool has_##id(const struct sluice_endpoint *e)              \
    {                                                                  \
        return e->member && *e->member;                                \
    }
#define VALUE_IS_SET(id, member)                                       \
    static bool has_##id(const struct sluice_endpoint *e)              \
    {                                                                  \
        return e->member;                                              \
    }

static bool is_any(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* On a plain endpoint everything passes, which is what `full` asks for. */
static bool has_access(const struct sluice_endpoint *e)
{
    static const char *const harmless[] = {"", "full", NULL};
    return e->access && !is_any(e->access, harmless);
}

/* A plain endpoint is always enforced; what it cannot do is let pass and only take note. */
static bool has_enforcement(const struct sluice_endpoint *e)
{
    static const char *const harmless[] = {"", "enforce", NULL};
    return e->enforcement && !is_any(e->enforcement, harmless);
}

/* The two deprecated values mean what leaving the field out means. */
static bool has_tls(const struct sluice_endpoint *e)
{
    static const char *const harmless[] = {"", "skip", "terminate", "passthrough", NULL};
    return e->tls && !is_any(e->tls, harmless);
}

TEXT_IS_SET(protocol, protocol)
TEXT_IS_SET(path, path)
VALUE_IS_SET(rules, n_rules > 0)
VALUE_IS_SET(deny_rules, n_deny_rules > 0)
VALUE_IS_SET(encoded_slash, allow_encoded_slash)
VALUE_IS_SET(websocket_rewrite, websocket_credential_rewrite)
VALUE_IS_SET(body_rewrite, request_body_credential_rewrite)
TEXT_IS_SET(persisted_queries, persisted_queries)
VALUE_IS_SET(graphql_queries, n_graphql_persisted_queries > 0)
VALUE_IS_SET(graphql_bytes, graphql_max_body_bytes > 0)
TEXT_IS_SET(signing, credential_signing)
TEXT_IS_SET(service, signing_service)
TEXT_IS_SET(region, signing_region)
TEXT_IS_SET(binding, credential_provider)
VALUE_IS_SET(json_rpc, json_rpc != NULL)
VALUE_IS_SET(mcp, mcp != NULL)

/* A row leaves this list when the runtime learns to enforce its field. */
static const struct {
    const char *name;
    bool (*is_set)(const struct sluice_endpoint *endpoint);
} fields[] = {
    {"protocol", has_protocol},
    {"path", has_path},
    {"access", has_access},
    {"rules", has_rules},
    {"deny_rules", has_deny_rules},
    {"enforcement", has_enforcement},
    {"tls", has_tls},
    {"allow_encoded_slash", has_encoded_slash},
    {"websocket_credential_rewrite", has_websocket_rewrite},
    {"request_body_credential_rewrite", has_body_rewrite},
    {"persisted_queries", has_persisted_queries},
    {"graphql_persisted_queries", has_graphql_queries},
    {"graphql_max_body_bytes", has_graphql_bytes},
    {"credential_signing", has_signing},
    {"signing_service", has_service},
    {"signing_region", has_region},
    {"credential_binding", has_binding},
    {"json_rpc", has_json_rpc},
    {"mcp", has_mcp},
};

const char *unenforceable_field(const struct sluice_endpoint *endpoint)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].is_set(endpoint))
            return fields[i].name;
    return NULL;
}
