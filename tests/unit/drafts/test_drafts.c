/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks from refused connections: counting, approving, rejecting, undoing, editing, clearing. */
#include "support/drafts.h"

#define CURL "/usr/bin/curl"
#define GIT  "/usr/bin/git"

static const char *a_chunk(struct fixture *f, const char *host)
{
    denied(f, host, 443, CURL, 1);
    return chunk_of(f, host, CURL);
}

/* ---- refused connections ---- */

static void a_refused_connection_becomes_a_chunk(void **state)
{
    struct fixture *f = *state;
    denied(f, "API.example.com.", 443, CURL, 3);
    struct drafts_view v = view(f, chunk_of(f, "api.example.com", CURL));
    assert_string_equal(v.draft.status, "pending");
    assert_string_equal(v.draft.source, "mechanistic");
    assert_string_equal(v.draft.rule_name, "allow_api_example_com_443");
    assert_string_equal(v.draft.rationale, "Allow curl to connect to api.example.com:443 (HTTPS).");
    assert_string_equal(v.draft.author, "sandbox:demo");
    assert_int_equal(v.draft.hits, 3);
    assert_string_equal(v.sandbox, "demo");
    assert_true(v.previewed);
    assert_int_equal(v.preview.outcome, CHAIN_ALLOWED);
    assert_int_equal(v.preview.diff->n_added, 1);
    assert_int_equal(strlen(v.review_token), 64);
    assert_string_equal(f->heard, "pending ");
}

static void the_same_is_counted_whatever_became_of_it(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    denied(f, "a.example.com", 443, CURL, 9);
    assert_int_equal(view(f, id).draft.hits, 10);
    assert_true(view(f, id).draft.confidence > 0.84);
    succeed(f, reject(f, "bob", id, "no need"));
    denied(f, "a.example.com", 443, CURL, 5);
    assert_int_equal(view(f, id).draft.hits, 15);
    assert_string_equal(status_of(f, id), "rejected");
    denied(f, "a.example.com", 443, GIT, 1);
    assert_string_not_equal(chunk_of(f, "a.example.com", GIT), id);
    assert_string_equal(f->heard, "pending rejected pending ");
}

static void what_no_rule_could_allow_makes_no_chunk(void **state)
{
    struct fixture *f = *state;
    struct store_draft *items;
    size_t n;
    denied(f, "169.254.169.254", 80, CURL, 1);
    denied(f, "localhost", 80, CURL, 1);
    denied(f, "bad host", 80, CURL, 1);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    assert_int_equal(n, 0);
}

static void a_late_report_of_what_is_allowed_makes_no_chunk(void **state)
{
    struct fixture *f = *state;
    succeed(
        f, merge(f, "alice",
                 "{operations: [{add_rule: {rule_name: r, rule: {endpoints: [{host: a.example.com, "
                 "port: 443}], binaries: [{path: " CURL "}]}}}]}"));
    denied(f, "a.example.com", 443, CURL, 1);
    assert_null(chunk_of(f, "a.example.com", CURL));
    denied(f, "a.example.com", 443, GIT, 1);
    assert_non_null(chunk_of(f, "a.example.com", GIT));
}

static void the_ssrf_note_stays(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "db.internal");
    struct drafts_denial ssrf = a_denial("db.internal", 443, CURL);
    ssrf.reason = "internal address";
    ssrf.stage = "ssrf";
    assert_string_equal(view(f, id).draft.security_notes, "");
    assert_int_equal(drafts_record_denials(f->drafts, "demo", "s1", &ssrf, 1, NULL, &f->err), 0);
    assert_contains(view(f, id).draft.security_notes, "blocked by SSRF protection");
    denied(f, "db.internal", 443, CURL, 1);
    assert_contains(view(f, id).draft.security_notes, "blocked by SSRF protection");
}

static void what_a_terminal_does_not_show_makes_no_chunk(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {
        "/tmp/a\x1b]0;x\x07",
        "/tmp/f\nsluice: approved",
        "/tmp/\xc2\x9b"
        "31m",
        "/tmp/e\xe2\x80\xaegnp.exe",
        "/tmp/zero\xe2\x80\x8bwidth",
        "/tmp/line\xe2\x80\xa8",
        "/tmp/tag\xf3\xa0\x81\x81",
        "/tmp/del\x7f",
        "/tmp/cr\r",
        "/tmp/soft\xc2\xadhyphen",
        "/tmp/invalid\xff",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        denied(f, "a.example.com", 443, paths[i], 1);
        assert_null(chunk_of(f, "a.example.com", paths[i]));
    }
    denied(f, "a.example.com", 443, "/tmp/caf\xc3\xa9", 1);
    assert_non_null(chunk_of(f, "a.example.com", "/tmp/caf\xc3\xa9"));
}

