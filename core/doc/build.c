/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/build.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static size_t children(const struct doc_build *b, unsigned level)
{
    size_t end = level + 1 < b->depth ? b->open[level + 1].first : b->n_pending;
    return end - b->open[level].first;
}

bool doc_build_wants_key(const struct doc_build *b)
{
    return b->depth && b->open[b->depth - 1].node->kind == DOC_MAP &&
           children(b, b->depth - 1) % 2 == 0;
}

/* Keys are cut in paths of messages: each of many problems has one. */
static const char *path_key(struct doc_build *b, const char *path, const char *key)
{
    enum { KEY_SHOWN = 256 };
    struct buf shown = {0};
    if (strlen(key) <= KEY_SHOWN)
        return doc_path_key(b->arena, path, key);
    text_shorten(&shown, key, KEY_SHOWN);
    const char *longer = doc_path_key(b->arena, path, shown.data);
    buf_free(&shown);
    return longer;
}

/* The path of one open collection's child: the one that is being read, in all but the innermost
 * already there, in a map with its key. */
static const char *step(struct doc_build *b, unsigned level, const char *path)
{
    const struct doc_frame *frame = &b->open[level];
    size_t n = children(b, level);
    bool innermost = level + 1 == b->depth;
    if (frame->node->kind == DOC_LIST)
        return doc_path_item(b->arena, path, innermost ? n : n - 1);
    if (innermost && n % 2 == 0)
        return path;
    return path_key(b, path, b->pending[frame->first + n - (innermost ? 1 : 2)]->text);
}

static const char *path_here(struct doc_build *b)
{
    const char *path = "";
    for (unsigned level = 0; level < b->depth; level++)
        path = step(b, level, path);
    return path;
}

static bool is_full(struct doc_build *b)
{
    b->failed = true;
    if (!b->problems)
        return true;
    if (b->problems->n == PROBLEMS_MAX)
        b->problems->truncated = true;
    return b->problems->truncated;
}

int doc_build_problem(struct doc_build *b, struct doc_place at, const char *format, ...)
{
    if (is_full(b))
        return -1;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return problems_add(b->problems, path_here(b), at.line, at.column, "%s", message);
}

static int attach(struct doc_build *b, struct doc_node *node)
{
    struct doc_place at = {node->line, node->column};
    if (++b->nodes > b->nodes_max)
        return doc_build_problem(b, at, "the document has more than %zu values", b->nodes_max);
    bool key = node->kind != DOC_SCALAR && doc_build_wants_key(b);
    if (key && node->kind == DOC_NULL)
        return doc_build_problem(b, at, "a key must be text: write it in quotes");
    if (key)
        return doc_build_problem(b, at, "a key must be text, not a %s",
                                 node->kind == DOC_LIST ? "list" : "map");
    if (!b->depth) {
        b->root = node;
        return 0;
    }
    if (b->n_pending == b->cap_pending) {
        b->cap_pending = b->cap_pending ? 2 * b->cap_pending : 64;
        b->pending = alloc_resize(b->pending, b->cap_pending, sizeof(struct doc_node *));
    }
    b->pending[b->n_pending++] = node;
    return 0;
}

/* Its text stands behind it. */
int doc_build_scalar(struct doc_build *b, const struct doc_node *value, const char *text,
                     size_t len)
{
    struct doc_node *node = arena_alloc(b->arena, sizeof *node + len + 1);
    char *copy = (char *)(node + 1);
    *node = *value;
    memcpy(copy, text, len);
    copy[len] = '\0';
    node->text = value->kind == DOC_SCALAR ? copy : "";
    return attach(b, node);
}

int doc_build_open(struct doc_build *b, enum doc_kind kind, struct doc_place at)
{
    if (b->depth == b->depth_max)
        return doc_build_problem(b, at, "lists and maps are nested more than %u deep",
                                 b->depth_max);
    struct doc_node *node = arena_alloc(b->arena, sizeof *node);
    *node = (struct doc_node){.kind = kind, .line = at.line, .column = at.column, .text = ""};
    if (attach(b, node))
        return -1;
    b->open[b->depth++] = (struct doc_frame){node, b->n_pending};
    return 0;
}

int doc_build_anchor(struct doc_build *b, struct doc_place at, const char *name)
{
    enum { ANCHORS_MAX = 1000 };
    struct doc_node *node = b->n_pending ? b->pending[b->n_pending - 1] : b->root;
    if (b->depth && b->open[b->depth - 1].first == b->n_pending)
        node = b->open[b->depth - 1].node;          /* a list or map that was just opened */
    if (b->n_anchors == ANCHORS_MAX)
        return doc_build_problem(b, at, "the document has more than %d anchors", ANCHORS_MAX);
    b->anchors = alloc_resize(b->anchors, b->n_anchors + 1, sizeof *b->anchors);
    b->anchors[b->n_anchors++] = (struct doc_anchor){arena_str(b->arena, name), node, false};
    return 0;
}

