/* SPDX-License-Identifier: Apache-2.0 */
/* How a command line is read. */
#include "support/terminal.h"

#include "cli/habits.h"

static int setup(void **state)
{
    (void)state;
    unsetenv("SLUICE_GATEWAY");
    unsetenv("SLUICE_TOKEN");
    return 0;
}

/* The same command in every order of its words. */
static void options_may_stand_anywhere(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "policy set demo --policy p.yaml --wait --timeout 7 -o json -q --gateway unix:/g --token T",
        "--policy p.yaml --wait --timeout 7 -o json -q --gateway unix:/g --token T policy set demo",
        "policy --policy=p.yaml --wait set -ojson --timeout=7 -q --gateway=unix:/g demo --token=T",
        "-q policy set --token T --timeout 7 --output json --wait demo --gateway unix:/g --policy "
        "p.yaml",
        "--output=json --quiet --gateway unix:/g --token T policy set --wait --timeout 7 --policy "
        "p.yaml -- demo",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct terminal *t = type(lines[i]);
        if (t->code != -1)
            fail_msg("%s: %s", lines[i], t->err);
        assert_string_equal(t->cli.command->group, "policy");
        assert_string_equal(t->cli.command->verb, "set");
        assert_int_equal(t->cli.n_operands, 1);
        assert_string_equal(t->cli.operands[0], "demo");
        assert_string_equal(arg_value(&t->cli, "policy"), "p.yaml");
        assert_true(arg_given(&t->cli, "wait"));
        assert_false(arg_given(&t->cli, "dry-run"));
        assert_string_equal(arg_value(&t->cli, "timeout"), "7");
        assert_int_equal(t->cli.output, OUT_JSON);
        assert_true(t->cli.quiet);
        assert_string_equal(t->cli.gateway, "unix:/g");
        assert_string_equal(t->cli.token, "T");
        assert_string_equal(t->err, "");
        hang_up(t);
    }
}

/* Each option of each command, in front of it and behind it. */
static void every_option_is_known_before_and_after_its_command(void **state)
{
    (void)state;
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        for (const struct arg_option *o = c->options; o->name; o++) {
            char option[128], line[256];
            snprintf(option, sizeof option, "--%s%s", o->name, o->kind == ARG_VALUE ? " 1" : "");
            snprintf(line, sizeof line, "%s %s %s", c->group, c->verb ? c->verb : "", option);
            struct terminal *t = type(line);
            if (t->code != -1 || t->cli.command != c || !arg_given(&t->cli, o->name))
                fail_msg("%s: %s", line, t->err);
            hang_up(t);
            if (strcmp(o->name, "token") == 0) /* in front of the command it is the gateway's */
                continue;
            snprintf(line, sizeof line, "%s %s %s", option, c->group, c->verb ? c->verb : "");
            t = type(line);
            if (t->code != -1 || t->cli.command != c || !arg_given(&t->cli, o->name))
                fail_msg("%s: %s", line, t->err);
            hang_up(t);
        }
}

static void the_last_value_counts(void **state)
{
    (void)state;
    struct terminal *t = type("policy list --limit 3 --limit 5");
    long limit;
    assert_string_equal(arg_value(&t->cli, "limit"), "5");
    assert_int_equal(arg_number(&t->cli, "limit", 20, 100, &limit), 0);
    assert_int_equal(limit, 5);
    hang_up(t);
    t = type("policy list");
    assert_int_equal(arg_number(&t->cli, "limit", 20, 100, &limit), 0);
    assert_int_equal(limit, 20);
    hang_up(t);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "x", "''", "-1", "+1", "1x", "101", "99999999999999999999", "0x10"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[64], wanted[128];
        long n;
        snprintf(line, sizeof line, "policy list --limit %s", wrong[i]);
        struct terminal *t = type(line);
        assert_int_equal(t->code, -1);
        begin_listening(t);
        assert_int_equal(arg_number(&t->cli, "limit", 20, 100, &n), -1);
        end_listening(t);
        snprintf(wanted, sizeof wanted, "sluice: --limit takes a number from 0 to 100, not '%s'\n",
                 strcmp(wrong[i], "''") ? wrong[i] : "");
        assert_memory_equal(t->err, wanted, strlen(wanted));
        hang_up(t);
    }
}

