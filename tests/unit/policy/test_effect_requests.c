/* SPDX-License-Identifier: Apache-2.0 */
/* The effect of changes between generated policies agrees with what the matcher lets through:
 * requests of inspected endpoints, and the calls in them. */
#include "support/policy_cases.h"

#include <strings.h>

#include "base/glob.h"
#include "policy/effect/effect.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

static uint64_t random_state;

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

#define PICK(list) (list)[pick(sizeof(list) / sizeof *(list))]

static const struct sluice_endpoint empty_endpoint = {
    .size = sizeof empty_endpoint, .doc_path = "", .host = "", .path = "", .protocol = "",
    .tls = "", .enforcement = "", .access = "", .persisted_queries = "", .credential_signing = "",
    .signing_service = "", .signing_region = "", .credential_provider = ""};

static const struct sluice_policy *make_policy(struct arena *arena,
                                               const struct sluice_rule *const *rules, size_t n)
{
    struct sluice_policy *p = arena_zalloc(arena, sizeof *p);
    p->size = sizeof *p;
    p->version = 1;
    p->rules = rules;
    p->n_rules = n;
    return p;
}

/* ---- requests ---- */

struct http {
    const char *host, *method, *path, *query;
};

static const char *const methods[] = {"GET", "POST", "HEAD", "get", "*", "PURGE"};
static const char *const path_globs[] = {"**",  "/**",   "/a", "/a/*", "/a/**", "/*/b",
                                         "/a*", "/**/b", "/",  "**/c", "/a/b",  "/?"};
static const char *const accesses[] = {"read-only", "read-write", "full", "", "", ""};
static const char *const selectors[] = {"/a/**", "/a/b", "/**", "/*/b", "/b/**"};
static const char *const values[] = {"1", "1*", "*", "**", "1.2", "*.2", "", "x"};

/* Matchers for one or two of the keys k and l. */
static void random_query(struct arena *arena, struct sluice_l7_rule *r)
{
    const struct sluice_matcher **list = arena_alloc(arena, 2 * sizeof *list);
    for (unsigned n = pick(4) ? 0 : 1 + pick(2); r->n_query < n;) {
        struct sluice_matcher *m = arena_alloc(arena, sizeof *m);
        const char **any = arena_alloc(arena, 2 * sizeof *any);
        any[0] = PICK(values);
        any[1] = PICK(values);
        *m = (struct sluice_matcher){sizeof *m, (r->n_query + pick(2)) % 2 ? "k" : "l", any,
                                     1 + pick(2)};
        list[r->n_query++] = m;
    }
    if (r->n_query == 2 && strcmp(list[0]->key, list[1]->key) == 0)
        r->n_query = 1;
    r->query = list;
}

static const struct sluice_l7_rule *const *random_requests(struct arena *arena, size_t n)
{
    const struct sluice_l7_rule **list = arena_alloc(arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        struct sluice_l7_rule *r = arena_alloc(arena, sizeof *r);
        *r = (struct sluice_l7_rule){
            .size = sizeof *r, .doc_path = "", .method = PICK(methods), .path = PICK(path_globs),
            .command = "", .operation_type = "", .operation_name = ""};
        random_query(arena, r);
        list[i] = r;
    }
    return list;
}

static const struct sluice_policy *random_inspected(struct arena *arena)
{
    static const char *const hosts[] = {"a.x.com", "b.x.com", "*.x.com", "**.x.com"};
    static const uint16_t port = 443;
    struct sluice_binary *binary = arena_alloc(arena, sizeof *binary);
    const struct sluice_binary **binaries = arena_alloc(arena, sizeof *binaries);
    *binary = (struct sluice_binary){sizeof *binary, "/x", ""};
    binaries[0] = binary;
    unsigned n = 1 + pick(3);
    const struct sluice_rule **rules = arena_alloc(arena, n * sizeof *rules);
    for (unsigned i = 0; i < n; i++) {
        struct sluice_rule *rule = arena_zalloc(arena, sizeof *rule);
        struct sluice_endpoint *e = arena_alloc(arena, sizeof *e);
        const struct sluice_endpoint **endpoints = arena_alloc(arena, sizeof *endpoints);
        *e = empty_endpoint;
        e->host = PICK(hosts);
        e->ports = &port;
        e->n_ports = 1;
        e->protocol = pick(10) ? "rest" : "";
        e->enforcement = pick(10) ? "enforce" : "audit";
        e->path = pick(3) ? "" : PICK(selectors);
        e->allow_encoded_slash = pick(6) == 0;
        e->access = PICK(accesses);
        e->n_rules = *e->access ? 0 : 1 + pick(3);
        e->rules = random_requests(arena, e->n_rules);
        e->n_deny_rules = pick(3) ? 0 : 1 + pick(2);
        e->deny_rules = random_requests(arena, e->n_deny_rules);
        endpoints[0] = e;
        rule->key = rule->name = rule->doc_path = "r";
        rule->endpoints = endpoints;
        rule->binaries = binaries;
        rule->n_endpoints = rule->n_binaries = 1;
        rules[i] = rule;
    }
    return make_policy(arena, rules, n);
}

