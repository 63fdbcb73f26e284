/* SPDX-License-Identifier: Apache-2.0 */
#include "support/policy_cases.h"

#include "policy/check/check.h"
#include "policy/merge/merge.h"
#include "policy/rule.h"

static void expect_result(const char *name, struct policy *merged, const struct doc_node *expected)
{
    struct policy *policy = cases_policy(name, expected);
    if (!merged)
        fail_msg("%s: nothing came of it", name);
    if (strcmp(policy_json(merged), policy_json(policy)) != 0)
        fail_msg("%s: merged is\n%s\nexpected\n%s", name, policy_json(merged), policy_json(policy));
    assert_string_equal(policy_hash(merged), policy_hash(policy));
    policy_unref(policy);
}

static void run(const struct doc_node *test, const char *name)
{
    struct arena *arena = arena_new();
    struct problems problems = {0}, warnings = {0};
    struct policy_operations operations;
    struct policy *base = doc_get(test, "base") ? cases_policy(name, doc_get(test, "base")) : NULL;
    struct policy *merged = NULL;
    if (policy_operations_decode(doc_get(test, "merge"), arena, &operations, &problems) == 0) {
        merged = policy_merge(base, &operations, &problems, &warnings);
        assert_int_equal(merged == NULL, problems.n > 0);
    }
    cases_expect(name, "problems", doc_get(test, "problems"), &problems);
    cases_expect(name, "warnings", doc_get(test, "warnings"), &warnings);
    if (!problems.n)
        expect_result(name, merged, doc_get(test, "result"));
    policy_unref(base);
    policy_unref(merged);
    problems_free(&problems);
    problems_free(&warnings);
    arena_free(arena);
}

#define FILE_TEST(name)                                            \
    static void test_##name(void **state)                          \
    {                                                              \
        (void)state;                                               \
        cases_run("tests/fixtures/policies/merge/" #name ".yaml", run); \
    }

FILE_TEST(add_rule)
FILE_TEST(scope)
FILE_TEST(fields)
FILE_TEST(requests)
FILE_TEST(removals)
FILE_TEST(shapes)

static void test_document_paths_are_those_of_the_result(void **state)
{
    (void)state;
    static const char base_text[] = "version: 1\nnetwork_policies: {b: {endpoints: [{host: b.x, "
                                    "port: 1}], binaries: [{path: /b}]}}\n";
    static const char json[] =
        "{\"operations\":[{\"add_rule\":{\"rule_name\":\"a "
        "b\",\"rule\":{\"endpoints\":[{\"host\":\"a.x\",\"port\":1},"
        "{\"host\":\"c.x\",\"port\":2}],\"binaries\":[{\"path\":\"/a\"}]}}}]}";
    struct arena *arena = arena_new();
    struct doc_node *tree;
    struct policy_operations operations;
    struct policy *base = policy_parse(base_text, sizeof base_text - 1, DOC_YAML, NULL);
    assert_int_equal(doc_parse(json, sizeof json - 1, DOC_JSON, sizeof json, arena, &tree, NULL),
                     0);
    assert_int_equal(policy_operations_decode(tree, arena, &operations, NULL), 0);
    struct policy *merged = policy_merge(base, &operations, NULL, NULL);
    policy_unref(base);
    arena_free(arena);
    const struct sluice_policy *model = policy_model(merged);
    assert_int_equal(model->n_rules, 2);
    assert_string_equal(model->rules[0]->key, "a b");
    assert_string_equal(model->rules[0]->endpoints[1]->doc_path,
                        "network_policies[\"a b\"].endpoints[1]");
    assert_string_equal(model->rules[1]->binaries[0]->doc_path, "network_policies.b.binaries[0]");
    policy_unref(merged);
}

static void test_a_rule_by_itself(void **state)
{
    (void)state;
    static const char json[] = "{\"name\":\"n\",\"endpoints\":[{\"host\":\"a.x\",\"port\":443}],"
                               "\"binaries\":[{\"path\":\"/a\"}]}";
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct buf out = {0};
    const struct sluice_rule *rule = policy_rule_parse(json, arena, &problems);
    assert_non_null(rule);
    schema_encode_json(&policy_rule_schema, rule, &out);
    assert_string_equal(buf_str(&out), json);
    assert_null(policy_rule_parse("{\"endpoint\":[]}", arena, &problems));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].path, "endpoint");
    assert_non_null(strstr(problems.items[0].message, "did you mean \"endpoints\"?"));
    buf_free(&out);
    problems_free(&problems);
    arena_free(arena);
}

static void test_a_merge_may_not_grow_beyond_the_limit(void **state)
{
    (void)state;
    struct buf text = {0};
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    struct policy_operations operations;
    buf_puts(&text, "{\"operations\":[{\"add_rule\":{\"rule_name\":\"r\",\"rule\":{\"binaries\":[{"
                    "\"path\":\"/x\"}],\"endpoints\":[");
    for (int i = 0; text.len < POLICY_BYTES_MAX; i++)
        buf_printf(&text, "%s{\"host\":\"h%d.example.com\",\"port\":443}", i ? "," : "", i);
    buf_puts(&text, "]}}}]}");
    assert_int_equal(doc_parse(text.data, text.len, DOC_JSON, text.len, arena, &tree, &problems),
                     0);
    assert_int_equal(policy_operations_decode(tree, arena, &operations, &problems), 0);
    assert_null(policy_merge(NULL, &operations, &problems, NULL));
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.items[0].message, "262144"));
    problems_free(&problems);
    buf_free(&text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_rule),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_removals),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_document_paths_are_those_of_the_result),
        cmocka_unit_test(test_a_rule_by_itself),
        cmocka_unit_test(test_a_merge_may_not_grow_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
