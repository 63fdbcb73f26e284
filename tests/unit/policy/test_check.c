/* SPDX-License-Identifier: Apache-2.0 */
#include "support/policy_cases.h"

#include "base/alloc.h"
#include "policy/check/check.h"

static void run(const struct doc_node *test, const char *name)
{
    struct policy *policy = cases_policy(name, doc_get(test, "policy"));
    struct problems problems = {0}, warnings = {0};
    int rc = policy_check(policy, &problems, &warnings);
    cases_expect(name, "problems", doc_get(test, "problems"), &problems);
    cases_expect(name, "warnings", doc_get(test, "warnings"), &warnings);
    assert_int_equal(rc, problems.n ? -1 : 0);
    problems_free(&problems);
    problems_free(&warnings);
    policy_unref(policy);
}

#define FILE_TEST(name)                                            \
    static void test_##name(void **state)                          \
    {                                                              \
        (void)state;                                               \
        cases_run("tests/fixtures/policies/check/" #name ".yaml", run); \
    }

FILE_TEST(static)
FILE_TEST(hosts)
FILE_TEST(endpoints)
FILE_TEST(inspection)
FILE_TEST(requests)
FILE_TEST(rules)
FILE_TEST(middlewares)
FILE_TEST(overlaps)

/* Comparing endpoints takes the square of their number: what is too large is not compared. */
static void test_what_is_too_large_is_not_looked_at(void **state)
{
    enum { ENDPOINTS = 10 * 1000 };
    struct buf yaml = {0};
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    (void)state;
    buf_puts(&yaml, "{version: 1, network_policies: {a: {endpoints: [");
    for (int i = 0; i < ENDPOINTS; i++)
        buf_puts(&yaml, "{host: localhost, port: 443},");
    buf_puts(&yaml, "]}}}");
    assert_int_equal(doc_parse(yaml.data, yaml.len, DOC_YAML, 2 * yaml.len, arena, &tree,
                               &problems), 0);
    struct policy *policy = policy_decode(tree, "", &problems);
    assert_int_equal(policy_check(policy, &problems, NULL), -1);
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.items[0].message, "at most 262144 are allowed"));
    policy_unref(policy);
    problems_free(&problems);
    arena_free(arena);
    buf_free(&yaml);
}

static void test_problems_find_their_lines(void **state)
{
    (void)state;
    static const char text[] =
        "version: 1\n"
        "network_policies:\n"
        "  api:\n"
        "    endpoints:\n"
        "      - host: localhost\n"
        "        port: 443\n"
        "      - host: a.example.com\n"
        "  \"odd key\":\n"
        "    endpoints: [{host: '*', port: 1}]\n";
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    assert_int_equal(doc_parse(text, strlen(text), DOC_YAML, sizeof text, arena, &tree, &problems),
                     0);
    struct policy *policy = policy_decode(tree, "", &problems);
    assert_non_null(policy);
    assert_int_equal(policy_check(policy, &problems, NULL), -1);
    problems_add(&problems, "network_policies.api.binaries[3].path", 0, 0, "absent");
    problems_add(&problems, "nowhere", 0, 0, "absent");
    policy_locate(&problems, tree);
    static const struct {
        const char *path;
        unsigned line, column;
    } expected[] = {
        {"network_policies.api.endpoints[0].host", 5, 15},
        {"network_policies.api.endpoints[1]", 7, 9},
        {"network_policies[\"odd key\"].endpoints[0].host", 9, 24},
        {"network_policies.api.binaries[3].path", 3, 3},
        {"nowhere", 1, 1},
    };
    assert_int_equal(problems.n, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < problems.n; i++) {
        assert_string_equal(problems.items[i].path, expected[i].path);
        assert_int_equal(problems.items[i].line, expected[i].line);
        assert_int_equal(problems.items[i].column, expected[i].column);
    }
    problems_free(&problems);
    policy_unref(policy);
    arena_free(arena);
}

