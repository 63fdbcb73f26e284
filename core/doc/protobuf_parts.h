/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing protobuf share. */
#ifndef DOC_PROTOBUF_PARTS_H
#define DOC_PROTOBUF_PARTS_H

#include <stdint.h>

#include "doc/protobuf.h"
#include "doc/protobuf_rows.h"

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

struct protobuf_decoder {
    struct arena *arena;
    struct problems *problems;
    const uint8_t *begin;
    struct protobuf_entry *entries; /* of all messages that are being read */
    size_t n_entries, room;
    size_t values, depth;
    const struct protobuf_step *at;
};

/* What was found of each row of a message: 1 + the place of the first and last entry, 0:
 * nothing. */
struct protobuf_found {
    const struct schema_field *rows[PROTOBUF_ROWS_MAX];
    struct protobuf_row shapes[PROTOBUF_ROWS_MAX];
    uint32_t first[PROTOBUF_ROWS_MAX], last[PROTOBUF_ROWS_MAX];
    size_t n, hint;
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
/* Finds the fields of a message and the row of each; their entries go behind those of d. */
int protobuf_scan(struct protobuf_decoder *d, const struct schema *schema,
                  const struct protobuf_part *part, struct protobuf_found *found);

/* Values for the tree.  NULL after protobuf_refuse(). */
struct doc_node *protobuf_new_node(struct protobuf_decoder *d, const uint8_t *at,
                                   const struct doc_node *value);
struct doc_node *protobuf_new_text(struct protobuf_decoder *d, const struct protobuf_entry *entry);
struct doc_node *protobuf_new_scalar(struct protobuf_decoder *d, const struct schema_field *row,
                                     enum protobuf_type type, const struct protobuf_entry *entry);

#endif