/* The rules of one, but for the last, and then the first of the other. */
static const struct sluice_policy *joined(struct arena *arena, const struct sluice_policy *a,
                                          const struct sluice_policy *b)
{
    const struct sluice_rule **rules = arena_alloc(arena, a->n_rules * sizeof *rules);
    for (size_t i = 0; i < a->n_rules; i++)
        rules[i] = i + 1 < a->n_rules ? a->rules[i] : b->rules[0];
    return make_policy(arena, rules, a->n_rules);
}

static bool takes(const char *method, const char *path, const struct http *r)
{
    return (strcmp(method, "*") == 0 || strcasecmp(method, r->method) == 0 ||
            (strcasecmp(method, "GET") == 0 && strcmp(r->method, "HEAD") == 0)) &&
           glob_match(path, r->path, '/', 0);
}

/* What the proxy would say. */
static bool serves(const struct sluice_policy *policy, const struct http *r)
{
    struct policy_request connection = {.host = r->host, .port = 443, .binary = "/x"};
    struct policy_http_request request = {
        .method = r->method, .path = r->path, .query = r->query};
    struct policy_candidates candidates;
    struct policy_http_decision inside;
    struct policy_decision d;
    policy_match(policy, &connection, &d, NULL);
    if (!d.allowed)
        return false;
    policy_candidates_find(policy, &connection, &candidates);
    policy_http_decide(&candidates, &request, &inside, NULL);
    policy_candidates_free(&candidates);
    return inside.allowed;
}

static bool tells(const struct sluice_reach *const *list, size_t n, const struct http *r)
{
    for (size_t i = 0; i < n; i++)
        if (policy_host_match(list[i]->host, r->host) && (!*list[i]->method || !*list[i]->path ||
                                            takes(list[i]->method, list[i]->path, r)))
            return true;
    return false;
}

/* opening, then "METHOD PATH to HOST:443"; others cannot be tried. */
static size_t try_examples(const struct sluice_policy *with, const struct sluice_policy *without,
                           const struct sluice_reach *const *list, size_t n, const char *opening)
{
    size_t tried = 0;
    for (size_t i = 0; i < n; i++) {
        char method[32], path[256], host[256];
        if (strncmp(list[i]->example, opening, strlen(opening)) != 0 ||
            sscanf(list[i]->example + strlen(opening), "%31s %255s to %255[^:]:443", method, path,
                   host) != 3)
            continue;
        char *query = strchr(path, '?');
        if (query)
            *query++ = '\0';
        struct http r = {host, method, path, query ? query : ""};
        if (!serves(with, &r) || serves(without, &r) || !tells(&list[i], 1, &r))
            fail_msg("no example: %s", list[i]->example);
        tried++;
    }
    return tried;
}

/* How much of it could not be compared. */
static size_t count_unknown(const struct sluice_reach *const *list, size_t n)
{
    size_t unknown = 0;
    for (size_t i = 0; i < n; i++)
        unknown += strstr(list[i]->example, "cannot be compared") != NULL;
    return unknown;
}

