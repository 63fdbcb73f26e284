/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of requests that a voter holds: approving one changes no policy. */
#include "support/drafts.h"

#define CURL "/usr/bin/curl"

static struct drafts_denial held_by(const char *vote)
{
    struct drafts_denial denial = a_denial("a.test", 443, CURL);
    denial.method = "POST";
    denial.path = "/deploy/*";                      /* no rule could name it */
    denial.vote = vote;
    denial.reason = "voter judge: DEPLOY: ask";
    denial.waiting = 1;
    return denial;
}

static struct drafts_recorded record(struct fixture *f, const char *vote)
{
    const struct drafts_denial denial = held_by(vote);
    struct drafts_recorded out;
    succeed(f, drafts_record_denials(f->drafts, "demo", "s1", &denial, 1, &out, &f->err));
    return out;
}

static size_t approved(struct fixture *f, struct store_draft **list)
{
    size_t n;
    succeed(f, drafts_approved_requests(f->drafts, "s1", f->arena, list, &n, &f->err));
    return n;
}

static uint64_t revision_now(struct fixture *f)
{
    struct store_revision revision;
    succeed(f, store_revision_get(f->store, "s1", 0, f->arena, &revision, &f->err));
    return revision.revision;
}

static void a_held_request_has_one_chunk_for_each_vote(void **state)
{
    struct fixture *f = *state;
    const struct drafts_recorded one = record(f, "judge:DEPLOY"), again = record(f, "judge:DEPLOY"),
                                 other = record(f, "judge:OTHER");
    assert_string_equal(one.id, again.id);
    assert_string_not_equal(one.id, other.id);
    assert_true(one.decidable && again.decidable && other.decidable);
    const struct drafts_view v = view(f, one.id);
    assert_string_equal(v.draft.status, "pending");
    assert_string_equal(v.draft.held_kind, "request");
    assert_string_equal(drafts_vote_of(&v.draft), "judge:DEPLOY");
    assert_string_equal(v.draft.rationale, "The policy allows this request, and a voter asks for a "
                                           "decision: voter judge: DEPLOY: ask.");
    assert_int_equal(v.draft.hits, 2);
    assert_int_equal(v.waiting, 1);
}

static void its_approval_is_decided_by_voters_and_changes_no_policy(void **state)
{
    struct fixture *f = *state;
    struct store_draft *list;
    struct store_decision decision;
    const struct drafts_recorded one = record(f, "judge:DEPLOY");
    const uint64_t before = revision_now(f);
    succeed(f, approve(f, "alice", one.id));
    assert_int_equal(revision_now(f), before);
    assert_string_equal(view(f, one.id).draft.status, "approved");
    assert_int_equal(approved(f, &list), 1);
    assert_string_equal(list[0].id, one.id);
    assert_true(record(f, "judge:DEPLOY").decidable);   /* the approval is on its way */
    succeed(f, store_decision_of_draft(f->store, one.id, f->arena, &decision, &f->err));
    assert_string_equal(decision.kind, "approve");
    assert_string_equal(decision.outcome, "allowed");
    assert_int_not_equal(strlen(decision.votes_json), 2);
}

static void a_rejection_and_an_undo_take_it_back(void **state)
{
    struct fixture *f = *state;
    struct store_draft *list;
    const struct drafts_recorded one = record(f, "judge:DEPLOY"), two = record(f, "judge:OTHER");
    succeed(f, approve(f, "alice", one.id));
    succeed(f, approve(f, "alice", two.id));
    succeed(f, undo(f, "alice", one.id));
    assert_string_equal(view(f, one.id).draft.status, "pending");
    succeed(f, reject(f, "alice", two.id, "no"));
    assert_string_equal(view(f, two.id).draft.status, "rejected");
    assert_int_equal(approved(f, &list), 0);
    assert_false(record(f, "judge:OTHER").decidable);
}

static void approving_all_leaves_it_out(void **state)
{
    struct fixture *f = *state;
    struct drafts_call call = call_by("alice", "");
    struct update_result result;
    struct drafts_skip *skipped;
    size_t n_approved, n_skipped;
    record(f, "judge:DEPLOY");
    succeed(f, drafts_approve_all(f->drafts, &call, true, f->arena, &result, &n_approved, &skipped,
                                  &n_skipped, &f->problems, &f->err));
    assert_int_equal(n_approved, 0);
    assert_int_equal(n_skipped, 1);
    assert_string_equal(skipped[0].why, "a held request is approved by itself");
}

static void an_approval_that_has_ended_asks_again(void **state)
{
    struct fixture *f = *state;
    struct store_draft *list;
    const struct drafts_recorded one = record(f, "judge:DEPLOY");
    const struct policy_grant once = {.chunk = "", .rule = "", .boot = "", .uses = 1};
    struct drafts_call call = call_by("alice", one.id);
    struct drafts_view v = view(f, one.id);
    struct update_result result;
    call.ends = true;
    call.grant = &once;
    succeed(f, drafts_approve(f->drafts, &call, v.review_token, f->arena, &result, &f->problems,
                              &f->err));
    assert_int_equal(approved(f, &list), 1);
    assert_int_equal(policy_grant_parse(list[0].grant_json, f->arena)->uses, 1);
    succeed(f, drafts_used(f->drafts, "demo", one.id, 1, &f->err));
    succeed(f, drafts_expire(f->drafts, "demo", one.id, "it was used 1 time", &f->err));
    assert_int_equal(approved(f, &list), 0);
    v = view(f, one.id);
    assert_string_equal(v.draft.status, "superseded");
    assert_string_equal(v.draft.reason, "its approval has ended: it was used 1 time");
    assert_true(record(f, "judge:DEPLOY").decidable);
    assert_string_equal(view(f, one.id).draft.status, "pending");
}

static void its_approval_ends_with_no_process(void **state)
{
    struct fixture *f = *state;
    const struct drafts_recorded one = record(f, "judge:DEPLOY");
    const struct policy_grant grant = {.chunk = "", .rule = "", .boot = "", .pid = 7};
    struct drafts_call call = call_by("alice", one.id);
    struct update_result result;
    call.ends = true;
    call.grant = &grant;
    assert_int_equal(drafts_approve(f->drafts, &call, view(f, one.id).review_token, f->arena,
                                    &result, &f->problems, &f->err), -1);
    assert_non_null(strstr(f->err.text, "is a held request, whose approval cannot end with a "
                                        "process: approve it for a number of uses or for a time"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_held_request_has_one_chunk_for_each_vote),
        TEST(its_approval_is_decided_by_voters_and_changes_no_policy),
        TEST(a_rejection_and_an_undo_take_it_back),
        TEST(approving_all_leaves_it_out),
        TEST(an_approval_that_has_ended_asks_again),
        TEST(its_approval_ends_with_no_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
