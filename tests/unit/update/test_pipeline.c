/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of update makes of its request, and when it is refused before anybody votes. */
#include "support/updates.h"

static void a_new_sandbox_gets_the_restrictive_default(void **state)
{
    struct bench *b = *state;
    struct policy *restrictive = policy_default();
    RUN(b, CREATE(b, "s2", "other", "proxy"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_true(b->result.changed);
    assert_int_equal(b->result.base_revision, 0);
    assert_int_equal(b->result.revision, 1);
    assert_string_equal(b->result.base_hash, "");
    assert_string_equal(b->result.status, "pending");
    assert_string_equal(b->result.hash, policy_hash(restrictive));
    assert_string_equal(revision_of(b, "s2", 1).hash, policy_hash(restrictive));
    assert_string_equal(revision_of(b, "s2", 1).kind, "create");
    policy_unref(restrictive);
    struct store_sandbox box;
    assert_int_equal(store_sandbox_get(b->store, "other", b->arena, &box, &b->err), 0);
    assert_int_equal(box.number, 2);
    assert_int_equal(box.revision, 1);
}

static void a_taken_name_is_refused(void **state)
{
    struct bench *b = *state;
    REFUSED(b, ERROR_EXISTS,
            "sandbox 'demo' already exists: choose another name, or delete it first",
            CREATE(b, "s2", "demo", "proxy"));
    assert_int_equal(count_decisions(b), 1);
}

static void a_replacement_inherits_the_static_sections_it_leaves_out(void **state)
{
    struct bench *b = *state;
    struct policy *before = policy_of(b, "s1");
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .reason = "the first rule"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(b->result.base_revision, 1);
    assert_int_equal(b->result.revision, 2);
    assert_string_equal(b->result.base_hash, policy_hash(before));
    assert_int_equal(b->result.diff->n_added, 1);
    assert_int_equal(b->result.diff->n_static_changes, 0);
    struct policy *after = policy_of(b, "s1");
    const struct sluice_policy *is = policy_model(after), *was = policy_model(before);
    assert_int_equal(is->n_rules, 1);
    assert_string_equal(is->rules[0]->key, "api");
    assert_int_equal(is->filesystem->n_read_only, was->filesystem->n_read_only);
    assert_int_equal(is->filesystem->n_read_write, was->filesystem->n_read_write);
    assert_string_equal(is->landlock->compatibility, was->landlock->compatibility);
    assert_string_equal(is->process->run_as_user, was->process->run_as_user);
    policy_unref(before);
    policy_unref(after);
    struct store_revision r = revision_of(b, "s1", 2);
    assert_string_equal(r.actor, "alice");
    assert_string_equal(r.reason, "the first rule");
    assert_string_equal(r.kind, "replace");
    assert_string_equal(r.decision_id, b->result.decision_id);
}

static void the_same_policy_again_makes_no_revision(void **state)
{
    struct bench *b = *state;
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    size_t decisions = count_decisions(b);
    RUN(b, REPLACE(b, "network_policies: {\"api\": {binaries: [{\"path\": /usr/bin/curl}],"
                      " endpoints: [{ports: [443], host: api.example.com}]}}\nversion: 1\n"));
    assert_false(b->result.changed);
    assert_int_equal(b->result.revision, 2);
    assert_string_equal(b->result.status, "pending");
    assert_int_equal(b->result.votes.n, 0);
    assert_string_equal(b->result.decision_id, "");
    assert_string_equal(b->result.hash, b->result.base_hash);
    assert_int_equal(count_decisions(b), decisions);
}

static void operations_build_on_the_current_policy(void **state)
{
    struct bench *b = *state;
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION)));
    RUN(b,
        MERGE(
            b,
            OPERATIONS(
                "{add_rule: {rule_name: web, rule: {endpoints: [{host: www.example.com, port: 80}],"
                " binaries: [{path: /usr/bin/wget}]}}}")));
    assert_int_equal(b->result.revision, 3);
    RUN(b, MERGE(b, OPERATIONS("{remove_rule: {rule_name: api}}")));
    assert_int_equal(b->result.revision, 4);
    struct policy *policy = policy_of(b, "s1");
    assert_int_equal(policy_model(policy)->n_rules, 1);
    assert_string_equal(policy_model(policy)->rules[0]->key, "web");
    policy_unref(policy);
}

static void a_rollback_is_a_new_revision_with_the_old_policy(void **state)
{
    struct bench *b = *state;
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION)));
    RUN(b, .kind = SLUICE_ROLLBACK, .to_revision = 1, .reason = "back");
    assert_int_equal(b->result.revision, 3);
    assert_string_equal(b->result.hash, revision_of(b, "s1", 1).hash);
    assert_string_equal(revision_of(b, "s1", 3).kind, "rollback");
    assert_int_equal(b->result.diff->n_removed, 1);
    RUN(b, .kind = SLUICE_ROLLBACK, .to_revision = 3);
    assert_false(b->result.changed);
    REFUSED(b, ERROR_NOT_FOUND, "policy revision 9 not found: there are 1 to 3",
            .kind = SLUICE_ROLLBACK, .to_revision = 9);
}

