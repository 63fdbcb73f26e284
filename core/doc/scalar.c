/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars are typed by the schema, never guessed: plain `no` is a text where a text is expected and
 * an error where a bool is. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "doc/number.h"
#include "doc/safe.h"
#include "doc/schema_parts.h"

enum { SHOWN_MAX = 60 };

const char *schema_show(struct schema_decoder *d, const struct doc_node *value)
{
    static const char *const kinds[] = {
        [DOC_NULL] = "nothing",
        [DOC_LIST] = "a list",
        [DOC_MAP] = "a map",
    };
    if (value->kind != DOC_SCALAR)
        return kinds[value->kind];
    size_t len = doc_cut(value->text, strlen(value->text), SHOWN_MAX);
    struct buf shown = {0};
    doc_quote(arena_printf(d->arena, "%.*s%s", (int)len, value->text, value->text[len] ? "…" : ""),
              DOC_JSON, &shown);
    char *copy = arena_str(d->arena, buf_str(&shown));
    buf_free(&shown);
    return copy;
}

static int check_characters(struct schema_decoder *d, const struct doc_node *value,
                            const char *allowed)
{
    unsigned c;
    size_t len = strlen(value->text);
    if (doc_find_unsafe(value->text, len, allowed, &c) == len)
        return 0;
    if (doc_turns_text(c))
        return schema_problem(d, value,
                              "must not have the invisible character U+%04X, which turns "
                              "text around",
                              c);
    return schema_problem(d, value, "must not have the control character U+%04X", c);
}

static int expect_text(struct schema_decoder *d, const struct doc_node *value)
{
    if (value->kind == DOC_NULL)
        return schema_problem(d, value, "must be a text: write \"\" or leave it out");
    if (value->kind != DOC_SCALAR)
        return schema_problem(d, value, "must be a text, not %s", schema_show(d, value));
    if (value->literal)
        return schema_problem(d, value, "must be a text: write \"%.40s\"", value->text);
    return 0;
}

int schema_any_text(struct schema_decoder *d, const struct doc_node *value, const char **out)
{
    if (expect_text(d, value) != 0)
        return -1;
    *out = arena_str(d->arena, value->text);
    return 0;
}

int schema_text(struct schema_decoder *d, const struct doc_node *value, const char **out)
{
    return schema_read_text(d, NULL, value, out);
}

