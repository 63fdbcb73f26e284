/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/printable.h"
#include "cli/output/jsonpath_parts.h"
#include "cli/output/shape.h"

/* Borrowed values. */
struct values {
    size_t n;
    const json_t **items;
};

static void add(struct values *values, const json_t *item)
{
    if (!item)
        return;
    values->items = alloc_resize(values->items, values->n + 1, sizeof(json_t *));
    values->items[values->n++] = item;
}

static void add_all(struct values *out, const json_t *of)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_array(of))
        json_array_foreach(of, i, item)
            add(out, item);
    else
        json_object_foreach((json_t *)of, key, item)
            add(out, item);
}

static long from_end(long i, const json_t *list)
{
    return i < 0 ? i + (long)json_array_size(list) : i;
}

static void add_slice(struct values *out, const json_t *list, const struct step *step)
{
    long size = (long)json_array_size(list), from = from_end(step->from, list);
    long to = step->open ? size : from_end(step->to, list);
    for (long i = from < 0 ? 0 : from; i < to && i < size; i++)
        add(out, json_array_get(list, (size_t)i));
}

static void find(const struct path *path, const json_t *from, const json_t *document,
                 struct values *out);

/* Numbers compare by value: 1 is 1.0. */
static bool same_value(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool passes(const struct step *step, const json_t *item)
{
    struct values found = {0};
    find(step->compared, item, item, &found);
    bool same = found.n > 0 && (!step->value || same_value(found.items[0], step->value));
    free(found.items);
    return same == step->equal;
}

static void add_filtered(struct values *out, const json_t *list, const struct step *step)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
        if (passes(step, item))
            add(out, item);
}

static const json_t *member(const json_t *of, const char *name, const json_t *document)
{
    const json_t *value = json_object_get(of, name);
    if (!value && of == document && strcmp(name, "items") == 0)
        value = shape_list(document);
    return value;
}

static void take_step(const struct step *step, const json_t *from, const json_t *document,
                      struct values *out)
{
    long item = from_end(step->from, from);
    switch (step->kind) {
    case STEP_MEMBER: add(out, member(from, step->name, document)); break;
    case STEP_ITEM:   add(out, item < 0 ? NULL : json_array_get(from, (size_t)item)); break;
    case STEP_SLICE:  add_slice(out, from, step); break;
    case STEP_ALL:    add_all(out, from); break;
    case STEP_FILTER: add_filtered(out, from, step); break;
    }
}

static void find(const struct path *path, const json_t *from, const json_t *document,
                 struct values *out)
{
    struct values now = {0};
    add(&now, path->of_document ? document : from);
    for (size_t i = 0; i < path->n; i++) {
        struct values next = {0};
        for (size_t j = 0; j < now.n; j++)
            take_step(&path->steps[i], now.items[j], document, &next);
        free(now.items);
        now = next;
    }
    *out = now;
}

static void print_value(const json_t *value, struct buf *out)
{
    if (json_is_string(value)) {
        printable_escape(out, json_string_value(value), json_string_length(value), "");
    } else if (!json_is_null(value)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        printable_escape_json(out, text ? text : "");
        free(text);
    }
}

static void print_path(const struct path *path, const json_t *item, const json_t *document,
                       struct buf *out)
{
    struct values found = {0};
    find(path, item, document, &found);
    for (size_t i = 0; i < found.n; i++) {
        buf_puts(out, i ? " " : "");
        print_value(found.items[i], out);
    }
    free(found.items);
}

static void print_parts(const struct jsonpath *path, size_t from, size_t to, const json_t *item,
                        const json_t *document, struct buf *out)
{
    for (size_t i = from; i < to; i++) {
        const struct part *p = &path->parts[i];
        struct values found = {0};
        if (p->kind == PART_TEXT)
            buf_puts(out, p->text);
        else if (p->kind == PART_PATH)
            print_path(&p->path, item, document, out);
        if (p->kind != PART_RANGE)
            continue;
        find(&p->path, item, document, &found);
        for (size_t j = 0; j < found.n; j++)
            print_parts(path, i + 1, p->end, found.items[j], document, out);
        free(found.items);
        i = p->end;
    }
}

void jsonpath_print(const struct jsonpath *path, const json_t *document, struct buf *out)
{
    print_parts(path, 0, path->n, document, document, out);
}
