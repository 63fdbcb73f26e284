/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy check --cases FILE: whether policies allow requests, without a gateway. */
#include <stdio.h>

#include "base/terminal.h"
#include "cli/document.h"
#include "policy/match/cases.h"

/* The results of a run. */
struct run {
    const struct cli *cli;
    const char *file;
    size_t passed, failed;
    json_t *cases;                                  /* each with its result, for -o json and yaml */
};

static void print_failure(const struct run *run, const struct doc_node *node, const char *id,
                          const char *policy, const char *why)
{
    terminal_print(stdout, "%s:%u:%u: %s%s%s: %s\n", run->file, node->line, node->column, id,
                   policy ? " with " : "", policy ? policy : "", why);
}

static void add_result(struct run *run, const struct doc_node *node, const char *id,
                       const char *policy, bool passed, const char *why)
{
    json_t *result = json_pack("{s:s, s:i, s:i, s:b}", "id", id, "line", (int)node->line, "column",
                               (int)node->column, "passed", passed);
    if (policy)
        json_object_set_new(result, "policy", json_string(policy));
    if (!passed)
        json_object_set_new(result, "why", json_string(why));
    json_array_append_new(run->cases, result);
}

static void run_case(struct run *run, const struct doc_node *node, const struct policy_case *c,
                     const struct sluice_policy *policy, const char *name)
{
    struct buf why = {0};
    bool passed = policy_case_passes(c, policy, &why);
    *(passed ? &run->passed : &run->failed) += 1;
    add_result(run, node, c->id, name, passed, buf_str(&why));
    if (!passed && run->cli->output == OUT_TABLE)
        print_failure(run, node, c->id, name, buf_str(&why));
    buf_free(&why);
}

/* A case without a policy of its own runs with each policy of the command line. */
static int run_with(struct run *run, const struct doc_node *node, const struct policy_case *c)
{
    const struct cli *cli = run->cli;
    if (c->policy) {
        run_case(run, node, c, NULL, NULL);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < cli->n_operands; i++) {
        struct policy *policy = policy_from_file(cli->operands[i]);
        if (!policy)
            return EXIT_USAGE;
        run_case(run, node, c, policy_model(policy), cli->operands[i]);
        policy_unref(policy);
    }
    if (!cli->n_operands) {
        complain("%s:%u: the case '%s' has no policy: give one as an operand", run->file,
                 node->line, c->id);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int run_list(struct run *run, const struct doc_node *list, struct arena *arena,
                    struct problems *problems)
{
    int code = EXIT_DONE;
    if (list->kind != DOC_LIST) {
        problems_add(problems, "", list->line, list->column,
                     "must be a list of cases, '- {id: ..., ...}'");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < list->n; i++) {
        struct policy_case c;
        char *path = doc_path_item(arena, "", i);
        if (policy_case_read(list->items[i], path, arena, &c, problems) == 0 && code == EXIT_DONE)
            code = run_with(run, list->items[i], &c);
    }
    return code;
}

static int finish(const struct run *run)
{
    if (run->cli->output == OUT_TABLE) {
        terminal_print(stdout, "%zu passed, %zu failed\n", run->passed, run->failed);
    } else {
        json_t *result = json_pack("{s:O, s:I, s:I}", "cases", run->cases, "passed",
                                   (json_int_t)run->passed, "failed", (json_int_t)run->failed);
        print_json(run->cli, result);
        json_decref(result);
    }
    if (run->passed + run->failed == 0) {
        complain("%s has no case: nothing was checked", run->file);
        return EXIT_NO_CASE;
    }
    return run->failed ? EXIT_REFUSED : EXIT_DONE;
}

int policy_cases(struct cli *cli, const char *file)
{
    enum { BYTES_MAX = 16 * 1024 * 1024 };
    struct run run = {.cli = cli, .file = file, .cases = json_array()};
    struct problems problems = {0};
    struct doc_node *list;
    struct buf text = {0};
    int code = read_input(file, &text);
    if (code >= 0) {
        json_decref(run.cases);
        buf_free(&text);
        return code;
    }
    struct arena *arena = arena_new();
    code = EXIT_DONE;
    if (doc_parse_aliased(buf_str(&text), text.len, BYTES_MAX, arena, &list, &problems) == 0)
        code = run_list(&run, list, arena, &problems);
    document_complain(file, &problems);
    if (code == EXIT_DONE)
        code = problems.n ? EXIT_USAGE : finish(&run);
    json_decref(run.cases);
    problems_free(&problems);
    arena_free(arena);
    buf_free(&text);
    return code;
}
