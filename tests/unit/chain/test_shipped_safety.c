/* SPDX-License-Identifier: Apache-2.0 */
/* policy_safety, asked through the chain. Its own cases/ cover documents; these cover what a
 * document cannot say (a parsed policy is already canonical), and that it agrees with the check of
 * policies. */
#include "support/shipped.h"

#include "policy/check/check.h"

static int policy_safety(void **state) { return set_up(state, "policy_safety"); }

static void ordinary_destinations_are_safe(void **state)
{
    static const char *const hosts[] = {
        "api.example.com",       "*.example.com", "**.example.com", "*-api.example.com",
        "a.*.example.com",       "10.0.0.1",      "128.0.0.1",      "[2001:db8::1]",
        "localhost.example.com", "my-localhost",  "dead.beef",
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        assert_allows(*state, CANDIDATE(RULES(.host = hosts[i])));
    assert_allows(*state,
                  CANDIDATE(RULES(.host = "", .allowed_ips = (const char *const[]){"10.0.0.0/8"},
                                  .n_allowed_ips = 1)));
}

static void blocked_hosts(void **state)
{
    static const char *const hosts[] = {
        "localhost", "LocalHost.", "a.localhost", "*.localhost", "metadata.google.internal",
        "127.0.0.1", "127.255.0.1", "0.0.0.0", "169.254.169.254", "::1", "[::1]", "::", "fe80::1",
        "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00:ec2::254",
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct chain_vote vote = ask(*state, CANDIDATE(RULES(.host = hosts[i])));
        if (vote.verdict != SLUICE_DENY)
            fail_msg("%s was let through", hosts[i]);
        assert_string_equal(vote.code, "ALWAYS_BLOCKED");
        assert_string_equal(vote.path, "network_policies.api.endpoints[0].host");
        assert_matches(vote.message, "^host .* is a loopback, link-local or metadata destination");
    }
}

static void blocked_allowed_ips(void **state)
{
    static const char *const nets[] = {
        "127.0.0.1", "127.0.0.0/16", "0.0.0.0/0", "169.254.0.0/16", "::/0", "::1", "fe80::/64",
        "126.0.0.0/7",
    };
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        const char *const ips[] = {"10.0.0.1", nets[i]};
        struct chain_vote vote = ask(
            *state, CANDIDATE(RULES(.host = "a.example", .allowed_ips = ips, .n_allowed_ips = 2)));
        if (vote.verdict != SLUICE_DENY)
            fail_msg("%s was let through", nets[i]);
        assert_string_equal(vote.code, "ALWAYS_BLOCKED");
        assert_string_equal(vote.path, "network_policies.api.endpoints[0].allowed_ips[1]");
    }
}

/* The pipeline checks before it asks: what one lets through, the other must not refuse. */
static void assert_agrees(struct fixture *f, const struct sluice_policy *policy, const char *what)
{
    struct problems problems = {0};
    struct policy *whole = policy_take(arena_new(), policy);
    bool passes = policy_check(whole, &problems, NULL) == 0;
    struct chain_vote vote = ask(f, &TRANSITION(.candidate = policy));
    if (passes != (vote.verdict == SLUICE_ALLOW))
        fail_msg("%s: the check says \"%s\", the voter says \"%s\"", what,
                 passes ? "" : problems.items[0].message, vote.message);
    problems_free(&problems);
    policy_unref(whole);
}

