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
    SCHEMA_KEYED,           /* const struct X *const *: a map; keys go to sub->key_offset; sorted */
    SCHEMA_JSON,            /* const char *: any value, kept as canonical JSON text */
    SCHEMA_CUSTOM,          /* decode and encode do it */
    SCHEMA_GROUP,           /* a map whose fields (those of sub) belong to the same struct */
};

enum schema_flags {
    SCHEMA_REQUIRED = 1 << 0,
    SCHEMA_ALIAS    = 1 << 1,   /* read, never written (such as port beside ports) */
    SCHEMA_IGNORED  = 1 << 2,   /* accepted on input for compatibility, kept nowhere */
    SCHEMA_KEEP     = 1 << 3,   /* written even when it has its default */
    SCHEMA_FOLD     = 1 << 4,   /* text: read without regard to case, kept in lower case */
    SCHEMA_NAMED    = 1 << 5,   /* text: its default is the key of the record */
    SCHEMA_NONEMPTY = 1 << 6,   /* a text, list or map that is written must have something in it */
    /* Items mean what they mean without the others: see schema_decode_sound. */
    SCHEMA_APART    = 1 << 8,
    SCHEMA_LINES    = 1 << 7,   /* text may have line breaks and tabs */
    SCHEMA_ANY      = 1 << 9,   /* text may have any character; written up to its first bad byte */
    SCHEMA_NULLABLE = 1 << 10,  /* text: NULL where it is absent or null, not "" */
    SCHEMA_INLINE   = 1 << 11,  /* items stand side by side, struct X *, in the document's order */
    /* Messages: the field tells its default from its absence. */
    SCHEMA_OPTIONAL = 1 << 12,
    /* Messages: another row, of another type, has the same number; the bytes tell which is meant.
     * One of the two is a text, which begins with a printable character. */
    SCHEMA_SHARED   = 1 << 13,
};

/* How protobuf carries a value, where its kind alone does not say it (doc/protobuf.h). */
enum schema_wire {
    SCHEMA_WIRE_KIND,                               /* as the kind says; JSON is a Struct */
    SCHEMA_WIRE_U64,
    SCHEMA_WIRE_FLOAT,
    SCHEMA_WIRE_BYTES,                              /* text: base64 */
    SCHEMA_WIRE_ENUM,                               /* text: one of the row's enumeration */
    SCHEMA_WIRE_MODE,                               /* a string or an enum: see protobuf_modes */
    SCHEMA_WIRE_TIMESTAMP,                          /* text: RFC 3339 in UTC */
    SCHEMA_WIRE_DURATION,                           /* text: seconds, such as 1.5s */
    SCHEMA_WIRE_TEXT_MAP,                           /* JSON: map<string, string> */
    SCHEMA_WIRE_I64_MAP,                            /* JSON: map<string, int64> */
    SCHEMA_WIRE_TIMESTAMP_MAP,                      /* JSON: map<string, Timestamp> */
};

struct doc_writer;
struct schema;
struct schema_decoder;

/* One step of the path that is being decoded.  Paths become text only for problems and for records
 * that keep theirs: long keys around many values would cost memory otherwise. */
struct schema_step {
    struct schema_step *up;
    const char *key;                                /* NULL: an item of a list */
    size_t index;
    const struct doc_node *node;
    const char *path;                               /* once somebody asked for it */
};

struct schema_field {
    const char *name;                               /* the table ends with a row without a name */
    enum schema_kind kind;
    size_t offset, count_offset;
    const struct schema *sub;
    uint32_t number;                                /* in its protobuf message, 0: none */
    enum schema_wire wire;
    const char *const *enumeration; /* the enum's words by number; NULL at the end */
    const char *oneof;                              /* messages: of its members one is set */
    unsigned flags;
    /* Numbers: their range, unless both are 0.  Texts: the most bytes, when max > 0. */
    int64_t min, max;
    const char *fallback;                           /* default as text; NULL: "", 0, false */
    const char *const *words;                       /* the only texts allowed; NULL: any */
    const char *help;
    /* SCHEMA_CUSTOM needs them, for other kinds each may replace what the kind does.
     * decode returns -1 after schema_problem(). */
    int (*decode)(struct schema_decoder *d, const struct doc_node *value, void *record);
    /* Writes one value, or nothing to leave the field out. */
    void (*encode)(const void *record, struct doc_writer *w);
    const char *wrap;                               /* SCHEMA_STRUCTS: items are {wrap: {…}} */
    const char *excludes;                           /* a field that may not stand beside this one */
    const char *const *synonyms;                    /* texts: pairs of a spelling and its meaning */
};

