/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy check: without a gateway, so programs are looked up on this machine. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/executable.h"
#include "base/glob.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "policy/check/check.h"
#include "policy/enforceable.h"

/* {path, line, column, message}, as in a problem document of the gateway. */
static json_t *problem_list(const struct problems *problems)
{
    json_t *list = json_array();
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:i, s:s}", "path", p->path, "line",
                                        p->line ? (int)p->line : 1, "column",
                                        p->column ? (int)p->column : 1, "message", p->message));
    }
    return list;
}

/* Folders that each sandbox has of its own: this machine's say nothing about them. */
static bool is_of_sandbox(const char *path)
{
    static const char *const folders[] = {"/sandbox/", "/tmp/", "/dev/", "/proc/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

static void check_program(int root, const struct sluice_binary *binary, struct problems *warnings,
                          struct problems *notes)
{
    struct executable program;
    if (binary->path[0] != '/' || glob_has_wildcard(binary->path) || is_of_sandbox(binary->path))
        return;
    executable_describe(root, binary->path, &program);
    char *path = alloc_printf("%s.path", binary->doc_path);
    if (*program.note)
        problems_add(program.kind == EXECUTABLE_FILE ? notes : warnings, path, 0, 0,
                     "on this machine, '%s' %s", binary->path, program.note);
    free(path);
}

static void check_programs(const struct sluice_policy *policy, struct problems *warnings,
                           struct problems *notes)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < policy->n_rules; i++)
        for (size_t b = 0; b < policy->rules[i]->n_binaries; b++)
            check_program(root, policy->rules[i]->binaries[b], warnings, notes);
    close(root);
}

static json_t *check_text(const char *file, const struct buf *text)
{
    struct problems problems = {0}, warnings = {0}, notes = {0};
    struct arena *arena = arena_new();
    struct doc_node *tree;
    struct policy *policy = NULL;
    enum doc_format format = document_is_json(file, text) ? DOC_JSON : DOC_YAML;
    if (doc_parse(buf_str(text), text->len, format, POLICY_BYTES_MAX, arena, &tree, &problems) ==
        0) {
        policy = policy_decode(tree, "", &problems);
        if (!policy)
            policy = policy_decode_sound(tree, "");  /* what else is wrong with it */
        if (policy) {
            policy_check(policy, &problems, &warnings);
            check_programs(policy_model(policy), &warnings, &notes);
            policy_unenforceable(policy_model(policy), &warnings);
        }
        policy_locate(&problems, tree);
        policy_locate(&warnings, tree);
        policy_locate(&notes, tree);
    }
    json_t *result = json_pack("{s:s, s:b, s:o, s:o, s:o}", "file", file, "valid",
                               (int)(problems.n == 0), "errors", problem_list(&problems),
                               "warnings", problem_list(&warnings), "notes", problem_list(&notes));
    policy_unref(policy);
    problems_free(&problems);
    problems_free(&warnings);
    problems_free(&notes);
    arena_free(arena);
    return result;
}

static void print_list(const char *file, const json_t *list, const char *what)
{
    size_t i;
    json_t *p;
    json_array_foreach(list, i, p)
        terminal_print(stdout, "%s:%lld:%lld: %s%s%s%s\n", file, json_number(p, "line"),
                       json_number(p, "column"), what, json_text(p, "path"),
                       *json_text(p, "path") ? ": " : "", json_text(p, "message"));
}

static void print_result(const struct cli *cli, const json_t *result)
{
    const char *file = json_text(result, "file");
    print_list(file, json_object_get(result, "notes"), "note: ");
    print_list(file, json_object_get(result, "warnings"), "warning: ");
    print_list(file, json_object_get(result, "errors"), "");
    if (json_is_true(json_object_get(result, "valid")))
        say(cli, "%s is good", file);
}

int cmd_policy_check(struct cli *cli)
{
    int code = EXIT_DONE;
    if (arg_given(cli, "cases"))
        return policy_cases(cli, arg_value(cli, "cases"));
    if (!cli->n_operands)
        return usage_error(cli, "which file? give one or several");
    json_t *results = json_array();
    for (size_t i = 0; i < cli->n_operands; i++) {
        struct buf text = {0};
        if (read_input(cli->operands[i], &text) >= 0) {
            code = EXIT_USAGE;
        } else {
            json_t *result = check_text(cli->operands[i], &text);
            if (code == EXIT_DONE && !json_is_true(json_object_get(result, "valid")))
                code = EXIT_REFUSED;
            if (cli->output == OUT_TABLE)
                print_result(cli, result);
            json_array_append_new(results, result);
        }
        buf_free(&text);
    }
    json_t *all = json_pack("{s:o}", "files", results);
    if (cli->output != OUT_TABLE)
        print_json(cli, all);
    json_decref(all);
    return code;
}
