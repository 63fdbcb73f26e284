/* SPDX-License-Identifier: Apache-2.0 */
/* Random records of any table, and texts that printers get wrong.  The same seed gives the same. */
#ifndef TESTS_SUPPORT_DOC_RANDOM_H
#define TESTS_SUPPORT_DOC_RANDOM_H

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doc/schema.h"

struct dice {
    uint64_t state;
    struct arena *arena;
};

/* splitmix64 */
static inline uint64_t roll(struct dice *dice, uint64_t sides)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % sides;
}

static inline const char *random_text(struct dice *dice)
{
    /* clang-format off */
    static const char *const texts[] = {
        "a", "api.example.com", "*.example.com", "**", "/usr/**", "no", "on", "Yes", "y", "n",
        "true", "False", "null", "Null", "~", "-", "--", "---", "...", "... a", "- a", "-a", "?",
        "? a",
        ":", ":a", "a:", "a: b", "a:b", "#", "# a", "a #b", "a#b", "&a", "*a", "!a", "!!str",
        "%a", "@a", "`a", "|", ">", "|-", "[", "]", "[a]", "{", "}", "{a: b}", ",", "a,b", "'",
        "\"", "it's", "\"q\"", "\\", "\\n", "<<", "=", "0", "00", "1", "-1", "+1", "1.", ".5",
        "1e3", "1E3", "0x1f", "0o17", "0b1", "1_000", "12:30:45", "2026-01-01",
        "2026-01-01T00:00:00Z", ".inf", "-.Inf", ".nan", "NaN", "1.2.3.4", "10.0.0.0/8", "::1",
        "fe80::1", " a", "a ", " ", "  ", "a  b", "é", "日本語", "😀", "a/b", "$x", "^x$", "(x)",
        "x|y", "sk-[a-z0-9]+", "{{x}}", "a\\b", "C:\\x", "key: value # c", "a. b. c", "/", "..",
        "_", "=x", "x=", "%2F", "a?b", "!",
    };
    /* clang-format on */
    if (roll(dice, 4))
        return texts[roll(dice, sizeof texts / sizeof *texts)];
    static const char letters[] = "ab01:-#,[]{}&*!|>'\"%@`?=~ ./_\\";
    char text[12];
    size_t n = 1 + roll(dice, sizeof text - 2);
    for (size_t i = 0; i < n; i++)
        text[i] = letters[roll(dice, sizeof letters - 1)];
    text[n] = '\0';
    return arena_str(dice->arena, text);
}

static inline const char *random_field_text(struct dice *dice, const struct schema_field *field)
{
    if (!field->words)
        return random_text(dice);
    for (;;) {
        size_t n = 0, means_other = 0;
        while (field->words[n])
            n++;
        const char *word = field->words[roll(dice, n)];
        for (const char *const *pair = field->synonyms; pair && *pair; pair += 2)
            means_other += strcmp(*pair, word) == 0;
        if (!means_other)
            return word;
    }
}

static inline const char *random_json(struct dice *dice)
{
    struct buf json = {0};
    buf_puts(&json, "{");
    for (uint64_t i = 0, n = roll(dice, 3); i < n; i++) {
        static const char *const values[] = {
            "1", "-0.5e3", "true", "null", "\"no\"", "\"1\"", "[]", "{}", "[[1],{\"a\":\"x: y\"}]"};
        buf_printf(&json, "%s\"k%" PRIu64 " :\":%s", i ? "," : "", i,
                   values[roll(dice, sizeof values / sizeof *values)]);
    }
    buf_puts(&json, "}");
    const char *copy = arena_str(dice->arena, buf_str(&json));
    buf_free(&json);
    return copy;
}

static inline void random_number(struct dice *dice, const struct schema_field *field, void *out)
{
    int64_t min = field->min, max = field->max ? field->max : UINT16_MAX;
    int64_t number = min + (int64_t)roll(dice, (uint64_t)(max - min) + 1);
    if (field->kind == SCHEMA_U16 || field->kind == SCHEMA_U16S)
        *(uint16_t *)out = (uint16_t)number;
    else if (field->kind == SCHEMA_I64)
        *(int64_t *)out = number;
    else
        *(uint32_t *)out = (uint32_t)number;
}

static inline void *random_record(struct dice *dice, const struct schema *schema, const char *key);

static inline int random_by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Different texts, in order. */
static inline size_t random_keys(struct dice *dice, const char **keys, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        keys[i] = random_text(dice);
    qsort(keys, n, sizeof *keys, random_by_text);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(keys[kept - 1], keys[i]) != 0)
            keys[kept++] = keys[i];
    return kept;
}

static inline void random_array(struct dice *dice, const struct schema_field *field, char *record)
{
    enum { MOST = 3 };
    const char *keys[MOST];
    size_t n = roll(dice, MOST + 1);
    if (!n && (field->flags & SCHEMA_NONEMPTY) && field->kind == SCHEMA_TEXTS)
        n = 1;
    if (field->kind == SCHEMA_KEYED)
        n = random_keys(dice, keys, n);
    void **items = arena_zalloc(dice->arena, (n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++) {
        if (field->kind == SCHEMA_U16S)
            random_number(dice, field, (uint16_t *)(void *)items + i);
        else if (field->kind == SCHEMA_TEXTS)
            items[i] = (void *)(uintptr_t)random_text(dice);
        else
            items[i] =
                random_record(dice, field->sub, field->kind == SCHEMA_KEYED ? keys[i] : NULL);
    }
    items = n ? items : NULL;
    memcpy(record + field->offset, &items, sizeof items);
    memcpy(record + field->count_offset, &n, sizeof n);
}

static inline void random_fields(struct dice *dice, const struct schema *schema, char *record)
{
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        const void *p = NULL;
        bool written = (f->flags & SCHEMA_REQUIRED) || roll(dice, 2);
        if (f->flags & (SCHEMA_ALIAS | SCHEMA_IGNORED) || f->kind == SCHEMA_CUSTOM ||
            (f->decode && f->kind == SCHEMA_U16))
            continue;
        if (f->kind == SCHEMA_TEXT)
            p = written                     ? random_field_text(dice, f)
                : (f->flags & SCHEMA_NAMED) ? ""
                : f->fallback               ? f->fallback
                                            : "";
        else if (f->kind == SCHEMA_JSON)
            p = written ? random_json(dice) : f->fallback;
        else if (f->kind == SCHEMA_STRUCT)
            p = written ? random_record(dice, f->sub, NULL) : NULL;
        else if (f->kind == SCHEMA_BOOL)
            *(bool *)(record + f->offset) = written;
        else if (f->kind == SCHEMA_GROUP)
            random_fields(dice, f->sub, record);
        else if (f->kind == SCHEMA_TEXTS || f->kind == SCHEMA_U16S || f->kind == SCHEMA_STRUCTS ||
                 f->kind == SCHEMA_KEYED)
            random_array(dice, f, record);
        else
            random_number(dice, f, record + f->offset);
        if (f->kind == SCHEMA_TEXT || f->kind == SCHEMA_JSON || f->kind == SCHEMA_STRUCT)
            memcpy(record + f->offset, &p, sizeof p);
    }
}

static inline void *random_record(struct dice *dice, const struct schema *schema, const char *key)
{
    char *record = arena_zalloc(dice->arena, schema->size);
    random_fields(dice, schema, record);
    if (key)
        memcpy(record + schema->key_offset, &key, sizeof key);
    return record;
}

#endif
