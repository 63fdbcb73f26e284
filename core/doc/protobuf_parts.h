/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing protobuf share. */
#ifndef DOC_PROTOBUF_PARTS_H
#define DOC_PROTOBUF_PARTS_H

#include <stdint.h>

#include "base/unset.h"
#include "doc/protobuf.h"
#include "doc/protobuf_rows.h"

enum { PROTOBUF_NUMBERS = 128 };                    /* above, rows are searched for */

/* A place within a message, for errors. */
struct protobuf_step {
    const struct protobuf_step *up;
    const char *name;                               /* of a field or key; NULL: an item of a list */
    size_t index;
};

const char *protobuf_path(const struct protobuf_step *step, struct arena *arena);

/* ---- Reading ---- */

/* One field as it stood in the bytes. */
struct protobuf_entry {
    const uint8_t *at;                              /* its value */
    size_t len;                                     /* WIRE_BYTES: of the value */
    uint64_t number;                                /* other wire types: the value */
    enum protobuf_wire wire;
    uint32_t next; /* 1 + the place of the row's next entry; 0: it is the last one */
};

enum protobuf_mark {
    PROTOBUF_MANY = 1,                              /* all its entries count, not the last alone */
    PROTOBUF_ONEOF = 2,
};

enum { PROTOBUF_NO_WIRE = 255 };

/* What a message's rows are, worked out once for all messages of a table that are read. */
struct protobuf_table {
    struct protobuf_table *next;
    const struct schema *schema;
    const struct schema_field **rows;
    struct protobuf_row *shapes;
    struct protobuf_table **subs;                   /* of messages, once they are needed */
    struct doc_node **keys; /* what maps have of a row, once it is needed */
    uint8_t *wires; /* the wire type that is surely of this row, or PROTOBUF_NO_WIRE */
    uint8_t *marks;                                 /* of enum protobuf_mark */
    uint8_t by_number[PROTOBUF_NUMBERS]; /* 1 + the first row of that number, 0: none */
    size_t n;
};

struct protobuf_decoder {
    struct arena *arena;
    struct problems *problems;
    const uint8_t *begin;
    struct protobuf_table *tables;
    struct protobuf_entry *entries; /* of all messages that are being read */
    size_t n_entries, room;
    size_t values, depth;
    const struct protobuf_step *at;
};

/* What was found of a message: of each row that have has a bit for, 1 + the place of its first and
 * last entry. */
struct protobuf_found {
    struct protobuf_table *table;
    uint64_t have;
    size_t most; /* rows, one that was found and forgotten again counted too */
    uint32_t first[PROTOBUF_ROWS_MAX], last[PROTOBUF_ROWS_MAX];
};

/* The bytes of a message; more than one where it was given in parts. */
struct protobuf_part {
    const uint8_t *at, *end;
    const struct protobuf_part *next;
};

/* Reports at the byte, with the path of the value that is being read.  Returns -1. */
int protobuf_refuse(struct protobuf_decoder *d, const uint8_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The end of the value that begins at entry->at, whose wire type is known; NULL: it is cut off. */
const uint8_t *protobuf_read_value(struct protobuf_entry *entry, const uint8_t *end);
struct protobuf_table *protobuf_new_table(struct protobuf_decoder *d, const struct schema *schema);
/* The one of a table that lives as long as the decoder, made when it is first asked for. */
struct protobuf_table *protobuf_table_of(struct protobuf_decoder *d, const struct schema *schema);
/* Finds the fields of a message and the row of each; their entries go behind those of d. */
int protobuf_scan(struct protobuf_decoder *d, struct protobuf_table *table,
                  const struct protobuf_part *part, struct protobuf_found *found);

/* Before n values are made. */
int protobuf_count_values(struct protobuf_decoder *d, const uint8_t *at, size_t n);
/* Values for the tree.  NULL after protobuf_refuse(). */
struct doc_node *protobuf_new_node(struct protobuf_decoder *d, const uint8_t *at,
                                   const struct doc_node *value);
struct doc_node *protobuf_new_text(struct protobuf_decoder *d, const struct protobuf_entry *entry);
struct doc_node *protobuf_new_scalar(struct protobuf_decoder *d, const struct schema_field *row,
                                     enum protobuf_type type, const struct protobuf_entry *entry);

#endif
