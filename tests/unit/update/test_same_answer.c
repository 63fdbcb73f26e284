/* SPDX-License-Identifier: Apache-2.0 */
/* The bug that started it all: however a change is asked for, the answer is the same. */
#include "support/updates.h"

static const struct sluice_draft chunk = {sizeof chunk, "c1", "mechanistic", "", 3, 0.75,
                                          NULL,         0,    NULL,          0,  NULL};

enum { WAYS = 3 };

/* The first rule by each of the ways, on a sandbox of its own; WAYS results in the arena. */
static const struct update_result *ask_each_way(struct bench *b, const char *network)
{
    struct update_result *results = arena_zalloc(b->arena, WAYS * sizeof *results);
    for (int i = 0; i < WAYS; i++) {
        const char *name = arena_printf(b->arena, "%s-%d", network, i);
        RUN(b, CREATE(b, name, name, network));
        if (i == 0)
            RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .sandbox = name));
        else if (i == 1)
            RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION), .sandbox = name));
        else
            RUN(b, .kind = SLUICE_APPROVE, .operations = operations(b, OPERATIONS(FIRST_OPERATION)),
                .sandbox = name, .draft = &chunk, .draft_id = "c1");
        results[i] = b->result;
    }
    return results;
}

static void assert_same_votes(const struct chain_votes *a, const struct chain_votes *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->items[i].voter, b->items[i].voter);
        assert_string_equal(a->items[i].version, b->items[i].version);
        assert_string_equal(a->items[i].level, b->items[i].level);
        assert_int_equal(a->items[i].verdict, b->items[i].verdict);
        assert_string_equal(a->items[i].code, b->items[i].code);
        assert_string_equal(a->items[i].message, b->items[i].message);
        assert_string_equal(a->items[i].path, b->items[i].path);
    }
}

static void assert_same_answers(const struct update_result *r)
{
    for (int i = 1; i < WAYS; i++) {
        assert_int_equal(r[i].outcome, r[0].outcome);
        assert_string_equal(r[i].hash, r[0].hash);
        assert_int_equal(r[i].revision, r[0].revision);
        assert_string_equal(r[i].tally.why, r[0].tally.why);
        assert_int_equal(r[i].warnings.n, r[0].warnings.n);
        assert_same_votes(&r[i].votes, &r[0].votes);
    }
}

static void the_first_rule_is_allowed_each_way(void **state)
{
    struct bench *b = *state;
    const struct update_result *r = ask_each_way(b, "proxy");
    assert_same_answers(r);
    assert_int_equal(r[0].outcome, CHAIN_ALLOWED);
    assert_int_equal(r[0].revision, 2);
    assert_int_equal(r[0].votes.n, 3);
    assert_string_equal(revision_of(b, "proxy-0", 2).policy_json,
                        revision_of(b, "proxy-2", 2).policy_json);
}

static void without_a_proxy_it_is_denied_each_way(void **state)
{
    struct bench *b = *state;
    const struct update_result *r = ask_each_way(b, "none");
    assert_same_answers(r);
    assert_int_equal(r[0].outcome, CHAIN_DENIED);
    const struct chain_vote *vote = vote_of(&r[0], "live_reload");
    assert_int_equal(vote->verdict, SLUICE_DENY);
    assert_string_equal(vote->code, "NO_PROXY_SUBSTRATE");
    assert_contains(vote->message, "create it with network proxy");
}

/* The old check as a plugin: loaded it refuses each way, taken out again none, and no restart. */
static void the_old_check_is_a_plugin(void **state)
{
    struct bench *b = *state;
    USE_VOTERS(b, NATIVE("static_fields", "mandatory"), NATIVE("mode_lock", "mandatory"));
    const struct update_result *r = ask_each_way(b, "proxy");
    assert_same_answers(r);
    assert_int_equal(r[0].outcome, CHAIN_DENIED);
    assert_contains(vote_of(&r[0], "mode_lock")->message, "requires restart");
    USE_VOTERS(b, NATIVE("static_fields", "mandatory"), NATIVE("live_reload", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .sandbox = "proxy-0"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    RUN(b, .kind = SLUICE_APPROVE, .operations = operations(b, OPERATIONS(FIRST_OPERATION)),
        .sandbox = "proxy-2", .draft = &chunk, .draft_id = "c1");
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
}

/* An unsafe rule is found by every way, not only by the one that brings a whole document. */
static void an_unsafe_rule_is_invalid_each_way(void **state)
{
    struct bench *b = *state;
    static const char *const operation =
        OPERATIONS("{add_rule: {rule_name: api, rule: {endpoints: [{host: localhost, port: 443}],"
                   " binaries: [{path: /usr/bin/curl}]}}}");
    assert_int_equal(
        run(b, (struct update_request){REPLACE(b, "version: 1\nnetwork_policies: {api: {endpoints: "
                                                  "[{host: localhost, port: 443}], "
                                                  "binaries: [{path: /usr/bin/curl}]}}\n")}),
        -1);
    assert_int_equal(b->err.kind, ERROR_INVALID);
    const char *message = arena_str(b->arena, b->problems.items[0].message);
    assert_int_equal(run(b, (struct update_request){MERGE(b, operation)}), -1);
    assert_int_equal(b->err.kind, ERROR_INVALID);
    assert_string_equal(b->problems.items[0].message, message);
    assert_int_equal(run(b, (struct update_request){.kind = SLUICE_APPROVE,
                                                    .operations = operations(b, operation),
                                                    .draft = &chunk}),
                     -1);
    assert_int_equal(b->err.kind, ERROR_INVALID);
    assert_int_equal(b->problems.n, 1); /* its own, not those of the updates before it */
    assert_string_equal(b->problems.items[0].message, message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(the_first_rule_is_allowed_each_way),
        BENCH_TEST(without_a_proxy_it_is_denied_each_way),
        BENCH_TEST(the_old_check_is_a_plugin),
        BENCH_TEST(an_unsafe_rule_is_invalid_each_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