static void test_agrees_about_requests(void **state)
{
    (void)state;
    static const char *const hosts[] = {"a.x.com", "b.x.com", "c.x.com", "a.b.x.com"};
    static const char *const asked[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "PURGE", "OPTIONS"};
    static const char *const paths[] = {"/",    "/a", "/a/",    "/a/b",   "/b",   "/ab",
                                        "/b/b", "/c", "/a/c/b", "/a/b/c", "/x%2Fc/c", "/d"};
    static const char *const queries[] = {"",      "k=1", "k=1&l=2", "k=12&k=x",
                                          "l=1.2", "k=",  "k=y&l=x", "z=1"};
    unsigned pairs = getenv("SLUICE_TEST_LONG") ? 40000 : 2000;
    size_t tried = 0, unknown = 0;
    for (unsigned seed = 1; seed <= pairs; seed++) {
        struct arena *arena = arena_new();
        random_state = seed;
        const struct sluice_policy *from = random_inspected(arena);
        const struct sluice_policy *to = random_inspected(arena);
        if (pick(2))
            to = joined(arena, from, to);
        const struct policy_effect *e = policy_effect(from, to, arena);
        assert_string_equal(e->note, "");
        for (size_t h = 0; h < 4 * 7 * 12; h++) {
            struct http r = {hosts[h % 4], asked[h / 4 % 7], paths[h / 28], queries[pick(8)]};
            bool before = serves(from, &r), after = serves(to, &r);
            if ((after && !before && !tells(e->gained, e->n_gained, &r)) ||
                (before && !after && !tells(e->lost, e->n_lost, &r)))
                fail_msg("not told: %s %s%s?%s (seed %u)", r.method, r.host, r.path, r.query, seed);
        }
        tried += try_examples(to, from, e->gained, e->n_gained, "/x may now send ");
        tried += try_examples(from, to, e->lost, e->n_lost, "/x may no longer send ");
        unknown += count_unknown(e->gained, e->n_gained) + count_unknown(e->lost, e->n_lost);
        arena_free(arena);
    }
    assert_true(tried > pairs);
    assert_int_equal(unknown, 0);
}

/* ---- calls ---- */

static const char *const call_protocols[] = {"json-rpc", "mcp", "graphql"};
static const char *const rpc_methods[] = {"*", "tools/*", "tools/call", "tools/list", "ping",
                                          "a.b", "a.*", "**"};
static const char *const tools[] = {"*", "get*", "get_x", "del", "**", "a.*"};
static const char *const operation_types[] = {"query", "mutation", "*", "query"};
static const char *const operation_names[] = {"", "", "Get*", "*", "GetX"};
static const char *const fields[] = {"*", "a", "a*", "b", "ab"};

static void random_rpc_rule(struct arena *arena, struct sluice_l7_rule *r, bool mcp)
{
    struct sluice_matcher *m = arena_alloc(arena, sizeof *m);
    const struct sluice_matcher **list = arena_alloc(arena, sizeof *list);
    const char **any = arena_alloc(arena, 2 * sizeof *any);
    r->method = PICK(rpc_methods);
    any[0] = PICK(tools);
    any[1] = PICK(tools);
    *m = (struct sluice_matcher){sizeof *m, "name", any, 1 + pick(2)};
    list[0] = m;
    r->params = list;
    r->n_params = mcp && pick(2);
    if (r->n_params)
        r->method = pick(2) ? "" : "tools/call";
}

static void random_operation_rule(struct arena *arena, struct sluice_l7_rule *r)
{
    const char **list = arena_alloc(arena, 2 * sizeof *list);
    r->operation_type = PICK(operation_types);
    r->operation_name = PICK(operation_names);
    list[0] = PICK(fields);
    list[1] = PICK(fields);
    r->fields = list;
    r->n_fields = pick(3);
}

static const struct sluice_l7_rule *const *random_calls(struct arena *arena, const char *protocol,
                                                        size_t n)
{
    const struct sluice_l7_rule **list = arena_alloc(arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        struct sluice_l7_rule *r = arena_zalloc(arena, sizeof *r);
        *r = (struct sluice_l7_rule){.size = sizeof *r, .doc_path = "", .method = "", .path = "",
                                     .command = "", .operation_type = "", .operation_name = ""};
        if (strcmp(protocol, "graphql") == 0)
            random_operation_rule(arena, r);
        else
            random_rpc_rule(arena, r, strcmp(protocol, "mcp") == 0);
        list[i] = r;
    }
    return list;
}

