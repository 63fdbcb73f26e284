/* SPDX-License-Identifier: Apache-2.0 */
/* Held requests: how many wait for each chunk, and for whom there is nothing to wait for. */
#include "support/drafts.h"

#define CURL "/usr/bin/curl"

/* So many wait; only_waiting: that is all that is new. */
static struct drafts_recorded held(struct fixture *f, const char *host, unsigned waiting,
                                   bool only_waiting)
{
    struct drafts_denial denial = a_denial(host, 443, CURL);
    struct drafts_recorded out;
    denial.waiting = waiting;
    denial.only_waiting = only_waiting;
    denial.count = !only_waiting;
    succeed(f, drafts_record_denials(f->drafts, "demo", &denial, 1, &out, &f->err));
    return out;
}

static void a_chunk_says_how_many_wait(void **state)
{
    struct fixture *f = *state;
    struct drafts_recorded out = held(f, "a.test", 1, false);
    assert_string_equal(out.id, chunk_of(f, "a.test", CURL));
    assert_true(out.decidable);
    assert_int_equal(view(f, out.id).waiting, 1);
    held(f, "A.test.", 3, true);
    assert_int_equal(view(f, out.id).waiting, 3);
    assert_int_equal(view(f, out.id).draft.hits, 1);
    held(f, "a.test", 0, true);
    assert_int_equal(view(f, out.id).waiting, 0);
    assert_int_equal(view(f, out.id).draft.hits, 1);
}

static void chunks_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct drafts_denial other = a_denial("a.test", 443, "/usr/bin/git");
    struct drafts_recorded a = held(f, "a.test", 2, false), git;
    other.waiting = 5;
    succeed(f, drafts_record_denials(f->drafts, "demo", &other, 1, &git, &f->err));
    assert_int_equal(view(f, a.id).waiting, 2);
    assert_int_equal(view(f, git.id).waiting, 5);
    drafts_forget_waiting(f->drafts, "s2");
    assert_int_equal(view(f, a.id).waiting, 2);
    drafts_forget_waiting(f->drafts, "s1");
    assert_int_equal(view(f, a.id).waiting, 0);
    assert_int_equal(view(f, git.id).waiting, 0);
}

static void what_is_rejected_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct drafts_recorded out = held(f, "a.test", 1, false);
    succeed(f, reject(f, "alice", out.id, "no"));
    assert_false(held(f, "a.test", 2, false).decidable);
    assert_false(held(f, "a.test", 2, true).decidable);
}

/* The approval is on its way to the supervisor. */
static void what_is_approved_is(void **state)
{
    struct fixture *f = *state;
    struct drafts_recorded out = held(f, "a.test", 1, false);
    succeed(f, approve(f, "alice", out.id));
    assert_true(held(f, "a.test", 2, true).decidable);
}

static void what_has_no_chunk_is_not(void **state)
{
    struct fixture *f = *state;
    struct drafts_denial denial = a_denial("a.test", 443, "/usr/bin/c*");
    struct drafts_recorded out;
    denial.waiting = 1;
    succeed(f, drafts_record_denials(f->drafts, "demo", &denial, 1, &out, &f->err));
    assert_string_equal(out.id, "");
    assert_false(out.decidable);
}

/* A supervisor that is back tells of what waits, and its chunk was cleared meanwhile. */
static void a_chunk_that_is_gone_is_made_again(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(held(f, "a.test", 0, true).id, "");
    assert_null(chunk_of(f, "a.test", CURL));
    assert_true(held(f, "a.test", 1, true).decidable);
    assert_non_null(chunk_of(f, "a.test", CURL));
}

/* ---- who is told of rejections ---- */

static char told[128];

static void hear_rejected(void *ctx, const char *sandbox, const struct store_draft *draft)
{
    (void)ctx;
    snprintf(told, sizeof told, "%s %s", sandbox, draft ? draft->host : "*");
}

static void rejections_are_told(void **state)
{
    struct fixture *f = *state;
    const struct drafts_hooks hooks = {.rejected = hear_rejected};
    struct drafts *own = drafts_new(f->updates, &hooks, &f->log), *drafts = f->drafts;
    struct drafts_call call = call_by("alice", "");
    uint64_t cleared;
    f->drafts = own;
    succeed(f, reject(f, "alice", held(f, "a.test", 1, false).id, "no"));
    assert_string_equal(told, "demo a.test");
    const struct drafts_recorded out = held(f, "b.test", 1, false);
    succeed(f, approve(f, "alice", out.id));
    assert_string_equal(told, "demo a.test");
    succeed(f, undo(f, "alice", out.id));
    assert_string_equal(told, "demo a.test");
    succeed(f, drafts_clear(own, &call, &cleared, &f->err));
    assert_string_equal(told, "demo *");
    f->drafts = drafts;
    drafts_free(own);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test_setup_teardown(a_chunk_says_how_many_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(chunks_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_rejected_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_approved_is, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_no_chunk_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chunk_that_is_gone_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(rejections_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
