/* SPDX-License-Identifier: Apache-2.0 */
/* Writes documents value by value, as JSON, as block YAML or as a tree.  Trees, records with a
 * schema (schema.h) and values of jansson (jansson.h) are all written through it.
 *
 *     doc_write_open(w, DOC_MAP);
 *     doc_write_key(w, "ports");
 *     doc_write_number(w, 443);
 *     doc_write_close(w, DOC_MAP);
 *
 * Ownership: a writer borrows its buffer or arena; texts are borrowed for the call, keys until the
 * next value.  One thread. */
#ifndef DOC_WRITER_H
#define DOC_WRITER_H

#include <stdint.h>

#include "doc/build.h"

struct doc_writer;

struct doc_writer_ops {
    void (*key)(struct doc_writer *w, const char *key);
    void (*text)(struct doc_writer *w, const char *text);
    void (*literal)(struct doc_writer *w, const char *literal); /* null, true, false or a number */
    void (*open)(struct doc_writer *w, enum doc_kind kind);         /* DOC_LIST or DOC_MAP */
    void (*close)(struct doc_writer *w, enum doc_kind kind);
    void (*json)(struct doc_writer *w, const char *json); /* NULL: it is read and written */
};

struct doc_writer {
    const struct doc_writer_ops *ops;
    const char *key;                                /* of the next value; NULL: none, or written */
};

/* The key of the next value.  One without a value is not written. */
void doc_write_key(struct doc_writer *w, const char *key);
void doc_write_text(struct doc_writer *w, const char *text);
void doc_write_literal(struct doc_writer *w, const char *literal);
void doc_write_number(struct doc_writer *w, int64_t number);
void doc_write_bool(struct doc_writer *w, bool value);
void doc_write_open(struct doc_writer *w, enum doc_kind kind);
void doc_write_close(struct doc_writer *w, enum doc_kind kind);
void doc_write_tree(struct doc_writer *w, const struct doc_node *node);
/* The same with the keys of every map in byte order. */
void doc_write_canonical(struct doc_writer *w, const struct doc_node *node);
/* A value that is JSON text already, made by a writer; what cannot be read is null. */
void doc_write_json(struct doc_writer *w, const char *json);

struct doc_json_writer {
    struct doc_writer writer;
    struct buf *out;
    size_t begin;                                   /* where the document begins in out */
};

/* Appends compact JSON to out. */
struct doc_writer *doc_json_writer(struct doc_json_writer *json, struct buf *out);

struct doc_yaml_writer {
    struct doc_writer writer;
    struct buf *out;
    struct doc_yaml_level *levels;                  /* the open lists and maps */
    size_t depth;
};

/* Appends block YAML to out, with a final newline. */
struct doc_writer *doc_yaml_writer(struct doc_yaml_writer *yaml, struct buf *out);
void doc_yaml_writer_end(struct doc_yaml_writer *yaml);

struct doc_tree_writer {
    struct doc_writer writer;
    struct doc_build build;
};

/* Makes a tree in the arena, of at most max_values values and depth levels.  Its values stand
 * nowhere: their lines and columns are 0. */
struct doc_writer *doc_tree_writer(struct doc_tree_writer *tree, struct arena *arena,
                                   struct problems *problems);
/* NULL: it is larger or deeper than a document may be; problems says so. */
struct doc_node *doc_tree_writer_end(struct doc_tree_writer *tree);

#endif