static void agrees_with_the_check_about_names(void **state)
{
    static const char *const hosts[] = {
        "api.example.com",
        "*.example.com",
        "**.example.com.",
        "a.*.example.com",
        "*a.example.com",
        "a.*.com",
        "*",
        "**",
        "*.com",
        "*.com.",
        "api.*",
        "*.*.com",
        "*.localhost",
        "**.a.localhost.",
        "localhost",
        "LOCALHOST.",
        "a.LocalHost",
        "notlocalhost",
        "localhost.example.com",
        "localhost6.localdomain6",
        "ip6-loopback",
        "metadata",
        "metadata.goog",
        "Metadata.Google.Internal",
        "instance-data",
        "instance-data.ec2.internal",
        "xinstance-data",
        "metadata.example.com",
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        assert_agrees(*state, &POLICY(RULES(.host = hosts[i])), hosts[i]);
}

static void agrees_with_the_check_about_addresses(void **state)
{
    static const char *const hosts[] = {
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "127.0.0.1",
        "127.9.9.9.",
        "0.0.0.0",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "8.8.8.8",
        "::",
        "::1",
        "[::1]",
        "[2606:4700::1111]",
        "fd00::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "2001:0:7f00:1::",
        "2001:0:808:808:0:0:80ff:fffe",
        "2606:4700::200:5efe:127.0.0.1",
        "2606:4700::5efe:8.8.8.8",
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        assert_agrees(*state, &POLICY(RULES(.host = hosts[i])), hosts[i]);
}

static void agrees_with_the_check_about_blocks(void **state)
{
    static const char *const nets[] = {
        "10.0.0.0/8",
        "fd00::/8",
        "fc00::/7",
        "fd00:ec2::254",
        "fd00:ec2::254/128",
        "8.0.0.0/6",
        "127.0.0.1",
        "127.0.0.0/8",
        "126.0.0.0/7",
        "0.0.0.0/0",
        "0.0.0.0",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "100.100.100.200",
        "168.63.129.16/32",
        "224.0.0.0/4",
        "232.0.0.0/8",
        "::/0",
        "::1",
        "fe80::/64",
        "fec0::/10",
        "ff00::/8",
        "ff02::/16",
        "2000::/3",
        "2001::/32",
        "2001:0:7f00::/40",
        "2002::/16",
        "2002:7f00::/24",
        "64:ff9b::/96",
        "64:ff9b::7f00:0/104",
        "64:ff9b:1::/48",
        "::ffff:127.0.0.0/104",
        "::ffff:10.0.0.0/104",
        "2606:4700::5efe:127.0.0.1",
    };
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
        assert_agrees(*state, &POLICY(RULES(.host = "a.example.com", .allowed_ips = &nets[i],
                                            .n_allowed_ips = 1)), nets[i]);
}

static void agrees_with_the_check_about_plain_endpoints(void **state)
{
#define L7(...)                                                                     \
    .rules = (const struct sluice_l7_rule *const[]){&(const struct sluice_l7_rule){ \
        .size = sizeof(struct sluice_l7_rule),                                      \
        .doc_path = "network_policies.api.endpoints[0].rules[0]",                   \
        .command = "",                                                              \
        .operation_type = "",                                                       \
        .operation_name = "",                                                       \
        __VA_ARGS__}},                                                              \
    .n_rules = 1
    struct fixture *f = *state;
    static const char *const paths[] = {"**", "/**", "/*", "/v1/**"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_agrees(f, &POLICY(RULES(.host = "a.example.com", .path = paths[i])), paths[i]);
        assert_agrees(f,
                      &POLICY(RULES(.host = "a.example.com", L7(.method = "*", .path = paths[i]))),
                      paths[i]);
        assert_agrees(
            f, &POLICY(RULES(.host = "a.example.com", L7(.method = "GET", .path = paths[i]))),
            paths[i]);
    }
    assert_agrees(f, &POLICY(RULES(.host = "a.example.com", L7(.method = "*", .path = ""))),
                  "no path");
    const struct sluice_matcher version = {sizeof version, "v", (const char *const[]){"1"}, 1};
    const struct sluice_matcher *const query[] = {&version};
    assert_agrees(f,
                  &POLICY(RULES(.host = "a.example.com",
                                L7(.method = "*", .path = "/**", .query = query, .n_query = 1))),
                  "query");
    assert_agrees(f, &POLICY(RULES(.host = "a.example.com", .access = "full")), "full");
    assert_agrees(f, &POLICY(RULES(.host = "a.example.com", .access = "read-only")), "read-only");
    assert_agrees(f, &POLICY(RULES(.host = "a.example.com", .enforcement = "enforce")), "enforce");
#undef L7
}

static void broad_access(void **state)
{
    static const char *const hosts[] = {"*",     "**",       "*.com", "**.com.",
                                        "api.*", "foo*.com", "*.",    "a.*.com"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct chain_vote vote = ask(*state, CANDIDATE(RULES(.host = hosts[i])));
        if (vote.verdict != SLUICE_DENY)
            fail_msg("%s was let through", hosts[i]);
        assert_string_equal(vote.code, "TOO_BROAD");
    }
    assert_denies(*state, CANDIDATE(RULES(.host = "")), "TOO_BROAD",
                  "network_policies.api.endpoints[0].host",
                  "the endpoint names neither a host nor allowed_ips");
    static const char *const roots[] = {"/", "/.", "//", "/./.", "/tmp/.."};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        const char *const paths[] = {"/tmp", roots[i]};
        struct chain_vote vote =
            ask(*state, CANDIDATE(.filesystem = FILESYSTEM(true, NULL, 0, paths, 2)));
        assert_int_equal(vote.verdict, SLUICE_DENY);
        assert_string_equal(vote.path, "filesystem_policy.read_write[1]");
    }
    assert_allows(*state,
                  CANDIDATE(.filesystem = FILESYSTEM(true, TEXTS("/"), TEXTS("/.hidden", "/tmp"))));
}

static void root_identities(void **state)
{
    static const struct sluice_process root = {sizeof root, "root", "sandbox"};
    static const struct sluice_process zero = {sizeof zero, "1000", "00"};
    assert_denies(*state, CANDIDATE(.process = &root), "ROOT_IDENTITY", "process.run_as_user",
                  "run_as_user is root: the workload must not run as root");
    assert_denies(*state, CANDIDATE(.process = &zero), "ROOT_IDENTITY", "process.run_as_group",
                  "run_as_group is 00: the workload must not run as root");
}

/* One row for each field the runtime cannot enforce. */
static void unenforceable_fields(void **state)
{
    static const struct sluice_l7_rule l7 = {.size = sizeof l7, .method = "GET", .path = "/v1/**"};
    static const struct sluice_l7_rule *const l7s[] = {&l7};
    static const struct sluice_persisted_query query = {.size = sizeof query};
    static const struct sluice_persisted_query *const queries[] = {&query};
    static const struct sluice_json_rpc json_rpc = {.size = sizeof json_rpc};
    static const struct sluice_mcp mcp = {.size = sizeof mcp};
#define ROW(field, ...) {field, ENDPOINT(.host = "a.example", __VA_ARGS__)}
    const struct {
        const char *field;
        const struct sluice_endpoint *const *endpoints;
    } rows[] = {
        ROW("protocol", .protocol = "sql", .tls = "skip"),
        ROW("path", .path = "/v1/**"),
        ROW("access", .access = "read-only"),
        ROW("rules", .rules = l7s, .n_rules = 1),
        ROW("deny_rules", .deny_rules = l7s, .n_deny_rules = 1),
        ROW("enforcement", .enforcement = "audit"),
        ROW("tls", .tls = "mutual"),
        ROW("allow_encoded_slash", .allow_encoded_slash = true),
        ROW("websocket_credential_rewrite", .websocket_credential_rewrite = true),
        ROW("request_body_credential_rewrite", .request_body_credential_rewrite = true),
        ROW("persisted_queries", .persisted_queries = "deny"),
        ROW("graphql_persisted_queries", .graphql_persisted_queries = queries,
            .n_graphql_persisted_queries = 1),
        ROW("graphql_max_body_bytes", .graphql_max_body_bytes = 1),
        ROW("credential_signing", .credential_signing = "sigv4"),
        ROW("signing_service", .signing_service = "s3"),
        ROW("signing_region", .signing_region = "eu"),
        ROW("credential_binding", .credential_provider = "github", .tls = "skip"),
        ROW("credential_binding", .credential_provider = "github", .protocol = "tcp"),
        ROW("json_rpc", .json_rpc = &json_rpc),
        ROW("mcp", .mcp = &mcp),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sluice_rule rule = {.size = sizeof rule, .key = "api", .name = "api",
                                   .endpoints = rows[i].endpoints, .n_endpoints = 1};
        const struct sluice_rule *rules[] = {&rule};
        char path[128], message[128];
        snprintf(path, sizeof path, "network_policies.api.endpoints[0].%s", rows[i].field);
        snprintf(message, sizeof message,
                 "endpoint a.example:443: this runtime cannot enforce %s yet", rows[i].field);
        assert_denies(*state, CANDIDATE(.rules = rules, .n_rules = 1), "NOT_ENFORCEABLE", path,
                      message);
    }
}

/* With rules about requests; what is refused elsewhere is enforced here. */
static void rest_is_enforced(void **state)
{
    static const struct sluice_l7_rule l7 = {.size = sizeof l7, .method = "GET", .path = "/v1/**"};
    static const struct sluice_l7_rule *const l7s[] = {&l7};
#define REST(...) RULES(.host = "a.example", .protocol = "rest", __VA_ARGS__)
    assert_allows(*state, CANDIDATE(REST(.access = "read-only", .enforcement = "audit",
                                         .path = "/v1/**", .allow_encoded_slash = true)));
    assert_allows(*state, CANDIDATE(REST(.rules = l7s, .n_rules = 1, .deny_rules = l7s,
                                         .n_deny_rules = 1, .tls = "terminate")));
    assert_allows(*state, CANDIDATE(REST(.access = "full", .credential_provider = "own",
                                         .request_body_credential_rewrite = true,
                                         .websocket_credential_rewrite = true)));
    assert_allows(*state, CANDIDATE(REST(.access = "full", .credential_signing = "sigv4",
                                         .signing_service = "s3", .signing_region = "eu-west-1")));
    assert_denies(
        *state, CANDIDATE(REST(.access = "full", .tls = "skip")), "NOT_ENFORCEABLE",
        "network_policies.api.endpoints[0].tls",
        "endpoint a.example:443: tls: skip hides the requests that protocol rest is about: leave "
        "out one of the two");
#undef REST
    assert_denies(*state, CANDIDATE(RULES(.host = "a.example", .protocol = "mcp", .tls = "skip")),
                  "NOT_ENFORCEABLE", "network_policies.api.endpoints[0].tls",
                  "endpoint a.example:443: tls: skip hides the requests that protocol mcp is "
                  "about: leave out one of the two");
}

static void what_a_plain_endpoint_does_anyway(void **state)
{
    assert_allows(*state, CANDIDATE(RULES(.host = "a.example", .tls = "skip")));
    assert_allows(*state, CANDIDATE(RULES(.host = "a.example", .tls = "terminate")));
    assert_allows(*state, CANDIDATE(RULES(.host = "a.example", .tls = "passthrough")));
    assert_allows(*state, CANDIDATE(RULES(.host = "a.example", .enforcement = "enforce")));
    assert_allows(*state, CANDIDATE(RULES(.host = "a.example", .access = "full")));
    assert_allows(*state, CANDIDATE(RULES(.host = "a.example", .credential_provider = "own")));
    assert_allows(*state,
                  CANDIDATE(RULES(.host = "a.example", .allow_uninspected_credentials = true)));
}

static void the_first_objection_and_how_many_more(void **state)
{
    static const struct sluice_process root = {sizeof root, "0", "0"};
    assert_denies(*state,
                  CANDIDATE(.process = &root, RULES(.host = "localhost", .protocol = "sql")),
                  "ROOT_IDENTITY", "process.run_as_user",
                  "run_as_user is 0: the workload must not run as root (and 3 more)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ordinary_destinations_are_safe, policy_safety),
        T(blocked_hosts, policy_safety),
        T(blocked_allowed_ips, policy_safety),
        T(agrees_with_the_check_about_names, policy_safety),
        T(agrees_with_the_check_about_addresses, policy_safety),
        T(agrees_with_the_check_about_blocks, policy_safety),
        T(agrees_with_the_check_about_plain_endpoints, policy_safety),
        T(broad_access, policy_safety),
        T(root_identities, policy_safety),
        T(unenforceable_fields, policy_safety),
        T(rest_is_enforced, policy_safety),
        T(what_a_plain_endpoint_does_anyway, policy_safety),
        T(the_first_objection_and_how_many_more, policy_safety),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
