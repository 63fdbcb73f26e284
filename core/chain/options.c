/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/options.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/duration.h"
#include "base/printable.h"
#include "base/text.h"
#include "doc/safe.h"
#include "doc/writer.h"

struct value {
    bool set;                                       /* has a value, of its own or the default */
    bool boolean;
    int64_t integer;
    const char *text;
    const char *const *list;
    size_t n_list;
};

struct row {
    const char *name;
    enum sluice_option_type type;
    struct value value;
};

struct options {
    struct sluice_options face;
    struct arena *arena;
    struct row *rows;                               /* by name */
    size_t n;
    char *json;
};

struct reader {
    struct options *options;
    const struct sluice_option *table;
    struct buf complaints;
};

static const struct {
    const char *word, *what;
} types[] = {
    [SLUICE_TEXT] = {"text", "a text"},
    [SLUICE_INTEGER] = {"integer", "a whole number"},
    [SLUICE_BOOLEAN] = {"boolean", "true or false"},
    [SLUICE_DURATION] = {"duration", "a duration such as 250ms, 30s, 5m, 8h or 7d"},
    [SLUICE_LIST] = {"list", "a list of texts"},
};

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

const char *options_type_word(enum sluice_option_type type)
{
    return (unsigned)type < TYPE_COUNT ? types[type].word : "unknown";
}

int options_type_parse(const char *word, enum sluice_option_type *out)
{
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(word, types[i].word) == 0) {
            *out = (enum sluice_option_type)i;
            return 0;
        }
    }
    return -1;
}

/* Digits only: strtoll alone would take signs and spaces too. */
static int parse_digits(const char *text, const char **end, int64_t *out)
{
    if (*text < '0' || *text > '9')
        return -1;
    errno = 0;
    *out = strtoll(text, (char **)end, 10);
    return errno ? -1 : 0;
}

static int parse_integer(const char *text, int64_t *out)
{
    const char *end = text;
    bool negative = *text == '-';
    if (parse_digits(text + negative, &end, out) != 0 || *end)
        return -1;
    *out = negative ? -*out : *out;
    return 0;
}

__attribute__((format(printf, 2, 3)))
static int complain(struct reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(r->options->arena, format, args);
    va_end(args);
    if (r->complaints.len)
        buf_puts(&r->complaints, "; ");
    printable_escape(&r->complaints, text, strlen(text), "");
    return -1;
}

static const char *trim(struct arena *arena, const char *text, size_t len)
{
    while (len && *text == ' ')
        text++, len--;
    while (len && text[len - 1] == ' ')
        len--;
    return arena_strn(arena, text, len);
}

/* A default: texts separated by commas. */
static void split_list(struct arena *arena, const char *text, struct value *out)
{
    size_t n = 1;
    for (const char *c = text; *c; c++)
        n += *c == ',';
    const char **list = arena_alloc(arena, n * sizeof *list);
    out->list = list;
    while (*text) {
        size_t len = strcspn(text, ",");
        list[out->n_list++] = trim(arena, text, len);
        text += len + (text[len] == ',');
    }
}

/* A text as a value of the row's type.  -1: it is none. */
static int from_text(struct reader *r, enum sluice_option_type type, const char *text,
                     struct value *out)
{
    out->text = arena_str(r->options->arena, text);
    switch (type) {
    case SLUICE_TEXT:
        return 0;
    case SLUICE_INTEGER:
        return parse_integer(text, &out->integer);
    case SLUICE_BOOLEAN:
        out->boolean = strcmp(text, "true") == 0;
        return out->boolean || strcmp(text, "false") == 0 ? 0 : -1;
    case SLUICE_DURATION:
        return duration_parse(text, &out->integer);
    case SLUICE_LIST:
        split_list(r->options->arena, text, out);
        return 0;
    }
    return -1;
}

static int list_from_json(struct reader *r, const json_t *json, struct value *out)
{
    if (!json_is_array(json))
        return -1;
    const char **list = arena_alloc(r->options->arena, (json_array_size(json) + 1) * sizeof *list);
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item) {
        if (!json_is_string(item))
            return -1;
        list[i] = arena_str(r->options->arena, json_string_value(item));
    }
    out->list = list;
    out->n_list = json_array_size(json);
    return 0;
}

static int from_json(struct reader *r, enum sluice_option_type type, const json_t *json,
                     struct value *out)
{
    switch (type) {
    case SLUICE_INTEGER:
        out->integer = json_integer_value(json);
        return json_is_integer(json) ? 0 : -1;
    case SLUICE_BOOLEAN:
        out->boolean = json_is_true(json);
        return json_is_boolean(json) ? 0 : -1;
    case SLUICE_LIST:
        return list_from_json(r, json, out);
    case SLUICE_TEXT:
    case SLUICE_DURATION:
        return json_is_string(json) ? from_text(r, type, json_string_value(json), out) : -1;
    }
    return -1;
}

/* As it would be written, as far as a line has room for it. */
static const char *shown(struct reader *r, const json_t *json)
{
    char *text = json_dumps(json, JSON_ENCODE_ANY);
    size_t len = doc_cut(text, strlen(text), 60);
    const char *copy =
        arena_printf(r->options->arena, "%.*s%s", (int)len, text, text[len] ? "…" : "");
    free(text);
    return copy;
}

