/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: options may stand anywhere before --, global ones too. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/cli.h"

static const struct arg_option global_options[] = {
    {"gateway", 0, ARG_VALUE, "ADDR", "unix:PATH, http://HOST:PORT or https://... (SLUICE_GATEWAY)"},
    {"token", 0, ARG_VALUE, "T", "bearer token (SLUICE_TOKEN)"},
    {"output", 'o', ARG_VALUE, "table|json|yaml", "form of the result"},
    {"quiet", 'q', ARG_FLAG, NULL, "only results and errors"},
    {"help", 'h', ARG_FLAG, NULL, "this text"},
    {"version", 0, ARG_FLAG, NULL, "the version"},
    {0},
};

static void print_options(FILE *to, const struct arg_option *options)
{
    for (; options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", options->letter ? '-' : ' ', options->letter ? options->letter : ' ',
                 options->letter ? ", " : "  ", options->name, options->value ? " " : "", options->value ? options->value : "");
        fprintf(to, "  %-34s %s\n", left, options->help);
    }
}

static void print_command_help(FILE *to, const struct command *c)
{
    fprintf(to, "usage: sluice %s%s%s%s%s%s\n\n%s\n", c->group, c->verb ? " " : "", c->verb ? c->verb : "",
            *c->operands ? " " : "", c->operands, c->options->name ? " [options]" : "", c->summary);
    if (c->options->name)
        fputc('\n', to);
    print_options(to, c->options);
    fputs("\nglobal:\n", to);
    print_options(to, global_options);
    fprintf(to, "\nexample: %s\n", c->example);
}

static void print_help(FILE *to, const char *group)
{
    fprintf(to, "usage: sluice %s [options]\n\n", group ? group : "COMMAND");
    for (const struct command *c = cli_commands; c->group; c++)
        if (!group || strcmp(group, c->group) == 0)
            fprintf(to, "  %-9s%-13s %s\n", c->group, c->verb ? c->verb : "", c->summary);
    fputs("\nglobal:\n", to);
    print_options(to, global_options);
    fputs("\nexample: sluice policy set demo --policy policy.yaml --wait\n"
          "sluice COMMAND -h shows a command's options.\n", to);
}