static void a_sandbox_cannot_fill_the_store(void **state)
{
    struct fixture *f = *state;
    struct drafts_denial many[600];
    struct store_draft *items;
    size_t n;
    for (int i = 0; i < 600; i++)
        many[i] = (struct drafts_denial){.host = arena_printf(f->arena, "h%d.example.com", i),
                                         .port = 443,
                                         .binary = CURL,
                                         .reason = "",
                                         .stage = "connect",
                                         .count = 1,
                                         .first_seen_ms = 1,
                                         .last_seen_ms = 1};
    assert_int_equal(drafts_record_denials(f->drafts, "demo", "s1", many, 600, NULL, &f->err), 0);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    assert_int_equal(n, 500);
}

/* ---- approving ---- */

static void an_approved_chunk_is_policy(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    succeed(f, approve(f, "bob", id));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(f->result.revision, 2);
    assert_true(allows(f, "a.example.com", 443, CURL));
    assert_false(allows(f, "a.example.com", 443, GIT));
    struct drafts_view v = view(f, id);
    assert_string_equal(v.draft.status, "approved");
    assert_string_equal(v.draft.decided_by, "bob");
    assert_int_equal(v.draft.revision, 2);
    assert_contains(v.draft.approvals_json, "\"actor\":\"bob\"");
    assert_false(v.previewed);
    assert_string_equal(v.review_token, "");
    struct store_decision decision;
    assert_int_equal(
        store_decision_get(f->store, f->result.decision_id, f->arena, &decision, &f->err), 0);
    assert_string_equal(decision.draft_id, id);
    assert_string_equal(decision.kind, "approve");
}

static void approving_needs_the_token(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    struct drafts_call call = call_by("bob", id);
    assert_refused(
        f, drafts_approve(f->drafts, &call, NULL, f->arena, &f->result, &f->problems, &f->err),
        ERROR_TOKEN,
        "look at the chunk with 'sluice rule get demo' and send its review_token along");
    assert_refused(
        f, drafts_approve(f->drafts, &call, "", f->arena, &f->result, &f->problems, &f->err),
        ERROR_TOKEN, "review token");
    assert_refused(
        f, drafts_approve(f->drafts, &call, "guess", f->arena, &f->result, &f->problems, &f->err),
        ERROR_MOVED, view(f, id).review_token);
    assert_string_equal(status_of(f, id), "pending");
    assert_int_equal(revision(f), 1);
}

/* Whatever moves between the look and the approval, the approval is refused. */
static void assert_stale(struct fixture *f, const char *id, const char *old_token)
{
    struct drafts_call call = call_by("bob", id);
    uint64_t before = revision(f);
    assert_string_not_equal(view(f, id).review_token, old_token);
    assert_refused(
        f, drafts_approve(f->drafts, &call, old_token, f->arena, &f->result, &f->problems, &f->err),
        ERROR_MOVED, view(f, id).review_token);
    assert_int_equal(revision(f), before);
}

static void a_policy_that_moved_needs_another_look(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com"), *token = view(f, id).review_token;
    succeed(
        f, merge(f, "alice",
                 "{operations: [{add_rule: {rule_name: r, rule: {endpoints: [{host: b.example.com, "
                 "port: 443}], binaries: [{path: " CURL "}]}}}]}"));
    assert_stale(f, id, token);
}

static void a_chunk_that_was_edited_needs_another_look(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com"), *token = view(f, id).review_token;
    struct drafts_call call = call_by("alice", id);
    struct drafts_view edited;
    const struct sluice_rule *rule = a_rule(
        f, "{endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/evil}]}");
    succeed(f, drafts_edit(f->drafts, &call, rule, f->arena, &edited, &f->problems, &f->err));
    assert_contains(edited.draft.rule_json, "/usr/bin/evil");
    assert_stale(f, id, token);
}

static void voters_that_changed_need_another_look(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com"), *token = view(f, id).review_token;
    char script[sizeof judge_script + 32];
    snprintf(script, sizeof script, "-- stricter\n%s", judge_script);
    struct chain *next = load_chain(f, script);
    updates_set_chain(f->updates, next);
    chain_unref(next);
    assert_stale(f, id, token);
}

static void a_denied_approval_leaves_the_chunk(void **state)
{
    struct fixture *f = *state;
    struct store_draft_event *events;
    size_t n;
    const char *id = a_chunk(f, "bad.example.com");
    assert_int_equal(view(f, id).preview.outcome, CHAIN_DENIED);
    succeed(f, approve(f, "bob", id));
    assert_int_equal(f->result.outcome, CHAIN_DENIED);
    assert_string_equal(status_of(f, id), "pending");
    assert_int_equal(revision(f), 1);
    assert_int_equal(drafts_history(f->drafts, "demo", 100, f->arena, &events, &n, &f->err), 0);
    assert_string_equal(events[n - 1].event, "refused");
    assert_contains(events[n - 1].text,
                    "Rule 'allow_bad_example_com_443' not approved: refused by 1 of 1 voter");
}