static bool is_open(const struct doc_build *b, const struct doc_node *node)
{
    for (unsigned i = 0; i < b->depth; i++)
        if (b->open[i].node == node)
            return true;
    return false;
}

int doc_build_alias(struct doc_build *b, struct doc_place at, const char *name)
{
    struct doc_anchor *found = NULL;
    for (size_t i = 0; i < b->n_anchors; i++) {
        if (strcmp(b->anchors[i].name, name) == 0)
            found = &b->anchors[i];                 /* the last one of the name counts */
        b->anchors[i].has_alias |= is_open(b, b->anchors[i].node);
    }
    if (!found)
        return doc_build_problem(b, at, "the alias *%.60s has no anchor before it", name);
    if (found->has_alias)
        return doc_build_problem(b, at, "the alias *%.60s stands for a value that has an alias "
                                 "itself: write it out", name);
    return attach(b, found->node);
}

static int by_text_then_place(const void *a, const void *b)
{
    const struct doc_node *x = *(struct doc_node *const *)a, *y = *(struct doc_node *const *)b;
    int order = strcmp(x->text, y->text);
    if (order)
        return order;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static bool small_has_duplicates(const struct doc_node *map)
{
    for (size_t i = 1; i < map->n; i++)
        for (size_t j = 0; j < i; j++)
            if (*map->keys[i]->text == *map->keys[j]->text &&
                strcmp(map->keys[i]->text, map->keys[j]->text) == 0)
                return true;
    return false;
}

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619;
    return hash ? hash : 1;
}

/* By the hashes of the keys, each in the first free cell behind its place.  Whoever writes a
 * document can choose keys with equal hashes or places: then it says yes without looking on. */
static bool large_may_have_duplicates(const struct doc_node *map)
{
    size_t cells = 64, left = 4 * map->n;
    while (cells < 2 * map->n)
        cells *= 2;
    uint32_t *taken = alloc_zero(cells, sizeof *taken);
    bool found = false;
    for (size_t i = 0; i < map->n && !found; i++) {
        uint32_t hash = hash_of(map->keys[i]->text);
        size_t at = hash & (cells - 1);
        for (; taken[at] && taken[at] != hash && left > 0; left--)
            at = (at + 1) & (cells - 1);
        found = taken[at] != 0;
        taken[at] = hash;
    }
    free(taken);
    return found;
}

static bool may_have_duplicates(const struct doc_node *map)
{
    enum { SMALL = 8 };
    return map->n <= SMALL ? small_has_duplicates(map) : large_may_have_duplicates(map);
}

/* Sorts a copy: comparing each key with each other would take quadratic time. */
static void report_duplicates(struct doc_build *b, const struct doc_node *map)
{
    if (!may_have_duplicates(map))
        return;
    const char *path = path_here(b);
    struct doc_node **sorted = alloc_bytes(map->n * sizeof(struct doc_node *));
    memcpy(sorted, map->keys, map->n * sizeof(struct doc_node *));
    qsort(sorted, map->n, sizeof(struct doc_node *), by_text_then_place);
    for (size_t i = 1; i < map->n; i++) {
        const struct doc_node *again = sorted[i], *first = sorted[i - 1];
        if (strcmp(again->text, first->text) == 0 && !is_full(b))
            problems_add(b->problems, path_key(b, path, again->text), again->line, again->column,
                         "this key is written twice, first at line %u", first->line);
    }
    free(sorted);
}

void doc_build_close(struct doc_build *b)
{
    struct doc_frame frame = b->open[b->depth - 1];
    struct doc_node *node = frame.node;
    size_t n = b->n_pending - frame.first, width = node->kind == DOC_MAP ? 2 : 1;
    node->n = n / width;
    if (node->n) {
        node->items = arena_alloc(b->arena, node->n * sizeof(struct doc_node *));
        if (width == 2)
            node->keys = arena_alloc(b->arena, node->n * sizeof(struct doc_node *));
    }
    for (size_t i = 0; i < node->n; i++) {
        node->items[i] = b->pending[frame.first + width * i + width - 1];
        if (width == 2)
            node->keys[i] = b->pending[frame.first + 2 * i];
    }
    b->n_pending = frame.first;
    if (node->kind == DOC_MAP)
        report_duplicates(b, node);
    b->depth--;
}

void doc_build_end(struct doc_build *b)
{
    free(b->pending);
    b->pending = NULL;
    free(b->anchors);
    b->anchors = NULL;
}
