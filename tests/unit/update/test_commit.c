/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs together stands or falls together; and many updates at once lose nothing. */
#include "support/updates.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- all or nothing ---- */

static int fail_with(struct store_tx *tx, void *arg, const struct update_result *result,
                     struct error *err)
{
    (void)tx;
    (void)result;
    return error_set(err, ERROR_STATE, "%s", (const char *)arg);
}

static void what_the_caller_adds_can_undo_it_all(void **state)
{
    struct bench *b = *state;
    REFUSED(b, ERROR_STATE, "the chunk is gone",
            MERGE(b, OPERATIONS(FIRST_OPERATION), .also = fail_with, .arg = "the chunk is gone"));
    assert_int_equal(revision_of(b, "s1", 0).revision, 1);
    assert_int_equal(count_decisions(b), 1);
    assert_int_equal(b->decided, 0);
    REFUSED(b, ERROR_STATE, "no",
            CREATE(b, "s2", "other", "proxy", .also = fail_with, .arg = "no"));
    struct store_sandbox box;
    assert_int_equal(store_sandbox_get(b->store, "other", b->arena, &box, &b->err), -1);
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION)));
    assert_int_equal(b->result.revision, 2);
}

static void a_held_update_leaves_no_chunk_without_its_decision(void **state)
{
    struct bench *b = *state;
    write_rule(b, "asking", "    return ballot:hold('ASK', '', 'ask the owner')");
    USE_VOTERS(b, SCRIPT("asking", "mandatory"));
    REFUSED(b, ERROR_STATE, "no",
            MERGE(b, OPERATIONS(FIRST_OPERATION), .also = fail_with, .arg = "no"));
    assert_int_equal(count_drafts(b), 0);
    assert_int_equal(count_decisions(b), 1);
}

static int count_call(struct store_tx *tx, void *arg, const struct update_result *result,
                      struct error *err)
{
    (void)tx;
    (void)err;
    *(uint64_t *)arg = result->changed ? result->revision : 1000 + result->revision;
    return 0;
}

static void what_the_caller_adds_also_runs_when_nothing_changed(void **state)
{
    struct bench *b = *state;
    uint64_t seen = 0;
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION), .also = count_call, .arg = &seen));
    assert_int_equal(seen, 2);
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION), .also = count_call, .arg = &seen));
    assert_int_equal(seen, 1002);
    seen = 0;
    RUN(b, MERGE(b, OPERATIONS("{remove_rule: {rule_name: api}}"), .also = count_call, .arg = &seen,
                 .dry_run = true));
    assert_int_equal(seen, 0);
}

static int refuse_review(void *arg, const struct update_result *seen, struct error *err)
{
    *(uint64_t *)arg = seen->base_revision;
    return error_set(err, ERROR_MOVED, "it moved since you looked");
}

static void a_review_can_refuse(void **state)
{
    struct bench *b = *state;
    uint64_t seen = 0;
    REFUSED(b, ERROR_MOVED, "it moved since you looked",
            MERGE(b, OPERATIONS(FIRST_OPERATION), .review = refuse_review, .arg = &seen));
    assert_int_equal(seen, 1);
    assert_int_equal(count_decisions(b), 1);
}

struct interloper {
    struct bench *bench;
    int calls;                                      /* of the caller's addition */
};

/* Somebody else's update comes between the decision and its commit. */
static int take_the_rule_away(void *arg, const struct update_result *seen, struct error *err)
{
    struct bench *b = ((struct interloper *)arg)->bench;
    struct update_request other = {.sandbox = "demo", .actor = alice,
                                   MERGE(b, OPERATIONS("{remove_rule: {rule_name: api}}"))};
    struct update_result result;
    assert_false(seen->changed);
    return update_run(b->updates, &other, b->arena, &result, &b->problems, err);
}

static int note_call(struct store_tx *tx, void *arg, const struct update_result *result,
                     struct error *err)
{
    (void)tx;
    (void)result;
    (void)err;
    ((struct interloper *)arg)->calls++;
    return 0;
}

static void that_nothing_changes_must_be_true_of_the_newest_revision(void **state)
{
    struct bench *b = *state;
    struct interloper other = {b, 0};
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION)));
    REFUSED(b, ERROR_MOVED, "the policy is at revision 3, not at 2: fetch it and try again",
            MERGE(b, OPERATIONS(FIRST_OPERATION), .review = take_the_rule_away, .also = note_call,
                  .arg = &other));
    assert_int_equal(other.calls, 0);
}

