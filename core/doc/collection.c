/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and keyed maps. */
#include <stdlib.h>
#include <string.h>

#include "doc/schema_parts.h"

typedef int item_reader(struct schema_decoder *d, const struct schema_field *field,
                        const struct doc_node *item, const char *key, void *out);

static int check_collection(struct schema_decoder *d, const struct schema_field *field,
                            const struct doc_node *value, enum doc_kind kind)
{
    const char *what = kind == DOC_LIST ? "a list" : "a map";
    if (value->kind != kind && value->kind != DOC_NULL)
        return schema_problem(d, value, "must be %s, not %s", what, schema_show(d, value));
    if ((field->flags & SCHEMA_NONEMPTY) && !value->n)
        return schema_problem(d, value, "must not be %s: leave it out",
                              kind == DOC_LIST ? "an empty list" : "an empty map");
    return 0;
}

size_t schema_width(const struct schema_field *field)
{
    return field->kind == SCHEMA_U16S        ? sizeof(uint16_t)
           : field->flags & SCHEMA_INLINE    ? field->sub->size
                                             : sizeof(void *);
}

/* Reads every item into an array of elements, even after a problem: all are to be seen.  Where only
 * what is sound is wanted, an item that stands apart is left out and takes nothing else along. */
static int read_items(struct schema_decoder *d, const struct schema_field *field,
                      const struct doc_node *value, size_t width, item_reader *read, void *record)
{
    int rc = 0;
    size_t n = 0;
    bool apart = d->sound && field->flags & SCHEMA_APART;
    char *array = value->n ? arena_zalloc(d->arena, value->n * width) : NULL;
    for (size_t i = 0; i < value->n; i++) {
        const char *key = value->keys ? value->keys[i]->text : NULL;
        struct schema_step step;
        bool bad_key = value->keys && schema_key(d, value->keys[i]);
        schema_enter(d, &step, key, value->items[i]);
        step.index = i;
        if (!bad_key && read(d, field, value->items[i], key, array + n * width) == 0)
            n++;
        else if (!apart)
            rc = -1;
        schema_leave(d);
    }
    memcpy((char *)record + field->offset, &array, sizeof array);
    memcpy((char *)record + field->count_offset, &n, sizeof n);
    /* Of what holds nothing sound nobody can say that it is empty. */
    return value->n && !n ? -1 : rc;
}

static int read_text_item(struct schema_decoder *d, const struct schema_field *field,
                          const struct doc_node *item, const char *key, void *out)
{
    (void)key;
    return schema_read_text(d, field, item, out);
}

static int read_number_item(struct schema_decoder *d, const struct schema_field *field,
                            const struct doc_node *item, const char *key, void *out)
{
    (void)key;
    return schema_read_number(d, field, item, out);
}

/* {allow: {…}}: the value inside, one step down. */
static int read_wrapped(struct schema_decoder *d, const struct schema_field *field,
                        const struct doc_node *item, void *out)
{
    const struct doc_node *inner = doc_get(item, field->wrap);
    if (!inner || item->n != 1)
        return schema_problem(d, item, "must be a map with the one field \"%s\"%s", field->wrap,
                              item->kind == DOC_MAP && !inner ? ", which holds all others" : "");
    return schema_decode_sub(d, field->sub, inner, field->wrap, out);
}

static int read_struct_item(struct schema_decoder *d, const struct schema_field *field,
                            const struct doc_node *item, const char *key, void *out)
{
    void *record;
    if (field->wrap)
        return read_wrapped(d, field, item, out);
    if (!(field->flags & SCHEMA_INLINE))
        return schema_decode_record(d, field->sub, item, key, out);
    if (schema_decode_record(d, field->sub, item, key, &record) != 0)
        return -1;
    memcpy(out, record, field->sub->size);
    return 0;
}

const char *schema_key_of(const struct schema *schema, const void *record)
{
    const char *key;
    memcpy(&key, (const char *)record + schema->key_offset, sizeof key);
    return key;
}

static int by_key(const void *a, const void *b, void *schema)
{
    return strcmp(schema_key_of(schema, *(void *const *)a),
                  schema_key_of(schema, *(void *const *)b));
}

int schema_read_keyed(struct schema_decoder *d, const struct schema_field *field,
                      const struct doc_node *value, void *record)
{
    if (check_collection(d, field, value, DOC_MAP) ||
        read_items(d, field, value, schema_width(field), read_struct_item, record))
        return -1;
    if (field->flags & SCHEMA_INLINE)
        return 0;
    void *array;
    size_t n;
    memcpy(&array, (char *)record + field->offset, sizeof array);
    memcpy(&n, (char *)record + field->count_offset, sizeof n);
    if (n)
        qsort_r(array, n, sizeof(void *), by_key, (void *)(uintptr_t)field->sub);
    return 0;
}

int schema_read_list(struct schema_decoder *d, const struct schema_field *field,
                     const struct doc_node *value, void *record)
{
    if (check_collection(d, field, value, DOC_LIST))
        return -1;
    return read_items(d, field, value, schema_width(field),
                      field->kind == SCHEMA_U16S    ? read_number_item
                      : field->kind == SCHEMA_TEXTS ? read_text_item : read_struct_item, record);
}