static void read_row(struct reader *r, const struct sluice_option *option, const json_t *given,
                     struct row *row)
{
    *row = (struct row){.name = option->name, .type = option->type};
    if ((unsigned)option->type >= TYPE_COUNT) {
        complain(r, "option %s: the voter's own table gives it the type %u, which there is not",
                 option->name, (unsigned)option->type);
        return;
    }
    row->value.set = given || option->fallback;
    if (given && from_json(r, option->type, given, &row->value) != 0)
        complain(r, "option %s: must be %s, not %s", option->name, types[option->type].what,
                 shown(r, given));
    else if (!given && option->fallback
             && from_text(r, option->type, option->fallback, &row->value) != 0)
        complain(r, "option %s: the voter's own default %s is not %s", option->name,
                 option->fallback, types[option->type].what);
}

static void refuse_unknown(struct reader *r, const json_t *given)
{
    const char *names[OPTIONS_MAX + 1];
    size_t n = 0;
    for (; n < r->options->n; n++)
        names[n] = r->table[n].name;
    names[n] = NULL;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)given, key, value) {
        size_t i = 0;
        while (i < n && strcmp(names[i], key) != 0)
            i++;
        const char *near = i < n ? NULL : text_nearest(key, names);
        if (i == n && near)
            complain(r, "option %s: unknown, did you mean %s?", key, near);
        else if (i == n)
            complain(r, "option %s: unknown, %s", key,
                     n ? "the voter has no such option" : "the voter has no options");
    }
}

static int by_name(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void read_rows(struct reader *r, const json_t *given)
{
    struct options *o = r->options;
    while (r->table && r->table[o->n].name && o->n < OPTIONS_MAX)
        o->n++;
    if (o->n == OPTIONS_MAX && r->table[o->n].name)
        complain(r, "the voter's table has more than %d options", OPTIONS_MAX);
    o->rows = arena_zalloc(o->arena, (o->n + 1) * sizeof *o->rows);
    for (size_t i = 0; i < o->n; i++)
        read_row(r, &r->table[i], json_object_get(given, r->table[i].name), &o->rows[i]);
    refuse_unknown(r, given);
    qsort(o->rows, o->n, sizeof *o->rows, by_name);
    for (size_t i = 1; i < o->n; i++)
        if (strcmp(o->rows[i - 1].name, o->rows[i].name) == 0)
            complain(r, "option %s: the voter's own table names it twice", o->rows[i].name);
}

static void write_list(struct doc_writer *w, const struct value *value)
{
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < value->n_list; i++)
        doc_write_text(w, value->list[i]);
    doc_write_close(w, DOC_LIST);
}

static void write_value(struct doc_writer *w, const struct row *row)
{
    switch (row->type) {
    case SLUICE_TEXT:
        doc_write_text(w, row->value.text);
        break;
    case SLUICE_BOOLEAN:
        doc_write_bool(w, row->value.boolean);
        break;
    case SLUICE_INTEGER:
    case SLUICE_DURATION:
        doc_write_number(w, row->value.integer);
        break;
    case SLUICE_LIST:
        write_list(w, &row->value);
        break;
    }
}

static char *write_json(const struct options *o)
{
    struct buf out = {0};
    struct doc_json_writer json;
    struct doc_writer *w = doc_json_writer(&json, &out);
    doc_write_open(w, DOC_MAP);
    for (size_t i = 0; i < o->n; i++) {
        if (!o->rows[i].value.set)
            continue;
        doc_write_key(w, o->rows[i].name);
        write_value(w, &o->rows[i]);
    }
    doc_write_close(w, DOC_MAP);
    return buf_take(&out);
}

static const struct value *find(const struct sluice_options *face, const char *name)
{
    static const struct value nothing;
    const struct options *o = face->gateway;
    const struct row key = {.name = name ? name : ""};
    const struct row *row = o->n ? bsearch(&key, o->rows, o->n, sizeof key, by_name) : NULL;
    return row ? &row->value : &nothing;
}

static const char *get_text(const struct sluice_options *face, const char *name)
{
    return find(face, name)->text;
}

static int64_t get_integer(const struct sluice_options *face, const char *name)
{
    return find(face, name)->integer;
}

static bool get_boolean(const struct sluice_options *face, const char *name)
{
    return find(face, name)->boolean;
}

static const char *const *get_list(const struct sluice_options *face, const char *name, size_t *n)
{
    const struct value *value = find(face, name);
    if (n)
        *n = value->n_list;
    return value->n_list ? value->list : NULL;
}

struct options *options_read(const struct sluice_option *table, const char *json, struct error *err)
{
    json_error_t why;
    json_t *given = json && *json ? json_loads(json, JSON_REJECT_DUPLICATES, &why) : json_object();
    if (!json_is_object(given)) {
        bool overflow = !given && json_error_code(&why) == json_error_numeric_overflow;
        json_decref(given);
        error_set(err, ERROR_INVALID, overflow ? "a number in the options has more than 64 bits"
                                               : "options must be a map of names to values");
        return NULL;
    }
    struct options *o = alloc_zero(1, sizeof *o);
    o->face =
        (struct sluice_options){sizeof o->face, o, get_text, get_integer, get_boolean, get_list};
    o->arena = arena_new();
    struct reader r = {.options = o, .table = table};
    read_rows(&r, given);
    json_decref(given);
    if (r.complaints.len) {
        error_set(err, ERROR_INVALID, "%s", buf_str(&r.complaints));
        options_free(o);
        o = NULL;
    } else {
        o->json = write_json(o);
    }
    buf_free(&r.complaints);
    return o;
}

void options_free(struct options *options)
{
    if (!options)
        return;
    arena_free(options->arena);
    free(options->json);
    free(options);
}

const struct sluice_options *options_face(const struct options *options)
{
    return &options->face;
}

const char *options_json(const struct options *options)
{
    return options->json;
}