/* ---- a sandbox that never stands still ---- */

struct meddler {
    struct bench *b;
    unsigned calls, meddles; /* the first so many calls find the policy moved */
};

/* Asked after the vote and before the commit, which is just when another update hurts. */
static int meddle(struct meddler *m)
{
    char text[256];
    struct arena *arena = arena_new();
    struct doc_node *node;
    struct policy_operations list;
    struct problems problems = {0};
    struct update_result result;
    struct error err;
    snprintf(text, sizeof text,
             OPERATIONS("{add_rule: {rule_name: other%u, rule: {endpoints: [{host: h%u.example.com,"
                        " port: 443}], binaries: [{path: /usr/bin/curl}]}}}"),
             m->calls, m->calls);
    int rc = doc_parse(text, strlen(text), DOC_YAML, 4096, arena, &node, &problems);
    if (rc == 0)
        rc = policy_operations_decode(node, arena, &list, &problems);
    const struct update_request request = {
        .kind = SLUICE_MERGE, .sandbox = "demo", .actor = alice, .operations = &list,
    };
    if (rc == 0)
        rc = update_run(m->b->updates, &request, arena, &result, &problems, &err);
    problems_free(&problems);
    arena_free(arena);
    return rc;
}

static int meddling_review(void *arg, const struct update_result *seen, struct error *err)
{
    struct meddler *m = arg;
    (void)seen;
    (void)err;
    if (m->calls++ < m->meddles)
        assert_int_equal(meddle(m), 0);
    return 0;
}

/* Whoever reviewed one revision is told when it is not the one that would be replaced. */
static void a_reviewed_update_is_not_run_again(void **state)
{
    struct bench *b = *state;
    struct meddler m = {b, 0, 1};
    assert_int_equal(run(b, (struct update_request){MERGE(b, OPERATIONS(FIRST_OPERATION),
                                                          .review = meddling_review, .arg = &m)}),
                     -1);
    assert_int_equal(b->err.kind, ERROR_MOVED);
    assert_int_equal(m.calls, 1);
    assert_int_equal(revision_of(b, "s1", 0).revision, 2);
}

/* ---- many at once ---- */

enum { WRITERS = 16, ROUNDS = 4 };

struct writer {
    struct bench *b;
    pthread_barrier_t *start;
    int number;
    unsigned tries, failures;
    char why[256];
};

/* One merge, tried again when others kept coming first: the gateway's own queue spares clients
 * that. */
static void merge_one(struct writer *w, int round)
{
    char text[256];
    struct arena *arena = arena_new();
    struct doc_node *node;
    struct policy_operations list;
    struct problems problems = {0};
    struct update_result result;
    struct error err = {0};
    int rc;
    snprintf(
        text, sizeof text,
        OPERATIONS("{add_rule: {rule_name: r%d_%d, rule: {endpoints: [{host: h%d-%d.example.com,"
                   " port: 443}], binaries: [{path: /usr/bin/curl}]}}}"),
        w->number, round, w->number, round);
    rc = doc_parse(text, strlen(text), DOC_YAML, 4096, arena, &node, &problems) ||
         policy_operations_decode(node, arena, &list, &problems);
    const struct update_request request = {
        .kind = SLUICE_MERGE, .sandbox = "demo", .actor = alice, .operations = &list,
    };
    do {
        w->tries++;
        rc = rc ? rc : update_run(w->b->updates, &request, arena, &result, &problems, &err);
    } while (rc && err.kind == ERROR_MOVED &&
             strncmp(err.text, "gave up after 5 attempts", 24) == 0 && ((rc = 0), 1));
    if (rc || result.outcome != CHAIN_ALLOWED || !result.changed) {
        w->failures++;
        snprintf(w->why, sizeof w->why, "%s", err.text);
    }
    problems_free(&problems);
    arena_free(arena);
}

static void *write_many(void *arg)
{
    struct writer *w = arg;
    pthread_barrier_wait(w->start);
    for (int i = 0; i < ROUNDS; i++)
        merge_one(w, i);
    return NULL;
}