static void the_command_after_the_dashes_is_left_alone(void **state)
{
    (void)state;
    struct terminal *t = type("sandbox exec demo --tty -- curl -o x --gateway y -- z");
    assert_int_equal(t->code, -1);
    assert_int_equal(t->cli.n_operands, 1);
    assert_true(t->cli.has_rest);
    assert_int_equal(t->cli.n_rest, 7);
    assert_string_equal(t->cli.rest[0], "curl");
    assert_string_equal(t->cli.rest[5], "--");
    assert_string_equal(t->cli.rest[6], "z");
    assert_null(t->cli.gateway);
    assert_true(arg_given(&t->cli, "tty"));
    hang_up(t);
    t = type("sandbox exec demo");
    assert_false(t->cli.has_rest);
    hang_up(t);
}

static void after_the_dashes_nothing_is_an_option(void **state)
{
    (void)state;
    struct terminal *t = type("policy check a.yaml -- --help -x");
    assert_int_equal(t->code, -1);
    assert_int_equal(t->cli.n_operands, 3);
    assert_string_equal(t->cli.operands[1], "--help");
    assert_false(t->cli.has_rest);
    hang_up(t);
    t = type("policy set --policy - demo");
    assert_string_equal(arg_value(&t->cli, "policy"), "-");
    hang_up(t);
}

/* The line, the exit code, and what is said first. */
static const struct {
    const char *line;
    int code;
    const char *says;
} wrong[] = {
    {"", EXIT_USAGE, "usage: sluice COMMAND [options]\n"},
    {"policy", EXIT_USAGE, "usage: sluice policy COMMAND [options]\n"},
    {"polcy set", EXIT_USAGE, "sluice: unknown command 'polcy', did you mean 'sluice policy'?\n"},
    {"policy sett", EXIT_USAGE,
     "sluice: unknown command 'sett', did you mean 'sluice policy set'?\n"},
    {"policy xylophone", EXIT_USAGE,
     "sluice: unknown command 'xylophone': sluice policy -h lists them\n"},
    {"xylophone", EXIT_USAGE, "sluice: unknown command 'xylophone': sluice -h lists them\n"},
    {"topp", EXIT_USAGE, "sluice: unknown command 'topp', did you mean 'sluice top'?\n"},
    {"consol", EXIT_USAGE, "sluice: unknown command 'consol', did you mean 'sluice console'?\n"},
    {"auth login", EXIT_USAGE,
     "sluice: unknown command 'auth login', did you mean 'sluice login'?\n"},
    {"auth xylophone", EXIT_USAGE,
     "sluice: unknown command 'auth', did you mean 'sluice login'?\n"},
    {"-q auth -- can-i", EXIT_USAGE,
     "sluice: unknown command 'auth', did you mean 'sluice login'?\n"},
    {"status -o jsonpath={.a", EXIT_USAGE,
     "sluice: -o jsonpath={.a: } is missing, or this is not known here at its end\n"},
    {"policy set --polcy x", EXIT_USAGE,
     "sluice: unknown option '--polcy', did you mean '--policy'?\n"},
    {"policy set --polcy=x", EXIT_USAGE,
     "sluice: unknown option '--polcy=x', did you mean '--policy'?\n"},
    {"policy set --gatewy x", EXIT_USAGE,
     "sluice: unknown option '--gatewy', did you mean '--gateway'?\n"},
    {"policy set -x", EXIT_USAGE, "sluice: unknown option '-x'\n"},
    {"policy set --xylophone", EXIT_USAGE, "sluice: unknown option '--xylophone'\n"},
    {"policy set --policy", EXIT_USAGE, "sluice: option --policy needs a value: --policy FILE\n"},
    {"policy set --wait=yes", EXIT_USAGE, "sluice: option --wait takes no value\n"},
    {"policy set -qq", EXIT_USAGE, "sluice: option --quiet takes no value\n"},
    {"--wait policy get", EXIT_USAGE, "sluice: option --wait is of another command\n"},
    {"policy get demo other", EXIT_USAGE, "sluice: unexpected 'other'\n"},
    {"status now", EXIT_USAGE, "sluice: unexpected 'now'\n"},
    {"plugin new a b c", EXIT_USAGE, "sluice: unexpected 'c'\n"},
    {"policy get -- demo other", EXIT_USAGE, "sluice: unexpected 'other'\n"},
    {"policy set --timeout soon", EXIT_USAGE,
     "sluice: --timeout takes a duration such as 90s or 5m, or a number of seconds from 0 to "
     "86400, "
     "not 'soon'\n"},
    {"-o xml status", EXIT_USAGE,
     "sluice: -o is table, wide, name, json, yaml or jsonpath=EXPR, not "
     "'xml'\n"},
};

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct terminal *t = type(wrong[i].line);
        if (t->code != wrong[i].code ||
            strncmp(t->err, wrong[i].says, strlen(wrong[i].says)) != 0 || *t->out) {
            print_error("sluice %s\n  wanted %d %s  got    %d %s", wrong[i].line, wrong[i].code,
                        wrong[i].says, t->code, t->err);
            bad++;
        }
        hang_up(t);
    }
    assert_int_equal(bad, 0);
}

