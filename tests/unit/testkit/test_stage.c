/* SPDX-License-Identifier: Apache-2.0 */
/* The transition of a case is the one that the pipeline would build. */
#include "support/testkit.h"
#include "testkit/stage.h"

static const struct sluice_transition *transition_of(struct suite *suite, struct arena *arena,
                                                     const char *item)
{
    char *text = alloc_printf("plugin: x\npolicies:\n"
                              "  empty: {version: 1}\n"
                              "  rule: {version: 1, network_policies: {api: {endpoints: [{host: "
                              "a.example.com, port: 443}]}}}\n"
                              "  fixed: {version: 1, filesystem_policy: {read_only: [/usr]}, "
                              "process: {run_as_user: \"7\"}}\n"
                              "cases: [{name: a, expect: {verdict: allow}, %s}]\n",
                              item);
    read_text(suite, text, &(struct suite_filter){0});
    free(text);
    assert_int_equal(suite->n_tests, 1);
    return stage_transition(&suite->tests[0], arena);
}

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void test_sections_that_are_not_written_stay(void **state)
{
    struct suite suite;
    const struct sluice_transition *t =
        transition_of(&suite, *state, "current: fixed, candidate: rule");
    assert_int_equal(t->kind, SLUICE_REPLACE);
    assert_string_equal(t->candidate->filesystem->read_only[0], "/usr");
    assert_string_equal(t->candidate->process->run_as_user, "7");
    assert_int_equal(t->diff->n_static_changes, 0);
    assert_int_equal(t->diff->n_added, 1);
    assert_ptr_equal(t->baseline, t->current);
    assert_string_equal(t->current->landlock->compatibility, "best_effort");
    suite_free(&suite);
}

static void test_current_is_completed_by_the_baseline(void **state)
{
    struct suite suite;
    const struct sluice_transition *t =
        transition_of(&suite, *state, "baseline: fixed, current: rule, candidate: empty");
    assert_string_equal(t->current->process->run_as_user, "7");
    assert_string_equal(t->baseline->process->run_as_user, "7");
    assert_int_equal(t->diff->n_removed, 1);
    assert_int_equal(t->diff->n_static_changes, 0);
    suite_free(&suite);
}

static void test_nothing_is_there_on_create(void **state)
{
    struct suite suite;
    const struct sluice_transition *t =
        transition_of(&suite, *state, "kind: create, current: rule, candidate: fixed");
    assert_null(t->current);
    assert_null(t->baseline);
    assert_string_equal(t->candidate->process->run_as_user, "7");
    suite_free(&suite);
}

static void test_what_is_not_said_has_defaults(void **state)
{
    struct suite suite;
    const struct sluice_transition *t =
        transition_of(&suite, *state, "candidate: rule, kind: approve");
    assert_int_equal(t->current->n_rules, 0);
    assert_string_equal(t->reason, "");
    assert_int_equal(t->sandbox->network, SLUICE_NETWORK_PROXY);
    assert_true(t->sandbox->running);
    assert_string_equal(t->actor->role, "user");
    assert_int_equal(t->now_ms, 1767607200000);
    assert_int_equal(t->draft->n_approvals, 1);
    assert_string_equal(t->draft->approvals[0]->actor, t->actor->name);
    suite_free(&suite);
}

static void test_what_is_said_is_there(void **state)
{
    struct suite suite;
    const struct sluice_transition *t = transition_of(
        &suite, *state,
        "candidate: rule, kind: approve, now: 2026-01-31T08:05:00Z, dry_run: true, reason: why,"
        "sandbox: {network: none, running: false, labels: {z: last, a: first}},"
        "draft: {source: mechanistic, hits: 3, confidence: 0.5, approvals: [{actor: bob}, {actor: "
        "eve}]}");
    assert_int_equal(t->now_ms, 1769846700000);
    assert_true(t->dry_run);
    assert_string_equal(t->sandbox->labels[0]->key, "a");
    assert_string_equal(t->sandbox->labels[1]->value, "last");
    assert_false(t->sandbox->running);
    assert_int_equal(t->sandbox->network, SLUICE_NETWORK_NONE);
    assert_int_equal(t->draft->hits, 3);
    assert_int_equal(t->draft->n_approvals, 2);
    assert_string_equal(t->draft->approvals[1]->actor, "eve");
    suite_free(&suite);
}

static void test_a_global_policy_has_no_sandbox(void **state)
{
    struct suite suite;
    const struct sluice_transition *t =
        transition_of(&suite, *state, "candidate: rule, kind: global");
    assert_null(t->sandbox);
    assert_null(t->draft);
    suite_free(&suite);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sections_that_are_not_written_stay), TEST(current_is_completed_by_the_baseline),
        TEST(nothing_is_there_on_create),         TEST(what_is_not_said_has_defaults),
        TEST(what_is_said_is_there),              TEST(a_global_policy_has_no_sandbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