static void run_writers(struct bench *b, struct writer *writers, void (*meanwhile)(struct bench *b))
{
    pthread_t threads[WRITERS];
    pthread_barrier_t start;
    updates_free(b->updates);                       /* the hook of the bench is for one thread */
    b->updates = updates_new(b->store, b->chain, &b->log);
    pthread_barrier_init(&start, NULL, WRITERS + 1);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.b = b, .start = &start, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    pthread_barrier_wait(&start);
    if (meanwhile)
        meanwhile(b);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    for (int i = 0; i < WRITERS; i++)
        if (writers[i].failures)
            fail_msg("writer %d: %u failures, the last: %s", i, writers[i].failures,
                     writers[i].why);
}

static void assert_nothing_lost(struct bench *b)
{
    struct store_revision *items;
    size_t n;
    struct policy *policy = policy_of(b, "s1");
    assert_int_equal(policy_model(policy)->n_rules, WRITERS * ROUNDS);
    policy_unref(policy);
    assert_int_equal(store_revision_list(b->store, "s1", 0, 0, b->arena, &items, &n, &b->err), 0);
    assert_int_equal(n, 1 + WRITERS * ROUNDS);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(items[i].revision, n - i);
    assert_int_equal(count_decisions(b), n); /* one for each revision: an attempt leaves no trace */
}

static void sixteen_writers_lose_nothing(void **state)
{
    struct bench *b = *state;
    struct writer writers[WRITERS];
    run_writers(b, writers, NULL);
    assert_nothing_lost(b);
}

/* ---- a reload in the middle ---- */

static struct chain *chain_of(struct bench *b, const char *const names[3])
{
    struct chain_voter_config voters[3];
    for (int i = 0; i < 3; i++) {
        write_rule(b, names[i], "    return ballot:allow()");
        voters[i] = (struct chain_voter_config){
            .script = arena_printf(b->arena, "%s.lua", names[i]), .level = "mandatory"};
    }
    return load_voters(b, voters, 3);
}

static void swap_chains(struct bench *b)
{
    struct chain *red = chain_of(b, (const char *const[]){"red1", "red2", "red3"});
    struct chain *blue = chain_of(b, (const char *const[]){"blue1", "blue2", "blue3"});
    struct store_revision newest;
    struct arena *arena = arena_new();
    do {
        updates_set_chain(b->updates, red);
        updates_set_chain(b->updates, blue);
        arena_free(arena);
        arena = arena_new();
        assert_int_equal(store_revision_get(b->store, "s1", 0, arena, &newest, &b->err), 0);
    } while (newest.revision < 1 + WRITERS * ROUNDS);
    arena_free(arena);
    chain_unref(red);
    chain_unref(blue);
}

static const char *family(struct bench *b, const char *name)
{
    return arena_strn(b->arena, name, strcspn(name, "123"));
}

static void each_decision_is_one_chains(void **state)
{
    struct bench *b = *state;
    struct writer writers[WRITERS];
    struct store_decision *items;
    size_t n, families = 0;
    const char *last = "";
    run_writers(b, writers, swap_chains);
    assert_nothing_lost(b);
    assert_int_equal(store_decision_list(b->store,
                                         &(struct store_decision_query){.sandbox_id = "s1"},
                                         b->arena, &items, &n, &b->err),
                     0);
    for (size_t i = 0; i < n; i++) {
        json_t *votes = json_loads(items[i].votes_json, 0, NULL);
        assert_int_equal(json_array_size(votes), 3);
        const char *first = json_string_value(json_object_get(json_array_get(votes, 0), "voter"));
        const char *all = family(b, first);
        for (size_t j = 1; j < 3 && strcmp(all, "static_fields") != 0; j++)
            assert_string_equal(
                family(b, json_string_value(json_object_get(json_array_get(votes, j), "voter"))),
                all);
        families += strcmp(all, last) != 0;
        last = all;
        json_decref(votes);
    }
    assert_true(families > 1);                      /* there was a change of chains to see */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(what_the_caller_adds_can_undo_it_all),
        BENCH_TEST(a_held_update_leaves_no_chunk_without_its_decision),
        BENCH_TEST(what_the_caller_adds_also_runs_when_nothing_changed),
        BENCH_TEST(a_review_can_refuse),
        BENCH_TEST(that_nothing_changes_must_be_true_of_the_newest_revision),
        BENCH_TEST(a_reviewed_update_is_not_run_again),
        BENCH_TEST(sixteen_writers_lose_nothing),
        BENCH_TEST(each_decision_is_one_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
