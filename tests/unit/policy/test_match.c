/* SPDX-License-Identifier: Apache-2.0 */
#include "support/policy_cases.h"

#include "base/ipaddr.h"
#include "policy/match/match.h"

static const char text[] =
    "version: 1\n"
    "network_policies:\n"
    "  a_curl: {endpoints: [{host: Api.Example.com., ports: [443, 80]}, {host: "
    "'[2606:4700:0:0::1]', port: 443}],\n"
    "           binaries: [{path: /usr/bin/curl}]}\n"
    "  b_wild: {endpoints: [{host: '*.example.com', port: 443, tls: skip}, {host: "
    "'**.deep.example.org', port: 443}],\n"
    "           binaries: [{path: '/usr/lib/**'}, {path: /usr/bin/curl}]}\n"
    "  c_any: {endpoints: [{port: 5432, allowed_ips: [10.0.0.0/8]}], binaries: [{path: '/**'}]}\n"
    "  d_none: {endpoints: [{host: none.example.com, port: 1}], binaries: []}\n"
    "  e_void: {endpoints: [{port: 7}], binaries: [{path: '/**'}]}\n"
    "  f_dup: {endpoints: [{host: none.example.com, port: 1}, {host: dup.example.net, port: 1}], "
    "binaries: [{path: /x}]}\n"
    "  g_quad: {endpoints: [{host: '*.*.*.*', port: 9}], binaries: [{path: '/**'}]}\n";

static const struct {
    const char *host;
    uint16_t port;
    const char *binary, *ancestor;
    const char *rule;                               /* "": denied */
    bool exact;
    const char *reason;
} cases[] = {
    {"api.example.com", 443, "/usr/bin/curl", NULL, "a_curl", true, ""},
    {"api.example.com", 80, "/usr/bin/curl", NULL, "a_curl", true, ""},
    {"api.example.com", 443, "/usr/lib/x/y", NULL, "b_wild", false, ""},
    {"api.example.com", 443, "/usr/bin/wget", "/usr/bin/curl", "a_curl", true, ""},
    {"other.example.com", 443, "/usr/bin/curl", NULL, "b_wild", false, ""},
    {"2606:4700::1", 443, "/usr/bin/curl", NULL, "a_curl", true, ""},
    {"x.y.deep.example.org", 443, "/usr/bin/curl", NULL, "b_wild", false, ""},
    {"deep.example.org", 443, "/usr/bin/curl", NULL, "", false,
     "endpoint deep.example.org:443 is not allowed by any policy"},
    {"a.b.example.com", 443, "/usr/bin/curl", NULL, "", false,
     "endpoint a.b.example.com:443 is not allowed by any policy"},
    {"example.com", 443, "/usr/bin/curl", NULL, "", false,
     "endpoint example.com:443 is not allowed by any policy"},
    {"api.example.com", 81, "/usr/bin/curl", NULL, "", false,
     "endpoint api.example.com:81 is not allowed by any policy"},
    {"2606:4700::2", 443, "/usr/bin/curl", NULL, "", false,
     "endpoint [2606:4700::2]:443 is not allowed by any policy"},
    {"anything", 5432, "/bin/sh", NULL, "c_any", false, ""},
    {"10.1.2.3", 5432, "/bin/sh", NULL, "c_any", false, ""},
    {"anything", 7, "/bin/sh", NULL, "", false, "endpoint anything:7 is not allowed by any policy"},
    {"10.1.2.3", 9, "/bin/sh", NULL, "", false, "endpoint 10.1.2.3:9 is not allowed by any policy"},
    {"api.example.com", 443, "/usr/bin/wget", "/bin/sh", "", false,
     "binary '/usr/bin/wget' not allowed in policy 'a_curl' (ancestors: [/bin/sh]); "
     "binary '/usr/bin/wget' not allowed in policy 'b_wild' (ancestors: [/bin/sh])"},
    {"none.example.com", 1, "/usr/bin/curl", NULL, "", false,
     "binary '/usr/bin/curl' not allowed in policy 'd_none' (ancestors: []); "
     "binary '/usr/bin/curl' not allowed in policy 'f_dup' (ancestors: [])"},
    {"none.example.com", 1, "/x", NULL, "f_dup", true, ""},
};

static struct policy *parsed(const char *yaml)
{
    struct policy *policy = policy_parse(yaml, strlen(yaml), DOC_YAML, NULL);
    assert_non_null(policy);
    return policy;
}

