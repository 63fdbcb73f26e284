/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complete/complete.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/permission.h"
#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/complete/parts.h"
#include "cli/gateway/book.h"
#include "cli/habits.h"
#include "cli/help.h"
#include "store/words.h"

enum { PATIENCE_S = 2 };

void offer(const struct typed *typed, const char *word, const char *meaning)
{
    if (*word && strncmp(word, typed->current, strlen(typed->current)) == 0)
        terminal_print(stdout, *meaning ? "%s\t%s\n" : "%s\n", word, meaning);
}

void offer_words(const struct typed *typed, const char *list)
{
    for (const char *at = list; *at; at += strspn(at, "| ")) {
        size_t len = strcspn(at, "| ");
        char *word = alloc_strn(at, len), *open = strstr(word, "=EXPR");
        if (open)
            open[1] = '\0';
        offer(typed, word, "");
        free(word);
        at += len;
    }
}

/* ---- what was typed ---- */

static const struct arg_option *find(const struct arg_option *options, const char *word)
{
    for (; options && options->name; options++)
        if (strncmp(word, "--", 2) == 0 ? strcmp(word + 2, options->name) == 0
                                        : options->letter && word[1] == options->letter && !word[2])
            return options;
    return NULL;
}

static const struct arg_option *find_option(const struct typed *t, const char *word)
{
    const struct arg_option *o = t->cli.command ? find(t->cli.command->options, word) : NULL;
    return o ? o : find(cli_global_options, word);
}

static void take_option(struct typed *t, const char *word)
{
    const char *equals = strchr(word, '=');
    char *name = alloc_strn(word, equals ? (size_t)(equals - word) : strlen(word));
    const struct arg_option *o = find_option(t, name);
    free(name);
    if (!o)
        return;
    if (o->kind == ARG_VALUE && !equals)
        t->wants = o;
    else
        t->cli.args[t->cli.n_args++] = (struct arg){o->name, equals ? equals + 1 : ""};
}

static void take_word(struct typed *t, const char *word)
{
    const struct habit *habit = t->cli.command ? NULL : habit_short(t->group, word);
    const char *verb = habit ? habit->meant : t->group ? word : NULL;
    const struct command *c;
    if (t->cli.command) {
        t->cli.operands[t->cli.n_operands++] = word;
        return;
    }
    if (!t->group)
        t->group = habit ? habit->group : word;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (strcmp(c->group, t->group) == 0 && (!c->verb || (verb && strcmp(c->verb, verb) == 0)))
            t->cli.command = c;
}

/* Bash hands over --name=value as three words. */
static void take(struct typed *t, const char *word)
{
    if (t->rest || strcmp(word, "=") == 0)
        return;
    if (t->wants && t->wants == find(cli_global_options, "--token")) {
        t->cli.token = word;
        t->wants = NULL;
    } else if (t->wants) {
        t->cli.args[t->cli.n_args++] = (struct arg){t->wants->name, word};
        t->wants = NULL;
    } else if (strcmp(word, "--") == 0) {
        t->rest = true;
    } else if (word[0] == '-' && word[1]) {
        take_option(t, word);
    } else {
        take_word(t, word);
    }
}

/* ---- what may stand there ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Groups, or the verbs of one. */
static void offer_commands(const struct typed *t)
{
    const struct command *c;
    size_t n = 0;
    while (command_at(n))
        n++;
    const char **words = alloc_zero(n + 1, sizeof *words);
    n = 0;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (!t->group || strcmp(c->group, t->group) == 0)
            words[n++] = t->group ? c->verb : c->group;
    qsort(words, n, sizeof *words, by_text);
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(words[i], words[i - 1]) != 0) {
            const char *meaning = "";
            for (size_t j = 0; t->group && (c = command_at(j)); j++)
                if (strcmp(c->group, t->group) == 0 && strcmp(c->verb, words[i]) == 0)
                    meaning = c->summary;
            offer(t, words[i], meaning);
        }
    free(words);
}

