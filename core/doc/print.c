/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "doc/number.h"
#include "doc/safe.h"

/* Bytes of a key before quoting, which makes them six times as many at most. */
enum { INDENT = 2, KEY_UNMARKED_MAX = 160 };

static const char *scalar_literal(const struct doc_node *node)
{
    if (node->kind == DOC_NULL)
        return "null";
    bool word = strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0;
    return node->plain && (word || doc_is_json_number(node->text)) ? node->text : NULL;
}

/* JSON. */

static int by_key(const void *a, const void *b)
{
    const struct doc_node *const *const *x = a, *const *const *y = b;
    return strcmp((**x)->text, (**y)->text);
}

/* Positions of the map's keys in byte order, as pointers into its keys. */
static struct doc_node ***sorted_keys(const struct doc_node *map)
{
    struct doc_node ***order = alloc_bytes((map->n + 1) * sizeof(struct doc_node **));
    for (size_t i = 0; i < map->n; i++)
        order[i] = &map->keys[i];
    qsort(order, map->n, sizeof(struct doc_node **), by_key);
    return order;
}

static void print_json(const struct doc_node *node, bool canonical, struct buf *out);

static void print_json_map(const struct doc_node *map, bool canonical, struct buf *out)
{
    struct doc_node ***order = canonical ? sorted_keys(map) : NULL;
    buf_putc(out, '{');
    for (size_t i = 0; i < map->n; i++) {
        size_t at = order ? (size_t)(order[i] - map->keys) : i;
        buf_puts(out, i ? "," : "");
        text_json_quote(out, map->keys[at]->text);
        buf_putc(out, ':');
        print_json(map->items[at], canonical, out);
    }
    buf_putc(out, '}');
    free(order);
}

static void print_json(const struct doc_node *node, bool canonical, struct buf *out)
{
    const char *literal = NULL;
    switch (node->kind) {
    case DOC_MAP:
        print_json_map(node, canonical, out);
        return;
    case DOC_LIST:
        for (size_t i = 0; i < node->n; i++) {
            buf_putc(out, i ? ',' : '[');
            print_json(node->items[i], canonical, out);
        }
        buf_puts(out, node->n ? "]" : "[]");
        return;
    case DOC_NULL:
    case DOC_SCALAR:
        literal = scalar_literal(node);
        if (literal)
            buf_puts(out, literal);
        else
            text_json_quote(out, node->text);
    }
}

/* YAML. */

static bool is_reserved_word(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n",   NULL};
    for (const char *const *w = words; *w; w++)
        if (strcasecmp(text, *w) == 0)
            return true;
    return false;
}

static bool is_dotted_quad(const char *text)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

/* Numbers, dates, times and sexagesimals of any YAML version; an IPv4 address is none of them. */
static bool looks_numeric(const char *text)
{
    return strchr("0123456789+-.", *text) && !is_dotted_quad(text) &&
           text[strspn(text, "0123456789abcdefABCDEFxXoOtTzZiInN+-._: ")] == '\0';
}

/* Text that every YAML reader takes for exactly this text without quotes. */
static bool is_safe_plain(const char *text)
{
    static const char first[] = "/._", inside[] = "_-./:@+=%*,()$&;~^!? ";
    if (!isalnum((unsigned char)*text) && !(*text && strchr(first, *text)))
        return false;
    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr(inside, *c))
            return false;
        if ((*c == ':' || *c == ' ') && (c[1] == ' ' || !c[1]))
            return false;
    }
    bool ends_document = strncmp(text, "...", 3) == 0;
    return !ends_document && !is_reserved_word(text) && !looks_numeric(text);
}

static void print_text(const char *text, struct buf *out)
{
    if (is_safe_plain(text))
        buf_puts(out, text);
    else
        doc_quote(text, DOC_YAML, out);
}

static void indent(struct buf *out, int by)
{
    buf_reserve(out, (size_t)by);
    for (int i = 0; i < by; i++)
        buf_putc(out, ' ');
}

static bool is_block(const struct doc_node *node)
{
    return (node->kind == DOC_MAP || node->kind == DOC_LIST) && node->n;
}

static void print_inline(const struct doc_node *node, struct buf *out)
{
    const char *literal = node->kind == DOC_MAP    ? "{}"
                          : node->kind == DOC_LIST ? "[]"
                                                   : scalar_literal(node);
    if (literal)
        buf_puts(out, literal);
    else
        print_text(node->text, out);
}

/* YAML lets a key stand before its colon only up to 1024 characters; longer ones are marked. */
static void print_key(const char *key, int column, struct buf *out)
{
    bool marked = strlen(key) > KEY_UNMARKED_MAX;
    buf_puts(out, marked ? "? " : "");
    print_text(key, out);
    if (marked) {
        buf_putc(out, '\n');
        indent(out, column);
    }
}

/* The first line continues where the output stands; the others begin at the column. */
static void print_block(const struct doc_node *node, int column, struct buf *out)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct doc_node *item = node->items[i];
        if (i)
            indent(out, column);
        if (node->kind == DOC_MAP)
            print_key(node->keys[i]->text, column, out);
        buf_puts(out, node->kind == DOC_LIST ? "- " : is_block(item) ? ":\n" : ": ");
        if (node->kind == DOC_MAP && is_block(item))
            indent(out, column + INDENT);
        if (is_block(item)) {
            print_block(item, column + INDENT, out);
        } else {
            print_inline(item, out);
            buf_putc(out, '\n');
        }
    }
}

void doc_print(const struct doc_node *node, enum doc_format format, struct buf *out)
{
    if (format == DOC_JSON) {
        print_json(node, false, out);
    } else if (is_block(node)) {
        print_block(node, 0, out);
    } else {
        print_inline(node, out);
        buf_putc(out, '\n');
    }
}

void doc_print_canonical(const struct doc_node *node, struct buf *out)
{
    print_json(node, true, out);
}

void doc_json_to_yaml(const char *json, size_t len, struct buf *out)
{
    struct arena *arena = arena_new();
    struct doc_node *root;
    if (doc_parse_own(json, len, SIZE_MAX, arena, &root, NULL))
        buf_add(out, json, len); /* JSON is YAML too, if not block YAML */
    else
        doc_print(root, DOC_YAML, out);
    arena_free(arena);
}