static void a_held_approval_counts(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "two.example.com");
    succeed(f, approve(f, "bob", id));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    assert_string_equal(status_of(f, id), "pending");
    succeed(f, approve(f, "bob", id));              /* the same person again is still one */
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    succeed(f, approve(f, "carol", id));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_string_equal(status_of(f, id), "approved");
    assert_contains(view(f, id).draft.approvals_json, "bob");
    assert_contains(view(f, id).draft.approvals_json, "carol");
}

static void a_chunk_of_another_sandbox_is_not_found(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    struct drafts_call call = call_by("bob", id);
    struct drafts_view v;
    bool changed;
    call.sandbox = "other";
    assert_refused(
        f, drafts_approve(f->drafts, &call, "t", f->arena, &f->result, &f->problems, &f->err),
        ERROR_NOT_FOUND, "not found");
    assert_refused(f, drafts_undo(f->drafts, &call, f->arena, &f->result, &f->problems, &f->err),
                   ERROR_NOT_FOUND, "not found");
    assert_refused(
        f, drafts_reject(f->drafts, &call, f->arena, &f->result, &changed, &f->problems, &f->err),
        ERROR_NOT_FOUND, "not found");
    assert_refused(f, drafts_get(f->drafts, "other", id, f->arena, &v, &f->err), ERROR_NOT_FOUND,
                   "not found");
    assert_refused(f, drafts_get(f->drafts, "nowhere", id, f->arena, &v, &f->err), ERROR_NOT_FOUND,
                   "sandbox 'nowhere' not found");
}

static void wrong_states_are_named(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    assert_refused(f, undo(f, "bob", id), ERROR_STATE,
                   "chunk status is 'pending', expected 'approved'");
    succeed(f, approve(f, "bob", id));
    assert_refused(f, approve(f, "bob", id), ERROR_STATE,
                   "chunk status is 'approved', expected 'pending' or 'rejected'");
    succeed(f, reject(f, "bob", id, NULL));
    assert_refused(f, reject(f, "bob", id, NULL), ERROR_STATE,
                   "chunk status is 'rejected', expected 'pending' or 'approved'");
}

/* ---- taking back ---- */

static void an_undo_takes_back_what_was_added(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    succeed(f, approve(f, "bob", id));
    succeed(f, undo(f, "carol", id));
    assert_int_equal(f->result.revision, 3);
    assert_false(allows(f, "a.example.com", 443, CURL));
    struct drafts_view v = view(f, id);
    assert_string_equal(v.draft.status, "pending");
    assert_string_equal(v.draft.decided_by, "");
    assert_string_equal(v.draft.approvals_json, "[]");
    assert_string_equal(v.draft.undo_json, "");
    assert_true(v.previewed);
}

static void an_undo_leaves_a_binary_that_was_there(void **state)
{
    struct fixture *f = *state;
    succeed(f,
            merge(f, "alice",
                  "{operations: [{add_rule: {rule_name: allow_a_example_com_443, rule: {endpoints: "
                  "[{host: a.example.com, port: 443}], binaries: [{path: " GIT "}]}}}]}"));
    const char *id = a_chunk(f, "a.example.com");
    succeed(f, approve(f, "bob", id));
    assert_true(allows(f, "a.example.com", 443, CURL) && allows(f, "a.example.com", 443, GIT));
    succeed(f, merge(f, "alice", "{operations: [{add_rule: {rule_name: other, rule: {endpoints: "
                     "[{host: b.example.com, port: 443}], binaries: [{path: " GIT "}]}}}]}"));
    succeed(f, undo(f, "bob", id));
    assert_false(allows(f, "a.example.com", 443, CURL));
    assert_true(allows(f, "a.example.com", 443, GIT) && allows(f, "b.example.com", 443, GIT));
}

static void rejecting_what_was_approved_takes_it_back(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    struct drafts_call call = call_by("carol", id);
    bool changed;
    succeed(f, approve(f, "bob", id));
    call.reason = "too wide";
    succeed(f,
            drafts_reject(f->drafts, &call, f->arena, &f->result, &changed, &f->problems, &f->err));
    assert_true(changed);
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_false(allows(f, "a.example.com", 443, CURL));
    assert_string_equal(status_of(f, id), "rejected");
    assert_string_equal(view(f, id).draft.reason, "too wide");
    assert_string_equal(view(f, id).draft.decided_by, "carol");
    succeed(f, approve(f, "bob", id));              /* a person may change their mind */
    assert_string_equal(view(f, id).draft.reason, "");
    assert_true(allows(f, "a.example.com", 443, CURL));
}

