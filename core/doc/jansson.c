/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/jansson.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "doc/number.h"

/* ---- to a writer ---- */

/* 0.65 stays 0.65. */
static void write_real(struct doc_writer *w, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    doc_write_literal(w, text ? text : "null");
    free(text);
}

static void write_collection(struct doc_writer *w, const json_t *value)
{
    enum doc_kind kind = json_is_array(value) ? DOC_LIST : DOC_MAP;
    const char *key;
    json_t *item;
    size_t i;
    doc_write_open(w, kind);
    json_array_foreach(value, i, item)
        doc_write_jansson(w, item);
    json_object_foreach((json_t *)(uintptr_t)value, key, item) {
        doc_write_key(w, key);
        doc_write_jansson(w, item);
    }
    doc_write_close(w, kind);
}

void doc_write_jansson(struct doc_writer *w, const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:  doc_write_text(w, json_string_value(value)); break;
    case JSON_INTEGER: doc_write_number(w, json_integer_value(value)); break;
    case JSON_REAL:    write_real(w, value); break;
    case JSON_TRUE:    doc_write_bool(w, true); break;
    case JSON_FALSE:   doc_write_bool(w, false); break;
    case JSON_NULL:    doc_write_literal(w, "null"); break;
    case JSON_ARRAY:
    case JSON_OBJECT:  write_collection(w, value); break;
    }
}

/* ---- from a writer ---- */

static struct doc_jansson_writer *jansson_of(struct doc_writer *w)
{
    return (struct doc_jansson_writer *)w;
}

static void add_value(struct doc_writer *w, json_t *value)
{
    struct doc_jansson_writer *j = jansson_of(w);
    json_t *within = j->depth ? j->open[j->depth - 1] : NULL;
    if (!within)
        j->root = value;
    else if (json_is_array(within))
        json_array_append_new(within, value);
    else
        json_object_set_new(within, j->at, value);
}

static void add_key(struct doc_writer *w, const char *key)
{
    jansson_of(w)->at = key;
}

static void add_text(struct doc_writer *w, const char *text)
{
    add_value(w, json_string(text));
}

static void add_literal(struct doc_writer *w, const char *literal)
{
    int64_t number;
    if (*literal == 'n')
        add_value(w, json_null());
    else if (*literal == 't' || *literal == 'f')
        add_value(w, json_boolean(*literal == 't'));
    else if (doc_read_integer(literal, &number) == 0)
        add_value(w, json_integer(number));
    else
        add_value(w, json_real(strtod(literal, NULL)));
}

static void open_collection(struct doc_writer *w, enum doc_kind kind)
{
    struct doc_jansson_writer *j = jansson_of(w);
    json_t *value = kind == DOC_LIST ? json_array() : json_object();
    add_value(w, value);
    j->open = alloc_resize(j->open, j->depth + 1, sizeof *j->open);
    j->open[j->depth++] = value;
}

static void close_collection(struct doc_writer *w, enum doc_kind kind)
{
    (void)kind;
    jansson_of(w)->depth--;
}

struct doc_writer *doc_jansson_writer(struct doc_jansson_writer *jansson)
{
    static const struct doc_writer_ops ops = {.key = add_key, .text = add_text,
                                              .literal = add_literal, .open = open_collection,
                                              .close = close_collection};
    *jansson = (struct doc_jansson_writer){.writer = {.ops = &ops}};
    return &jansson->writer;
}

json_t *doc_jansson_writer_end(struct doc_jansson_writer *jansson)
{
    free(jansson->open);
    return jansson->root;
}
