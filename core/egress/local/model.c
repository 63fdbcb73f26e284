/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/model.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { DEPTH_MAX = 512, MEMBERS_MAX = 256 };

struct text {
    const char *at, *end;
    unsigned depth;
};

struct range {
    const char *from, *to;
};

/* ---- values, which are passed over; false: one is malformed ---- */

static char peek(const struct text *t)
{
    return t->at < t->end ? *t->at : '\0';
}

static void skip_space(struct text *t)
{
    while (t->at < t->end && strchr(" \t\r\n", *t->at))
        t->at++;                                    /* a text has no NUL */
}

static bool skip_char(struct text *t, char c)
{
    bool is = peek(t) == c;
    t->at += is;
    return is;
}

static bool skip_word(struct text *t, const char *word)
{
    size_t len = strlen(word);
    bool is = (size_t)(t->end - t->at) >= len && memcmp(t->at, word, len) == 0;
    t->at += is ? len : 0;
    return is;
}

static bool skip_digits(struct text *t)
{
    const char *from = t->at;
    while (peek(t) >= '0' && peek(t) <= '9')
        t->at++;
    return t->at > from;
}

static bool skip_number(struct text *t)
{
    skip_char(t, '-');
    if (!skip_char(t, '0') && !skip_digits(t))
        return false;
    if (skip_char(t, '.') && !skip_digits(t))
        return false;
    if (!skip_char(t, 'e') && !skip_char(t, 'E'))
        return true;
    if (!skip_char(t, '-'))
        skip_char(t, '+');
    return skip_digits(t);
}

/* The four digits of an escape; -1: there are none. */
static int read_unit(struct text *t)
{
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(t);
        int digit = c >= '0' && c <= '9' ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
        t->at++;
    }
    return unit;
}

/* Halves of a pair stand together; no escape is NUL. */
static bool skip_unicode(struct text *t)
{
    int unit = read_unit(t);
    if (unit <= 0 || (unit >= 0xdc00 && unit < 0xe000))
        return false;
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (!skip_word(t, "\\u"))
        return false;
    unit = read_unit(t);
    return unit >= 0xdc00 && unit < 0xe000;
}

static bool skip_string(struct text *t)
{
    if (!skip_char(t, '"'))
        return false;
    while (t->at < t->end) {
        char c = *t->at++;
        if (c == '"')
            return true;
        if ((unsigned char)c < ' ')
            return false;
        if (c != '\\')
            continue;
        if (skip_char(t, 'u')) {
            if (!skip_unicode(t))
                return false;
        } else if (!peek(t) || !strchr("\"\\/bfnrt", peek(t))) {
            return false;
        } else {
            t->at++;
        }
    }
    return false;
}

static bool skip_value(struct text *t);

static bool skip_member(struct text *t)
{
    if (!skip_string(t))
        return false;
    skip_space(t);
    return skip_char(t, ':') && skip_value(t);
}

/* Of members or of values, up to the bracket. */
static bool skip_list(struct text *t, bool (*skip_one)(struct text *t), char end)
{
    bool good = t->depth++ < DEPTH_MAX;
    t->at++;
    skip_space(t);
    if (good && skip_char(t, end)) {
        t->depth--;
        return true;
    }
    do {
        skip_space(t);
        good = good && skip_one(t);
        skip_space(t);
    } while (good && skip_char(t, ','));
    t->depth--;
    return good && skip_char(t, end);
}

static bool skip_value(struct text *t)
{
    skip_space(t);
    switch (peek(t)) {
    case '{':
        return skip_list(t, skip_member, '}');
    case '[':
        return skip_list(t, skip_value, ']');
    case '"':
        return skip_string(t);
    case 't':
        return skip_word(t, "true");
    case 'f':
        return skip_word(t, "false");
    case 'n':
        return skip_word(t, "null");
    default:
        return skip_number(t);
    }
}

/* ---- the members of the object ---- */

struct object {
    struct range names[MEMBERS_MAX];
    size_t n;
    const char *begin;                              /* behind its brace */
    struct range model;                             /* NULL: it has none */
};

/* Some servers do not tell capitals from small letters. */
static bool are_one(const struct range *name, const char *other, size_t len)
{
    return (size_t)(name->to - name->from) == len && strncasecmp(name->from, other, len) == 0;
}

static bool add_name(struct object *o, struct range name)
{
    size_t len = (size_t)(name.to - name.from);
    for (size_t i = 0; i < o->n; i++)
        if (are_one(&o->names[i], name.from, len))
            return false;
    if (o->n == MEMBERS_MAX || memchr(name.from, '\\', len))
        return false;
    o->names[o->n++] = name;
    return true;
}

static bool read_member(struct text *t, struct object *o)
{
    static const char model[] = "model";
    const char *from = t->at + 1;
    if (!skip_string(t))
        return false;
    const struct range name = {from, t->at - 1};
    skip_space(t);
    if (!add_name(o, name) || !skip_char(t, ':'))
        return false;
    skip_space(t);
    const char *value = t->at;
    if (!skip_value(t))
        return false;
    if (!are_one(&name, model, sizeof model - 1))
        return true;
    o->model = (struct range){value, t->at};
    return memcmp(name.from, model, sizeof model - 1) == 0;
}

static bool read_object(struct text *t, struct object *o)
{
    bool good = true;
    skip_space(t);
    if (!skip_char(t, '{'))
        return false;
    o->begin = t->at;
    skip_space(t);
    if (peek(t) != '}')
        do {
            skip_space(t);
            good = read_member(t, o);
            skip_space(t);
        } while (good && skip_char(t, ','));
    if (!good || !skip_char(t, '}'))
        return false;
    skip_space(t);
    return t->at == t->end;
}

static void write_model(struct buf *body, const struct object *o, const char *model)
{
    struct buf out = {0};
    const char *from = o->model.from ? o->model.from : o->begin;
    const char *rest = o->model.from ? o->model.to : o->begin;
    size_t before = (size_t)(from - body->data), after = body->len - (size_t)(rest - body->data);
    buf_reserve(&out, body->len + strlen(model) + 16);
    buf_add(&out, body->data, before);
    if (!o->model.from)
        buf_puts(&out, "\"model\":");
    text_json_quote(&out, model);
    if (!o->model.from && o->n)
        buf_putc(&out, ',');
    buf_add(&out, rest, after);
    buf_free(body);
    *body = out;
}

int model_set(struct buf *body, const char *model)
{
    struct object object = {0};
    struct text text = {buf_str(body), buf_str(body) + body->len, 0};
    if (text_utf8_valid(buf_str(body), body->len) != body->len || !read_object(&text, &object))
        return -1;
    if (*model)
        write_model(body, &object, model);
    return 0;
}
