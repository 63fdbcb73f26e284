/* SPDX-License-Identifier: Apache-2.0 */
/* Stored policies: one parse for many askers, found by hash alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "update/stored.h"

static struct policy *written(const char *yaml)
{
    struct policy *policy = policy_parse(yaml, strlen(yaml), DOC_YAML, NULL);
    assert_non_null(policy);
    return policy;
}

static struct store_revision revision_of(const struct policy *policy)
{
    return (struct store_revision){
        .revision = 7, .hash = policy_hash(policy), .policy_json = policy_json(policy)};
}

static int set_up(void **state)
{
    *state = stored_policies_new();
    return 0;
}

static int tear_down(void **state)
{
    stored_policies_free(*state);
    return 0;
}

static void a_revision_is_parsed_once(void **state)
{
    struct policy *policy = written("version: 1\n");
    const struct store_revision revision = revision_of(policy);
    struct error err;
    struct policy *first = stored_policies_get(*state, &revision, &err);
    struct policy *second = stored_policies_get(*state, &revision, &err);
    assert_ptr_equal(first, second);
    assert_string_equal(policy_hash(first), policy_hash(policy));
    policy_unref(first);
    policy_unref(second);
    policy_unref(policy);
}

static void what_was_committed_is_not_parsed_at_all(void **state)
{
    struct policy *policy = written("version: 1\n");
    struct store_revision revision = revision_of(policy);
    struct error err;
    revision.policy_json = "never read";
    stored_policies_keep(*state, policy);
    struct policy *found = stored_policies_get(*state, &revision, &err);
    assert_ptr_equal(found, policy);
    policy_unref(found);
    policy_unref(policy);
}

/* More policies than there are places: each answer is the policy that was asked for. */
static void a_place_that_was_taken_gives_nobody_anothers_policy(void **state)
{
    for (int i = 0; i < 2000; i++) {
        char *yaml = alloc_printf("version: 1\nprocess: {run_as_user: \"%d\"}\n", 1000 + i % 1500);
        struct policy *policy = written(yaml);
        const struct store_revision revision = revision_of(policy);
        struct error err;
        struct policy *found = stored_policies_get(*state, &revision, &err);
        assert_string_equal(policy_json(found), policy_json(policy));
        policy_unref(found);
        policy_unref(policy);
        free(yaml);
    }
}

static void a_long_policy_is_not_kept(void **state)
{
    char *path = alloc_zero(1, 4001), *yaml = alloc_zero(1, 30000);
    memset(path, 'x', 4000);
    strcpy(yaml, "version: 1\nfilesystem_policy:\n  read_only:\n");
    for (int i = 0; i < 5; i++)
        sprintf(yaml + strlen(yaml), "  - /%d%s\n", i, path);
    struct policy *policy = written(yaml);
    struct store_revision revision = revision_of(policy);
    struct error err;
    stored_policies_keep(*state, policy);
    struct policy *found = stored_policies_get(*state, &revision, &err);
    assert_ptr_not_equal(found, policy);
    assert_string_equal(policy_hash(found), policy_hash(policy));
    policy_unref(found);
    policy_unref(policy);
    free(yaml);
    free(path);
}

static void a_text_that_cannot_be_read_is_named(void **state)
{
    const struct store_revision revision = {
        .revision = 7, .hash = "00", .policy_json = "{\"version\": 1, \"nonsense\": 2}"};
    struct error err;
    assert_null(stored_policies_get(*state, &revision, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_non_null(strstr(
        err.text, "revision 7 in the store cannot be read: nonsense: a policy has no such field"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_revision_is_parsed_once),
        TEST(what_was_committed_is_not_parsed_at_all),
        TEST(a_place_that_was_taken_gives_nobody_anothers_policy),
        TEST(a_long_policy_is_not_kept),
        TEST(a_text_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
