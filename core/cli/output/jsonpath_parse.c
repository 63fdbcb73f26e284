/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/output/jsonpath_parts.h"

struct reader {
    const char *text, *at, *end;                    /* text, end: of what was typed */
    struct error *err;
};

static int wrong(struct reader *r, const char *what)
{
    if (r->at >= r->end)
        return error_set(r->err, ERROR_INVALID, "%s at its end", what);
    int left = (int)(r->end - r->at);
    return error_set(r->err, ERROR_INVALID, "%s at character %zu, '%.*s'", what,
                     (size_t)(r->at - r->text) + 1, left < 20 ? left : 20, r->at);
}

static void skip_blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t");
}

static bool take(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

static bool is_name_end(char c)
{
    return !c || strchr(".[]{}()=!<> \t'\"|,:?*", c);
}

static struct step *add_step(struct path *path, enum step_kind kind)
{
    path->steps = alloc_resize(path->steps, path->n + 1, sizeof *path->steps);
    path->steps[path->n] = (struct step){.kind = kind};
    return &path->steps[path->n++];
}

/* 'text' or "text"; \n, \t and \r in both.  NULL: it has no end. */
static char *read_quoted(struct reader *r)
{
    char quote = *r->at;
    struct buf out = {0};
    buf_puts(&out, "");
    for (r->at++; *r->at && *r->at != quote; r->at++) {
        char c = *r->at;
        if (c == '\\' && r->at[1]) {
            c = *++r->at;
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        buf_putc(&out, c);
    }
    if (*r->at) {
        r->at++;
        return buf_take(&out);
    }
    buf_free(&out);
    wrong(r, "a text without its closing quote");
    return NULL;
}

static int read_path(struct reader *r, struct path *out);

static json_t *read_value(struct reader *r)
{
    if (*r->at == '\'' || *r->at == '"') {
        char *text = read_quoted(r);
        json_t *value = text ? json_string(text) : NULL;
        free(text);
        return value;
    }
    size_t len = strcspn(r->at, ") \t");
    json_t *value = json_loadb(r->at, len, JSON_DECODE_ANY, NULL);
    if (value)
        r->at += len;
    else
        wrong(r, "a text in quotes, a number, true or false is missing");
    return value;
}

/* After "?(". */
static int read_filter(struct reader *r, struct path *path)
{
    struct step *step = add_step(path, STEP_FILTER);
    step->compared = alloc_zero(1, sizeof *step->compared);
    step->equal = true;
    skip_blanks(r);
    if (!take(r, "@"))
        return wrong(r, "a filter begins with @");
    if (read_path(r, step->compared) != 0)
        return -1;
    skip_blanks(r);
    step->equal = !take(r, "!=");
    if (!step->equal || take(r, "==")) {
        skip_blanks(r);
        step->value = read_value(r);
        if (!step->value)
            return -1;
    }
    skip_blanks(r);
    return take(r, ")]") ? 0 : wrong(r, "a filter ends with )], and compares with == or !=");
}

static int read_numbers(struct reader *r, struct path *path)
{
    char *end;
    struct step *step = add_step(path, STEP_ITEM);
    step->from = strtol(r->at, &end, 10);
    bool none = end == r->at;
    r->at = end;
    if (take(r, ":")) {
        step->kind = STEP_SLICE;
        step->to = strtol(r->at, &end, 10);
        step->open = end == r->at;
        r->at = end;
    } else if (none) {
        return wrong(r, "[ takes a number, *, 'name' or ?(...)");
    }
    return take(r, "]") ? 0 : wrong(r, "] is missing");
}

/* After "[". */
static int read_brackets(struct reader *r, struct path *path)
{
    if (take(r, "?("))
        return read_filter(r, path);
    if (take(r, "*]")) {
        add_step(path, STEP_ALL);
        return 0;
    }
    if (*r->at != '\'' && *r->at != '"')
        return read_numbers(r, path);
    char *name = read_quoted(r);
    if (!name)
        return -1;
    add_step(path, STEP_MEMBER)->name = name;
    return take(r, "]") ? 0 : wrong(r, "] is missing");
}

/* After ".".  A backslash keeps the character behind it, as in .labels.a\.b. */
static int read_member(struct reader *r, struct path *path)
{
    struct buf name = {0};
    if (*r->at == '.')
        return wrong(r, "'..' is not known here: name each member");
    if (take(r, "*")) {
        add_step(path, STEP_ALL);
        return 0;
    }
    for (; !is_name_end(*r->at); r->at++) {
        if (*r->at == '\\' && r->at[1])
            r->at++;
        buf_putc(&name, *r->at);
    }
    if (name.len)
        add_step(path, STEP_MEMBER)->name = buf_take(&name);
    return 0;
}

static int read_path(struct reader *r, struct path *out)
{
    int rc = 0;
    for (;;) {
        if (rc != 0)
            return rc;
        if (take(r, "."))
            rc = read_member(r, out);
        else if (take(r, "["))
            rc = read_brackets(r, out);
        else
            return 0;
    }
}

static struct part *add_part(struct jsonpath *path, enum part_kind kind)
{
    path->parts = alloc_resize(path->parts, path->n + 1, sizeof *path->parts);
    path->parts[path->n] = (struct part){.kind = kind};
    return &path->parts[path->n++];
}

/* The range that has no end yet.  NULL: there is none. */
static struct part *open_range(struct jsonpath *path)
{
    size_t ends = 0;
    for (size_t i = path->n; i > 0; i--) {
        struct part *p = &path->parts[i - 1];
        ends += p->kind == PART_END;
        if (p->kind == PART_RANGE && ends-- == 0)
            return p;
    }
    return NULL;
}

static int read_range_end(struct reader *r, struct jsonpath *out)
{
    struct part *range = open_range(out);
    if (!range)
        return wrong(r, "{end} without {range ...}");
    range->end = out->n;
    add_part(out, PART_END);
    return 0;
}

/* A path begins with '.', '[', '$' or '@'; a bare name is one of the document, too. */
static int read_expression(struct reader *r, struct part *part)
{
    skip_blanks(r);
    part->path.of_document = take(r, "$");
    if (!part->path.of_document)
        take(r, "@");
    if (!is_name_end(*r->at) && read_member(r, &part->path) != 0)
        return -1;
    return read_path(r, &part->path);
}

static int read_braces(struct reader *r, struct jsonpath *out)
{
    int rc;
    skip_blanks(r);
    if (*r->at == '"' || *r->at == '\'') {
        char *text = read_quoted(r);
        rc = text ? 0 : -1;
        add_part(out, PART_TEXT)->text = text;
    } else if (strncmp(r->at, "end", 3) == 0 && is_name_end(r->at[3])) {
        rc = read_range_end(r, out);
        r->at += 3;
    } else {
        bool range = strncmp(r->at, "range", 5) == 0 && (r->at[5] == ' ' || r->at[5] == '\t');
        r->at += range ? 5 : 0;
        rc = read_expression(r, add_part(out, range ? PART_RANGE : PART_PATH));
    }
    if (rc != 0)
        return rc;
    skip_blanks(r);
    return take(r, "}") ? 0 : wrong(r, "} is missing, or this is not known here");
}

static int read_template(struct reader *r, struct jsonpath *out)
{
    while (*r->at) {
        size_t plain = strcspn(r->at, "{");
        if (plain)
            add_part(out, PART_TEXT)->text = alloc_strn(r->at, plain);
        r->at += plain;
        if (take(r, "{") && read_braces(r, out) != 0)
            return -1;
    }
    return open_range(out) ? wrong(r, "{range ...} without {end}") : 0;
}

static void free_path(struct path *path)
{
    for (size_t i = 0; i < path->n; i++) {
        struct step *s = &path->steps[i];
        if (s->compared)
            free_path(s->compared);
        free(s->compared);
        free(s->name);
        json_decref(s->value);
    }
    free(path->steps);
}

void jsonpath_free(struct jsonpath *path)
{
    if (!path)
        return;
    for (size_t i = 0; i < path->n; i++) {
        free_path(&path->parts[i].path);
        free(path->parts[i].text);
    }
    free(path->parts);
    free(path);
}

struct jsonpath *jsonpath_parse(const char *text, struct error *err)
{
    /* .a.b without braces is what it looks like. */
    bool bare = (*text == '.' || *text == '$') && !strchr(text, '{');
    char *whole = alloc_printf("%s%s%s", bare ? "{" : "", text, bare ? "}" : "");
    struct reader r = {whole + bare, whole, whole + bare + strlen(text), err};
    struct jsonpath *path = alloc_zero(1, sizeof *path);
    int rc =
        *text ? read_template(&r, path) : error_set(err, ERROR_INVALID, "an expression is missing");
    free(whole);
    if (rc == 0)
        return path;
    jsonpath_free(path);
    return NULL;
}