static void help_and_version_are_results(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"-h", "usage: sluice COMMAND [options]\n"},
        {"--help policy", "usage: sluice policy COMMAND [options]\n"},
        {"policy set -h", "usage: sluice policy set [NAME] [options]\n"},
        {"policy set --policy x --help demo", "usage: sluice policy set [NAME] [options]\n"},
        {"status -h", "usage: sluice status\n"},
        {"--version", "sluice " SLUICE_VERSION "\n"},
        {"policy set --version", "sluice " SLUICE_VERSION "\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct terminal *t = type(cases[i].line);
        assert_int_equal(t->code, EXIT_DONE);
        assert_memory_equal(t->out, cases[i].says, strlen(cases[i].says));
        assert_string_equal(t->err, "");
        hang_up(t);
    }
}

static void the_environment_is_asked_last(void **state)
{
    (void)state;
    setenv("SLUICE_GATEWAY", "unix:/env", 1);
    setenv("SLUICE_TOKEN", "E", 1);
    struct terminal *t = type("status");
    assert_string_equal(t->cli.gateway, "unix:/env");
    assert_string_equal(t->cli.token, "E");
    hang_up(t);
    t = type("status --gateway unix:/flag --token F");
    assert_string_equal(t->cli.gateway, "unix:/flag");
    assert_string_equal(t->cli.token, "F");
    hang_up(t);
    setenv("SLUICE_TOKEN", "", 1);                  /* the same as none */
    t = type("status");
    assert_null(t->cli.token);
    hang_up(t);
}

/* rule approve --token is the review token; the gateway's stands in front of the command. */
static void two_tokens_are_kept_apart(void **state)
{
    (void)state;
    struct terminal *t = type("--token gateway rule approve demo --chunk-id c --token review");
    assert_int_equal(t->code, -1);
    assert_string_equal(t->cli.token, "gateway");
    assert_string_equal(arg_value(&t->cli, "token"), "review");
    hang_up(t);
    t = type("--token gateway rule approve demo --chunk-id c");
    assert_string_equal(t->cli.token, "gateway");
    assert_null(arg_value(&t->cli, "token"));
    hang_up(t);
}

static void a_reason_is_one_line_and_an_override_needs_one(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reason, *header, *says;
    } cases[] = {
        {"policy set", NULL, NULL, ""},
        {"policy set --reason because", NULL, "Sluice-Reason: because", ""},
        {"policy set --override --reason because", NULL, "Sluice-Reason: because", ""},
        {"policy set --override", NULL, NULL,
         "sluice: --override needs --reason TEXT: it is recorded\n"},
        {"policy set --reason", "a\r\nSluice-Override: true", NULL,
         "sluice: --reason is one line of text\n"},
        {"policy set --reason", "\xff", NULL, "sluice: --reason is at most 1024 bytes of UTF-8\n"},
        {"policy set --reason", "gr\xc3\xbc\xc3\x9f dich", "Sluice-Reason: gr\xc3\xbc\xc3\x9f dich",
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *header, line[128];
        snprintf(line, sizeof line, "%s%s", cases[i].line, cases[i].reason ? " TEXT" : "");
        struct terminal *t = type(line);
        if (cases[i].reason)
            t->cli.args[t->cli.n_args - 1].value = cases[i].reason;
        begin_listening(t);
        int code = reason_header(&t->cli, &header);
        end_listening(t);
        assert_int_equal(code, *cases[i].says ? EXIT_USAGE : -1);
        assert_memory_equal(t->err, cases[i].says, strlen(cases[i].says));
        if (cases[i].header)
            assert_string_equal(header, cases[i].header);
        else
            assert_null(header);
        free(header);
        hang_up(t);
    }
}