static void test_decisions(void **state)
{
    (void)state;
    struct policy *policy = parsed(text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy_request request = {
            .host = cases[i].host, .port = cases[i].port, .binary = cases[i].binary,
            .ancestors = &cases[i].ancestor, .n_ancestors = cases[i].ancestor != NULL};
        struct policy_decision d;
        struct buf reason = {0};
        policy_match(policy_model(policy), &request, &d, &reason);
        assert_int_equal(d.allowed, *cases[i].rule != '\0');
        assert_string_equal(d.rule ? d.rule->key : "", cases[i].rule);
        assert_int_equal(d.endpoint != NULL, d.allowed);
        assert_int_equal(d.exact_host, cases[i].exact);
        assert_string_equal(buf_str(&reason), cases[i].reason);
        buf_free(&reason);
    }
    policy_unref(policy);
}

static void test_nothing_is_allowed_by_nothing(void **state)
{
    (void)state;
    static const char *const empty[] = {"version: 1", "version: 1\nnetwork_policies: {}\n",
                                        "version: 1\nnetwork_policies:\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct policy *policy = parsed(empty[i]);
        struct policy_request request = {.host = "a.example.com", .port = 443, .binary = "/x"};
        struct policy_decision d;
        struct buf reason = {0};
        policy_match(policy_model(policy), &request, &d, &reason);
        assert_false(d.allowed);
        assert_null(d.rule);
        assert_string_equal(buf_str(&reason), "network connections not allowed by policy");
        policy_match(policy_model(policy), &request, &d, NULL);
        assert_false(d.allowed);
        buf_free(&reason);
        policy_unref(policy);
    }
}

static void test_the_endpoint_that_asks_for_more_is_obeyed(void **state)
{
    (void)state;
    struct policy *policy =
        parsed("version: 1\nnetwork_policies:\n"
               "  a: {endpoints: [{host: a.example.com, port: 1}], binaries: [{path: /x}]}\n"
               "  b: {endpoints: [{host: '*.example.com', port: 1}, {host: a.example.com, port: 1, "
               "protocol: rest, access: full}], binaries: [{path: /x}]}\n");
    struct policy_request request = {.host = "a.example.com", .port = 1, .binary = "/x"};
    struct policy_decision d;
    policy_match(policy_model(policy), &request, &d, NULL);
    assert_string_equal(d.rule->key, "a");
    assert_string_equal(d.endpoint->protocol, "rest");
    assert_true(d.exact_host);
    policy_unref(policy);
}

static const char *const hosts[] = {"a.example.com", "b.a.example.com", "example.com",
                                    "a.example.org", "10.0.0.1",        "c-api.example.com"};
static const char *const patterns[] = {
    "a.example.com", "A.Example.COM.",    "*.example.com", "**.example.com",
    "a.*.com",       "*-api.example.com", "10.0.0.1",      ""};
static const char *const binaries[] = {"/usr/bin/curl", "/usr/lib/x", "/bin/sh"};
static const char *const binary_patterns[] = {"/usr/bin/curl", "/usr/**", "/*/sh", "/**"};

#define PICK(list) list[(size_t)rand() % (sizeof list / sizeof list[0])]

static void random_policy(struct buf *out, int n, int without)
{
    buf_puts(out, "version: 1\nnetwork_policies:\n");
    for (int i = 0; i < n; i++) {
        const char *a = PICK(patterns), *b = PICK(patterns), *p = PICK(binary_patterns);
        int port = 1 + rand() % 2, extra = rand() % 4;
        if (i != without)
            buf_printf(out,
                       "  r%d: {endpoints: [{host: '%s', port: %d}, {host: '%s', port: 1%s}], "
                       "binaries: [%s%s%s]}\n",
                       i, a, port, b, extra == 1 ? ", allowed_ips: [10.0.0.0/8]" : "",
                       extra ? "{path: '" : "", extra ? p : "", extra ? "'}" : "");
    }
}

static bool allows(const struct policy *policy, const char *host, uint16_t port, const char *binary)
{
    struct policy_request request = {.host = host, .port = port, .binary = binary};
    struct policy_decision d;
    policy_match(policy_model(policy), &request, &d, NULL);
    return d.allowed;
}

static void compare(const struct policy *all, const struct policy *fewer)
{
    for (size_t h = 0; h < sizeof hosts / sizeof hosts[0]; h++)
        for (uint16_t port = 1; port <= 2; port++)
            for (size_t b = 0; b < sizeof binaries / sizeof binaries[0]; b++)
                if (allows(fewer, hosts[h], port, binaries[b]) &&
                    !allows(all, hosts[h], port, binaries[b]))
                    fail_msg("less allows more: %s:%u %s", hosts[h], port, binaries[b]);
}

