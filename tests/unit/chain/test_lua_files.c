/* SPDX-License-Identifier: Apache-2.0 */
/* Lua voters: what a file may return, and what is said of it. */
#include "support/lua_rule.h"

static const char with_options[] = "return { version = '2.1.0', summary = 'Says its options.',\n"
                                   "  codes = { A = 'One.', B = 'Two.' },\n"
                                   "  options = { max = {type = 'integer', default = 3, help = "
                                   "'h'}, on = {type = 'boolean', default = true},\n"
                                   "    names = {type = 'list', default = {'a', 'b'}}, wait = "
                                   "{type = 'duration', default = '2m'},\n"
                                   "    who = {type = 'text'} },\n"
                                   "  vote = function(t, ballot, o)\n"
                                   "    return ballot:deny('A', '', '%d %s %s %d %s', o.max, o.on, "
                                   "table.concat(o.names, '+'), o.wait, o.who) end }";

static void assert_says(struct fixture *f, const char *options, const char *said)
{
    struct error err = {0};
    struct voter *voter = open_text(&f->scripts, with_options, options, &err);
    if (!voter)
        fail_msg("%s", err.text);
    assert_int_equal(ask(f, voter, &err), 0);
    assert_string_equal(f->ballot.message, said);
    voter_free(voter);
}

static void test_options(void **state)
{
    assert_says(*state, NULL, "3 true a+b 120000 nil");
    assert_says(*state,
                "{\"max\": 7, \"on\": false, \"names\": [], \"wait\": \"1s\", \"who\": \"me\"}",
                "7 false  1000 me");
    struct fixture *f = *state;
    struct error err;
    assert_null(open_text(&f->scripts, with_options, "{\"maxx\": 7}", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_matches(err.text, "maxx.*max");
    assert_null(open_text(&f->scripts, with_options, "{\"max\": \"x\"}", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void test_description(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct voter *voter = open_text(&f->scripts, with_options, NULL, &err);
    assert_non_null(voter);
    assert_string_equal(voter->ops->kind, "lua");
    assert_string_equal(voter->name, "rule");
    assert_string_equal(voter->version, "2.1.0");
    assert_string_equal(voter->summary, "Says its options.");
    assert_string_equal(voter->codes[0].code, "A");
    assert_string_equal(voter->codes[1].help, "Two.");
    assert_null(voter->codes[2].code);
    assert_string_equal(voter->option_table[0].name, "max");
    assert_string_equal(voter->option_table[1].fallback, "a,b");
    voter_free(voter);
}

static void test_a_byte_order_mark_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct voter *voter = open_text(&f->scripts, "\xef\xbb\xbfreturn {vote = error}", NULL, &err);
    if (!voter)
        fail_msg("%s", err.text);
    voter_free(voter);
}

static void test_files_that_are_refused(void **state)
{
    static const struct {
        const char *text, *pattern;
    } files[] = {
        {"return {", "^/tmp/sluice-lua-.*/rule.lua:1: unexpected symbol near <eof>$"},
        {"x = = 1", "/rule.lua:1: unexpected symbol near '='$"},
        {"", "/rule.lua: the file must return a table with a function vote, not nothing$"},
        {"return 5", "must return a table with a function vote, not a number"},
        {"return {}", "/rule.lua: the rule has no function vote$"},
        {"return {vote = 5}", "vote must be a function, not a number"},
        {"return {vot = 5}", "the rule has no member vot; did you mean vote\\?"},
        {"return {name = 5, vote = print}", "name must be a text, not a number"},
        {"return {name = 'other', vote = error}",
         "calls itself other, so its file must be called other.lua"},
        {"return {codes = {1}, vote = error}",
         "codes must be a table of at most 256 names, such as . NAME = … .$"},
        {"return {codes = {A = 1}, vote = error}", "codes.A must be a text, not a number"},
        {"return {options = {a = 5}, vote = error}",
         "options.a must be a table with a type, not a number"},
        {"return {options = {a = {}}, vote = error}",
         "options.a.type must be text, integer, boolean, duration or list"},
        {"return {options = {a = {type = 'int'}}, vote = error}",
         "options.a.type must be .*, not \"int\""},
        {"return {options = {a = {type = 'text', defalt = 'x'}}, vote = error}",
         "options.a has no member defalt; did you mean default\\?"},
        {"return {options = {a = {type = 'integer', default = 'x'}}, vote = error}",
         "options.a.default must be an integer, not a string"},
        {"return {options = {a = {type = 'duration', default = 'x'}}, vote = error}",
         "options.a.default must be a duration"},
        {"return {options = {a = {type = 'list', default = {1}}}, vote = error}",
         "options.a.default must be a list"},
        {"error('at load')", "/rule.lua:1: at load$"},
        {"local x <const> = 1; x = 2", "attempt to assign to const variable 'x'"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct error err;
        struct voter *voter = open_text(&f->scripts, files[i].text, NULL, &err);
        if (voter)
            fail_msg("loaded: %s", files[i].text);
        assert_matches(err.text, files[i].pattern);
    }
    struct error err;
    assert_null(open_script("/tmp/there/is/no.lua", NULL, &err));
    assert_matches(err.text, "no.lua|/tmp/there");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_options),
        TEST(test_description),
        TEST(test_a_byte_order_mark_is_passed_over),
        TEST(test_files_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