/* A row whose word is a command is dead, and one that tells another than a command misleads. */
static void each_habit_is_told_and_names_a_command(void **state)
{
    const struct habit *h;
    (void)state;
    for (size_t i = 0; (h = habit_guess(i)); i++) {
        char line[128], said[256];
        snprintf(line, sizeof line, "%s%s%s", h->group ? h->group : "", h->group ? " " : "",
                 h->word);
        snprintf(said, sizeof said, "did you mean 'sluice %s'?", h->meant);
        struct terminal *t = type(line);
        if (t->code != EXIT_USAGE || !strstr(t->err, said))
            fail_msg("sluice %s: %d %s", line, t->code, t->err);
        hang_up(t);
        const char *option = strstr(h->meant, " --");
        snprintf(line, sizeof line, "%.*s -h",
                 (int)(option ? (size_t)(option - h->meant) : strlen(h->meant)), h->meant);
        t = type(line);
        if (t->code != EXIT_DONE)
            fail_msg("sluice %s: %s", line, t->err);
        hang_up(t);
    }
}

static void a_token_ends_no_header_field(void **state)
{
    static const char *const bad[] = {"a\r\nX: y", "a\nX: y", "a\x7f", "\033[2Ja"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("SLUICE_TOKEN", bad[i], 1);
        struct terminal *t = type("status");
        assert_int_equal(t->code, EXIT_USAGE);
        assert_non_null(strstr(t->err, "the token of --token or SLUICE_TOKEN has a control "
                                       "character"));
        assert_null(strstr(t->err, "X: y"));
        hang_up(t);
    }
}

/* The list of commands is what help, parsing and completion come from. */
static void the_commands_are_described(void **state)
{
    (void)state;
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        char start[64];
        snprintf(start, sizeof start, "sluice %s%s%s", c->group, c->verb ? " " : "",
                 c->verb ? c->verb : "");
        assert_memory_equal(c->example, start, strlen(start));
        assert_true(*c->summary);
        assert_non_null(c->run);
        for (const struct arg_option *o = c->options; o->name; o++) {
            assert_true(*o->help);
            assert_int_equal(o->kind == ARG_VALUE, o->value != NULL);
        }
    }
}

#define ARGS_TEST(test) cmocka_unit_test_setup(test, setup)

/* What is no text would be left out of the request, and another thing done than was asked for. */
static void words_are_text(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"sandbox create --name x\xff", "the value of --name is no UTF-8 text"},
        {"sandbox exec demo --workdir /\xff -- pwd", "the value of --workdir is no UTF-8 text"},
        {"policy update demo --add-endpoint a:1 --binary /bin/\xff",
         "the value of --binary is no UTF-8 text"},
        {"policy get \xff", "word 1 is no UTF-8 text"},
        {"sandbox delete demo ''", "word 2 is empty, where NAME... stands"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct terminal *t = type(cases[i].line);
        assert_int_equal(t->code, EXIT_USAGE);
        if (!strstr(t->err, cases[i].says))
            fail_msg("%s: %s", cases[i].line, t->err);
        hang_up(t);
    }
    static const char *const files[] = {"policy set demo --policy /tmp/\xff",
                                        "policy check /tmp/\xff", "audit verify --file \xff"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct terminal *t = type(files[i]);
        assert_int_equal(t->code, -1);
        hang_up(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARGS_TEST(options_may_stand_anywhere),
        ARGS_TEST(every_option_is_known_before_and_after_its_command),
        ARGS_TEST(the_last_value_counts),
        ARGS_TEST(numbers_that_are_none),
        ARGS_TEST(the_command_after_the_dashes_is_left_alone),
        ARGS_TEST(after_the_dashes_nothing_is_an_option),
        ARGS_TEST(what_is_wrong_is_said),
        ARGS_TEST(help_and_version_are_results),
        ARGS_TEST(the_environment_is_asked_last),
        ARGS_TEST(two_tokens_are_kept_apart),
        ARGS_TEST(a_reason_is_one_line_and_an_override_needs_one),
        ARGS_TEST(the_commands_are_described),
        ARGS_TEST(words_are_text),
        ARGS_TEST(each_habit_is_told_and_names_a_command),
        ARGS_TEST(a_token_ends_no_header_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