static void test_removing_a_rule_never_allows_more(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        for (int without = 0; without < 4; without++) {
            struct buf all = {0}, fewer = {0};
            srand(seed);
            random_policy(&all, 4, -1);
            srand(seed);
            random_policy(&fewer, 4, without);
            struct policy *one = parsed(buf_str(&all)), *other = parsed(buf_str(&fewer));
            compare(one, other);
            policy_unref(one);
            policy_unref(other);
            buf_free(&all);
            buf_free(&fewer);
        }
    }
}

/* However a host is spelt, in the policy or in the request, the answer is the same or none. */
static void test_spellings_of_a_host_are_equal(void **state)
{
    (void)state;
    static const char *const spellings[] = {"api.example.com", "api.example.com.",
                                            "API.EXAMPLE.COM", "Api.Example.Com."};
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        struct buf yaml = {0};
        buf_printf(&yaml,
                   "version: 1\nnetwork_policies: {a: {endpoints: [{host: %s, port: 1}], binaries: "
                   "[{path: /x}]}}",
                   spellings[i]);
        struct policy *policy = parsed(buf_str(&yaml));
        for (size_t j = 0; j < sizeof spellings / sizeof spellings[0]; j++) {
            char canonical[IPADDR_HOST_SIZE];
            assert_int_equal(ipaddr_canonical_host(spellings[j], strlen(spellings[j]), canonical),
                             0);
            assert_true(allows(policy, canonical, 1, "/x"));
        }
        assert_false(allows(policy, "api.example.co", 1, "/x"));
        policy_unref(policy);
        buf_free(&yaml);
    }
}

static void test_patterns(void **state)
{
    (void)state;
    assert_true(policy_host_match("*.Example.com.", "a.example.com"));
    assert_true(policy_host_match("**.example.com", "a.b.example.com"));
    assert_false(policy_host_match("**.example.com", "example.com"));
    assert_false(policy_host_match("**", "10.0.0.1"));
    assert_false(policy_host_match("*.0.0.1", "10.0.0.1"));
    assert_true(policy_host_match("[2606:0::A]", "2606::a"));
    assert_false(policy_host_match("a?.example.com", "ab.example.com"));
    /* Voters ask about hosts as the policy writes them. */
    assert_true(policy_host_match("db.example.com", "DB.Example.com."));
    assert_true(policy_host_match("*.example.com", "db.example.com."));
    assert_true(policy_host_match("2606::a", "[2606:0::A]"));
    assert_false(policy_host_match("**", "[::1]"));
    assert_true(policy_binary_match("/usr/bin/python3.?", "/usr/bin/python3.9"));
    assert_true(policy_binary_match("**/node", "/usr/bin/node"));
    assert_false(policy_binary_match("/usr/bin/curl", "/usr/bin/CURL"));
    assert_false(policy_binary_match("/usr/*", "/usr/bin/curl"));
}

/* A path of the policy that is a link lets the program through that it leads to, whoever of those
 * that started the caller that is; a path of its own comes first. */
static void test_links(void **state)
{
    static const struct {
        struct policy_link link;
        const char *binary, *ancestor, *rule, *program;
        bool by_link;
    } rows[] = {
        {{"/usr/bin/curl", "/opt/curl"}, "/opt/curl", NULL, "a_curl", "/usr/bin/curl", true},
        {{"/usr/bin/curl", "/opt/curl"}, "/bin/sh", "/opt/curl", "a_curl", "/usr/bin/curl", true},
        {{"/usr/bin/curl", "/opt/curl"}, "/usr/bin/curl", "/opt/curl", "a_curl", "/usr/bin/curl",
         false},
        {{"/usr/bin/curl", "/opt/curl"}, "/opt/wget", "/bin/sh", NULL, NULL, false},
        {{"/usr/bin/wget", "/opt/curl"}, "/opt/curl", NULL, NULL, NULL, false},
    };
    struct policy *policy = parsed(text);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct policy_request request = {
            .host = "api.example.com", .port = 80, .binary = rows[i].binary,
            .ancestors = &rows[i].ancestor, .n_ancestors = rows[i].ancestor != NULL,
            .links = &rows[i].link, .n_links = 1};
        struct policy_decision decision;
        policy_match(policy_model(policy), &request, &decision, NULL);
        assert_int_equal(decision.allowed, rows[i].rule != NULL);
        if (!rows[i].rule)
            continue;
        assert_string_equal(decision.rule->key, rows[i].rule);
        assert_string_equal(policy_rule_program(decision.rule, &request), rows[i].program);
        assert_int_equal(policy_rule_link(decision.rule, &request) != NULL, rows[i].by_link);
    }
    policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_nothing_is_allowed_by_nothing),
        cmocka_unit_test(test_the_endpoint_that_asks_for_more_is_obeyed),
        cmocka_unit_test(test_removing_a_rule_never_allows_more),
        cmocka_unit_test(test_spellings_of_a_host_are_equal),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
