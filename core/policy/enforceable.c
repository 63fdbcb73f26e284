/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/enforceable.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* An endpoint without a protocol may ask for what it does anyway: it lets everything through
 * (`full`, a path or rules that select every request), it never only takes note (`enforce`), and
 * two deprecated values of tls mean what leaving it out means. */
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

static bool is_rpc(const struct sluice_endpoint *e)
{
    return is_one_of(e->protocol, "json-rpc", "mcp");
}

/* Of requests, or of the messages of WebSocket. */
static bool is_graphql(const struct sluice_endpoint *e)
{
    return is_one_of(e->protocol, "graphql", "websocket");
}

/* Its requests are read and judged. */
static bool is_read(const struct sluice_endpoint *e)
{
    return strcmp(e->protocol, "rest") == 0 || is_graphql(e) || is_rpc(e);
}

static bool is_known_tls(const char *tls)
{
    return strcmp(tls, "skip") == 0 || is_one_of(tls, "terminate", "passthrough");
}

/* Nothing in its bytes can be replaced. */
static bool hides_bytes(const struct sluice_endpoint *e)
{
    return strcmp(e->protocol, "tcp") == 0 || strcmp(e->tls, "skip") == 0;
}

/* X(field, whether the runtime enforces it for some endpoint, whether endpoint e sets it, whether
 * that cannot be enforced).  The runtime that learns a field changes its row. */
#define L7_FIELDS(X)                                                                               \
    X("protocol", true, *e->protocol, !is_read(e) && strcmp(e->protocol, "tcp") != 0)              \
    X("path", true, *e->path, !is_read(e) && !selects_every_path(e->path))                         \
    X("access", true, *e->access, !is_read(e) && strcmp(e->access, "full") != 0)                   \
    X("rules", true, e->n_rules > 0, !is_read(e) && !has_catch_all(e))                             \
    X("deny_rules", true, e->n_deny_rules > 0, !is_read(e))                                        \
    X("enforcement", true, *e->enforcement, !is_read(e) && strcmp(e->enforcement, "enforce") != 0) \
    X("tls", true, *e->tls, !is_known_tls(e->tls) || policy_tls_hides_requests(e))                 \
    X("allow_encoded_slash", true, e->allow_encoded_slash, !is_read(e))                            \
    X("websocket_credential_rewrite", true, e->websocket_credential_rewrite,                       \
      !is_one_of(e->protocol, "rest", "websocket"))                                                \
    X("request_body_credential_rewrite", true, e->request_body_credential_rewrite,                 \
      strcmp(e->protocol, "rest") != 0)                                                            \
    X("persisted_queries", true, *e->persisted_queries, !is_graphql(e))                            \
    X("graphql_persisted_queries", true, e->n_graphql_persisted_queries > 0, !is_graphql(e))       \
    X("graphql_max_body_bytes", true, e->graphql_max_body_bytes > 0, !is_graphql(e))               \
    X("credential_signing", true, *e->credential_signing, !is_read(e))                             \
    X("signing_service", true, *e->signing_service, !is_read(e))                                   \
    X("signing_region", true, *e->signing_region, !is_read(e))                                     \
    X("credential_binding", true, *e->credential_provider, hides_bytes(e))                         \
    X("json_rpc", true, e->json_rpc != NULL, !is_rpc(e))                                           \
    X("mcp", true, e->mcp != NULL, !is_rpc(e))

static const struct {
    const char *name;
    bool enforced;
} fields[] = {
#define X(name, enforced, is_set, is_unenforceable) {name, enforced},
    L7_FIELDS(X)
#undef X
};

bool policy_tls_hides_requests(const struct sluice_endpoint *e)
{
    return is_read(e) && strcmp(e->tls, "skip") == 0;
}

const char *policy_enforced_field(size_t i)
{
    for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
        if (fields[k].enforced && i-- == 0)
            return fields[k].name;
    return NULL;
}

/* Not inlined: it needs registers that sets_any does without. */
__attribute__((noinline)) static const char *first_unenforceable(const struct sluice_endpoint *e)
{
#define X(name, enforced, is_set, is_unenforceable) \
    if ((is_set) && (is_unenforceable))             \
        return name;
    L7_FIELDS(X)
#undef X
    return NULL;
}

/* Nearly every endpoint sets none of them: seen in half the time without a branch for each. */
static bool sets_any(const struct sluice_endpoint *e)
{
#define X(name, enforced, is_set, is_unenforceable) | ((is_set) != 0)
    return 0 L7_FIELDS(X);
#undef X
}

const char *policy_endpoint_unenforceable(const struct sluice_endpoint *e)
{
    return sets_any(e) ? first_unenforceable(e) : NULL;
}

static void tell_of_endpoint(const struct sluice_endpoint *e, struct problems *out)
{
    const char *field = policy_endpoint_unenforceable(e);
    if (!field)
        return;
    char *path = alloc_printf("%s.%s", e->doc_path, field);
    if (policy_tls_hides_requests(e) && strcmp(field, "tls") == 0)
        problems_add(out, path, 0, 0,
                     "tls: skip hides the requests that protocol %s is about: leave out "
                     "one of the two",
                     e->protocol);
    else
        problems_add(out, path, 0, 0, "this runtime cannot enforce %s yet", field);
    free(path);
}

void policy_unenforceable(const struct sluice_policy *policy, struct problems *out)
{
    for (size_t i = 0; i < policy->n_rules; i++)
        for (size_t j = 0; j < policy->rules[i]->n_endpoints; j++)
            tell_of_endpoint(policy->rules[i]->endpoints[j], out);
}

int policy_enforceable(const struct sluice_policy *policy, struct error *err)
{
    struct problems found = {0};
    policy_unenforceable(policy, &found);
    return found.n == 0 ? 0 : problems_first(&found, ERROR_UNSUPPORTED, err);
}
