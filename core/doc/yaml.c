/* SPDX-License-Identifier: Apache-2.0 */
/* YAML by the events of libyaml, never by its document loader: the loader takes quadratic time on
 * anchors and builds cyclic trees.  libyaml 0.2.5 is quadratic in two more places: in the nesting
 * of flow collections, which the depth limit ends after one look-ahead of 1024 characters, and in
 * %TAG directives, which are refused before it sees them. */
#include <string.h>
#include <yaml.h>

#include "doc/build.h"
#include "doc/safe.h"

enum { SHOWN_MAX = 60 }; /* bytes of a text in a message */

static struct doc_place place(yaml_mark_t mark)
{
    return (struct doc_place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static size_t line_length(const char *at, const char *end)
{
    const char *p = at;
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return (size_t)(p - at);
}

static bool is_blank(const char *line, size_t len)
{
    size_t n = 0;
    while (n < len && (line[n] == ' ' || line[n] == '\t'))
        n++;
    return n == len || line[n] == '#';
}

static bool starts(const char *line, size_t len, const char *word)
{
    size_t n = strlen(word);
    return len >= n && memcmp(line, word, n) == 0;
}

static bool is_version_directive(const char *line, size_t len)
{
    for (int minor = 1; minor <= 2; minor++) {
        const char *word = minor == 1 ? "%YAML 1.1" : "%YAML 1.2";
        size_t n = strlen(word);
        if (starts(line, len, word) && is_blank(line + n, len - n) && (len == n || line[n] != '#'))
            return true;
    }
    return false;
}

/* Looks at the lines before the document, where directives stand. */
static int check_directives(struct doc_build *b, const char *text, size_t len)
{
    const char *end = text + len;
    for (const char *line = text; line < end;) {
        size_t n = line_length(line, end);
        if (starts(line, n, "%") && !is_version_directive(line, n))
            return doc_build_problem(b, doc_place_of(text, (size_t)(line - text)),
                                     "the directive \"%.*s\" is not supported: only %%YAML 1.1 and "
                                     "%%YAML 1.2 are",
                                     (int)doc_cut(line, n, SHOWN_MAX), line);
        if (!starts(line, n, "%") && !is_blank(line, n))
            return 0;
        line += n < (size_t)(end - line) ? n + 1 : n;
    }
    return 0;
}

/* libyaml counts characters. */
static size_t byte_offset(const char *text, size_t len, size_t characters)
{
    size_t at = 0;
    for (; at < len && characters; characters--)
        do
            at++;
        while (at < len && (text[at] & 0xc0) == 0x80);
    return at;
}

/* What follows the first document may only be blank: libyaml is not asked, since it would read all
 * directives of a second document before it reports one. */
static int check_rest(struct doc_build *b, const char *text, size_t len, size_t at)
{
    while (at < len) {
        size_t n = line_length(text + at, text + len);
        bool blank = is_blank(text + at, n);
        bool ending = starts(text + at, n, "...") && is_blank(text + at + 3, n - 3);
        if (!blank && !ending)
            return doc_build_problem(b, doc_place_of(text, at),
                                     "a second document begins here: write one document only");
        at += n < len - at ? n + 1 : n;
    }
    return 0;
}

static bool reads_as_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") ||
            !strcmp(text, "NULL"));
}

/* In quotes; a tag may hold any character by its escapes. */
static const char *show(struct doc_build *b, const char *sign, const yaml_char_t *name)
{
    const char *text = (const char *)name;
    int len = (int)doc_cut(text, strlen(text), SHOWN_MAX);
    struct buf quoted = {0};
    doc_quote(arena_printf(b->arena, "%s%.*s", sign, len, text), DOC_JSON, &quoted);
    text = arena_str(b->arena, quoted.data);
    buf_free(&quoted);
    return text;
}

static int refuse_properties(struct doc_build *b, struct doc_place at, const yaml_char_t *anchor,
                             const yaml_char_t *tag)
{
    if (anchor && !b->aliases)
        return doc_build_problem(b, at, "the anchor %s is not supported: write the value out",
                                 show(b, "&", anchor));
    if (tag)
        return doc_build_problem(b, at, "the tag %s is not supported: leave it out",
                                 show(b, "", tag));
    return 0;
}

