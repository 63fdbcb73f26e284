/* SPDX-License-Identifier: Apache-2.0 */
/* Records to learn from, for tests. */
#ifndef SUPPORT_LEARNING_H
#define SUPPORT_LEARNING_H

#include "support/policy_cases.h"

#include "base/error.h"
#include "policy/learn/learn.h"

struct learning {
    struct arena *arena;
    struct policy *ceiling;
    struct policy_seen *seen;
    size_t n, room, max_paths;
    const char *(*general)(const char *path, struct arena *arena);
    struct policy_learned learned;
    struct error err;
};

static inline struct policy *learning_parse(const char *text, struct arena *arena)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, strlen(text), DOC_YAML, &problems);
    for (size_t i = 0; i < problems.n; i++)
        print_error("%s: %s\n", problems.items[i].path, problems.items[i].message);
    problems_free(&problems);
    assert_non_null(policy);
    return policy_keep(policy, arena);
}

static inline struct learning learning_new(const char *ceiling)
{
    struct learning l = {.arena = arena_new()};
    l.ceiling = learning_parse(ceiling, l.arena);
    return l;
}

/* One request, or a connection where path is "". */
static inline struct policy_seen *learning_see(struct learning *l, const char *program,
                                               const char *host, const char *method,
                                               const char *path)
{
    l->seen = arena_grow(l->arena, l->seen, l->n, &l->room, sizeof *l->seen);
    l->seen[l->n] = (struct policy_seen){
        .host = host, .port = 443, .program = program, .method = method, .path = path,
        .operation = "", .field = "", .rpc_method = "", .tool = "", .problem = "",
        .evidence = {1, 1000 * (int64_t)(l->n + 1), 1000 * (int64_t)(l->n + 1)}};
    return &l->seen[l->n++];
}

static inline int learning_run(struct learning *l)
{
    const struct policy_learning learning = {l->seen, l->n, policy_model(l->ceiling),
                                             l->max_paths, l->general};
    l->err.text[0] = '\0';
    return policy_learn(&learning, l->arena, &l->learned, &l->err);
}

static inline void learning_free(struct learning *l)
{
    arena_free(l->arena);
}

#endif
