/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: options may stand anywhere before --, in front of the command too. */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/habits.h"
#include "cli/help.h"
#include "cli/output/jsonpath.h"

enum { TIMEOUT_MAX_S = 86400, LETTERS_MAX = 4 };

int usage_error(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    terminal_print(stderr, "sluice: ");
    terminal_vprint(stderr, format, args);
    va_end(args);
    terminal_print(stderr, "\n");
    if (cli->command) {
        help_usage(stderr, cli->command);
        terminal_print(stderr, "; -h shows all\n");
    }
    return EXIT_USAGE;
}

/* ---- finding the command ---- */

static const char *nearest_word(const char *word, const char *group)
{
    size_t n = 0;
    const struct command *c;
    while (command_at(n))
        n++;
    const char **words = alloc_zero(n + 1, sizeof *words);
    n = 0;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (!group || strcmp(c->group, group) == 0)
            words[n++] = group ? c->verb : c->group;
    const char *near = text_nearest(word, words);
    free(words);
    return near;
}

static int unknown_word(const struct cli *cli, const char *group, const char *word)
{
    const char *meant = habit_meant(group, word), *near = nearest_word(word, group);
    if (meant)
        return usage_error(cli, "unknown command '%s', did you mean 'sluice %s'?", word, meant);
    const char *in = group ? group : "", *gap = group ? " " : "";
    if (near)
        return usage_error(cli, "unknown command '%s', did you mean 'sluice %s%s%s'?", word, in,
                           gap, near);
    return usage_error(cli, "unknown command '%s': sluice %s%s-h lists them", word, in, gap);
}

/* next: the word behind it, or NULL. */
static int unknown_group(const struct cli *cli, const char *word, const char *next)
{
    const char *meant = next ? habit_meant(word, next) : NULL;
    if (meant)
        return usage_error(cli, "unknown command '%s %s', did you mean 'sluice %s'?", word, next,
                           meant);
    return unknown_word(cli, NULL, word);
}

static const struct command *find_command(const char *group, const char *verb)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (strcmp(c->group, group) == 0 && (!c->verb || (verb && strcmp(c->verb, verb) == 0)))
            return c;
    return NULL;
}

static bool group_exists(const char *group)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (strcmp(c->group, group) == 0)
            return true;
    return false;
}

/* ---- options ---- */

static const struct arg_option *find_option(const struct arg_option *options, const char *name,
                                            size_t len, char letter)
{
    for (; options->name; options++)
        if (letter ? options->letter == letter
                   : strlen(options->name) == len && strncmp(options->name, name, len) == 0)
            return options;
    return NULL;
}

/* Before the command, an option of any command is accepted; later it is checked that it is this
 * command's. */
static const struct arg_option *known_option(const struct cli *cli, const char *name, size_t len,
                                             char letter)
{
    const struct arg_option *o =
        cli->command ? find_option(cli->command->options, name, len, letter) : NULL;
    if (!o)
        o = find_option(cli_global_options, name, len, letter);
    const struct command *c;
    for (size_t i = 0; !o && !cli->command && (c = command_at(i)); i++)
        o = find_option(c->options, name, len, letter);
    return o;
}

static int unknown_option(const struct cli *cli, const char *word)
{
    const char *names[64];
    size_t n = 0;
    for (const struct arg_option *o = cli->command ? cli->command->options : cli_global_options;
         o->name && n < 50; o++)
        names[n++] = o->name;
    for (const struct arg_option *o = cli_global_options; o->name; o++)
        names[n++] = o->name;
    names[n] = NULL;
    char *bare = alloc_strn(word + 2, strcspn(word + 2, "="));
    const char *near = strncmp(word, "--", 2) == 0 ? text_nearest(bare, names) : NULL;
    free(bare);
    return near ? usage_error(cli, "unknown option '%s', did you mean '--%s'?", word, near)
                : usage_error(cli, "unknown option '%s'", word);
}

