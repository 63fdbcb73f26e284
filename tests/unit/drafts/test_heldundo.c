/* SPDX-License-Identifier: Apache-2.0 */
/* An undo or a rejection that a voter holds: the chunk keeps its status until somebody approves
 * that, and gets it then. */
#include "support/drafts.h"

#define CURL "/usr/bin/curl"

static const char keeper[] =
    "return {name = 'judge', version = '1', summary = 'Nothing is taken back by one person.',\n"
    "  vote = function(t, ballot)\n"
    "    if t.kind == 'undo' then return ballot:hold('TWO', '', 'two people must want this') end\n"
    "    return ballot:allow()\n"
    "  end}\n";

static void judge_by(struct fixture *f, const char *script)
{
    struct chain *chain = load_chain(f, script);
    updates_set_chain(f->updates, chain);
    chain_unref(chain);
}

static int setup_keeper(void **state)
{
    if (setup(state) != 0)
        return -1;
    judge_by(*state, keeper);
    return 0;
}

static const char *approved_chunk(struct fixture *f)
{
    denied(f, "a.example.com", 443, CURL, 1);
    const char *id = chunk_of(f, "a.example.com", CURL);
    succeed(f, approve(f, "bob", id));
    return id;
}

/* What a call was held as. */
static const char *held_as(struct fixture *f, int rc)
{
    succeed(f, rc);
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    assert_true(*f->result.draft_id);
    return f->result.draft_id;
}

static void assert_stays(struct fixture *f, const char *id)
{
    assert_string_equal(status_of(f, id), "approved");
    assert_true(allows(f, "a.example.com", 443, CURL));
}

static const char *last_event(struct fixture *f, const char *id)
{
    struct store_draft_event *events;
    size_t n;
    assert_int_equal(drafts_history(f->drafts, "demo", 100, f->arena, &events, &n, &f->err), 0);
    while (n-- > 0)
        if (strcmp(events[n].draft_id, id) == 0)
            return events[n].text;
    fail_msg("nothing happened to %s", id);
    return NULL;
}

static void an_undo_that_is_approved_makes_the_chunk_pending(void **state)
{
    struct fixture *f = *state;
    const char *id = approved_chunk(f);
    const char *held = held_as(f, undo(f, "alice", id));
    assert_stays(f, id);
    assert_string_equal(
        last_event(f, id),
        arena_printf(f->arena, "Rule 'allow_a_example_com_443' stays until chunk %s is approved",
                     held));
    succeed(f, approve(f, "carol", held));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_false(allows(f, "a.example.com", 443, CURL));
    struct drafts_view v = view(f, id);
    assert_string_equal(v.draft.status, "pending");
    assert_string_equal(v.draft.undo_json, "");
    assert_string_equal(v.draft.decided_by, "");
    assert_string_equal(status_of(f, held), "approved");
    assert_contains(f->heard, "approved pending ");
    assert_string_equal(last_event(f, id), "Rule 'allow_a_example_com_443' undone");
}

static void a_rejection_that_is_approved_rejects_the_chunk(void **state)
{
    struct fixture *f = *state;
    const char *id = approved_chunk(f);
    const char *held = held_as(f, reject(f, "alice", id, "no longer"));
    assert_stays(f, id);
    succeed(f, approve(f, "carol", held));
    assert_false(allows(f, "a.example.com", 443, CURL));
    struct drafts_view v = view(f, id);
    assert_string_equal(v.draft.status, "rejected");
    assert_string_equal(v.draft.decided_by, "carol");
    assert_string_equal(v.draft.reason, "no longer");
    assert_string_equal(last_event(f, id), "Rule 'allow_a_example_com_443' rejected: no longer");
}

static void an_undo_that_is_rejected_leaves_the_chunk(void **state)
{
    struct fixture *f = *state;
    const char *id = approved_chunk(f);
    const char *held = held_as(f, undo(f, "alice", id));
    succeed(f, reject(f, "carol", held, "it is needed"));
    assert_stays(f, id);
    assert_string_equal(status_of(f, held), "rejected");
}

static void what_was_taken_back_meanwhile_is_left_alone(void **state)
{
    struct fixture *f = *state;
    const char *id = approved_chunk(f);
    const char *held = held_as(f, undo(f, "alice", id));
    judge_by(f, judge_script);
    succeed(f, reject(f, "bob", id, "at once"));
    succeed(f, approve(f, "carol", held));
    assert_false(f->result.changed);
    assert_string_equal(status_of(f, held), "approved");
    assert_string_equal(status_of(f, id), "rejected");
    assert_string_equal(view(f, id).draft.reason, "at once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_keeper, teardown)
        TEST(an_undo_that_is_approved_makes_the_chunk_pending),
        TEST(a_rejection_that_is_approved_rejects_the_chunk),
        TEST(an_undo_that_is_rejected_leaves_the_chunk),
        TEST(what_was_taken_back_meanwhile_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
