/* SPDX-License-Identifier: Apache-2.0 */
/* An update is one transaction; groups of them; who may write next; a store's only gateway. */
#include <pthread.h>

#include "support/store_script.h"

enum { WRITERS = 64, UPDATES = 40, UPDATES_LONG = 200 };

/* ---- one transaction ---- */

static void an_update_that_fails_behind_any_part_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_step(f->store, 0, &f->err), 0);
    assert_int_equal(run_step(f->store, 1, &f->err), 0);
    int before = check_steps(f);
    for (int parts = 1; parts <= SCRIPT_PARTS; parts++) {
        struct scripted_update update = {2, parts};
        assert_int_equal(store_write(f->store, scripted_update, &update, &f->err), -1);
        assert_int_equal(f->err.kind, ERROR_DENIED);
        assert_int_equal(check_steps(f), before);
    }
    assert_int_equal(run_step(f->store, 2, &f->err), 0);
    assert_int_equal(run_step(f->store, 3, &f->err), 0);
    assert_int_equal(check_steps(f), 3);
}

static void ballots_audit_and_draft_are_as_they_were_written(void **state)
{
    struct fixture *f = *state;
    struct store_decision decision, of_draft;
    struct store_draft draft;
    assert_int_equal(run_step(f->store, 0, &f->err) | run_step(f->store, 1, &f->err), 0);
    reopen_store(f);
    assert_int_equal(store_decision_get(f->store, "u1", f->arena, &decision, &f->err), 0);
    assert_string_equal(decision.votes_json, "[{\"voter\":\"v\",\"vote\":\"allow\"}]");
    assert_string_equal(decision.previous, "");
    assert_int_equal(strlen(decision.hash), 64);
    assert_int_equal(store_decision_of_draft(f->store, "u1", f->arena, &of_draft, &f->err), 0);
    assert_string_equal(of_draft.id, "u1");
    assert_int_equal(store_draft_get(f->store, "s1", "u1", f->arena, &draft, &f->err), 0);
    assert_string_equal(draft.approvals_json, "[{\"actor\":\"alice\"}]");
}

/* ---- what an update starts from ---- */

static void an_update_starts_from_its_first_and_newest_revision(void **state)
{
    struct fixture *f = *state;
    struct store_base base;
    put_sandbox(f, "s1", "demo");
    put_revision(f, "s1", 1);
    assert_int_equal(store_base_get(f->store, "demo", f->arena, &base, &f->err), 0);
    assert_int_equal(base.newest.revision, 1);
    assert_int_equal(base.first.revision, 1);
    put_revision(f, "s1", 2);
    put_revision(f, "s1", 3);
    assert_int_equal(store_base_get(f->store, "demo", f->arena, &base, &f->err), 0);
    assert_string_equal(base.sandbox.id, "s1");
    assert_int_equal(base.newest.revision, 3);
    assert_int_equal(base.first.revision, 1);
    assert_int_equal(base.n_attachments, 0);
    assert_int_equal(store_base_get(f->store, "none", f->arena, &base, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_string_equal(f->err.text, "sandbox 'none' not found");
}

/* ---- many at once ---- */

struct writer {
    pthread_t thread;
    struct fixture *f;
    size_t target, made, moved;
};

static void *update_many(void *arg)
{
    struct writer *w = arg;
    while (w->made < w->target) {
        struct arena *arena = arena_new();
        struct store_sandbox sandbox;
        struct error err = {0};
        if (store_sandbox_get(w->f->store, "demo", arena, &sandbox, &err) != 0)
            break;
        struct scripted_update update = {sandbox.revision + 1, 0};
        if (store_write(w->f->store, scripted_update, &update, &err) == 0)
            w->made++;
        else if (err.kind == ERROR_MOVED)
            w->moved++;
        arena_free(arena);
    }
    return NULL;
}

/* Each update expects the revision that it saw, so none is lost and none is made twice. */
static void no_update_is_lost(void **state)
{
    struct fixture *f = *state;
    struct writer writers[WRITERS];
    struct store_revision *list;
    struct store_decision *decisions;
    /* Only one of the threads can win each revision, so the long form takes half a minute. */
    size_t n, moved = 0, target = getenv("SLUICE_TEST_LONG") ? UPDATES_LONG : UPDATES;
    if (!f->factory->watch_disk)
        target /= 8;                                /* each try asks a server */
    assert_int_equal(run_step(f->store, 0, &f->err), 0);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.f = f, .target = target};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, update_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].made, target);
        moved += writers[i].moved;
    }
    assert_true(moved > 0);                         /* they did get into each other's way */
    assert_int_equal(store_revision_list(f->store, "s1", 0, 0, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, WRITERS * target);
    const struct store_decision_query query = {.sandbox_id = "s1"};
    assert_int_equal(store_decision_list(f->store, &query, f->arena, &decisions, &n, &f->err), 0);
    assert_int_equal(n, WRITERS * target);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(list[i].revision, n - i);
        assert_int_equal(decisions[i].revision, n - i);
        assert_string_equal(list[i].decision_id, decisions[i].id);
    }
    struct store_audit_report report;
    assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), 0);
    assert_int_equal(report.bad_seq, 0);
    assert_int_equal(report.records, n);
}