static const struct sluice_endpoint *random_call_endpoint(struct arena *arena, const char *protocol)
{
    static const uint16_t port = 443;
    struct sluice_endpoint *e = arena_alloc(arena, sizeof *e);
    struct sluice_mcp *mcp = arena_alloc(arena, sizeof *mcp);
    *e = empty_endpoint;
    *mcp = (struct sluice_mcp){sizeof *mcp, 0, true, pick(3) == 0};
    e->host = "a.x.com";
    e->ports = &port;
    e->n_ports = 1;
    e->protocol = protocol;
    e->enforcement = pick(10) ? "enforce" : "audit";
    e->path = pick(2) ? "" : PICK(selectors);
    e->mcp = strcmp(protocol, "mcp") == 0 ? mcp : NULL;
    e->access = strcmp(protocol, "graphql") == 0 ? PICK(accesses) : "";
    e->n_rules = *e->access ? 0 : 1 + pick(3);
    e->rules = random_calls(arena, protocol, e->n_rules);
    e->n_deny_rules = pick(3) ? 0 : 1 + pick(2);
    e->deny_rules = random_calls(arena, protocol, e->n_deny_rules);
    return e;
}

static const struct sluice_policy *random_call_policy(struct arena *arena, const char *protocol)
{
    struct sluice_binary *binary = arena_alloc(arena, sizeof *binary);
    const struct sluice_binary **binaries = arena_alloc(arena, sizeof *binaries);
    struct sluice_rule *rule = arena_zalloc(arena, sizeof *rule);
    const struct sluice_rule **rules = arena_alloc(arena, sizeof *rules);
    unsigned n = 1 + pick(3);
    const struct sluice_endpoint **endpoints = arena_alloc(arena, n * sizeof *endpoints);
    *binary = (struct sluice_binary){sizeof *binary, "/x", ""};
    binaries[0] = binary;
    for (unsigned i = 0; i < n; i++)
        endpoints[i] = random_call_endpoint(arena, protocol);
    *rule = (struct sluice_rule){.size = sizeof *rule, .key = "r", .name = "r", .doc_path = "",
                                 .endpoints = endpoints, .n_endpoints = n, .binaries = binaries,
                                 .n_binaries = 1};
    rules[0] = rule;
    return make_policy(arena, rules, 1);
}

/* Whether a POST to the path passes that carries the call. */
static bool carries(const struct sluice_policy *policy, const char *path,
                    const struct policy_call *call)
{
    struct policy_request connection = {.host = "a.x.com", .port = 443, .binary = "/x"};
    struct policy_call one = *call;
    struct policy_calls calls = {.items = &one, .n = 1};
    struct policy_http_request request = {.method = "POST", .path = path, .query = ""};
    struct policy_candidates candidates;
    struct policy_http_decision decision;
    policy_candidates_find(policy, &connection, &candidates);
    policy_http_decide(&candidates, &request, &decision, NULL);
    if (decision.needs_body) {
        calls.protocol = decision.endpoint->protocol;
        request.calls = &calls;
        policy_http_decide(&candidates, &request, &decision, NULL);
    }
    policy_candidates_free(&candidates);
    return decision.allowed;
}

static bool names(const char *patterns, const char *text)
{
    return !*patterns || strcmp(patterns, "*") == 0 || glob_match(patterns, text, '.', 0) ||
           strchr(patterns, ',');
}

static bool tells_call(const struct sluice_reach *const *list, size_t n, const char *path,
                       const struct policy_call *call)
{
    for (size_t i = 0; i < n; i++)
        if ((!*list[i]->path || glob_match(list[i]->path, path, '/', 0) ||
             strcmp(list[i]->path, "**") == 0) &&
            names(list[i]->rpc_method, call->method) &&
            (!*list[i]->tool || strcmp(call->method, "tools/call") == 0))
            return true;
    return false;
}