/* Where a protobuf message differs from the document of the same record. */
struct schema_message {
    const struct schema_field *fields;              /* rows that only the message has; NULL: none */
    /* Turns a value of the document into what the message has, and back.  NULL: it cannot be. */
    struct doc_node *(*to_message)(struct doc_node *value, struct arena *arena);
    struct doc_node *(*from_message)(struct doc_node *message, struct arena *arena);
    const char *expects;                            /* what it must be, said where it cannot */
};

struct schema {
    const char *name;                               /* such as "endpoint"; used in messages */
    size_t size; /* of the struct; 0: there is none, trees only */
    const struct schema_field *fields;
    bool open;                                      /* unknown fields are passed over */
    bool has_size;                                  /* begins with uint32_t size; it is filled in */
    size_t key_offset;                              /* const char *: the key in its map */
    size_t path_offset;                             /* const char *: its document path; 0: none */
    /* Called on each decoded record; may fill derived fields.  -1 after schema_problem(). */
    int (*finish)(struct schema_decoder *d, void *record);
    /* A second way to write a record: decode_short takes a value that is no map, encode_short
     * returns false when this record has no short form.  Both or none. */
    int (*decode_short)(struct schema_decoder *d, const struct doc_node *value, void *record);
    bool (*encode_short)(const void *record, struct doc_writer *w);
    const struct schema_message *message;           /* NULL: the message is as the document */
};

enum { SCHEMA_KEY_MAX = 256 };                      /* bytes of a key that the document chooses */

/* Decodes a map into a new struct in the arena.  Reports every problem with path, line and column
 * (unknown fields with "did you mean", wrong types, ranges, missing ones).  -1 if there was one.
 * The tree may go away afterwards: all texts are copied. */
int schema_decode(const struct schema *schema, const struct doc_node *node, const char *path,
                  struct arena *arena, void **out, struct problems *problems);
/* What is sound of a document that was refused, so that it can be looked at for more: unknown
 * fields are passed over, fields with a problem are as if they were not written, and of lists whose
 * items stand apart those with a problem are left out.  Says nothing itself; NULL: it is no map. */
void *schema_decode_sound(const struct schema *schema, const struct doc_node *node,
                          const char *path, struct arena *arena);

/* For custom decoders.  A problem's path is that of the value being decoded; at NULL: its place. */
int schema_problem(struct schema_decoder *d, const struct doc_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A value for messages: a scalar in quotes and not too long, "a list", "a map" or "nothing". */
const char *schema_show(struct schema_decoder *d, const struct doc_node *value);
int schema_text(struct schema_decoder *d, const struct doc_node *value, const char **out);
/* The same, whatever characters are in it. */
int schema_any_text(struct schema_decoder *d, const struct doc_node *value, const char **out);
int schema_integer(struct schema_decoder *d, const struct doc_node *value, int64_t min, int64_t max,
                   int64_t *out);
int schema_key(struct schema_decoder *d, const struct doc_node *key);   /* 0: fit to be a key */
int schema_json(struct schema_decoder *d, const struct doc_node *value, const char **out);
/* From enter to leave, the value being decoded is node, one step below.  step is the caller's. */
void schema_enter(struct schema_decoder *d, struct schema_step *step, const char *key,
                  const struct doc_node *node);
void schema_leave(struct schema_decoder *d);
struct arena *schema_arena(struct schema_decoder *d);
const char *schema_path(struct schema_decoder *d);                  /* of the value being decoded */
/* key: appended to the path and, where the schema has one, the record's key; NULL: none. */
int schema_decode_sub(struct schema_decoder *d, const struct schema *schema,
                      const struct doc_node *node, const char *key, void **out);

/* Canonical form: fields in table order, keyed maps in key order, defaults left out. */
void schema_write(const struct schema *schema, const void *record, struct doc_writer *w);
/* The fields alone, within a map that the caller opened. */
void schema_write_fields(const struct schema *schema, const void *record, struct doc_writer *w);
void schema_encode_json(const struct schema *schema, const void *record, struct buf *out);
void schema_encode_yaml(const struct schema *schema, const void *record, struct buf *out);
/* A deep copy in the arena; NULL of NULL.  What SCHEMA_CUSTOM fields point to is shared. */
void *schema_copy(const struct schema *schema, const void *record, struct arena *arena);
/* A JSON Schema (draft 2020-12) object of the table, for editors and OpenAPI. */
void schema_describe(const struct schema *schema, struct doc_writer *w);

#endif
