/* SPDX-License-Identifier: Apache-2.0 */
/* From document paths to lines. */
#include <string.h>

#include "policy/check/check.h"

/* Where the last step of a path begins: at the dot or bracket in front of it, or at its front. */
static size_t last_step(const char *path)
{
    size_t last = 0;
    bool quoted = false;
    for (size_t i = 0; path[i]; i++) {
        if (quoted && path[i] == '\\' && path[i + 1])
            i++;
        else if (path[i] == '"')
            quoted = !quoted;
        else if (!quoted && (path[i] == '.' || path[i] == '['))
            last = i;
    }
    return last;
}

/* A map or list begins after its key; its reader looks for the key. */
static const struct doc_node *key_of(const struct doc_node *parent, const struct doc_node *value)
{
    for (size_t i = 0; parent && parent->kind == DOC_MAP && i < parent->n; i++)
        if (parent->items[i] == value)
            return value->kind == DOC_SCALAR ? value : parent->keys[i];
    return value;
}

/* The node of the path, or of the longest part of it that is there.  Cuts the path up. */
static const struct doc_node *nearest(const struct doc_node *tree, char *path)
{
    const struct doc_node *node;
    while (!(node = doc_at(tree, path)))
        path[last_step(path)] = '\0';
    if (!*path)
        return node;
    path[last_step(path)] = '\0';
    return key_of(doc_at(tree, path), node);
}

void policy_locate(struct problems *problems, const struct doc_node *tree)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < problems->n; i++) {
        struct problem *problem = &problems->items[i];
        if (problem->line)
            continue;
        const struct doc_node *node = nearest(tree, arena_str(arena, problem->path));
        problem->line = node->line;
        problem->column = node->column;
    }
    arena_free(arena);
}
