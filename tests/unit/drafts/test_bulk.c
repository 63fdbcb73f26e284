/* SPDX-License-Identifier: Apache-2.0 */
/* Approving all at once: what is taken, what is left, and whose approvals count. */
#include "support/drafts.h"

#define CURL "/usr/bin/curl"

/* ---- all at once ---- */

struct bulk {
    size_t approved, n_skipped;
    struct drafts_skip *skipped;
};

static int approve_all_as(struct fixture *f, const char *who, bool include_flagged, struct bulk *b)
{
    struct drafts_call call = call_by(who, NULL);
    return drafts_approve_all(f->drafts, &call, include_flagged, f->arena, &f->result, &b->approved,
                              &b->skipped, &b->n_skipped, &f->problems, &f->err);
}

static int approve_all(struct fixture *f, bool include_flagged, struct bulk *b)
{
    return approve_all_as(f, "bob", include_flagged, b);
}

static void all_is_one_update(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    denied(f, "a.example.com", 443, CURL, 1);
    denied(f, "b.example.com", 443, CURL, 1);
    denied(f, "a.example.com", 443, "/usr/bin/git", 1);
    denied(f, "bad.example.com", 443, CURL, 1);
    denied(f, "db.example.com", 5432, CURL, 1);
    succeed(f, merge(f, "alice",
                     "{operations: [{add_rule: {rule_name: r, rule: {endpoints: [{host: "
                     "one.example.com, port: 443}], binaries: [{path: " CURL "}]}}}]}"));
    const char *held = f->result.draft_id;
    succeed(f, approve_all(f, false, &b));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(b.approved, 3);
    assert_int_equal(b.n_skipped, 3);
    assert_contains(b.skipped[0].why, "refused by 1 of 1 voter");
    assert_contains(b.skipped[1].why, "has security notes: Port 5432");
    assert_string_equal(b.skipped[2].id, held);
    assert_contains(b.skipped[2].why, "held update");
    assert_int_equal(revision(f), 2);
    assert_true(allows(f, "a.example.com", 443, CURL) && allows(f, "b.example.com", 443, CURL) &&
                allows(f, "a.example.com", 443, "/usr/bin/git"));
    succeed(f, approve_all(f, true, &b));
    assert_int_equal(b.approved, 1);
    assert_true(allows(f, "db.example.com", 5432, CURL));
}

static void all_that_is_skipped_is_no_dry_run(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    denied(f, "db.example.com", 5432, CURL, 1);
    succeed(f, approve_all(f, false, &b));
    assert_int_equal(b.approved, 0);
    assert_int_equal(b.n_skipped, 1);
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_false(f->result.dry_run || f->result.changed);
    assert_int_equal(revision(f), 1);
}

static void each_of_all_is_taken_back_alone(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    denied(f, "a.example.com", 443, CURL, 1);
    denied(f, "b.example.com", 443, CURL, 1);
    denied(f, "a.example.com", 443, "/usr/bin/git", 1);
    succeed(f, approve_all(f, false, &b));
    assert_int_equal(b.approved, 3);
    succeed(f, undo(f, "bob", chunk_of(f, "a.example.com", CURL)));
    assert_false(allows(f, "a.example.com", 443, CURL));
    assert_true(allows(f, "b.example.com", 443, CURL) &&
                allows(f, "a.example.com", 443, "/usr/bin/git"));
    succeed(f, undo(f, "bob", chunk_of(f, "b.example.com", CURL)));
    succeed(f, undo(f, "bob", chunk_of(f, "a.example.com", "/usr/bin/git")));
    struct policy *policy = current_policy(f, NULL);
    assert_int_equal(policy_model(policy)->n_rules, 0);
    policy_unref(policy);
}

static void nothing_pending_is_said(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    assert_refused(f, approve_all(f, false, &b), ERROR_STATE, "no pending chunks to approve");
}

static void nothing_that_may_be_approved_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    denied(f, "bad.example.com", 443, CURL, 1);
    succeed(f, approve_all(f, false, &b));
    assert_int_equal(b.approved, 0);
    assert_int_equal(b.n_skipped, 1);
    assert_false(f->result.changed);
    assert_int_equal(revision(f), 1);
    json_t *document = update_document(&f->result);
    assert_non_null(document);
    json_decref(document);
}

/* ---- approvals of several people ---- */

static const char *a_chunk(struct fixture *f, const char *host)
{
    denied(f, host, 443, CURL, 1);
    return chunk_of(f, host, CURL);
}

static void approve_as(struct fixture *f, const char *who, const char *id)
{
    succeed(f, approve(f, who, id));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    assert_string_equal(f->result.draft_id, id);    /* what waits */
}

static void an_approval_on_record_counts(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    const char *first = a_chunk(f, "two-a.example.com"), *second = a_chunk(f, "two-b.example.com");
    approve_as(f, "alice", first);
    approve_as(f, "alice", second);
    succeed(f, approve_all(f, false, &b));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(b.approved, 2);
    assert_string_equal(status_of(f, first), "approved");
    assert_contains(view(f, second).draft.approvals_json, "\"alice\"");
    assert_contains(view(f, second).draft.approvals_json, "\"bob\"");
}

static void two_people_approve_all(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    const char *two = a_chunk(f, "two.example.com"), *any = a_chunk(f, "any.example.com");
    succeed(f, approve_all_as(f, "alice", false, &b));
    assert_int_equal(b.approved, 1);
    assert_string_equal(status_of(f, any), "approved");
    assert_string_equal(b.skipped[0].id, two);
    assert_contains(b.skipped[0].why, "held by 1 of 1 voter");
    assert_contains(view(f, two).draft.approvals_json, "\"alice\"");
    succeed(f, approve_all_as(f, "alice", false, &b));      /* again: still one person */
    assert_int_equal(b.approved, 0);
    succeed(f, approve_all_as(f, "bob", false, &b));
    assert_int_equal(b.approved, 1);
    assert_string_equal(status_of(f, two), "approved");
}

/* Together they have only those approvals that each of them has. */
static void what_is_held_together_keeps_the_approval(void **state)
{
    struct fixture *f = *state;
    struct bulk b;
    const char *two = a_chunk(f, "two.example.com"), *one = a_chunk(f, "one.example.com");
    approve_as(f, "alice", two);
    succeed(f, approve_all_as(f, "bob", false, &b));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    assert_int_equal(b.approved, 0);
    assert_contains(f->result.tally.why,
                    "your approval is recorded with each of the 2 chunks: approve "
                    "them one at a time, or have somebody else approve all too");
    assert_int_equal(revision(f), 1);
    assert_contains(view(f, two).draft.approvals_json, "\"bob\"");
    assert_contains(view(f, one).draft.approvals_json, "\"bob\"");
    assert_string_equal(f->result.draft_id, "");
    succeed(f, approve_all_as(f, "carol", false, &b));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(b.approved, 2);
    assert_int_equal(revision(f), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(all_is_one_update),
        TEST(all_that_is_skipped_is_no_dry_run),
        TEST(each_of_all_is_taken_back_alone),
        TEST(nothing_pending_is_said),
        TEST(nothing_that_may_be_approved_changes_nothing),
        TEST(an_approval_on_record_counts),
        TEST(two_people_approve_all),
        TEST(what_is_held_together_keeps_the_approval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
