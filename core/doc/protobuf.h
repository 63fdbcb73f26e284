/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf (proto3) by schema tables: bytes to a tree and back.  The rows' numbers, kinds and wire
 * say how; the tree is what JSON of the same message would be read as, with the names of the table.
 *
 * Reading follows protobuf's rules: unknown fields and known ones of another wire type are passed
 * over, the last value of a field counts, messages given twice are merged, repeated numbers may be
 * packed or not, of a oneof the last member counts.  A field with its default that does not tell it
 * from its absence is absent in the tree.  An enum's number without a word stays a number.
 * Refused, with path and byte: text that is no UTF-8 or has a NUL, groups, what is cut off, numbers
 * that are not finite, more than DOC_NODES_MAX values, messages deeper than PROTOBUF_DEPTH_MAX.
 *
 * Writing is canonical: fields by number, the keys of maps in byte order, no defaults but where
 * they are told from absence.  Trees live in the arena.  Any thread. */
#ifndef DOC_PROTOBUF_H
#define DOC_PROTOBUF_H

#include "doc/schema.h"

enum {
    PROTOBUF_DEPTH_MAX = 60, /* with it a Struct in a policy nests less deep than a document may */
    PROTOBUF_ROWS_MAX = 64,     /* of a table */
};

/* What rows with SCHEMA_WIRE_MODE are written as; both are read. */
enum protobuf_modes { PROTOBUF_TEXTS, PROTOBUF_ENUMS };

/* -1: problems says why.  The bytes may go away afterwards. */
int protobuf_decode(const struct schema *schema, const void *bytes, size_t len, struct arena *arena,
                    struct doc_node **out, struct problems *problems);
/* Appends the bytes of a tree to out.  -1: it does not fit its table; out keeps its length. */
int protobuf_encode(const struct schema *schema, const struct doc_node *tree,
                    enum protobuf_modes modes, struct buf *out, struct problems *problems);

/* For messages that are written by hand, as their bytes would be base64 in a tree: */
void protobuf_put_varint(struct buf *out, uint64_t value);
/* The key and length of a field of so many bytes, which are to follow. */
void protobuf_put_length(struct buf *out, uint32_t number, size_t len);

#endif
