/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/tree.h"

#include <string.h>

#include "base/text.h"
#include "doc/build.h"
#include "doc/safe.h"

struct doc_place doc_place_of(const char *text, size_t offset)
{
    struct doc_place at = {1, 1};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n'))
            at = (struct doc_place){at.line + 1, 1};
        else if ((text[i] & 0xc0) != 0x80)
            at.column++;
    }
    return at;
}

static int refuse_encoding(struct doc_build *b, const char *text, size_t len, size_t bad)
{
    struct doc_place at = doc_place_of(text, bad);
    const unsigned char *t = (const unsigned char *)text;
    if (bad == 0 && len >= 2 && ((t[0] == 0xff && t[1] == 0xfe) || (t[0] == 0xfe && t[1] == 0xff)))
        return doc_build_problem(b, at, "the document is UTF-16: save it as UTF-8");
    if (text[bad] == '\0')
        return doc_build_problem(b, at, "a NUL byte is not allowed");
    return doc_build_problem(b, at, "not valid UTF-8: byte 0x%02x", t[bad]);
}

/* YAML knows no such characters outside of quoted escapes, and a comment that hides or turns text
 * around could mislead whoever reviews the document.  JSON has its own rule for controls. */
static int check_characters(struct doc_build *b, const char *text, size_t len)
{
    unsigned c;
    size_t bad = doc_find_unsafe(text, len, "\t\r\n", &c);
    if (bad == len)
        return 0;
    return doc_build_problem(
        b, doc_place_of(text, bad),
        doc_turns_text(c)
            ? "the invisible character U+%04X, which turns text around, is not allowed"
            : "the control character U+%04X is not allowed",
        c);
}

static int read_document(struct doc_build *b, const char *text, size_t len, enum doc_format format)
{
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    size_t valid = text_utf8_valid(text, len);
    if (valid < len)
        return refuse_encoding(b, text, len, valid);
    if (format == DOC_JSON)
        return doc_read_json(b, text, len);
    return check_characters(b, text, len) ? -1 : doc_read_yaml(b, text, len);
}

static int parse(struct doc_build *b, const char *text, size_t len, enum doc_format format,
                 struct doc_node **out)
{
    int rc = read_document(b, text, len, format);
    doc_build_end(b);
    *out = rc || b->failed ? NULL : b->root;
    return *out ? 0 : -1;
}

int doc_parse_own(const char *json, size_t len, size_t max_values, struct arena *arena,
                  struct doc_node **out, struct problems *problems)
{
    struct doc_build b = {.arena = arena, .problems = problems,
                          .depth_max = DOC_DEPTH_MAX + DOC_AROUND, .nodes_max = max_values};
    return parse(&b, json, len, DOC_JSON, out);
}

static int parse_bounded(struct doc_build *b, const char *text, size_t len, enum doc_format format,
                         size_t max_bytes, struct doc_node **out)
{
    *out = NULL;
    if (len > max_bytes)
        return problems_add(b->problems, "", 0, 0,
                            "the document has %zu bytes, more than the %zu that are allowed", len,
                            max_bytes);
    b->depth_max = DOC_DEPTH_MAX;
    b->nodes_max = DOC_NODES_MAX;
    return parse(b, text, len, format, out);
}

int doc_parse(const char *text, size_t len, enum doc_format format, size_t max_bytes,
              struct arena *arena, struct doc_node **out, struct problems *problems)
{
    struct doc_build b = {.arena = arena, .problems = problems};
    return parse_bounded(&b, text, len, format, max_bytes, out);
}

int doc_parse_aliased(const char *text, size_t len, size_t max_bytes, struct arena *arena,
                      struct doc_node **out, struct problems *problems)
{
    struct doc_build b = {.arena = arena, .problems = problems, .aliases = true};
    return parse_bounded(&b, text, len, DOC_YAML, max_bytes, out);
}

const struct doc_node *doc_get(const struct doc_node *map, const char *key)
{
    if (!map || map->kind != DOC_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (*map->keys[i]->text == *key && strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}