int usage_error(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("sluice: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (cli->command)
        fprintf(stderr, "usage: sluice %s%s%s %s [options]; -h shows them\n", cli->command->group,
                cli->command->verb ? " " : "", cli->command->verb ? cli->command->verb : "", cli->command->operands);
    return EXIT_USAGE;
}

/* ---- finding the command ---- */

static const char *nearest_word(const char *word, const char *group)
{
    const char *words[64];
    size_t n = 0;
    for (const struct command *c = cli_commands; c->group && n < 63; c++)
        if (!group || strcmp(c->group, group) == 0)
            words[n++] = group ? c->verb : c->group;
    words[n] = NULL;
    return text_nearest(word, words);
}

static int unknown_word(const struct cli *cli, const char *what, const char *word, const char *near)
{
    return usage_error(cli, near ? "unknown %s '%s', did you mean '%s'?" : "unknown %s '%s': sluice -h lists them",
                       what, word, near);
}

static const struct command *find_command(const char *group, const char *verb)
{
    for (const struct command *c = cli_commands; c->group; c++)
        if (strcmp(c->group, group) == 0 && (!c->verb || (verb && strcmp(c->verb, verb) == 0)))
            return c;
    return NULL;
}

static bool group_exists(const char *group)
{
    for (const struct command *c = cli_commands; c->group; c++)
        if (strcmp(c->group, group) == 0)
            return true;
    return false;
}

/* ---- options ---- */

static const struct arg_option *find_option(const struct arg_option *options, const char *name, size_t len, char letter)
{
    for (; options->name; options++)
        if (letter ? options->letter == letter : strlen(options->name) == len && strncmp(options->name, name, len) == 0)
            return options;
    return NULL;
}

static const struct arg_option *known_option(const struct cli *cli, const char *name, size_t len, char letter)
{
    const struct arg_option *own = cli->command ? find_option(cli->command->options, name, len, letter) : NULL;
    return own ? own : find_option(global_options, name, len, letter);
}

static int unknown_option(const struct cli *cli, const char *word)
{
    const char *names[64];
    size_t n = 0;
    for (const struct arg_option *o = cli->command ? cli->command->options : global_options; o->name && n < 50; o++)
        names[n++] = o->name;
    for (const struct arg_option *o = global_options; o->name; o++)
        names[n++] = o->name;
    names[n] = NULL;
    char *bare = alloc_strn(word + 2, strcspn(word + 2, "="));
    const char *near = strncmp(word, "--", 2) == 0 ? text_nearest(bare, names) : NULL;
    free(bare);
    return near ? usage_error(cli, "unknown option '%s', did you mean '--%s'?", word, near)
                : usage_error(cli, "unknown option '%s'", word);
}

static void add_arg(struct cli *cli, const char *name, const char *value)
{
    cli->args[cli->n_args++] = (struct arg){name, value};
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
        if (value)
            return usage_error(cli, "option --%s takes no value", o->name);
        value = "";
    } else if (!value) {
        if (*i + 1 >= argc)
            return usage_error(cli, "option --%s needs a value: --%s %s", o->name, o->name, o->value);
        value = argv[++*i];
    }
    add_arg(cli, o->name, value);
    return -1;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

static int read_words(struct cli *cli, int argc, char **argv)
{
    const char *group = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            cli->has_rest = true;
            cli->rest = (const char **)argv + i + 1;
            cli->n_rest = (size_t)(argc - i - 1);
            break;
        }
        if (is_option(argv[i])) {
            int code = read_option(cli, argc, argv, &i);
            if (code >= 0)
                return code;
        } else if (cli->command) {
            cli->operands[cli->n_operands++] = argv[i];
        } else if (!group) {
            group = argv[i];
            if (!group_exists(group))
                return unknown_word(cli, "command", group, nearest_word(group, NULL));
            cli->command = find_command(group, NULL);
        } else {
            cli->command = find_command(group, argv[i]);
            if (!cli->command)
                return unknown_word(cli, "command", argv[i], nearest_word(argv[i], group));
        }
    }
    if (cli->command || arg_given(cli, "version"))
        return -1;
    print_help(arg_given(cli, "help") ? stdout : stderr, group);
    return arg_given(cli, "help") ? EXIT_DONE : EXIT_USAGE;
}

static int read_globals(struct cli *cli)
{
    const char *output = arg_value(cli, "output");
    if (output && strcmp(output, "json") == 0)
        cli->output = OUT_JSON;
    else if (output && strcmp(output, "yaml") == 0)
        cli->output = OUT_YAML;
    else if (output && strcmp(output, "table") != 0)
        return usage_error(cli, "-o is table, json or yaml, not '%s'", output);
    cli->quiet = arg_given(cli, "quiet");
    cli->gateway = arg_value(cli, "gateway");
    if (!cli->gateway)
        cli->gateway = getenv("SLUICE_GATEWAY");
    /* rule approve has a --token of its own: the review token. */
    bool own_token = cli->command && find_option(cli->command->options, "token", 5, 0);
    cli->token = own_token ? NULL : arg_value(cli, "token");
    if (!cli->token)
        cli->token = getenv("SLUICE_TOKEN");
    return -1;
}

int args_parse(struct cli *cli, int argc, char **argv)
{
    cli->args = alloc_zero((size_t)argc, sizeof *cli->args);
    cli->operands = alloc_zero((size_t)argc, sizeof *cli->operands);
    int code = read_words(cli, argc, argv);
    if (code >= 0)
        return code;
    if (arg_given(cli, "version")) {
        printf("sluice %s\n", SLUICE_VERSION);
        return EXIT_DONE;
    }
    if (arg_given(cli, "help")) {
        print_command_help(stdout, cli->command);
        return EXIT_DONE;
    }
    return read_globals(cli);
}

void args_free(struct cli *cli)
{
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
    const char *text = arg_value(cli, name);
    *out = fallback;
    if (!text)
        return 0;
    char *end;
    *out = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || *out < 0 || *out > max) {
        usage_error(cli, "--%s takes a number from 0 to %ld, not '%s'", name, max, text);
        return -1;
    }
    return 0;
}
