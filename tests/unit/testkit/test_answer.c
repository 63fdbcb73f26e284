/* SPDX-License-Identifier: Apache-2.0 */
/* Judging is exact: each part of an answer that is wrong is named, and nothing else is. */
#include "support/testkit.h"
#include "testkit/answer.h"

static const char denied[] = "[{\"voter\":\"v\",\"verdict\":\"deny\",\"code\":\"NO\",\"path\":\"a."
                             "b\",\"message\":\"not at 5 o'clock\","
                             "\"facts\":{\"k\":\"1\"}}]";
static const char failed[] =
    "[{\"voter\":\"v\",\"verdict\":\"deny\",\"code\":\"VOTER_ERROR\",\"path\":\"\","
    "\"message\":\"voter v failed: it raised\",\"failed\":true}]";

static const struct {
    const char *expect, *votes, *outcome;
    const char *differs;                            /* what differs, joined by commas */
} judged[] = {
    {"verdict: deny", denied, "", ""},
    {"verdict: deny, code: NO, path: a.b, message: 'at [0-9]', facts: {k: '1'}", denied, "", ""},
    {"verdict: hold", denied, "", "verdict"},
    {"verdict: deny, code: YES, path: a, message: ^at, facts: {k: '2', l: x}", denied, "",
     "code,path,message,fact k,fact l"},
    {"verdict: deny", failed, "", "ballot"},
    {"verdict: deny, code: NO", failed, "", "ballot"},
    {"verdict: deny, code: VOTER_ERROR, message: raised", failed, "", ""},
    {"verdict: abstain, code: VOTER_ERROR", failed, "", "verdict"},
};

static const char chain_votes[] =
    "[{\"voter\":\"a\",\"verdict\":\"allow\",\"code\":\"\",\"path\":\"\",\"message\":\"\"},"
    "{\"voter\":\"b\",\"verdict\":\"deny\",\"code\":\"NO\",\"path\":\"\",\"message\":\"no\"},"
    "{\"voter\":\"c\",\"verdict\":\"deny\",\"code\":\"VOTER_ERROR\",\"path\":\"\",\"message\":"
    "\"broke\",\"failed\":true}]";

static const struct {
    const char *expect, *differs;
} judged_chains[] = {
    {"outcome: denied, votes: {a: allow, b: deny, c: {verdict: deny, code: VOTER_ERROR}}", ""},
    {"outcome: denied", "ballot of c"},
    {"outcome: allowed, votes: {c: {code: VOTER_ERROR}}", "outcome"},
    {"votes: {a: deny, b: {verdict: deny, code: YES}, c: {code: VOTER_ERROR}, d: allow}",
     "verdict of a,code of b,voter"},
    {"votes: {c: deny}", "ballot of c"},
};

static void check(const char *what, const struct test *test, const struct answer *answer,
                  const char *differs)
{
    struct arena *arena = arena_new();
    struct judgement j;
    struct buf got = {0};
    judge(test, answer, arena, &j);
    for (size_t i = 0; i < j.n; i++)
        buf_printf(&got, "%s%s", i ? "," : "", j.items[i].what);
    if (strcmp(buf_str(&got), differs) != 0)
        fail_msg("%s: wanted \"%s\", got \"%s\"", what, differs, buf_str(&got));
    buf_free(&got);
    arena_free(arena);
}

static void check_voted(const char *subject, const char *expect, const char *votes,
                        const char *outcome, const char *differs)
{
    struct suite suite;
    char *text = alloc_printf("%s: x\ncases: [{name: a, candidate: {version: 1}, expect: {%s}}]\n",
                              subject, expect);
    struct answer answer = {
        .state = ANSWER_VOTED, .outcome = outcome, .votes = json_loads(votes, 0, NULL)};
    assert_non_null(answer.votes);
    read_text(&suite, text, &(struct suite_filter){0});
    check(expect, &suite.tests[0], &answer, differs);
    answer_clear(&answer);
    suite_free(&suite);
    free(text);
}

static void test_one_voter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++)
        check_voted("plugin", judged[i].expect, judged[i].votes, judged[i].outcome,
                    judged[i].differs);
}

static void test_chains(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof judged_chains / sizeof judged_chains[0]; i++)
        check_voted("chain", judged_chains[i].expect, chain_votes, "denied",
                    judged_chains[i].differs);
}

static void check_text(const char *expect, enum answer_state state, const char *text,
                       const char *differs)
{
    struct suite suite;
    char *file = alloc_printf(
        "plugin: x\ncases: [{name: a, candidate: {version: 1}, expect: {%s}}]\n", expect);
    struct answer answer = {.state = state, .outcome = "", .text = alloc_str(text)};
    read_text(&suite, file, &(struct suite_filter){0});
    check(expect, &suite.tests[0], &answer, differs);
    answer_clear(&answer);
    suite_free(&suite);
    free(file);
}

static void test_what_does_not_vote(void **state)
{
    (void)state;
    check_text("load_error: 'no .* there'", ANSWER_NOT_LOADED, "no file there", "");
    check_text("load_error: '^there'", ANSWER_NOT_LOADED, "no file there", "load_error");
    check_text("verdict: deny", ANSWER_NOT_LOADED, "no file there", "load");
    check_text("load_error: .", ANSWER_CRASHED, "signal 11", "crash");
    check_text("verdict: deny", ANSWER_CRASHED, "signal 11", "crash");
}

static void test_what_loads_against_expectation(void **state)
{
    (void)state;
    check_voted("plugin", "load_error: .", "[]", "", "load_error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_voter),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_what_does_not_vote),
        cmocka_unit_test(test_what_loads_against_expectation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
