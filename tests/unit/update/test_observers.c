/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever runs an update, each observer hears of it, in the order of the list. */
#include "support/updates.h"

struct heard {
    struct buf names; /* of the observers, in the order of the calls */
    char actor[32];
    struct update_result result;
};

#define OBSERVER(function)                                                \
    static void function(void *ctx, const struct update_request *request, \
                         const struct update_result *result)              \
    {                                                                     \
        struct heard *h = ctx;                                            \
        buf_puts(&h->names, #function " ");                               \
        snprintf(h->actor, sizeof h->actor, "%s", request->actor.name);   \
        h->result = *result;                                              \
    }
OBSERVER(first)
OBSERVER(second)
OBSERVER(third)

static const struct update_observer observers[] = {
    {"first", first, false}, {"second", second, false}, {"third", third, false}};

static void observe(struct bench *b, struct heard *h)
{
    updates_observe(b->updates, observers, 3, h);
}

static void assert_heard(struct heard *h, const char *names)
{
    assert_string_equal(buf_str(&h->names), names);
    buf_free(&h->names);
}

/* A door that the pipeline knows nothing of: all it does is to ask for an update. */
static int door(struct bench *b, struct update_request request, struct update_result *out)
{
    request.sandbox = "demo";
    request.actor = (struct sluice_actor){
        sizeof request.actor, "a stranger", "user", "a new protocol", "uid", "unix:uid=1000,pid=1"};
    return update_run(b->updates, &request, b->arena, out, &b->problems, &b->err);
}

static void a_new_door_forgets_none(void **state)
{
    struct bench *b = *state;
    struct heard h = {0};
    struct update_result result;
    observe(b, &h);
    struct update_request request = {.kind = SLUICE_MERGE,
                                     .operations = operations(b, OPERATIONS(FIRST_OPERATION))};
    assert_int_equal(door(b, request, &result), 0);
    assert_int_equal(h.result.outcome, CHAIN_ALLOWED);
    assert_int_equal(h.result.revision, 2);
    assert_string_equal(h.result.decision_id, result.decision_id);
    assert_string_equal(h.actor, "a stranger");
    assert_heard(&h, "first second third ");
}

static void every_kind_of_update_is_heard_of(void **state)
{
    struct bench *b = *state;
    struct heard h = {0};
    observe(b, &h);
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_heard(&h, "first second third ");
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));  /* changes nothing */
    assert_false(h.result.changed);
    assert_heard(&h, "first second third ");
    RUN(b, .kind = SLUICE_ROLLBACK, .to_revision = 1);
    assert_heard(&h, "first second third ");
    RUN(b, CREATE(b, "s2", "another", "proxy"));
    assert_heard(&h, "first second third ");
    write_rule(b, "strict", "    return ballot:deny('NO', 'network_policies', 'not on monday')");
    USE_VOTERS(b, SCRIPT("strict", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_int_equal(h.result.outcome, CHAIN_DENIED);
    assert_heard(&h, "first second third ");
}

static void what_was_not_decided_is_not_heard_of(void **state)
{
    struct bench *b = *state;
    struct heard h = {0};
    struct update_result result;
    observe(b, &h);
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .dry_run = true));
    struct update_request nowhere = {.kind = SLUICE_ROLLBACK, .to_revision = 99};
    assert_int_equal(door(b, nowhere, &result), -1);
    assert_heard(&h, "");
}

/* ---- what the request itself has after its commit ---- */

static void note_commit(void *arg, const struct update_result *result)
{
    struct heard *h = arg;
    buf_printf(&h->names, "committed(%s) ", result->changed ? "changed" : "same");
}

static void the_callers_own_comes_first(void **state)
{
    struct bench *b = *state;
    struct heard h = {0};
    observe(b, &h);
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .committed = note_commit, .arg = &h));
    assert_heard(&h, "committed(changed) first second third ");
    RUN(b, REPLACE(b, "version: 1\n", .committed = note_commit, .arg = &h, .dry_run = true));
    assert_heard(&h, "");
}

/* Enforcement waits for nothing that others are told. */
static void one_ahead_comes_before_the_callers_own(void **state)
{
    static const struct update_observer list[] = {
        {"first", first, false}, {"second", second, true}, {"third", third, false}};
    struct bench *b = *state;
    struct heard h = {0};
    updates_observe(b->updates, list, 3, &h);
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .committed = note_commit, .arg = &h));
    assert_heard(&h, "second committed(changed) first third ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_new_door_forgets_none),
        BENCH_TEST(every_kind_of_update_is_heard_of),
        BENCH_TEST(what_was_not_decided_is_not_heard_of),
        BENCH_TEST(the_callers_own_comes_first),
        BENCH_TEST(one_ahead_comes_before_the_callers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
