/* SPDX-License-Identifier: Apache-2.0 */
/* Cases as data: a YAML file holds a list of maps, each with a name, what is given and what is
 * expected.  A file without cases fails. */
#ifndef TESTS_SUPPORT_POLICY_CASES_H
#define TESTS_SUPPORT_POLICY_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

typedef void case_runner(const struct doc_node *test, const char *name);

static inline struct buf cases_read(const char *path)
{
    struct buf text = {0};
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be opened", path);
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buf_add(&text, chunk, n);
    fclose(file);
    return text;
}

static inline void cases_print(const char *what, const struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++)
        print_error("%s %u:%u %s: %s\n", what, problems->items[i].line, problems->items[i].column,
                    problems->items[i].path, problems->items[i].message);
}

static inline void cases_run(const char *path, case_runner *run)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *list;
    struct buf text = cases_read(path);
    if (doc_parse(text.data, text.len, DOC_YAML, 1 << 20, arena, &list, &problems) != 0) {
        cases_print(path, &problems);
        fail_msg("%s cannot be read", path);
    }
    assert_true(list->kind == DOC_LIST && list->n > 0);
    for (size_t i = 0; i < list->n; i++) {
        const struct doc_node *name = doc_get(list->items[i], "name");
        assert_non_null(name);
        run(list->items[i], name->text);
    }
    problems_free(&problems);
    buf_free(&text);
    arena_free(arena);
}

/* Whether a problem is what "path: part of the message" says. */
static inline bool cases_is(const struct problem *problem, const char *expected)
{
    size_t len = strlen(problem->path);
    return strncmp(expected, problem->path, len) == 0 && strncmp(expected + len, ": ", 2) == 0
        && strstr(problem->message, expected + len + 2);
}

/* Every expected problem is there and no other: none expected and some found is a failure too. */
static inline void cases_expect(const char *name, const char *what, const struct doc_node *expected,
                                const struct problems *problems)
{
    size_t n = expected ? expected->n : 0;
    bool good = n == problems->n;
    for (size_t i = 0; good && i < n; i++) {
        bool found = false;
        for (size_t j = 0; j < problems->n; j++)
            found = found || cases_is(&problems->items[j], expected->items[i]->text);
        if (!found)
            print_error("%s: %s lacks '%s'\n", name, what, expected->items[i]->text);
        good = found;
    }
    if (good)
        return;
    cases_print(what, problems);
    fail_msg("%s: %zu %s, expected %zu", name, problems->n, what, n);
}

static inline struct policy *cases_policy(const char *name, const struct doc_node *node)
{
    struct problems problems = {0};
    struct policy *policy = policy_decode(node, "", &problems);
    if (!policy) {
        cases_print(name, &problems);
        fail_msg("%s: not a policy", name);
    }
    problems_free(&problems);
    return policy;
}

#endif
