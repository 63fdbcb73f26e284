/* SPDX-License-Identifier: Apache-2.0 */
/* -h on every level, from the tables of commands and options. */
#include "cli/help.h"

#include <string.h>

#include "base/terminal.h"

const struct arg_option cli_global_options[] = {
    {"gateway", 0, ARG_VALUE, "ADDR",
     "unix:PATH, http://HOST:PORT, https://... or a name of gateway add (SLUICE_GATEWAY)"},
    {"ca", 0, ARG_VALUE, "FILE", "https: trust these authorities instead of the system's"},
    {"cert", 0, ARG_VALUE, "FILE", "https: show this certificate"},
    {"key", 0, ARG_VALUE, "FILE", "its private key"},
    {"token", 0, ARG_VALUE, "T", "bearer token (SLUICE_TOKEN)"},
    {"gateway-user", 0, ARG_VALUE, "USER",
     "whose gateway on this machine gets the token, beside yours and root's (SLUICE_GATEWAY_USER)"},
    {"insecure", 0, ARG_FLAG, NULL, "send the token over http:// to another machine too"},
    {"output", 'o', ARG_VALUE, "table|wide|name|json|yaml|jsonpath=EXPR",
     "form of the result; EXPR is such as '{.sandboxes[*].name}'"},
    {"no-headers", 0, ARG_FLAG, NULL, "tables without their first line"},
    {"quiet", 'q', ARG_FLAG, NULL, "only results and errors"},
    {"help", 'h', ARG_FLAG, NULL, "this text"},
    {"version", 0, ARG_FLAG, NULL, "the version"},
    {0},
};

static void print_options(FILE *to, const struct arg_option *options)
{
    for (; options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", options->letter ? '-' : ' ',
                 options->letter ? options->letter : ' ', options->letter ? ", " : "  ",
                 options->name, options->value ? " " : "", options->value ? options->value : "");
        terminal_print(to, "  %-34s %s\n", left, options->help);
    }
}

/* Options end at --, so they stand in front of it. */
void help_usage(FILE *to, const struct command *c)
{
    const char *rest = strstr(c->operands, "-- ");
    if (rest && rest > c->operands && rest[-1] == '[')
        rest--;
    size_t n = rest ? (size_t)(rest - c->operands) : strlen(c->operands);
    while (n && c->operands[n - 1] == ' ')
        n--;
    terminal_print(to, "usage: sluice %s%s%s%s%.*s%s%s%s", c->group, c->verb ? " " : "",
                   c->verb ? c->verb : "", n ? " " : "", (int)n, c->operands,
                   c->options->name ? " [options]" : "", rest ? " " : "", rest ? rest : "");
}

void help_command(FILE *to, const struct command *c)
{
    help_usage(to, c);
    terminal_print(to, "\n\n%s\n", c->summary);
    if (c->options->name)
        terminal_print(to, "\n");
    print_options(to, c->options);
    terminal_print(to, "\nglobal:\n");
    print_options(to, cli_global_options);
    terminal_print(to, "\nexample: %s\n", c->example);
}

void help_group(FILE *to, const char *group)
{
    const char *example = "";
    terminal_print(to, "usage: sluice %s%sCOMMAND [options]\n\n", group ? group : "",
                   group ? " " : "");
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        if (group && strcmp(group, c->group) != 0)
            continue;
        char words[64];
        snprintf(words, sizeof words, c->verb ? "%-8s %s" : "%s", c->group, c->verb);
        terminal_print(to, "  %-22s %s\n", words, c->summary);
        example = *example ? example : c->example;
    }
    terminal_print(to, "\nglobal:\n");
    print_options(to, cli_global_options);
    terminal_print(to, "\nexample: %s\nsluice COMMAND -h shows a command's options.\n", example);
    if (!group)
        terminal_print(to,
                       "exit codes: 0 done, 1 refused or failed, 2 usage or unreadable file, 3 "
                       "gateway unreachable or lost,\n"
                       "124 --wait ran out of time; of sandbox exec the command's own; of plugin "
                       "test and bench 3 no case ran,\n4 below --min-cover or over "
                       "--threshold, 5 a voter crashed or was killed; of policy check "
                       "--cases 3 no case\n");
}