/* Not the token of the gateway: rule approve has a --token of its own, the review token. */
static void add_arg(struct cli *cli, const struct arg_option *o, const char *value)
{
    if (o == find_option(cli_global_options, "token", 5, 0))
        cli->token = value;
    else
        cli->args[cli->n_args++] = (struct arg){o->name, value};
}

/* Several flags in one word, such as -it.  false: they are none, or one is there twice. */
static bool read_flags(struct cli *cli, const char *letters)
{
    if (strlen(letters) > LETTERS_MAX)
        return false;
    for (const char *c = letters; *c; c++) {
        const struct arg_option *o = known_option(cli, "", 0, *c);
        if (!o || o->kind != ARG_FLAG || strchr(c + 1, *c))
            return false;
    }
    for (const char *c = letters; *c; c++)
        add_arg(cli, known_option(cli, "", 0, *c), "");
    return true;
}

/* Reads the option at argv[*i].  An exit code, or -1. */
static int read_option(struct cli *cli, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    bool is_long = word[1] == '-';
    const char *name = is_long ? word + 2 : word + 1, *equals = is_long ? strchr(name, '=') : NULL;
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct arg_option *o = known_option(cli, name, len, is_long ? 0 : word[1]);
    if (!o)
        return unknown_option(cli, word);
    const char *value = equals ? equals + 1 : !is_long && word[2] ? word + 2 : NULL;
    if (o->kind == ARG_FLAG) {
        if (value && !is_long && read_flags(cli, name))
            return -1;
        if (value)
            return usage_error(cli, "option --%s takes no value", o->name);
        value = "";
    } else if (!value) {
        if (*i + 1 >= argc)
            return usage_error(cli, "option --%s needs a value: --%s %s", o->name, o->name,
                               o->value);
        value = argv[++*i];
    }
    add_arg(cli, o, value);
    return -1;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* A word that is no option, and the one behind it: the command, word by word, then its operands.
 * An exit code, or -1. */
static int read_word(struct cli *cli, const char **group, const char *word, const char *next)
{
    if (cli->command) {
        cli->operands[cli->n_operands++] = word;
    } else if (!*group && strcmp(word, "help") == 0) {
        cli->args[cli->n_args++] = (struct arg){word, ""};
    } else if (!*group) {
        const struct habit *habit = habit_short(NULL, word);
        *group = habit ? habit->group : word;
        cli->command = find_command(*group, habit ? habit->meant : NULL);
        if (!cli->command && !group_exists(word))
            return unknown_group(cli, word, next);
    } else {
        const struct habit *habit = habit_short(*group, word);
        cli->command = find_command(*group, habit ? habit->meant : word);
        if (!cli->command)
            return unknown_word(cli, *group, word);
    }
    return -1;
}

static bool takes_command(const struct command *c)
{
    return strstr(c->operands, "--") != NULL;
}

/* After -- comes the command to run in a sandbox or, for other commands, words that look like
 * options. */
static int read_rest(struct cli *cli, const char **group, int n, char **words)
{
    int code = -1;
    if (cli->command && takes_command(cli->command)) {
        cli->has_rest = true;
        cli->rest = (const char **)words;
        cli->n_rest = (size_t)n;
        return -1;
    }
    for (int i = 0; i < n && code < 0; i++)
        code = read_word(cli, group, words[i], i + 1 < n ? words[i + 1] : NULL);
    return code;
}

static int read_words(struct cli *cli, int argc, char **argv)
{
    const char *group = NULL;
    int code = -1;
    for (int i = 1; i < argc && code < 0; i++) {
        if (strcmp(argv[i], "--") == 0) {
            code = read_rest(cli, &group, argc - i - 1, argv + i + 1);
            break;
        }
        code = is_option(argv[i]) ? read_option(cli, argc, argv, &i)
                                  : read_word(cli, &group, argv[i], argv[i + 1]);
    }
    if (code >= 0 || cli->command || arg_given(cli, "version"))
        return code;
    help_group(arg_given(cli, "help") ? stdout : stderr, group);
    return arg_given(cli, "help") ? EXIT_DONE : EXIT_USAGE;
}

/* The usage text says which operands a command takes; commands that run another one check their
 * own. */
static size_t most_operands(const struct command *c)
{
    if (takes_command(c) || strstr(c->operands, "..."))
        return SIZE_MAX;
    size_t n = *c->operands != '\0';
    for (const char *at = c->operands; (at = strchr(at, ' ')); at++)
        n++;
    return n;
}

/* File names may have any bytes.  All other words are sent as JSON, which cannot carry invalid
 * UTF-8. */
static bool may_be_said(const char *shown, const char *word)
{
    return strstr(shown, "FILE") || strstr(shown, "PATH...") ||
           text_utf8_valid(word, strlen(word)) == strlen(word);
}

static int check_options(const struct cli *cli)
{
    for (size_t i = 0; i < cli->n_args; i++) {
        const char *name = cli->args[i].name, *value = cli->args[i].value;
        const struct arg_option *o = find_option(cli->command->options, name, strlen(name), 0);
        if (!o)
            o = find_option(cli_global_options, name, strlen(name), 0);
        if (!o)
            return usage_error(cli, "option --%s is of another command", name);
        if (o->value && !may_be_said(o->value, value))
            return usage_error(cli, "the value of --%s is no UTF-8 text", name);
    }
    return -1;
}

static int check_operands(const struct cli *cli)
{
    const char *shown = cli->command->operands;
    for (size_t i = 0; i < cli->n_operands; i++) {
        if (!*cli->operands[i])
            return usage_error(cli, "word %zu is empty, where %s stands", i + 1, shown);
        if (!may_be_said(shown, cli->operands[i]))
            return usage_error(cli, "word %zu is no UTF-8 text", i + 1);
    }
    return -1;
}

/* Whether a word is the file of --policy, without the option. */
static bool is_lone_file(const struct cli *cli, const char *word)
{
    const struct arg_option *o = cli->command->options;
    while (o->name && strcmp(o->name, "policy") != 0)
        o++;
    return o->name && !arg_value(cli, "policy") && access(word, F_OK) == 0;
}

static int check_words(const struct cli *cli)
{
    const struct command *c = cli->command;
    int code = check_options(cli);
    if (code >= 0)
        return code;
    size_t most = most_operands(c);
    if (cli->n_operands > most)
        return usage_error(cli, "unexpected '%s'%s", cli->operands[most],
                           is_lone_file(cli, cli->operands[most])
                               ? ": the file is given with --policy" : "");
    code = check_operands(cli);
    if (code >= 0)
        return code;
    long ignored;                                   /* before anything is sent */
    return arg_seconds(cli, "timeout", 0, 0, TIMEOUT_MAX_S, &ignored) != 0 ? EXIT_USAGE : -1;
}

static int read_jsonpath(struct cli *cli, const char *expression)
{
    struct error err;
    cli->output = OUT_JSONPATH;
    cli->jsonpath = jsonpath_parse(expression, &err);
    return cli->jsonpath ? -1 : usage_error(cli, "-o jsonpath=%s: %s", expression, err.text);
}

static int read_output(struct cli *cli, const char *form)
{
    if (!form || strcmp(form, "table") == 0)
        return -1;
    if (strncmp(form, "jsonpath=", 9) == 0)
        return read_jsonpath(cli, form + 9);
    if (strcmp(form, "jsonpath") == 0)
        return usage_error(cli, "-o jsonpath needs an expression: -o "
                                "jsonpath='{.sandboxes[*].name}'");
    cli->wide = strcmp(form, "wide") == 0;
    if (strcmp(form, "json") == 0)
        cli->output = OUT_JSON;
    else if (strcmp(form, "yaml") == 0)
        cli->output = OUT_YAML;
    else if (strcmp(form, "name") == 0)
        cli->output = OUT_NAME;
    else if (!cli->wide)
        return usage_error(cli, "-o is table, wide, name, json, yaml or jsonpath=EXPR, not '%s'",
                           form);
    return -1;
}

/* The key of `policy sign` is no client certificate's, unlike that of `gateway add`. */
static bool is_own(const struct command *command, const char *name)
{
    const struct arg_option *o = command ? command->options : NULL;
    while (o && o->name && strcmp(o->name, name) != 0)
        o++;
    return o && o->name;
}

/* It becomes the value of a header field: behind a line break it would be another request. */
static int check_token(const struct cli *cli)
{
    const char *c = cli->token ? cli->token : "";
    while (*c && !iscntrl((unsigned char)*c))
        c++;
    return *c ? usage_error(cli, "the token of --token or SLUICE_TOKEN has a control character")
              : -1;
}

int args_globals(struct cli *cli)
{
    int code = read_output(cli, arg_value(cli, "output"));
    if (code >= 0)
        return code;
    cli->no_headers = arg_given(cli, "no-headers");
    cli->quiet = arg_given(cli, "quiet");
    cli->gateway = arg_value(cli, "gateway");
    if (!cli->gateway)
        cli->gateway = getenv("SLUICE_GATEWAY");
    cli->gateway_user = arg_given(cli, "gateway-user") ? arg_value(cli, "gateway-user")
                                                       : getenv("SLUICE_GATEWAY_USER");
    if (cli->gateway_user && !*cli->gateway_user)
        cli->gateway_user = NULL;
    cli->insecure = arg_given(cli, "insecure");
    cli->ca = arg_value(cli, "ca");
    cli->cert = arg_value(cli, "cert");
    bool signs = is_own(cli->command, "key") && !is_own(cli->command, "cert");
    cli->key = signs ? NULL : arg_value(cli, "key");
    if (!cli->token)
        cli->token = getenv("SLUICE_TOKEN");
    if (cli->token && !*cli->token)
        cli->token = NULL;
    return check_token(cli);
}

int args_parse(struct cli *cli, int argc, char **argv)
{
    cli->argv = argv;
    cli->args = alloc_zero((size_t)argc * LETTERS_MAX, sizeof *cli->args);
    cli->operands = alloc_zero((size_t)argc, sizeof *cli->operands);
    int code = read_words(cli, argc, argv);
    if (code >= 0)
        return code;
    if (arg_given(cli, "version")) {
        terminal_print(stdout, "sluice %s\n", SLUICE_VERSION);
        return EXIT_DONE;
    }
    if (arg_given(cli, "help")) {
        help_command(stdout, cli->command);
        return EXIT_DONE;
    }
    code = check_words(cli);
    return code >= 0 ? code : args_globals(cli);
}

void args_free(struct cli *cli)
{
    jsonpath_free(cli->jsonpath);
    free(cli->full_name);
    free(cli->args);
    free(cli->operands);
}

const char *arg_value(const struct cli *cli, const char *name)
{
    for (size_t i = cli->n_args; i > 0; i--)
        if (strcmp(cli->args[i - 1].name, name) == 0)
            return cli->args[i - 1].value;
    return NULL;
}

bool arg_given(const struct cli *cli, const char *name)
{
    return arg_value(cli, name) != NULL;
}

int arg_number(const struct cli *cli, const char *name, long fallback, long max, long *out)
{
    return arg_range(cli, name, fallback, 0, max, out);
}

int arg_range(const struct cli *cli, const char *name, long fallback, long min, long max, long *out)
{
    const char *text = arg_value(cli, name);
    *out = fallback;
    if (!text)
        return 0;
    char *end;
    *out = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || *out < min || *out > max) {
        usage_error(cli, "--%s takes a number from %ld to %ld, not '%s'", name, min, max, text);
        return -1;
    }
    return 0;
}
