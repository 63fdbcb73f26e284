/* SPDX-License-Identifier: Apache-2.0 */
/* Many at once: no hit is lost, nothing is approved twice, no other update is undone. */
#include "support/drafts.h"

#include <pthread.h>

enum { THREADS = 8, HITS = 40, ROUNDS = 15 };

#define CURL "/usr/bin/curl"

struct worker {
    pthread_t thread;
    struct fixture *f;
    const char *id, *token;
    int number, failures;
    int rc;
    struct error err;
    enum chain_outcome outcome;
};

static void start(struct worker *workers, struct fixture *f, const char *id, const char *token,
                  void *(*run)(void *))
{
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = f, .id = id, .token = token, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
}

static void finish(struct worker *workers)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

/* ---- hits ---- */

static void *deny_often(void *arg)
{
    struct worker *w = arg;
    struct drafts_denial denial = a_denial("a.example.com", 443, CURL);
    for (int i = 0; i < HITS; i++)
        w->failures += drafts_record_denials(w->f->drafts, "demo", "s1", &denial, 1, NULL,
                                             &w->err) != 0;
    return NULL;
}

static void no_hit_is_lost(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    denied(f, "a.example.com", 443, CURL, 1);
    const char *id = chunk_of(f, "a.example.com", CURL);
    start(workers, f, id, NULL, deny_often);
    for (int i = 0; i < ROUNDS; i++) {
        succeed(f, approve(f, "bob", id));
        succeed(f, undo(f, "bob", id));
    }
    finish(workers);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].failures, 0);
    assert_int_equal(view(f, id).draft.hits, THREADS * HITS + 1);
    assert_int_equal(revision(f), 1 + 2 * ROUNDS);
}

/* ---- one chunk, many reviewers ---- */

static void *approve_once(void *arg)
{
    struct worker *w = arg;
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct update_result result = {.outcome = CHAIN_DENIED};
    struct drafts_call call = call_by(arena_printf(arena, "reviewer%d", w->number), w->id);
    w->rc = drafts_approve(w->f->drafts, &call, w->token, arena, &result, &problems, &w->err);
    w->outcome = result.outcome;
    problems_free(&problems);
    arena_free(arena);
    return NULL;
}

static void one_of_many_reviewers_wins(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct worker workers[THREADS];
        int won = 0;
        const char *host = arena_printf(f->arena, "h%d.example.com", round);
        denied(f, host, 443, CURL, 1);
        const char *id = chunk_of(f, host, CURL);
        start(workers, f, id, view(f, id).review_token, approve_once);
        finish(workers);
        for (int i = 0; i < THREADS; i++) {
            won += workers[i].rc == 0 && workers[i].outcome == CHAIN_ALLOWED;
            if (workers[i].rc && workers[i].err.kind != ERROR_STATE &&
                workers[i].err.kind != ERROR_MOVED)
                fail_msg("%s", workers[i].err.text);
        }
        assert_int_equal(won, 1);
        assert_int_equal(revision(f), 2 + (uint64_t)round);
        assert_string_equal(status_of(f, id), "approved");
    }
}

/* ---- one approves, another rejects ---- */

static void *reject_once(void *arg)
{
    struct worker *w = arg;
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct update_result result;
    bool changed;
    struct drafts_call call = call_by("alice", w->id);
    w->rc = drafts_reject(w->f->drafts, &call, arena, &result, &changed, &problems, &w->err);
    problems_free(&problems);
    arena_free(arena);
    return NULL;
}

/* Whoever comes first: a rejection that succeeded stands, and the policy says what the chunk
 * says. */
static void a_rejection_stands_against_approvals(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct worker workers[THREADS];
        struct worker rejecting = {.f = f};
        const char *host = arena_printf(f->arena, "h%d.example.com", round);
        denied(f, host, 443, CURL, 1);
        const char *id = rejecting.id = chunk_of(f, host, CURL);
        start(workers, f, id, view(f, id).review_token, approve_once);
        assert_int_equal(pthread_create(&rejecting.thread, NULL, reject_once, &rejecting), 0);
        finish(workers);
        pthread_join(rejecting.thread, NULL);
        if (rejecting.rc)
            assert_int_equal(rejecting.err.kind, ERROR_STATE);
        assert_string_equal(status_of(f, id), rejecting.rc == 0 ? "rejected" : "approved");
        assert_int_equal(allows(f, host, 443, CURL), rejecting.rc != 0);
    }
}

/* ---- undoing while others change the policy ---- */

static void *merge_often(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct arena *arena = arena_new();
        struct problems problems = {0};
        struct update_result result;
        struct doc_node *node;
        struct policy_operations operations;
        const char *text = arena_printf(
            arena,
            "{operations: [{add_rule: {rule_name: w%d_%d, rule: {endpoints: "
            "[{host: w%d-%d.example.com, port: 443}], binaries: [{path: " CURL "}]}}}]}",
            w->number, i, w->number, i);
        struct update_request request = {
            .kind = SLUICE_MERGE,
            .sandbox = "demo",
            .actor = person("alice"),
            .operations = &operations,
        };
        if (doc_parse(text, strlen(text), DOC_YAML, 65536, arena, &node, &problems) ||
            policy_operations_decode(node, arena, &operations, &problems))
            w->failures++;
        else /* gives up after a few attempts, so it may try again */
            while (update_run(w->f->updates, &request, arena, &result, &problems, &w->err) &&
                   w->err.kind == ERROR_MOVED)
                continue;
        problems_free(&problems);
        arena_free(arena);
    }
    return NULL;
}

static void an_undo_drops_nobody_elses_update(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    int undone = 0;
    denied(f, "a.example.com", 443, CURL, 1);
    const char *id = chunk_of(f, "a.example.com", CURL);
    succeed(f, approve(f, "bob", id));
    start(workers, f, id, NULL, merge_often);
    while (!undone) {
        undone = undo(f, "bob", id) == 0;
        assert_true(undone || f->err.kind == ERROR_MOVED);
    }
    finish(workers);
    assert_false(allows(f, "a.example.com", 443, CURL));
    struct policy *policy = current_policy(f, NULL);
    assert_int_equal(policy_model(policy)->n_rules, THREADS * ROUNDS);
    policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(no_hit_is_lost),
        TEST(one_of_many_reviewers_wins),
        TEST(a_rejection_stands_against_approvals),
        TEST(an_undo_drops_nobody_elses_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