static void a_dry_run_decides_and_leaves_nothing(void **state)
{
    struct bench *b = *state;
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .dry_run = true));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_true(b->result.dry_run);
    assert_true(b->result.changed);
    assert_int_equal(b->result.votes.n, 3);
    assert_int_equal(b->result.diff->n_added, 1);
    assert_int_equal(b->result.revision, 1);
    assert_string_equal(b->result.decision_id, "");
    assert_int_equal(count_decisions(b), 1);
    assert_int_equal(b->decided, 0);
    RUN(b, CREATE(b, "s2", "other", "proxy", .dry_run = true));
    struct store_sandbox box;
    assert_int_equal(store_sandbox_get(b->store, "other", b->arena, &box, &b->err), -1);
}

static void an_expected_revision_must_be_the_newest(void **state)
{
    struct bench *b = *state;
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION), .if_revision = 1));
    assert_int_equal(b->result.revision, 2);
    REFUSED(b, ERROR_MOVED,
            "the policy of sandbox 'demo' is at revision 2, not 1: read it again and repeat the "
            "change on top of it",
            REPLACE(b, "version: 1\n", .if_revision = 1));
    REFUSED(b, ERROR_MOVED,
            "the policy of sandbox 'demo' is at revision 2, not 7: read it again and repeat the "
            "change on top of it",
            .kind = SLUICE_ROLLBACK, .to_revision = 1, .if_revision = 7);
    assert_int_equal(revision_of(b, "s1", 0).revision, 2);
}

static void problems_have_path_line_and_column(void **state)
{
    struct bench *b = *state;
    REFUSED(b, ERROR_INVALID, "the policy has 2 problems",
            REPLACE(b, "version: 1\n"
                       "network_policies:\n"
                       "  api:\n"
                       "    endpoint: []\n"
                       "    binaries: [{path: /usr/bin/curl}]\n"
                       "landlock: {compatibility: maybe}\n"));
    assert_int_equal(b->problems.n, 2);
    assert_string_equal(b->problems.items[0].path, "network_policies.api.endpoint");
    assert_int_equal(b->problems.items[0].line, 4);
    assert_int_equal(b->problems.items[0].column, 5);
    assert_contains(b->problems.items[0].message, "did you mean");
    assert_string_equal(b->problems.items[1].path, "landlock.compatibility");
    assert_int_equal(b->problems.items[1].line, 6);
    assert_int_equal(count_decisions(b), 1);
}

static void problems_of_the_safety_check_are_located_too(void **state)
{
    struct bench *b = *state;
    static const char yaml[] = "version: 1\n"
                               "network_policies:\n"
                               "  api:\n"
                               "    endpoints:\n"
                               "      - {host: localhost, port: 443}\n"
                               "    binaries: [{path: /usr/bin/curl}]\n";
    REFUSED(b, ERROR_INVALID, "the policy has 1 problem", REPLACE(b, yaml));
    assert_string_equal(b->problems.items[0].path, "network_policies.api.endpoints[0].host");
    assert_int_equal(b->problems.items[0].line, 5);
    assert_int_equal(b->problems.items[0].column, 16);
}

/* The policy of a new sandbox is a member of a larger body: paths name it, lines are the body's. */
/* What cannot be read hides nothing of what is wrong beside it. */
static void problems_of_shape_and_of_safety_come_together(void **state)
{
    struct bench *b = *state;
    REFUSED(b, ERROR_INVALID, "the policy has 6 problems",
            REPLACE(b, "version: 1\n"
                       "process: {run_as_user: root, run_as_grup: sandbox}\n"
                       "network_policies:\n"
                       "  api:\n"
                       "    endpoints:\n"
                       "      - {host: localhost, port: 443, deny_rule: []}\n"
                       "      - {host: a.example.com, port: many}\n"
                       "      - {host: 127.0.0.1, port: 80}\n"
                       "    binaries: [{path: /usr/bin/curl}]\n"));
    static const struct {
        const char *path;
        unsigned line;
    } want[] = {
        {"process.run_as_grup", 2},
        {"network_policies.api.endpoints[0].deny_rule", 6},
        {"network_policies.api.endpoints[1].port", 7},
        {"process.run_as_user", 2},
        {"network_policies.api.endpoints[0].host", 6},
        {"network_policies.api.endpoints[2].host", 8},
    };
    for (size_t i = 0; i < b->problems.n; i++) {
        assert_string_equal(b->problems.items[i].path, want[i].path);
        assert_int_equal(b->problems.items[i].line, want[i].line);
    }
}

