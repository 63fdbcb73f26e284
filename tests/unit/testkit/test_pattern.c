/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that would take long are refused before they are compiled; others keep their
 * meaning. */
#include "support/testkit.h"
#include "testkit/pattern.h"

static const struct {
    const char *pattern, *text;
    bool found;
} meant[] = {
    {"at most [0-9]+ rules", "at most 12 rules", true},
    {"^a{1,200}$", "aaa", true},
    {"^(ab{2}){2,3}$", "abbabb", true},
    {"^(ab{2}){2,3}$", "abb", false},
    {"^[]a{9999}]+$", "]a{9}", true},
    {"^[^]{2000}]$", "x", true},
    {"^[[:digit:]{2000}]+$", "20{}", true},
    {"^a\\{9999\\}$", "a{9999}", true},
    {"^a{0}b{2,}$", "bbb", true},
    {"a||b", "x", true},
};

static void an_expression_keeps_its_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof meant / sizeof *meant; i++) {
        char why[PATTERN_WHY] = "";
        regex_t regex;
        if (pattern_compile(&regex, meant[i].pattern, why) != 0)
            fail_msg("%s %s", meant[i].pattern, why);
        if (pattern_matches(&regex, meant[i].text) != meant[i].found)
            fail_msg("%s: \"%s\" is %s", meant[i].pattern, meant[i].text,
                     meant[i].found ? "not found" : "found");
        regfree(&regex);
    }
}

static const struct {
    const char *pattern, *why;
} refused[] = {
    {"(((((((((a{1,200}){1,200}){1,200}){1,200})*)*)*)*)*b",
     "has more than 1024 parts with its repetitions written out"},
    {"a{1,2000}", "more than 1024 parts"},
    {"a{2000}", "more than 1024 parts"},
    {"a{2000,}", "more than 1024 parts"},
    {"a{99999999999999999999}", "more than 1024 parts"},
    {"a{40}{40}", "more than 1024 parts"},
    {"([]]{40}){40}", "more than 1024 parts"},
    {")(a{40}){40}", "more than 1024 parts"},
    {"((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+", "more than 1024 parts"},
    {"((a|b)\\1)*c", "refers back with \\1 to \\9, which extended regular expressions do not have"},
    {"a[", "is no POSIX extended regular expression: "},
    {"(", "is no POSIX extended regular expression: "},
};

static void an_expression_that_takes_long_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char why[PATTERN_WHY] = "";
        regex_t regex;
        assert_int_equal(pattern_compile(&regex, refused[i].pattern, why), -1);
        if (!strstr(why, refused[i].why))
            fail_msg("%s: wanted \"%s\", got \"%s\"", refused[i].pattern, refused[i].why, why);
        assert_false(pattern_found(refused[i].pattern, "a"));
    }
}

static void lengths_are_bounded(void **state)
{
    static char pattern[PATTERN_BYTES_MAX + 2], text[PATTERN_TEXT_MAX + 2];
    char why[PATTERN_WHY];
    regex_t regex;
    (void)state;
    memset(pattern, 'a', PATTERN_BYTES_MAX);
    assert_int_equal(pattern_compile(&regex, pattern, why), 0);
    regfree(&regex);
    pattern[PATTERN_BYTES_MAX] = 'a';
    assert_int_equal(pattern_compile(&regex, pattern, why), -1);
    assert_string_equal(why, "has more than 1024 bytes");
    memset(text, 'a', PATTERN_TEXT_MAX);
    text[PATTERN_TEXT_MAX] = 'b';
    assert_false(pattern_found("b", text));
    text[PATTERN_TEXT_MAX - 1] = 'b';
    assert_true(pattern_found("b", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_keeps_its_meaning),
        cmocka_unit_test(an_expression_that_takes_long_is_refused),
        cmocka_unit_test(lengths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
