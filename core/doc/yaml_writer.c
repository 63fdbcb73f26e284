/* SPDX-License-Identifier: Apache-2.0 */
/* Block YAML that every reader takes for the same values, whatever version of YAML it knows. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "doc/safe.h"
#include "doc/writer.h"

/* Bytes of a key before quoting, which makes them six times as many at most. */
enum { INDENT = 2, KEY_UNMARKED_MAX = 160 };

/* An open list or map.  It is written with its first item; an empty one is [] or {}. */
struct doc_yaml_level {
    enum doc_kind kind;
    int column;
    size_t n;                                       /* items so far */
};

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

static struct doc_yaml_writer *yaml_of(struct doc_writer *w)
{
    return (struct doc_yaml_writer *)w;
}

static bool is_within(const struct doc_yaml_writer *y, enum doc_kind kind)
{
    return y->depth && y->levels[y->depth - 1].kind == kind;
}

/* Moves to where the next item begins: the first one of a list in a list continues the line. */
static void begin_item(struct doc_yaml_writer *y)
{
    struct doc_yaml_level *level = &y->levels[y->depth - 1];
    bool first = level->n++ == 0, in_map = y->depth > 1 && level[-1].kind == DOC_MAP;
    if (first && in_map)
        buf_putc(y->out, '\n');
    if (!first || in_map)
        indent(y->out, level->column);
    if (level->kind == DOC_LIST)
        buf_puts(y->out, "- ");
}

/* YAML lets a key stand before its colon only up to 1024 characters; longer ones are marked. */
static void yaml_key(struct doc_writer *w, const char *key)
{
    struct doc_yaml_writer *y = yaml_of(w);
    bool marked = strlen(key) > KEY_UNMARKED_MAX;
    begin_item(y);
    buf_puts(y->out, marked ? "? " : "");
    print_text(key, y->out);
    if (marked) {
        buf_putc(y->out, '\n');
        indent(y->out, y->levels[y->depth - 1].column);
    }
    buf_putc(y->out, ':');
}

/* Before a value that stands on the line of its key. */
static struct buf *begin_inline(struct doc_yaml_writer *y)
{
    if (is_within(y, DOC_LIST))
        begin_item(y);
    else if (y->depth)
        buf_putc(y->out, ' ');
    return y->out;
}

static void yaml_text(struct doc_writer *w, const char *text)
{
    struct buf *out = begin_inline(yaml_of(w));
    print_text(text, out);
    buf_putc(out, '\n');
}

static void yaml_literal(struct doc_writer *w, const char *literal)
{
    struct buf *out = begin_inline(yaml_of(w));
    buf_puts(out, literal);
    buf_putc(out, '\n');
}

static void yaml_open(struct doc_writer *w, enum doc_kind kind)
{
    struct doc_yaml_writer *y = yaml_of(w);
    int column = y->depth ? y->levels[y->depth - 1].column + INDENT : 0;
    if (is_within(y, DOC_LIST))
        begin_item(y);
    y->levels = alloc_resize(y->levels, y->depth + 1, sizeof *y->levels);
    y->levels[y->depth++] = (struct doc_yaml_level){kind, column, 0};
}

static void yaml_close(struct doc_writer *w, enum doc_kind kind)
{
    struct doc_yaml_writer *y = yaml_of(w);
    if (y->levels[--y->depth].n)
        return;
    if (is_within(y, DOC_MAP))
        buf_putc(y->out, ' ');
    buf_puts(y->out, kind == DOC_MAP ? "{}\n" : "[]\n");
}

struct doc_writer *doc_yaml_writer(struct doc_yaml_writer *yaml, struct buf *out)
{
    static const struct doc_writer_ops ops = {.key = yaml_key, .text = yaml_text,
                                              .literal = yaml_literal, .open = yaml_open,
                                              .close = yaml_close};
    *yaml = (struct doc_yaml_writer){.writer = {.ops = &ops}, .out = out};
    return &yaml->writer;
}

void doc_yaml_writer_end(struct doc_yaml_writer *yaml)
{
    free(yaml->levels);
    yaml->levels = NULL;
}

void doc_print(const struct doc_node *node, enum doc_format format, struct buf *out)
{
    struct doc_json_writer json;
    struct doc_yaml_writer yaml;
    if (format == DOC_JSON) {
        doc_write_tree(doc_json_writer(&json, out), node);
    } else {
        doc_write_tree(doc_yaml_writer(&yaml, out), node);
        doc_yaml_writer_end(&yaml);
    }
}

void doc_print_canonical(const struct doc_node *node, struct buf *out)
{
    struct doc_json_writer json;
    doc_write_canonical(doc_json_writer(&json, out), node);
}