/* Every pair of endpoints is compared; a policy as large as can be must not take long. */
static void test_many_endpoints_are_compared_in_time(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_puts(&text, "version: 1\nnetwork_policies:\n  a:\n    endpoints:\n");
    for (int i = 0; text.len < POLICY_BYTES_MAX - 100; i++)
        buf_printf(&text, "      - {host: '*.h%d.example.com', port: 443%s}\n", i,
                   i % 2 ? ", tls: skip" : "");
    buf_puts(&text, "    binaries: [{path: /x}]\n");
    struct problems problems = {0};
    struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
    cases_print("problem", &problems);
    assert_non_null(policy);
    assert_int_equal(policy_check(policy, &problems, NULL), 0);
    policy_unref(policy);
    buf_free(&text);
}

/* A policy as large as can be, of hosts with a number in the middle; their tls differs, so all are
 * compared. */
static struct policy *policy_of_many(const char *before, const char *after)
{
    struct buf text = {0};
    struct problems problems = {0};
    buf_puts(&text, "version: 1\nnetwork_policies:\n  a:\n    endpoints:\n");
    for (int i = 0; text.len < POLICY_BYTES_MAX - 300; i++) {
        buf_printf(&text, "      - {host: '%s%d%s', port: 1%s}\n", before, i, after,
                   i % 2 ? ", tls: skip" : "");
    }
    buf_puts(&text, "    binaries: [{path: /x}]\n");
    struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
    cases_print("problem", &problems);
    assert_non_null(policy);
    buf_free(&text);
    return policy;
}

#define LABEL_40 "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"

static void test_patterns_made_to_be_slow_are_refused(void **state)
{
    static const char *const hosts[][2] = {
        {"*a*a*a*a*a*a*a*a*a*a*a*a*a", ".*.*.*.*.*.*.*.a.b"},
        {"*" LABEL_40 "*", ".*.x.a.b"},               /* few wildcards, much text */
    };
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct problems problems = {0};
        struct policy *policy = policy_of_many(hosts[i][0], hosts[i][1]);
        assert_int_equal(policy_check(policy, &problems, NULL), -1);
        assert_string_equal(problems.items[problems.n - 1].path, "network_policies");
        assert_non_null(strstr(problems.items[problems.n - 1].message, "too many wildcards"));
        problems_free(&problems);
        policy_unref(policy);
    }
}

/* Two patterns of 100 KB would take ten gigabytes to compare. */
static void test_endless_patterns_are_refused_and_not_compared(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct buf text = {0};
    char *path = alloc_bytes(100001);
    memset(path, 'a', 100000);
    path[0] = '/';
    path[99999] = '*';
    path[100000] = '\0';
    buf_puts(&text,
             "version: 1\nnetwork_policies:\n  a:\n    binaries: [{path: /x}]\n    endpoints:\n");
    for (int i = 0; i < 2; i++)
        buf_printf(&text,
                   "      - {host: a.b, port: 1, protocol: rest, access: full, enforcement: %s, "
                   "path: %s}\n",
                   i ? "audit" : "enforce", path);
    struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
    assert_non_null(policy);
    assert_int_equal(policy_check(policy, &problems, NULL), -1);
    assert_string_equal(problems.items[0].path, "network_policies.a.endpoints[0].path");
    assert_non_null(
        strstr(problems.items[0].message, "path exceeds maximum length (100000 > 4096): /aaa"));
    problems_free(&problems);
    policy_unref(policy);
    buf_free(&text);
    free(path);
}

static void test_the_default_policy_is_fine(void **state)
{
    (void)state;
    struct policy *policy = policy_default();
    struct problems problems = {0}, warnings = {0};
    assert_int_equal(policy_check(policy, &problems, &warnings), 0);
    assert_int_equal(problems.n + warnings.n, 0);
    policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_inspection),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_middlewares),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_what_is_too_large_is_not_looked_at),
        cmocka_unit_test(test_problems_find_their_lines),
        cmocka_unit_test(test_many_endpoints_are_compared_in_time),
        cmocka_unit_test(test_patterns_made_to_be_slow_are_refused),
        cmocka_unit_test(test_endless_patterns_are_refused_and_not_compared),
        cmocka_unit_test(test_the_default_policy_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