/* ---- editing, clearing, history ---- */

static void an_edit_is_checked_like_any_rule(void **state)
{
    struct fixture *f = *state;
    const char *id = a_chunk(f, "a.example.com");
    struct drafts_call call = call_by("alice", id);
    struct drafts_view v;
    const struct sluice_rule *wrong =
        a_rule(f, "{endpoints: [{host: 127.0.0.1, port: 443}], binaries: [{path: /x}]}");
    assert_refused(f, drafts_edit(f->drafts, &call, wrong, f->arena, &v, &f->problems, &f->err),
                   ERROR_INVALID, "problem");
    assert_true(f->problems.n > 0);
    assert_contains(view(f, id).draft.rule_json, "a.example.com");
    const struct sluice_rule *wide =
        a_rule(f, "{endpoints: [{host: '*.example.com', port: 443}], binaries: [{path: /x}]}");
    succeed(f, drafts_edit(f->drafts, &call, wide, f->arena, &v, &f->problems, &f->err));
    assert_contains(v.draft.security_notes, "contains a wildcard");
    assert_string_equal(v.draft.host, "a.example.com"); /* it is still found by what was refused */
    denied(f, "a.example.com", 443, CURL, 1);
    assert_int_equal(view(f, id).draft.hits, 2);
}

static void clearing_forgets_what_is_pending(void **state)
{
    struct fixture *f = *state;
    struct drafts_call call = call_by("alice", NULL);
    struct store_draft_event *events;
    uint64_t cleared;
    size_t n;
    const char *kept = a_chunk(f, "a.example.com");
    a_chunk(f, "b.example.com");
    succeed(f, reject(f, "bob", kept, NULL));
    assert_int_equal(drafts_clear(f->drafts, &call, &cleared, &f->err), 0);
    assert_int_equal(cleared, 1);
    assert_null(chunk_of(f, "b.example.com", CURL));
    assert_string_equal(status_of(f, kept), "rejected");
    assert_int_equal(drafts_history(f->drafts, "demo", 100, f->arena, &events, &n, &f->err), 0);
    assert_string_equal(events[n - 1].event, "cleared");
    assert_string_equal(events[n - 1].actor, "alice");
    assert_string_equal(events[n - 1].text, "1 pending chunk cleared");
    a_chunk(f, "b.example.com");                    /* seen again, it is proposed again */
    assert_string_equal(status_of(f, chunk_of(f, "b.example.com", CURL)), "pending");
}

static void history_names_who_did_what(void **state)
{
    struct fixture *f = *state;
    static const struct { const char *event, *actor, *text; } expected[] = {
        {"proposed", "sandbox:demo", "Rule 'allow_a_example_com_443' proposed (confidence: 65%)"},
        {"approved", "bob", "Rule 'allow_a_example_com_443' approved"},
        {"undone", "carol", "Rule 'allow_a_example_com_443' undone"},
        {"rejected", "dave", "Rule 'allow_a_example_com_443' rejected: not ours"},
    };
    struct store_draft_event *events;
    size_t n;
    const char *id = a_chunk(f, "a.example.com");
    succeed(f, approve(f, "bob", id));
    succeed(f, undo(f, "carol", id));
    succeed(f, reject(f, "dave", id, "not ours"));
    assert_int_equal(drafts_history(f->drafts, "demo", 100, f->arena, &events, &n, &f->err), 0);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(events[i].event, expected[i].event);
        assert_string_equal(events[i].actor, expected[i].actor);
        assert_string_equal(events[i].text, expected[i].text);
        assert_string_equal(events[i].draft_id, id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_refused_connection_becomes_a_chunk),
        TEST(the_same_is_counted_whatever_became_of_it),
        TEST(what_no_rule_could_allow_makes_no_chunk),
        TEST(a_late_report_of_what_is_allowed_makes_no_chunk),
        TEST(the_ssrf_note_stays),
        TEST(what_a_terminal_does_not_show_makes_no_chunk),
        TEST(a_sandbox_cannot_fill_the_store),
        TEST(an_approved_chunk_is_policy),
        TEST(approving_needs_the_token),
        TEST(a_policy_that_moved_needs_another_look),
        TEST(a_chunk_that_was_edited_needs_another_look),
        TEST(voters_that_changed_need_another_look),
        TEST(a_denied_approval_leaves_the_chunk),
        TEST(a_held_approval_counts),
        TEST(a_chunk_of_another_sandbox_is_not_found),
        TEST(wrong_states_are_named),
        TEST(an_undo_takes_back_what_was_added),
        TEST(an_undo_leaves_a_binary_that_was_there),
        TEST(rejecting_what_was_approved_takes_it_back),
        TEST(an_edit_is_checked_like_any_rule),
        TEST(clearing_forgets_what_is_pending),
        TEST(history_names_who_did_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