/* ---- writes beside each other ---- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool entered, open;
    struct fixture *f;
};

static int wait_at_gate(struct store_tx *tx, void *arg, struct error *err)
{
    struct gate *gate = arg;
    struct store_sandbox sandbox = a_sandbox("s1", "demo");
    if (store_tx_sandbox_insert(tx, &sandbox, err) != 0)
        return -1;
    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->moved);
    while (!gate->open)
        pthread_cond_wait(&gate->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return 0;
}

static void *write_at_gate(void *arg)
{
    struct gate *gate = arg;
    struct error err;
    return store_write(gate->f->store, wait_at_gate, gate, &err) == 0 ? gate : NULL;
}

/* A reader sees what is durable, and waits for no write. */
static void what_is_not_committed_is_not_seen(void **state)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, *state};
    struct store_sandbox out;
    pthread_t thread;
    void *written;
    assert_int_equal(pthread_create(&thread, NULL, write_at_gate, &gate), 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.entered)
        pthread_cond_wait(&gate.moved, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    assert_int_equal(store_sandbox_get(gate.f->store, "demo", gate.f->arena, &out, &gate.f->err),
                     -1);
    assert_int_equal(gate.f->err.kind, ERROR_NOT_FOUND);
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.moved);
    pthread_mutex_unlock(&gate.lock);
    pthread_join(thread, &written);
    assert_non_null(written);
    assert_int_equal(store_sandbox_get(gate.f->store, "demo", gate.f->arena, &out, &gate.f->err),
                     0);
}

/* ---- what it was judged by ---- */

static int commit_judged_by(struct store_tx *tx, void *labels, struct error *err)
{
    struct store_revision revision = a_revision("s1", 1);
    return store_tx_revision_commit(tx, &revision, 0, labels, err);
}

static void an_update_that_was_judged_by_other_labels_is_not_committed(void **state)
{
    struct fixture *f = *state;
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, commit_judged_by, "{\"team\":\"b\"}", &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    assert_contains(f->err.text, "the labels of the sandbox were changed meanwhile");
    assert_int_equal(store_write(f->store, commit_judged_by, "{\"team\":\"a\"}", &f->err), 0);
}

/* ---- its only gateway ---- */

static void a_store_has_one_gateway(void **state)
{
    struct fixture *f = *state;
    struct store *other = store_open(f->place.url, &f->log, &f->err);
    assert_non_null(other);                         /* others may open it and look */
    assert_int_equal(store_claim(f->store, &f->err), 0);
    assert_int_equal(store_claim(other, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
    assert_contains(f->err.text, "another sluiced works in the store");
    store_close(other);
    close_store(f);
    open_store(f);
    assert_int_equal(store_claim(f->store, &f->err), 0);
}

int main(void)
{
    struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_update_that_fails_behind_any_part_leaves_nothing),
        TEST(ballots_audit_and_draft_are_as_they_were_written),
        TEST(an_update_starts_from_its_first_and_newest_revision),
        TEST(no_update_is_lost),
        TEST(what_is_not_committed_is_not_seen),
        TEST(an_update_that_was_judged_by_other_labels_is_not_committed),
        TEST(a_store_has_one_gateway),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
