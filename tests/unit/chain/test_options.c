/* SPDX-License-Identifier: Apache-2.0 */
#include "support/chain.h"

#include "base/duration.h"
#include "chain/options.h"

static const struct sluice_option table[] = {
    {"owner", SLUICE_TEXT, NULL, "Who owns it."},
    {"max_hosts", SLUICE_INTEGER, "10", "Most hosts."},
    {"strict", SLUICE_BOOLEAN, "true", "Whether to mind."},
    {"grace", SLUICE_DURATION, "5m", "How long to wait."},
    {"domains", SLUICE_LIST, "a.example, b.example", "Where to."},
    {NULL, SLUICE_TEXT, NULL, NULL},
};

static struct options *read_good(const char *json)
{
    struct error err = {0};
    struct options *options = options_read(table, json, &err);
    if (!options)
        fail_msg("%s: %s", json, err.text);
    return options;
}

static void assert_read_refused(const struct sluice_option *rows, const char *json,
                                const char *text)
{
    struct error err = {0};
    assert_null(options_read(rows, json, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.text, text);
}

static void defaults_are_filled_in(void **state)
{
    (void)state;
    struct options *options = read_good("");
    const struct sluice_options *o = options_face(options);
    size_t n;
    assert_null(sluice_option_text(o, "owner"));
    assert_int_equal(sluice_option_integer(o, "max_hosts"), 10);
    assert_true(sluice_option_boolean(o, "strict"));
    assert_int_equal(sluice_option_integer(o, "grace"), 300000);
    const char *const *domains = sluice_option_list(o, "domains", &n);
    assert_int_equal(n, 2);
    assert_string_equal(domains[0], "a.example");
    assert_string_equal(domains[1], "b.example");
    assert_string_equal(options_json(options),
                        "{\"domains\":[\"a.example\",\"b.example\"],\"grace\":300000,"
                        "\"max_hosts\":10,\"strict\":true}");
    options_free(options);
}

static void what_is_written_counts(void **state)
{
    (void)state;
    struct options *options =
        read_good("{\"strict\":false,\"owner\":\"team "
                  "\\\"a\\\"\",\"max_hosts\":-3,\"grace\":\"2h\",\"domains\":[]}");
    const struct sluice_options *o = options_face(options);
    size_t n = 9;
    assert_string_equal(sluice_option_text(o, "owner"), "team \"a\"");
    assert_int_equal(sluice_option_integer(o, "max_hosts"), -3);
    assert_false(sluice_option_boolean(o, "strict"));
    assert_int_equal(sluice_option_integer(o, "grace"), 7200000);
    assert_null(sluice_option_list(o, "domains", &n));
    assert_int_equal(n, 0);
    assert_string_equal(options_json(options),
                        "{\"domains\":[],\"grace\":7200000,\"max_hosts\":-3,"
                        "\"owner\":\"team \\\"a\\\"\",\"strict\":false}");
    options_free(options);
}

static void an_option_that_is_not_there_is_nothing(void **state)
{
    (void)state;
    struct options *options = read_good("{}");
    const struct sluice_options *o = options_face(options);
    assert_null(sluice_option_text(o, "nope"));
    assert_null(sluice_option_text(o, NULL));
    assert_int_equal(sluice_option_integer(o, "nope"), 0);
    assert_false(sluice_option_boolean(o, "nope"));
    options_free(options);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"{\"max_host\":1}", "option max_host: unknown, did you mean max_hosts?"},
        {"{\"quorum\":1}", "option quorum: unknown, the voter has no such option"},
        {"{\"owner\":5}", "option owner: must be a text, not 5"},
        {"{\"max_hosts\":\"5\"}", "option max_hosts: must be a whole number, not \"5\""},
        {"{\"max_hosts\":1.5}", "option max_hosts: must be a whole number, not 1.5"},
        {"{\"strict\":\"yes\"}", "option strict: must be true or false, not \"yes\""},
        {"{\"grace\":30}",
         "option grace: must be a duration such as 250ms, 30s, 5m, 8h or 7d, not 30"},
        {"{\"grace\":\"30\"}",
         "option grace: must be a duration such as 250ms, 30s, 5m, 8h or 7d, not \"30\""},
        {"{\"domains\":\"a\"}", "option domains: must be a list of texts, not \"a\""},
        {"{\"domains\":[1]}", "option domains: must be a list of texts, not [1]"},
        {"{\"owner\":null}", "option owner: must be a text, not null"},
        {"{\"strict\":1,\"max_hosts\":true}", "option max_hosts: must be a whole number, not true; "
                                              "option strict: must be true or false, not 1"},
        {"{\"owner\":[\"0123456789012345678901234567890123456789012345678901234567ä\"]}",
         "option owner: must be a text, not "
         "[\"0123456789012345678901234567890123456789012345678901234567…"},
        {"{\"max_hosts\":99999999999999999999}", "a number in the options has more than 64 bits"},
        {"[]", "options must be a map of names to values"},
        {"{\"owner\":\"a\",\"owner\":\"b\"}", "options must be a map of names to values"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_read_refused(table, rows[i].json, rows[i].text);
}

static void a_voter_without_options_takes_none(void **state)
{
    (void)state;
    assert_read_refused(NULL, "{\"a\":1}", "option a: unknown, the voter has no options");
    struct error err;
    struct options *options = options_read(NULL, NULL, &err);
    assert_string_equal(options_json(options), "{}");
    options_free(options);
}

static void a_table_is_checked_too(void **state)
{
    (void)state;
    static const struct sluice_option late[] = {
        {"grace", SLUICE_DURATION, "soon", ""}, {NULL, SLUICE_TEXT, NULL, NULL}};
    static const struct sluice_option untyped[] = {
        {"grace", (enum sluice_option_type)9, NULL, ""}, {NULL, SLUICE_TEXT, NULL, NULL}};
    static const struct sluice_option twice[] = {{"a", SLUICE_TEXT, NULL, ""},
                                                 {"a", SLUICE_TEXT, NULL, ""},
                                                 {NULL, SLUICE_TEXT, NULL, NULL}};
    assert_read_refused(late, "",
                        "option grace: the voter's own default soon is not a duration such "
                        "as 250ms, 30s, 5m, 8h or 7d");
    assert_read_refused(untyped, "",
                        "option grace: the voter's own table gives it the type 9, which "
                        "there is not");
    assert_read_refused(twice, "", "option a: the voter's own table names it twice");
}

static void every_unit_of_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0s", 0}, {"250ms", 250}, {"30s", 30000}, {"5m", 300000}, {"8h", 28800000},
        {"7d", 604800000}, {"106751991167d", 9223372036828800000},
    };
    static const char *const bad[] = {
        "", "s", "5", "5 m", " 5m", "-5m", "+5m", "5M", "5min", "1.5h", "5w", "0x5s",
        "106751991168d", "9223372036854775808ms",
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(duration_parse(rows[i].text, &ms), 0);
        assert_int_equal(ms, rows[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (duration_parse(bad[i], &ms) == 0)
            fail_msg("\"%s\" was taken for a duration", bad[i]);
}

static void every_type_has_a_word(void **state)
{
    (void)state;
    enum sluice_option_type type;
    for (int i = SLUICE_TEXT; i <= SLUICE_LIST; i++) {
        assert_int_equal(options_type_parse(options_type_word((enum sluice_option_type)i), &type),
                         0);
        assert_int_equal(type, i);
    }
    assert_int_equal(options_type_parse("number", &type), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(what_is_written_counts),
        cmocka_unit_test(an_option_that_is_not_there_is_nothing),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(a_voter_without_options_takes_none),
        cmocka_unit_test(a_table_is_checked_too),
        cmocka_unit_test(every_unit_of_time),
        cmocka_unit_test(every_type_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
