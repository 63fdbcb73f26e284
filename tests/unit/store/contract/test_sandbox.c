/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes and their revisions: what is kept, and how a revision's status moves. */
#include "support/store.h"

static struct store_sandbox get_sandbox(struct fixture *f, const char *id)
{
    struct store_sandbox out;
    assert_int_equal(store_sandbox_by_id(f->store, id, f->arena, &out, &f->err), 0);
    return out;
}

static const char *status_of(struct fixture *f, uint64_t revision)
{
    struct store_revision out;
    assert_int_equal(store_revision_get(f->store, "s1", revision, f->arena, &out, &f->err), 0);
    return out.status;
}

/* ---- sandboxes ---- */

static void a_sandbox_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox out;
    put_sandbox(f, "s1", "demo");
    reopen_store(f);
    assert_int_equal(store_sandbox_get(f->store, "demo", f->arena, &out, &f->err), 0);
    assert_string_equal(out.id, "s1");
    assert_int_equal(out.number, 1);
    assert_string_equal(out.network, "proxy");
    assert_string_equal(out.labels_json, "{\"team\":\"a\"}");
    assert_string_equal(out.approval_mode, "manual");
    assert_string_equal(out.token_hash, "t0");
    assert_string_equal(out.phase, "provisioning");
    assert_int_equal(out.revision, 0);
    assert_int_equal(out.created_at_ms, 1000);
}

static void a_name_is_taken_until_its_sandbox_is_deleted(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox second = a_sandbox("s2", "demo");
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, insert_sandbox, &second, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
    assert_string_equal(f->err.text, "sandbox 'demo' exists already");
}

static int delete_s1(struct store_tx *tx, void *arg, struct error *err)
{
    (void)arg;
    return store_tx_sandbox_delete(tx, "s1", 5000, err);
}

static void numbers_are_never_used_again(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox out;
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, delete_s1, NULL, &f->err), 0);
    assert_int_equal(store_sandbox_get(f->store, "demo", f->arena, &out, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_string_equal(f->err.text, "sandbox 'demo' not found");
    put_sandbox(f, "s2", "demo");
    assert_int_equal(get_sandbox(f, "s2").number, 2);
    assert_int_equal(get_sandbox(f, "s1").deleted_at_ms, 5000);
    assert_int_equal(store_write(f->store, delete_s1, NULL, &f->err), -1);
    assert_string_equal(f->err.text, "sandbox with id 's1' not found");
}

static int set_phase_and_token(struct store_tx *tx, void *arg, struct error *err)
{
    (void)arg;
    return store_tx_sandbox_phase(tx, "s1", "error", "no bubblewrap", err) ||
           store_tx_sandbox_token(tx, "s1", "t1", err) ? -1 : 0;
}

static void phase_and_token_change(void **state)
{
    struct fixture *f = *state;
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, set_phase_and_token, NULL, &f->err), 0);
    struct store_sandbox out = get_sandbox(f, "s1");
    assert_string_equal(out.phase, "error");
    assert_string_equal(out.error, "no bubblewrap");
    assert_string_equal(out.token_hash, "t1");
}

static int set_settings(struct store_tx *tx, void *id, struct error *err)
{
    const struct store_sandbox s = {.id = id, .labels_json = "{}", .approval_mode = "auto",
                                    .hold_ms = 20000, .agent_proposals = true};
    return store_tx_sandbox_settings(tx, &s, err);
}

static void settings_change_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    put_sandbox(f, "s1", "demo");
    assert_int_equal(get_sandbox(f, "s1").hold_ms, 0);
    assert_false(get_sandbox(f, "s1").agent_proposals);
    assert_int_equal(store_write(f->store, set_settings, "s1", &f->err), 0);
    struct store_sandbox out = get_sandbox(f, "s1");
    assert_string_equal(out.approval_mode, "auto");
    assert_string_equal(out.labels_json, "{}");
    assert_int_equal(out.hold_ms, 20000);
    assert_true(out.agent_proposals);
    assert_string_equal(out.name, "demo");
    assert_string_equal(out.phase, "provisioning");
    assert_string_equal(out.token_hash, "t0");
    assert_int_equal(store_write(f->store, set_settings, "s2", &f->err), -1);
    assert_string_equal(f->err.text, "sandbox with id 's2' not found");
}

/* ---- revisions ---- */