/* The calls of a protocol that are tried. */
static struct policy_call random_call(const char *protocol, const char *chosen[2])
{
    static const char *const methods_sent[] = {"tools/list", "tools/call", "ping", "a.b", "a.c",
                                               "a.b.c", "x", "tools/call"};
    static const char *const tools_sent[] = {"get_x", "get", "del", "a.b", "a", "z"};
    static const char *const types_sent[] = {"query", "mutation", "subscription"};
    static const char *const names_sent[] = {"", "GetX", "GetY", "Z"};
    static const char *const fields_sent[] = {"a", "ab", "b", "c"};
    struct policy_call call = {.type = "", .name = "", .method = "", .tool = ""};
    if (strcmp(protocol, "graphql") == 0) {
        call.type = PICK(types_sent);
        call.name = PICK(names_sent);
        chosen[0] = PICK(fields_sent);
        chosen[1] = PICK(fields_sent);
        call.fields = chosen;
        call.n_fields = strcmp(chosen[0], chosen[1]) < 0 ? 2 : 1;
    } else {
        call.method = PICK(methods_sent);
        if (strcmp(protocol, "mcp") == 0 && strcmp(call.method, "tools/call") == 0)
            call.tool = PICK(tools_sent);
    }
    return call;
}

/* "METHOD PATH (CALL) to HOST:443", taken apart. */
static bool read_call(const char *example, const char *opening, char path[64],
                      struct policy_call *call, char text[128], const char *list[8])
{
    char *part;
    if (strncmp(example, opening, strlen(opening)) != 0 ||
        sscanf(example + strlen(opening), "POST %63s (%127[^)])", path, text) != 2)
        return false;
    *call = (struct policy_call){.type = "", .name = "", .method = text, .tool = ""};
    if ((part = strstr(text, " of "))) {
        *part = '\0';
        call->tool = part + 4;
    } else if ((part = strstr(text, " with "))) {
        *part = '\0';
        call->method = "";
        call->type = text;
        call->fields = list;
        for (char *f = strtok(part + 6, ","); f && call->n_fields < 8; f = strtok(NULL, ","))
            list[call->n_fields++] = f;
        if ((part = strchr(text, ' '))) {
            *part = '\0';
            call->name = part + 1;
        }
    }
    return true;
}

static size_t try_calls(const struct sluice_policy *with, const struct sluice_policy *without,
                        const struct sluice_reach *const *list, size_t n, const char *opening)
{
    size_t tried = 0;
    for (size_t i = 0; i < n; i++) {
        char path[64], text[128];
        const char *fields_read[8];
        struct policy_call call;
        if (!read_call(list[i]->example, opening, path, &call, text, fields_read))
            continue;
        if (!carries(with, path, &call) || carries(without, path, &call))
            fail_msg("no example: %s", list[i]->example);
        tried++;
    }
    return tried;
}

static void check_calls(const struct sluice_policy *from, const struct sluice_policy *to,
                        const char *protocol, const struct policy_effect *e, unsigned seed)
{
    static const char *const paths[] = {"/", "/a", "/a/b", "/b", "/b/b", "/c/b"};
    for (unsigned i = 0; i < 60; i++) {
        const char *chosen[2], *path = PICK(paths);
        struct policy_call call = random_call(protocol, chosen);
        bool before = carries(from, path, &call), after = carries(to, path, &call);
        if ((after && !before && !tells_call(e->gained, e->n_gained, path, &call)) ||
            (before && !after && !tells_call(e->lost, e->n_lost, path, &call)))
            fail_msg("not told: %s %s %s%s %s (seed %u)", path, call.type, call.name, call.method,
                     call.tool, seed);
    }
}

static void test_agrees_about_calls(void **state)
{
    (void)state;
    unsigned pairs = getenv("SLUICE_TEST_LONG") ? 40000 : 600;
    size_t tried = 0, compared = 0;
    for (unsigned seed = 1; seed <= pairs; seed++) {
        struct arena *arena = arena_new();
        random_state = seed;
        const char *protocol = PICK(call_protocols);
        const struct sluice_policy *from = random_call_policy(arena, protocol),
                                   *to = random_call_policy(arena, protocol);
        if (policy_always_has_calls(from->rules[0]->endpoints[0])) {
            const struct policy_effect *e = policy_effect(from, to, arena);
            assert_string_equal(e->note, "");
            check_calls(from, to, protocol, e, seed);
            tried += try_calls(to, from, e->gained, e->n_gained, "/x may now send ");
            tried += try_calls(from, to, e->lost, e->n_lost, "/x may no longer send ");
            assert_int_equal(count_unknown(e->gained, e->n_gained), 0);
            compared++;
        }
        arena_free(arena);
    }
    assert_true(tried > compared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_about_requests),
        cmocka_unit_test(test_agrees_about_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