static int name_value(struct doc_build *b, struct doc_place at, const yaml_char_t *anchor)
{
    return anchor ? doc_build_anchor(b, at, (const char *)anchor) : 0;
}

static int read_scalar(struct doc_build *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    struct doc_place at = place(event->start_mark);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (refuse_properties(b, at, event->data.scalar.anchor, event->data.scalar.tag))
        return -1;
    if (memchr(text, '\0', len))
        return doc_build_problem(b, at, "a NUL character is not allowed in text");
    if (plain && doc_build_wants_key(b) && strcmp(text, "<<") == 0)
        return doc_build_problem(b, at,
                                 "the merge key \"<<\" is not supported: write the fields out");
    enum doc_kind kind = reads_as_null(event) ? DOC_NULL : DOC_SCALAR;
    const struct doc_node node = {
        .kind = kind, .plain = plain, .line = at.line, .column = at.column};
    int rc = doc_build_scalar(b, &node, text, len);
    return rc ? rc : name_value(b, at, event->data.scalar.anchor);
}

static int read_opening(struct doc_build *b, enum doc_kind kind, struct doc_place at,
                        const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (refuse_properties(b, at, anchor, tag) || doc_build_open(b, kind, at))
        return -1;
    return name_value(b, at, anchor);
}

static int read_alias(struct doc_build *b, struct doc_place at, const yaml_char_t *anchor)
{
    if (b->aliases)
        return doc_build_alias(b, at, (const char *)anchor);
    return doc_build_problem(b, at,
                             "the alias %s is not supported: write the value out, or quote text "
                             "that begins with *",
                             show(b, "*", anchor));
}

static int read_event(struct doc_build *b, const yaml_event_t *event)
{
    struct doc_place at = place(event->start_mark);
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return read_alias(b, at, event->data.alias.anchor);
    case YAML_SEQUENCE_START_EVENT:
        return read_opening(b, DOC_LIST, at, event->data.sequence_start.anchor,
                            event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return read_opening(b, DOC_MAP, at, event->data.mapping_start.anchor,
                            event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        doc_build_close(b);
        return 0;
    default:
        return 0;
    }
}

/* The mistakes that everybody makes deserve more than libyaml's words. */
static const char *advice(const yaml_parser_t *parser, char at)
{
    if (parser->context && strstr(parser->context, "an alias"))
        return ": text that begins with * must be in quotes";
    if (parser->context && strstr(parser->context, "an anchor"))
        return ": text that begins with & must be in quotes";
    if (at == '\t')
        return ": a tab cannot indent, use spaces";
    if (at && strchr("@`%", at))
        return ": text that begins with @, ` or % must be in quotes";
    return "";
}

static int report_parser(struct doc_build *b, const yaml_parser_t *parser, const char *text,
                         size_t len)
{
    const char *context = parser->context ? parser->context : "";
    size_t at = byte_offset(text, len, parser->problem_mark.index);
    return doc_build_problem(b, place(parser->problem_mark), "not valid YAML: %s%s%s%s",
                             parser->problem ? parser->problem : "unreadable", *context ? " " : "",
                             context, advice(parser, at < len ? text[at] : '\0'));
}

static int read_events(struct doc_build *b, yaml_parser_t *parser, const char *text, size_t len)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return report_parser(b, parser, text, len);
        yaml_event_type_t type = event.type;
        size_t end = event.end_mark.index;
        int rc = read_event(b, &event);
        yaml_event_delete(&event);
        if (rc || type == YAML_STREAM_END_EVENT)
            return rc;
        if (type == YAML_DOCUMENT_END_EVENT)
            return check_rest(b, text, len, byte_offset(text, len, end));
    }
}

int doc_read_yaml(struct doc_build *b, const char *text, size_t len)
{
    if (check_directives(b, text, len))
        return -1;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return doc_build_problem(b, (struct doc_place){0}, "the YAML parser has no memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int rc = read_events(b, &parser, text, len);
    yaml_parser_delete(&parser);
    if (!rc && !b->root)
        return doc_build_scalar(
            b, &(struct doc_node){.kind = DOC_NULL, .line = 1, .column = 1}, "", 0);
    return rc;
}