static void problems_of_a_member_are_located_in_its_document(void **state)
{
    struct bench *b = *state;
    const struct doc_node *body = document(b, "name: other\n"
                                              "policy:\n"
                                              "  version: 1\n"
                                              "  network_policies:\n"
                                              "    api:\n"
                                              "      endpoints: [{host: localhost, port: 443}]\n"
                                              "      binaries: [{path: /usr/bin/curl}]\n");
    REFUSED(b, ERROR_INVALID, "the policy has 1 problem",
            CREATE(b, "s2", "other", "proxy", .document = doc_get(body, "policy"),
                   .document_path = "policy"));
    assert_string_equal(b->problems.items[0].path, "policy.network_policies.api.endpoints[0].host");
    assert_int_equal(b->problems.items[0].line, 6);
    assert_int_equal(b->problems.items[0].column, 26);
}

/* A policy that was accepted must be readable for ever after, so what counts is what is stored. */
static void a_policy_is_measured_as_it_is_stored(void **state)
{
    struct bench *b = *state;
    struct buf yaml = {0};
    buf_puts(&yaml, "version: 1\nnetwork_policies:\n a:\n  endpoints: [{host: a.example.com, port: "
                    "443}]\n  binaries: [");
    while (yaml.len < POLICY_BYTES_MAX - 40)
        buf_printf(&yaml, "{path: /b%zu},", yaml.len);
    buf_puts(&yaml, "{path: /c}]\n");
    assert_int_equal(run(b, (struct update_request){REPLACE(b, buf_str(&yaml))}), -1);
    assert_int_equal(b->err.kind, ERROR_INVALID);
    assert_contains(b->problems.items[0].message,
                    "bytes when it is written as JSON, at most 262144 are allowed");
    buf_free(&yaml);
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_int_equal(b->result.revision, 2);
}

static void operations_that_cannot_be_applied_are_problems(void **state)
{
    struct bench *b = *state;
    assert_int_equal(run(b, (struct update_request){MERGE(
                                b, OPERATIONS("{remove_rule: {rule_name: nothing}}"))}),
                     -1);
    assert_int_equal(b->err.kind, ERROR_INVALID);
    assert_int_equal(b->problems.n, 1);
    assert_contains(b->problems.items[0].path, "operations[0].remove_rule");
}

static void warnings_do_not_stop_an_update(void **state)
{
    struct bench *b = *state;
    RUN(b, REPLACE(b, "version: 1\nnetwork_policies: {api: {endpoints: [{host: api.example.com, "
                      "port: 443}]}}\n"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(b->result.warnings.n, 1);
    assert_contains(b->result.warnings.items[0].message, "/**");
    assert_int_equal(b->result.warnings.items[0].line, 2);
    assert_contains(decision(b, b->result.decision_id).warnings_json, "/**");
}

static void what_counts_from_the_next_start_on_is_said(void **state)
{
    struct bench *b = *state;
    RUN(b, REPLACE(b, "version: 1\nfilesystem_policy: {include_workdir: true, read_only: [/usr, "
                      "/lib, /proc, /dev/urandom, "
                      "/app, /etc, /var/log], read_write: [/tmp, /dev/null, /opt]}\n"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(b->result.warnings.n, 1);
    assert_string_equal(b->result.warnings.items[0].path, "filesystem_policy.read_write");
    assert_contains(b->result.warnings.items[0].message,
                    "from the sandbox's next start on: sluice sandbox stop demo");
    assert_int_equal(b->result.warnings.items[0].line, 2);
    assert_contains(decision(b, b->result.decision_id).warnings_json, "next start");
    RUN(b, REPLACE(b, "version: 1\nprocess: {run_as_user: '1500'}\n"));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    assert_int_equal(b->result.warnings.n, 0);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct bench *b = *state;
    assert_int_equal(
        run(b, (struct update_request){REPLACE(b, "version: 1\n", .sandbox = "nobody")}), -1);
    assert_int_equal(b->err.kind, ERROR_NOT_FOUND);
    assert_contains(b->err.text, "nobody");
    REFUSED(b, ERROR_UNSUPPORTED, "there is no policy of the whole gateway yet",
            .kind = SLUICE_GLOBAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_new_sandbox_gets_the_restrictive_default),
        BENCH_TEST(a_taken_name_is_refused),
        BENCH_TEST(a_replacement_inherits_the_static_sections_it_leaves_out),
        BENCH_TEST(the_same_policy_again_makes_no_revision),
        BENCH_TEST(operations_build_on_the_current_policy),
        BENCH_TEST(a_rollback_is_a_new_revision_with_the_old_policy),
        BENCH_TEST(a_dry_run_decides_and_leaves_nothing),
        BENCH_TEST(an_expected_revision_must_be_the_newest),
        BENCH_TEST(problems_have_path_line_and_column),
        BENCH_TEST(problems_of_the_safety_check_are_located_too),
        BENCH_TEST(problems_of_shape_and_of_safety_come_together),
        BENCH_TEST(problems_of_a_member_are_located_in_its_document),
        BENCH_TEST(a_policy_is_measured_as_it_is_stored),
        BENCH_TEST(operations_that_cannot_be_applied_are_problems),
        BENCH_TEST(warnings_do_not_stop_an_update),
        BENCH_TEST(what_counts_from_the_next_start_on_is_said),
        BENCH_TEST(what_is_not_there_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
