/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "doc/number.h"

/* ---- values, whatever is made of them ---- */

static void flush_key(struct doc_writer *w)
{
    if (w->key)
        w->ops->key(w, w->key);
    w->key = NULL;
}

void doc_write_key(struct doc_writer *w, const char *key)
{
    w->key = key;
}

void doc_write_text(struct doc_writer *w, const char *text)
{
    flush_key(w);
    w->ops->text(w, text);
}

void doc_write_literal(struct doc_writer *w, const char *literal)
{
    flush_key(w);
    w->ops->literal(w, literal);
}

void doc_write_number(struct doc_writer *w, int64_t number)
{
    char text[TEXT_NUMBER_SIZE];
    doc_write_literal(w, text_number(text, number));
}

void doc_write_bool(struct doc_writer *w, bool value)
{
    doc_write_literal(w, value ? "true" : "false");
}

void doc_write_open(struct doc_writer *w, enum doc_kind kind)
{
    flush_key(w);
    w->ops->open(w, kind);
}

void doc_write_close(struct doc_writer *w, enum doc_kind kind)
{
    w->key = NULL;
    w->ops->close(w, kind);
}

void doc_write_json(struct doc_writer *w, const char *json)
{
    if (w->ops->json) {
        flush_key(w);
        w->ops->json(w, json);
        return;
    }
    struct arena *arena = arena_new();
    struct doc_node *node;
    if (doc_parse_own(json, strlen(json), SIZE_MAX, arena, &node, NULL) == 0)
        doc_write_tree(w, node);
    else
        doc_write_literal(w, "null");
    arena_free(arena);
}

/* ---- trees ---- */

static int by_key(const void *a, const void *b)
{
    const struct doc_node *const *const *x = a, *const *const *y = b;
    return strcmp((**x)->text, (**y)->text);
}

/* The map's keys in byte order, as pointers into its keys. */
static struct doc_node ***sorted_keys(const struct doc_node *map)
{
    struct doc_node ***order = alloc_bytes((map->n + 1) * sizeof(struct doc_node **));
    for (size_t i = 0; i < map->n; i++)
        order[i] = &map->keys[i];
    qsort(order, map->n, sizeof(struct doc_node **), by_key);
    return order;
}

static void write_scalar(struct doc_writer *w, const struct doc_node *node)
{
    bool word = strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0;
    if (node->plain && (word || doc_is_json_number(node->text)))
        doc_write_literal(w, node->text);
    else
        doc_write_text(w, node->text);
}

static void write_node(struct doc_writer *w, const struct doc_node *node, bool sorted)
{
    if (node->kind == DOC_NULL) {
        doc_write_literal(w, "null");
        return;
    }
    if (node->kind == DOC_SCALAR) {
        write_scalar(w, node);
        return;
    }
    struct doc_node ***order = sorted && node->keys ? sorted_keys(node) : NULL;
    doc_write_open(w, node->kind);
    for (size_t i = 0; i < node->n; i++) {
        size_t at = order ? (size_t)(order[i] - node->keys) : i;
        if (node->kind == DOC_MAP)
            doc_write_key(w, node->keys[at]->text);
        write_node(w, node->items[at], sorted);
    }
    doc_write_close(w, node->kind);
    free(order);
}

void doc_write_tree(struct doc_writer *w, const struct doc_node *node)
{
    write_node(w, node, false);
}

void doc_write_canonical(struct doc_writer *w, const struct doc_node *node)
{
    write_node(w, node, true);
}

/* ---- JSON ---- */

/* Only behind another item is a comma needed, and no item ends in one of these characters. */
static struct buf *next_item(struct doc_writer *w)
{
    struct doc_json_writer *json = (struct doc_json_writer *)w;
    struct buf *out = json->out;
    char last = out->len > json->begin ? out->data[out->len - 1] : ':';
    if (last != ':' && last != '{' && last != '[')
        buf_putc(out, ',');
    return out;
}

static void json_key(struct doc_writer *w, const char *key)
{
    struct buf *out = next_item(w);
    text_json_quote(out, key);
    buf_putc(out, ':');
}

static void json_text(struct doc_writer *w, const char *text)
{
    text_json_quote(next_item(w), text);
}

static void json_literal(struct doc_writer *w, const char *literal)
{
    buf_puts(next_item(w), literal);
}

static void json_open(struct doc_writer *w, enum doc_kind kind)
{
    buf_putc(next_item(w), kind == DOC_MAP ? '{' : '[');
}

static void json_close(struct doc_writer *w, enum doc_kind kind)
{
    buf_putc(((struct doc_json_writer *)w)->out, kind == DOC_MAP ? '}' : ']');
}

struct doc_writer *doc_json_writer(struct doc_json_writer *json, struct buf *out)
{
    static const struct doc_writer_ops ops = {
        .key = json_key, .text = json_text, .literal = json_literal, .open = json_open,
        .close = json_close, .json = json_literal,
    };
    *json = (struct doc_json_writer){.writer = {.ops = &ops}, .out = out, .begin = out->len};
    return &json->writer;
}

/* ---- trees again: making one ---- */

static struct doc_build *build_of(struct doc_writer *w)
{
    return &((struct doc_tree_writer *)w)->build;
}

/* A failed build is a document that is too large: what follows is dropped. */
static void add_scalar(struct doc_writer *w, struct doc_node value, const char *text)
{
    struct doc_build *b = build_of(w);
    if (!b->failed)
        doc_build_scalar(b, &value, text, strlen(text));
}

static void tree_text(struct doc_writer *w, const char *text)
{
    add_scalar(w, (struct doc_node){.kind = DOC_SCALAR}, text);
}

static void tree_literal(struct doc_writer *w, const char *literal)
{
    bool null = *literal == 'n';
    add_scalar(w, (struct doc_node){.kind = null ? DOC_NULL : DOC_SCALAR, .plain = true,
                                    .literal = !null}, literal);
}

static void tree_open(struct doc_writer *w, enum doc_kind kind)
{
    struct doc_build *b = build_of(w);
    if (!b->failed)
        doc_build_open(b, kind, (struct doc_place){0, 0});
}

static void tree_close(struct doc_writer *w, enum doc_kind kind)
{
    struct doc_build *b = build_of(w);
    (void)kind;
    if (!b->failed)
        doc_build_close(b);
}

struct doc_writer *doc_tree_writer(struct doc_tree_writer *tree, struct arena *arena,
                                   struct problems *problems)
{
    static const struct doc_writer_ops ops = {.key = tree_text, .text = tree_text,
                                              .literal = tree_literal, .open = tree_open,
                                              .close = tree_close};
    *tree = (struct doc_tree_writer){
        .writer = {.ops = &ops},
        .build = {.arena = arena, .problems = problems, .depth_max = DOC_DEPTH_MAX,
                  .nodes_max = DOC_NODES_MAX},
    };
    return &tree->writer;
}

struct doc_node *doc_tree_writer_end(struct doc_tree_writer *tree)
{
    doc_build_end(&tree->build);
    return tree->build.failed ? NULL : tree->build.root;
}
