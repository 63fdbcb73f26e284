/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped voter quorum over the life of a held update: who asks, who approves, what loads. */
#include "support/drafts.h"

static int quorum_setup(void **state)
{
    static const char *const dirs[] = {SLUICE_BUILD_DIR "/plugins"};
    if (setup(state) != 0)
        return -1;
    struct fixture *f = *state;
    const struct chain_voter_config voter = {
        .plugin = "quorum", .script = "", .name = "", .level = "mandatory", .on_error = "deny",
        .isolation = "inline", .timeout_ms = 5000, .sha256 = "", .doc_path = "chain.voters[0]",
        .options_json = "{\"approvals\": 2, \"hosts\": [\"**.example.com\"]}",
    };
    const struct chain_voter_config *voters[] = {&voter};
    struct chain_config config = {
        .plugin_dirs = dirs, .n_plugin_dirs = 1, .vote_timeout_ms = 5000, .voters = voters,
        .n_voters = 1, .base_dir = ".",
    };
    chain_unref(f->chain);
    f->chain = chain_load(&config, &f->log, &f->problems);
    if (!f->chain)
        fail_msg("%s", f->problems.items[0].message);
    updates_set_chain(f->updates, f->chain);
    return 0;
}

static int ask_for(struct fixture *f, const char *host)
{
    char operations[512];
    snprintf(operations, sizeof operations,
             "operations: [{add_rule: {rule_name: api, rule: {name: api, "
             "endpoints: [{host: %s, port: 443}], binaries: [{path: /usr/bin/curl}]}}}]", host);
    return merge(f, "alice", operations);
}

static void approve_as(struct fixture *f, const char *who, const char *id,
                       enum chain_outcome outcome)
{
    succeed(f, approve(f, who, id));
    assert_int_equal(f->result.outcome, outcome);
}

static void two_other_people_let_an_update_pass(void **state)
{
    struct fixture *f = *state;
    succeed(f, ask_for(f, "api.example.com"));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    const char *id = f->result.draft_id;
    assert_refused(f, approve(f, "alice", id), ERROR_FORBIDDEN, "somebody else must approve it");
    approve_as(f, "bob", id, CHAIN_HELD);
    assert_string_equal(f->result.votes.items[0].code, "QUORUM");
    assert_contains(f->result.votes.items[0].message, "1 of 2 approvals");
    approve_as(f, "bob", id, CHAIN_HELD);
    assert_false(allows(f, "api.example.com", 443, "/usr/bin/curl"));
    approve_as(f, "carol", id, CHAIN_ALLOWED);
    assert_string_equal(status_of(f, id), "approved");
    assert_true(allows(f, "api.example.com", 443, "/usr/bin/curl"));
}

static void what_does_not_match_passes_at_once(void **state)
{
    struct fixture *f = *state;
    succeed(f, ask_for(f, "api.example.org"));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_true(allows(f, "api.example.org", 443, "/usr/bin/curl"));
}

static void taking_back_needs_nobody(void **state)
{
    struct fixture *f = *state;
    succeed(f, ask_for(f, "api.example.com"));
    const char *id = f->result.draft_id;
    approve_as(f, "bob", id, CHAIN_HELD);
    approve_as(f, "carol", id, CHAIN_ALLOWED);
    succeed(f, merge(f, "dave", "operations: [{remove_rule: {rule_name: api}}]"));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_false(allows(f, "api.example.com", 443, "/usr/bin/curl"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, quorum_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_other_people_let_an_update_pass),
        TEST(what_does_not_match_passes_at_once),
        TEST(taking_back_needs_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
