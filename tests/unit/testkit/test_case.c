/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused in a case file, each with its place. */
#include "support/testkit.h"

#define FILE_WITH(cases) "plugin: x\npolicies: {empty: {version: 1}}\ncases:\n" cases
#define GOOD "candidate: empty, expect: {verdict: allow}"

static const struct {
    const char *text, *problem; /* the problem begins so, after the file's name */
} refused[] = {
    {"", ":1:1: must be a map"},
    {"plugin: x\n", ":1:1: the field \"cases\" is missing"},
    {"cases: []\n", ":1:1: the field \"plugin\" is missing, or"},
    {"plugin: x\nchain: y\ncases: []\n", ":1:1: plugin: cannot stand beside \"chain\""},
    {"plugin: x\nsandbox: {}\ncases: []\n", ":2:1: sandbox: a case file has no such field"},
    {FILE_WITH("  - {name: a, kind: copy, " GOOD "}\n"),
     ":4:21: cases[0].kind: must be one of create, replace, merge"},
    {FILE_WITH("  - {name: a, kind: [merge, merge], " GOOD "}\n"),
     ":4:29: cases[0].kind: the kind merge is listed twice"},
    {FILE_WITH("  - {name: a, kind: [], " GOOD "}\n"), ":4:21: cases[0].kind: lists no kind"},
    {FILE_WITH("  - {name: a, candidate: empty}\n"),
     ":4:5: cases[0]: the field \"expect\" is missing"},
    {FILE_WITH("  - {name: a, expect: {verdict: allow}}\n"),
     ":4:5: cases[0]: the field \"candidate\" is missing"},
    {FILE_WITH("  - {name: a, candidate: empty, expect: {code: X}}\n"),
     ":4:41: cases[0].expect: the field \"verdict\" is missing"},
    {FILE_WITH("  - {name: a, candidate: empty, expect: {}}\n"),
     ":4:41: cases[0].expect: expects nothing"},
    {FILE_WITH("  - {name: a, candidate: empty, expect: {verdict: allow, outcome: held}}\n"),
     ":4:41: cases[0].expect: a verdict is of one voter"},
    {FILE_WITH("  - {name: a, candidate: empty, expect: {verdict: allow, load_error: x}}\n"),
     ":4:41: cases[0].expect: what is not loaded does not vote"},
    {FILE_WITH("  - {name: a, candidate: empty, expect: {outcome: held}}\n"),
     ":4:41: cases[0].expect: outcome and votes are of a chain"},
    {FILE_WITH("  - {name: a, candidate: empty, expect: {verdict: deny, message: \"[\"}}\n"),
     ":4:66: cases[0].expect.message: is no POSIX extended"},
    {FILE_WITH("  - {name: a, now: tomorrow, " GOOD "}\n"),
     ":4:20: cases[0].now: must be a time such as"},
    {FILE_WITH("  - {name: a, draft: {hits: 1}, " GOOD "}\n"),
     ":4:5: cases[0]: has a draft, and its kind is not approve"},
    {FILE_WITH("  - {name: a, override: true, " GOOD "}\n"),
     ":4:5: cases[0].expect: override is for chains"},
    {FILE_WITH("  - {name: a, sandbox: {netwrok: none}, " GOOD "}\n"),
     ":4:25: cases[0].sandbox.netwrok: a sandbox has no such field; did you mean \"network\"?"},
    {FILE_WITH("  - {name: a, table: [], " GOOD "}\n"),
     ":4:22: cases.table: must be a list of rows"},
    {FILE_WITH("  - {name: a, table: [x], " GOOD "}\n"), ":4:23: cases.table: must be a map"},
    {FILE_WITH("  - {name: a, " GOOD "}\n  - {name: a, " GOOD "}\n"),
     ":5:5: cases[1].name: another case of that name stands in line 4"},
    {FILE_WITH("  - {name: a, candidate: {version: 1, network_policies: {b: {endpoints: 7}}}, "
               "expect: {verdict: allow}}\n"),
     ":4:73: cases[0].candidate.network_policies.b.endpoints: must be a list"},
};

static void test_refusals(void **state)
{
    (void)state;
    struct folder f;
    size_t wrong = 0;
    folder_make(&f);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char *path = folder_write(&f, "t.test.yaml", refused[i].text);
        const char *paths[] = {path};
        struct suite suite;
        assert_int_equal(suite_read(&suite, paths, 1, &(struct suite_filter){0}), -1);
        char *begin = alloc_printf("%s%s", path, refused[i].problem);
        if (strncmp(suite.errors, begin, strlen(begin)) != 0) {
            print_error("wanted %s\ngot    %s", begin, suite.errors);
            wrong++;
        }
        suite_free(&suite);
        free(begin);
        free(path);
    }
    folder_remove(&f);
    assert_int_equal(wrong, 0);
}

static void test_options_lie_over_those_of_the_file(void **state)
{
    (void)state;
    struct suite suite;
    read_text(&suite,
              "plugin: x\noptions: {b: 1, a: one}\ncases:\n"
              "  - {name: file, candidate: {version: 1}, expect: {verdict: allow}}\n"
              "  - {name: own, options: {b: 2, c: [x]}, candidate: {version: 1}, expect: {verdict: "
              "allow}}\n",
              &(struct suite_filter){0});
    assert_string_equal(suite.tests[0].item->options, "{\"a\":\"one\",\"b\":1}");
    assert_string_equal(suite.tests[1].item->options, "{\"a\":\"one\",\"b\":2,\"c\":[\"x\"]}");
    assert_false(suite_same_subject(&suite.tests[0], &suite.tests[1]));
    suite_free(&suite);
}

static void test_rows_replace_what_they_say(void **state)
{
    (void)state;
    struct suite suite;
    read_text(&suite, "plugin: x\ncases:\n"
                      "  - name: t\n"
                      "    candidate: {version: 1}\n"
                      "    reason: shared\n"
                      "    expect: {verdict: allow}\n"
                      "    table:\n"
                      "      - {name: one}\n"
                      "      - {name: two, reason: own, kind: [merge, undo]}\n",
              &(struct suite_filter){0});
    assert_int_equal(suite.n_tests, 3);
    assert_string_equal(suite.tests[0].name, "t: one");
    assert_string_equal(suite.tests[0].item->reason, "shared");
    assert_int_equal(suite.tests[0].item->node->line, 8);
    assert_string_equal(suite.tests[1].name, "t: two (merge)");
    assert_string_equal(suite.tests[2].name, "t: two (undo)");
    assert_string_equal(suite.tests[2].item->reason, "own");
    suite_free(&suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_options_lie_over_those_of_the_file),
        cmocka_unit_test(test_rows_replace_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