static void offer_options(const struct typed *t, const struct arg_option *options)
{
    for (; options && options->name; options++) {
        char *word = alloc_printf("--%s", options->name);
        offer(t, word, options->help);
        free(word);
    }
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

/* Whether an option names a sandbox: NAME is one for exec alone. */
static bool names_sandbox(const struct typed *t, const struct arg_option *o)
{
    return strcmp(o->name, "sandbox") == 0 ||
           (strcmp(o->name, "name") == 0 && t->cli.command &&
            t->cli.command->run == cmd_sandbox_exec);
}

static void offer_value(struct typed *t, const struct arg_option *o)
{
    static const char *const revisions[] = {"rev", "from", "to", "if-revision", NULL};
    bool policy = t->cli.command && strcmp(t->cli.command->group, "policy") == 0 &&
                  t->cli.command->run != cmd_policy_learn;
    if (has(o->value, "|"))
        offer_words(t, o->value);
    else if (names_sandbox(t, o))
        offer_sandboxes(t);
    else if (strcmp(o->name, "chunk-id") == 0)
        offer_chunks(t);
    else if (strcmp(o->name, "gateway") == 0)
        offer_gateways(t);
    else if (strcmp(o->name, "preset") == 0)
        offer_presets(t);
    else if (strcmp(o->name, "status") == 0)
        offer_words(t, STORE_DRAFT_STATUSES(STORE_EACH_WORD));
    else if (strcmp(o->name, "role") == 0)
        offer_words(t, AUTH_GIVEN_WORDS);
    else if (policy && is_one_of(o->name, revisions))
        offer_revisions(t);
    else if (has(o->value, "FILE") || strcmp(o->name, "policy") == 0)
        terminal_print(stdout, ":files\n");
    else if (has(o->value, "DIR"))
        terminal_print(stdout, ":dirs\n");
}

/* The word of the usage that stands where the next operand does; the last may stand for several. */
static void operand_shown(const struct typed *t, char *out, size_t size)
{
    const char *at = t->cli.command->operands;
    size_t len = strcspn(at, " ");
    for (size_t i = 0; i < t->cli.n_operands && at[len]; i++) {
        at += len + 1;
        len = strcspn(at, " ");
    }
    bool past = t->cli.n_operands && !at[len] && !strstr(at, "...") &&
                at == t->cli.command->operands;
    snprintf(out, size, "%.*s", past ? 0 : (int)len, at);
}

static void offer_operand(struct typed *t)
{
    char shown[64];
    operand_shown(t, shown, sizeof shown);
    if (has(t->cli.command->operands, "PRESET"))
        offer_presets(t);
    if (has(shown, "|"))
        offer_words(t, shown);
    else if (has(shown, "NAME") && strcmp(t->cli.command->group, "gateway") == 0)
        offer_gateways(t);
    else if (has(shown, "NAME") && strcmp(t->cli.command->group, "plugin") != 0)
        offer_sandboxes(t);
    else if (has(shown, "PROVIDER"))
        offer_providers(t);
    else if (has(shown, "TOKEN"))
        offer_tokens(t);
    else if (strcmp(shown, "ID") == 0)
        offer_decisions(t);
    else if (has(shown, "DIR"))
        terminal_print(stdout, ":dirs\n");
    else if (has(shown, "FILE") || has(shown, "PATH") || has(shown, "LOCAL"))
        terminal_print(stdout, ":files\n");
}

static void offer_all(struct typed *t)
{
    if (t->rest) {
        terminal_print(stdout, ":files\n");
    } else if (t->wants) {
        offer_value(t, t->wants);
    } else if (t->current[0] == '-') {
        offer_options(t, t->cli.command ? t->cli.command->options : NULL);
        offer_options(t, cli_global_options);
    } else if (t->cli.command) {
        offer_operand(t);
    } else {
        offer_commands(t);
    }
}

/* --name=value in one word, as zsh and fish hand it over: the value is typed. */
static void split_current(struct typed *t)
{
    const char *equals = strncmp(t->current, "--", 2) == 0 ? strchr(t->current, '=') : NULL;
    if (!equals || t->wants)
        return;
    char *name = alloc_strn(t->current, (size_t)(equals - t->current));
    t->wants = find_option(t, name);
    free(name);
    t->current = equals + 1;
}

int complete_words(int n, char **words)
{
    struct typed t = {.current = n ? words[n - 1] : ""};
    struct book book = {.lock = -1};
    t.cli.quiet = true;
    t.cli.args = alloc_zero((size_t)n + 1, sizeof *t.cli.args);
    t.cli.operands = alloc_zero((size_t)n + 1, sizeof *t.cli.operands);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    alarm(PATIENCE_S);
    for (int i = 0; i + 1 < n; i++)
        take(&t, words[i]);
    if (strcmp(t.current, "=") == 0)
        t.current = "";
    split_current(&t);
    if (args_globals(&t.cli) < 0 && gateway_resolve(&t.cli, &book) < 0)
        offer_all(&t);
    fflush(stdout);
    close(nowhere);
    book_close(&book);
    args_free(&t.cli);
    return EXIT_DONE;
}