static char *lower_case(struct arena *arena, const char *text)
{
    char *copy = arena_str(arena, text);
    for (char *c = copy; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static const char *join_words(struct schema_decoder *d, const char *const *words)
{
    const char *list = words[0];
    for (size_t i = 1; words[i]; i++)
        list = arena_printf(d->arena, "%s%s%s", list, words[i + 1] ? ", " : " or ", words[i]);
    return list;
}

bool schema_is_word(const struct schema_field *field, const char *text)
{
    for (const char *const *w = field->words; *w; w++)
        if (strcmp(*w, text) == 0)
            return true;
    return false;
}

/* Whether the text is a synonym; out becomes what it means. */
static bool find_synonym(const struct schema_field *field, const char *text, const char **out)
{
    for (const char *const *pair = field->synonyms; pair && *pair; pair += 2) {
        if (strcmp(pair[0], text) == 0) {
            *out = pair[1];
            return true;
        }
    }
    return false;
}

static int check_text(struct schema_decoder *d, const struct schema_field *field,
                      const struct doc_node *value, const char **text)
{
    if ((field->flags & SCHEMA_NONEMPTY) && !**text)
        return schema_problem(d, value, "must not be empty");
    if (field->max > 0 && strlen(*text) > (size_t)field->max)
        return schema_problem(d, value, "must have at most %" PRId64 " bytes, not %zu", field->max,
                              strlen(*text));
    if (field->flags & SCHEMA_FOLD)
        *text = lower_case(d->arena, *text);
    /* An empty text is what an absent field has, so it means the same. */
    if (find_synonym(field, *text, text) || !**text || !field->words)
        return 0;
    if (schema_is_word(field, *text))
        return 0;
    return schema_problem(d, value, "must be %s, not %s", join_words(d, field->words),
                          schema_show(d, value));
}

int schema_read_text(struct schema_decoder *d, const struct schema_field *field,
                     const struct doc_node *value, const char **out)
{
    const char *allowed = field && (field->flags & SCHEMA_LINES) ? "\t\r\n" : "";
    const char *text = value->text;
    bool any = field && (field->flags & SCHEMA_ANY);
    if (expect_text(d, value) || (!any && check_characters(d, value, allowed)) ||
        (field && check_text(d, field, value, &text)))
        return -1;
    *out = arena_str(d->arena, *text || !field || !field->fallback ? text : field->fallback);
    return 0;
}

int schema_read_bool(struct schema_decoder *d, const struct doc_node *value, bool *out)
{
    bool yes = strcmp(value->text, "true") == 0, no = strcmp(value->text, "false") == 0;
    if (value->kind == DOC_SCALAR && value->plain && (yes || no)) {
        *out = yes;
        return 0;
    }
    return schema_problem(d, value, "must be true or false%s, not %s",
                          yes || no ? " without quotes" : "", schema_show(d, value));
}

int schema_integer(struct schema_decoder *d, const struct doc_node *value, int64_t min, int64_t max,
                   int64_t *out)
{
    int64_t number = 0;
    bool digits = value->kind == DOC_SCALAR && !doc_read_integer(value->text, &number);
    if (digits && !value->plain)
        return schema_problem(d, value, "must be a number: write %.20s without quotes",
                              value->text);
    if (!digits)
        return schema_problem(d, value, "must be a whole number in plain decimal digits, not %s",
                              schema_show(d, value));
    if (number >= min && number <= max) {
        *out = number;
        return 0;
    }
    if (min == max)
        return schema_problem(d, value, "must be %" PRId64 ", not %.20s", min, value->text);
    return schema_problem(d, value, "must be between %" PRId64 " and %" PRId64 ", not %.20s", min,
                          max, value->text);
}

bool schema_is_number(enum schema_kind kind)
{
    return kind == SCHEMA_U16 || kind == SCHEMA_U32 || kind == SCHEMA_I32 || kind == SCHEMA_I64;
}

void schema_range(const struct schema_field *field, int64_t *min, int64_t *max)
{
    *min = field->min;
    *max = field->max;
    if (*min || *max)
        return;
    *min = field->kind == SCHEMA_I32 ? INT32_MIN : field->kind == SCHEMA_I64 ? INT64_MIN : 0;
    *max = field->kind == SCHEMA_I32   ? INT32_MAX
           : field->kind == SCHEMA_I64 ? INT64_MAX
           : field->kind == SCHEMA_U32 ? UINT32_MAX
                                       : UINT16_MAX;
}

void schema_set_number(enum schema_kind kind, void *out, int64_t number)
{
    if (kind == SCHEMA_U16 || kind == SCHEMA_U16S)
        *(uint16_t *)out = (uint16_t)number;
    else if (kind == SCHEMA_U32)
        *(uint32_t *)out = (uint32_t)number;
    else if (kind == SCHEMA_I32)
        *(int32_t *)out = (int32_t)number;
    else
        *(int64_t *)out = number;
}

int64_t schema_get_number(enum schema_kind kind, const void *from)
{
    if (kind == SCHEMA_U16 || kind == SCHEMA_U16S)
        return *(const uint16_t *)from;
    if (kind == SCHEMA_U32)
        return *(const uint32_t *)from;
    if (kind == SCHEMA_I32)
        return *(const int32_t *)from;
    return *(const int64_t *)from;
}

int schema_read_number(struct schema_decoder *d, const struct schema_field *field,
                       const struct doc_node *value, void *out)
{
    int64_t min, max, number;
    schema_range(field, &min, &max);
    if (schema_integer(d, value, min, max, &number))
        return -1;
    schema_set_number(field->kind, out, number);
    return 0;
}

int schema_read_double(struct schema_decoder *d, const struct doc_node *value, double *out)
{
    if (value->kind != DOC_SCALAR || !value->plain || !doc_is_json_number(value->text))
        return schema_problem(d, value, "must be a number, not %s", schema_show(d, value));
    *out = strtod(value->text, NULL);
    return isfinite(*out) ? 0 : schema_problem(d, value, "must be a number that is not so large");
}

static int check_tree(struct schema_decoder *d, const struct schema_field *field,
                      const struct doc_node *node)
{
    int rc = 0;
    if (node->kind == DOC_SCALAR)
        rc = check_characters(d, node, field->flags & SCHEMA_LINES ? "\t\r\n" : "");
    for (size_t i = 0; i < node->n; i++) {
        if (node->keys && schema_key(d, node->keys[i]))
            rc = -1;
        if (check_tree(d, field, node->items[i]))
            rc = -1;
    }
    return rc;
}

int schema_read_json(struct schema_decoder *d, const struct schema_field *field,
                     const struct doc_node *value, const char **out)
{
    if (check_tree(d, field, value))
        return -1;
    struct buf json = {0};
    doc_print_canonical(value, &json);
    *out = arena_str(d->arena, buf_str(&json));
    buf_free(&json);
    return 0;
}

int schema_json(struct schema_decoder *d, const struct doc_node *value, const char **out)
{
    static const struct schema_field any = {.kind = SCHEMA_JSON};
    return schema_read_json(d, &any, value, out);
}

int schema_key(struct schema_decoder *d, const struct doc_node *key)
{
    if (!*key->text)
        return schema_problem(d, key, "a key must not be empty");
    if (strlen(key->text) > SCHEMA_KEY_MAX)
        return schema_problem(d, key, "a key must have at most %d bytes, not %zu", SCHEMA_KEY_MAX,
                              strlen(key->text));
    return check_characters(d, key, "");
}