static void revisions_are_numbered_without_gaps(void **state)
{
    struct fixture *f = *state;
    struct store_revision *list, out;
    size_t n;
    put_sandbox(f, "s1", "demo");
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(put_revision(f, "s1", i), 0);
    assert_int_equal(put_revision(f, "s1", 3), -1);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    assert_contains(f->err.text, "the policy is at revision 3, not at 2");
    assert_int_equal(put_revision(f, "s1", 5), -1);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    assert_int_equal(get_sandbox(f, "s1").revision, 3);
    assert_int_equal(store_revision_list(f->store, "s1", 0, 2, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(list[0].revision, 3);
    assert_string_equal(list[0].policy_json, "");
    assert_int_equal(store_revision_get(f->store, "s1", 0, f->arena, &out, &f->err), 0);
    assert_int_equal(out.revision, 3);
    assert_string_equal(out.policy_json, "{\"version\":1}");
    assert_string_equal(out.reason, "because");
}

static void a_missing_revision_says_what_there_is(void **state)
{
    struct fixture *f = *state;
    struct store_revision out;
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_revision_get(f->store, "s1", 0, f->arena, &out, &f->err), -1);
    assert_string_equal(f->err.text, "no policy revision found for this sandbox");
    put_revision(f, "s1", 1);
    put_revision(f, "s1", 2);
    assert_int_equal(store_revision_get(f->store, "s1", 7, f->arena, &out, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_string_equal(f->err.text, "policy revision 7 not found: there are 1 to 2");
    assert_int_equal(store_revision_get(f->store, "nope", 1, f->arena, &out, &f->err), -1);
    assert_string_equal(f->err.text, "sandbox with id 'nope' not found");
}

static void a_deleted_sandbox_takes_no_revision(void **state)
{
    struct fixture *f = *state;
    put_sandbox(f, "s1", "demo");
    store_write(f->store, delete_s1, NULL, &f->err);
    assert_int_equal(put_revision(f, "s1", 1), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
}

struct report {
    uint64_t revision;
    const char *failure;                            /* NULL: loaded */
};

static int write_report(struct store_tx *tx, void *arg, struct error *err)
{
    struct report *r = arg;
    return r->failure
               ? store_tx_revision_failed(tx, "s1", r->revision, r->failure, err)
               : store_tx_revision_loaded(tx, "s1", r->revision, 4000 + (int64_t)r->revision, err);
}

static int report(struct fixture *f, uint64_t revision, const char *failure)
{
    struct report r = {revision, failure};
    return store_write(f->store, write_report, &r, &f->err);
}

static void with_revisions(struct fixture *f, uint64_t n)
{
    put_sandbox(f, "s1", "demo");
    for (uint64_t i = 1; i <= n; i++)
        assert_int_equal(put_revision(f, "s1", i), 0);
}

static void status_follows_what_is_enforced(void **state)
{
    struct fixture *f = *state;
    with_revisions(f, 4);
    assert_int_equal(report(f, 1, NULL), 0);
    assert_string_equal(status_of(f, 1), "loaded");
    assert_string_equal(status_of(f, 2), "pending");
    assert_int_equal(report(f, 2, "bad rule"), 0);
    assert_string_equal(status_of(f, 1), "loaded");     /* still enforced */
    assert_int_equal(report(f, 4, NULL), 0);
    assert_string_equal(status_of(f, 1), "superseded");
    assert_string_equal(status_of(f, 2), "failed");
    assert_string_equal(status_of(f, 3), "superseded");
    assert_string_equal(status_of(f, 4), "loaded");
    assert_int_equal(get_sandbox(f, "s1").loaded_revision, 4);
}

static void a_late_report_changes_nothing(void **state)
{
    struct fixture *f = *state;
    with_revisions(f, 3);
    report(f, 3, NULL);
    assert_int_equal(report(f, 2, NULL), 0);
    assert_int_equal(report(f, 1, "late"), 0);
    assert_string_equal(status_of(f, 1), "superseded");
    assert_string_equal(status_of(f, 2), "superseded");
    assert_int_equal(get_sandbox(f, "s1").loaded_revision, 3);
}

static void a_repeated_report_keeps_the_first_time(void **state)
{
    struct fixture *f = *state;
    struct store_revision out;
    with_revisions(f, 1);
    report(f, 1, NULL);
    report(f, 1, NULL);
    store_revision_get(f->store, "s1", 1, f->arena, &out, &f->err);
    assert_int_equal(out.loaded_at_ms, 4001);
}

static void what_fails_to_load_again_is_not_loaded(void **state)
{
    struct fixture *f = *state;
    with_revisions(f, 1);
    report(f, 1, NULL);
    report(f, 1, "landlock is missing");
    assert_string_equal(status_of(f, 1), "failed");
    assert_int_equal(get_sandbox(f, "s1").loaded_revision, 0);
}

static void a_report_of_no_revision_is_refused(void **state)
{
    struct fixture *f = *state;
    with_revisions(f, 1);
    assert_int_equal(report(f, 2, NULL), -1);
    assert_string_equal(f->err.text, "policy revision 2 not found: there are 1 to 1");
}

static int abandon(struct store_tx *tx, void *why, struct error *err)
{
    return store_tx_revisions_abandon(tx, "s1", why, err);
}

static void what_nobody_will_load_has_failed(void **state)
{
    struct fixture *f = *state;
    struct store_revision out;
    with_revisions(f, 3);
    report(f, 1, NULL);
    assert_int_equal(store_write(f->store, abandon, "the sandbox stopped", &f->err), 0);
    assert_string_equal(status_of(f, 1), "loaded");
    assert_string_equal(status_of(f, 2), "failed");
    assert_int_equal(store_revision_get(f->store, "s1", 3, f->arena, &out, &f->err), 0);
    assert_string_equal(out.status, "failed");
    assert_string_equal(out.error, "the sandbox stopped");
}

int main(void)
{
    struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_sandbox_comes_back_as_it_was),
        TEST(a_name_is_taken_until_its_sandbox_is_deleted),
        TEST(numbers_are_never_used_again),
        TEST(phase_and_token_change),
        TEST(settings_change_and_nothing_else),
        TEST(revisions_are_numbered_without_gaps),
        TEST(a_missing_revision_says_what_there_is),
        TEST(a_deleted_sandbox_takes_no_revision),
        TEST(status_follows_what_is_enforced),
        TEST(a_late_report_changes_nothing),
        TEST(a_repeated_report_keeps_the_first_time),
        TEST(what_fails_to_load_again_is_not_loaded),
        TEST(a_report_of_no_revision_is_refused),
        TEST(what_nobody_will_load_has_failed),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
