/* SPDX-License-Identifier: Apache-2.0 */
/* Schema tables: one row per field drives decoding with path errors, encoding, canonical text,
 * JSON Schema and conversion to other worlds (Lua, wire).  No hand-written parser per struct.
 *
 * A table describes a C struct.  Decoded structs live in the arena that is given; every pointer in
 * them is const and NULL or "" or the default where the document says nothing.  Any thread. */
#ifndef DOC_SCHEMA_H
#define DOC_SCHEMA_H

#include <stdint.h>

#include "base/buf.h"
#include "doc/tree.h"

enum schema_kind {
    SCHEMA_TEXT,            /* const char * */
    SCHEMA_BOOL,            /* bool */
    SCHEMA_U16,             /* uint16_t */
    SCHEMA_U32,             /* uint32_t */
    SCHEMA_I32,             /* int32_t */
    SCHEMA_I64,             /* int64_t */
    SCHEMA_DOUBLE,          /* double */
    SCHEMA_TEXTS,           /* const char *const *, count at count_offset */
    SCHEMA_U16S,            /* const uint16_t *, count at count_offset */
    SCHEMA_STRUCT,          /* const struct X *, NULL when not written */
    SCHEMA_STRUCTS,         /* const struct X *const *: a list of maps */
    SCHEMA_KEYED,           /* const struct X *const *: a map whose keys go to the field at sub->key_offset; sorted by key */
    SCHEMA_JSON,            /* const char *: any value, kept as canonical JSON text */
    SCHEMA_CUSTOM,          /* decode and encode do it */
};

enum schema_flags {
    SCHEMA_REQUIRED = 1 << 0,
    SCHEMA_ALIAS    = 1 << 1,   /* read, never written (such as port beside ports) */
    SCHEMA_IGNORED  = 1 << 2,   /* accepted on input for compatibility, kept nowhere */
    SCHEMA_KEEP     = 1 << 3,   /* written even when it has its default */
};

struct schema;
struct schema_decoder;

struct schema_field {
    const char *name;                               /* the table ends with a row without a name */
    enum schema_kind kind;
    size_t offset, count_offset;
    const struct schema *sub;
    uint32_t number;                                /* field number in OpenShell's protobuf schema, 0: none */
    unsigned flags;
    int64_t min, max;                               /* numbers: range when max > min; texts: longest when max > 0 */
    const char *fallback;                           /* default as text; NULL: "", 0, false */
    const char *const *words;                       /* the only texts allowed; NULL: any */
    const char *help;
    /* SCHEMA_CUSTOM only.  decode returns -1 after schema_problem(). */
    int (*decode)(struct schema_decoder *d, const struct doc_node *value, void *record);
    void (*encode)(const void *record, struct buf *json);   /* appends a JSON value, or nothing to leave the field out */
};

struct schema {
    const char *name;                               /* such as "endpoint"; used in messages */
    size_t size;                                    /* of the struct */
    const struct schema_field *fields;
    bool has_size;                                  /* begins with uint32_t size, filled by the decoder */
    size_t key_offset;                              /* const char *: the key, of a SCHEMA_KEYED element */
    size_t path_offset;                             /* const char *: its document path; 0: none */
    /* Called on each decoded record; may fill derived fields.  May be NULL. */
    void (*finish)(struct schema_decoder *d, void *record);
};

/* Decodes a map into a new struct in the arena.  Reports every problem with path, line and column
 * (unknown fields with "did you mean", wrong types, ranges, missing fields).  -1 if there was one. */
int schema_decode(const struct schema *schema, const struct doc_node *node, const char *path,
                  struct arena *arena, void **out, struct problems *problems);

/* For custom decoders. */
int schema_problem(struct schema_decoder *d, const struct doc_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct arena *schema_arena(struct schema_decoder *d);
const char *schema_path(struct schema_decoder *d);                  /* of the value being decoded */
int schema_decode_sub(struct schema_decoder *d, const struct schema *schema,
                      const struct doc_node *node, const char *key, void **out);

/* Canonical text: fields in table order, keyed maps in key order, defaults left out. */
void schema_encode_json(const struct schema *schema, const void *record, struct buf *out);
void schema_encode_yaml(const struct schema *schema, const void *record, struct buf *out);
/* A JSON Schema (draft 2020-12) object of the table, for editors and OpenAPI. */
void schema_describe(const struct schema *schema, struct buf *out);

#endif
