/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the schema decoder share.  One thread; lives for one schema_decode(). */
#ifndef DOC_SCHEMA_PARTS_H
#define DOC_SCHEMA_PARTS_H

#include "doc/schema.h"

struct schema_decoder {
    struct arena *arena;
    struct problems *problems;
    const char *base;
    const struct doc_node *root;
    struct schema_step *at;                         /* NULL: the root */
    bool sound;                                     /* see schema_decode_sound */
};

/* key: the record's, where a map keeps it under one; NULL: none. */
int schema_decode_record(struct schema_decoder *d, const struct schema *schema,
                         const struct doc_node *node, const char *key, void **out);
size_t schema_width(const struct schema_field *field);      /* bytes of an item of its array */
const char *schema_key_of(const struct schema *schema, const void *record);

int schema_read_list(struct schema_decoder *d, const struct schema_field *field,
                     const struct doc_node *value, void *record);
int schema_read_keyed(struct schema_decoder *d, const struct schema_field *field,
                      const struct doc_node *value, void *record);
int schema_read_text(struct schema_decoder *d, const struct schema_field *field,
                     const struct doc_node *value, const char **out);
int schema_read_bool(struct schema_decoder *d, const struct doc_node *value, bool *out);
int schema_read_number(struct schema_decoder *d, const struct schema_field *field,
                       const struct doc_node *value, void *out);
int schema_read_double(struct schema_decoder *d, const struct doc_node *value, double *out);
int schema_read_json(struct schema_decoder *d, const struct schema_field *field,
                     const struct doc_node *value, const char **out);

bool schema_is_word(const struct schema_field *field, const char *text);
void schema_range(const struct schema_field *field, int64_t *min, int64_t *max);
void schema_set_number(enum schema_kind kind, void *out, int64_t number);
int64_t schema_get_number(enum schema_kind kind, const void *from);
bool schema_is_number(enum schema_kind kind);

#endif
