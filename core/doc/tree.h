/* SPDX-License-Identifier: Apache-2.0 */
/* One document tree for YAML and JSON, with the line and column of every value.
 *
 * Ownership: a tree lives in the arena it was parsed into.  Any thread, one at a time.
 * Text is valid UTF-8 without NUL.  YAML scalars are not typed here: a plain `no` is the text "no"
 * with plain set, and the schema decides what it may be.
 * Limits: depth 32, DOC_NODES_MAX values, the byte limit of the caller; time is linear in the text.
 * Refused with line and column: several documents, anchors, aliases, tags, merge keys, duplicate
 * keys, keys that are no text, directives other than %YAML 1.1/1.2. */
#ifndef DOC_TREE_H
#define DOC_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/problems.h"

enum { DOC_DEPTH_MAX = 32, DOC_AROUND = 8, DOC_NODES_MAX = 100000 };

enum doc_format { DOC_YAML, DOC_JSON };

enum doc_kind { DOC_NULL, DOC_SCALAR, DOC_LIST, DOC_MAP };

struct doc_node {
    enum doc_kind kind;
    bool plain;                                     /* scalar without quotes, JSON literals too */
    bool literal;                                   /* JSON number, true or false: never a text */
    unsigned line, column;                          /* from 1 */
    const char *text;                               /* scalar; "" otherwise */
    struct doc_node **items;                        /* list items, map values */
    struct doc_node **keys;                         /* map keys, scalars; NULL in a list */
    size_t n;
};

/* -1: problems says why, each with line and column.  An empty YAML document is DOC_NULL. */
int doc_parse(const char *text, size_t len, enum doc_format format, size_t max_bytes,
              struct arena *arena, struct doc_node **out, struct problems *problems);

/* YAML with anchors and aliases, for files that a generator may have written, such as cases; never
 * for what the gateway obeys.  The tree then holds one node at several places.  An alias cannot
 * stand for a value that has an alias, so walking the tree costs at most the square of its text. */
int doc_parse_aliased(const char *text, size_t len, size_t max_bytes, struct arena *arena,
                      struct doc_node **out, struct problems *problems);

/* JSON of our own in which documents stand: DOC_AROUND deeper than they may be. */
int doc_parse_own(const char *json, size_t len, size_t max_values, struct arena *arena,
                  struct doc_node **out, struct problems *problems);

const struct doc_node *doc_get(const struct doc_node *map, const char *key); /* NULL: not there */
/* The value at a document path such as network_policies["a b"].endpoints[0]; NULL: not there. */
const struct doc_node *doc_at(const struct doc_node *root, const char *path);

/* A document path one step longer: parent.key, parent["odd key"] or parent[i]; in the arena. */
char *doc_path_key(struct arena *arena, const char *parent, const char *key);
char *doc_path_item(struct arena *arena, const char *parent, size_t i);

/* Prints a tree as block YAML with a final newline, or as compact JSON with the keys of every map
 * in the order they stand.  Plain YAML scalars that have JSON's form of a number, true or false
 * are that, all others are text; what is printed reads back as the same tree. */
void doc_print(const struct doc_node *node, enum doc_format format, struct buf *out);
/* The same JSON with the keys of every map in byte order. */
void doc_print_canonical(const struct doc_node *node, struct buf *out);

#endif
