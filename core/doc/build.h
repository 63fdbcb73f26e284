/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a tree from the events of a parser, with the limits and refusals that both formats share.
 *
 * Ownership: the tree goes to the arena; doc_build_end frees the rest.  One thread.
 * Every function returns -1 when the parser must stop; a duplicate key is reported and parsing
 * goes on, so that all of them are seen at once. */
#ifndef DOC_BUILD_H
#define DOC_BUILD_H

#include "doc/tree.h"

struct doc_place {
    unsigned line, column;
};

struct doc_frame {
    struct doc_node *node;
    size_t first;                                   /* where its children begin in pending */
};

/* A value that aliases may stand for. */
struct doc_anchor {
    const char *name;
    struct doc_node *node;
    bool has_alias;                                 /* within the value */
};

struct doc_build {
    struct arena *arena;
    struct problems *problems;
    struct doc_node *root;
    struct doc_node **pending;                      /* children of the open collections in order */
    size_t n_pending, cap_pending;
    struct doc_frame open[DOC_DEPTH_MAX + DOC_AROUND];
    unsigned depth, depth_max;
    size_t nodes, nodes_max;
    bool failed;
    bool aliases;                                   /* YAML's anchors and aliases are accepted */
    struct doc_anchor *anchors;
    size_t n_anchors;
};

int doc_build_scalar(struct doc_build *b, const struct doc_node *value, const char *text,
                     size_t len);
int doc_build_open(struct doc_build *b, enum doc_kind kind, struct doc_place at);
/* Names the value that was begun last. */
int doc_build_anchor(struct doc_build *b, struct doc_place at, const char *name);
/* The value of that name stands here too. */
int doc_build_alias(struct doc_build *b, struct doc_place at, const char *name);
void doc_build_close(struct doc_build *b);
bool doc_build_wants_key(const struct doc_build *b);
/* Reports at the place, with the document path of the value that is being read.  Returns -1. */
int doc_build_problem(struct doc_build *b, struct doc_place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void doc_build_end(struct doc_build *b);

int doc_read_yaml(struct doc_build *b, const char *text, size_t len);
int doc_read_json(struct doc_build *b, const char *text, size_t len);

/* Line and column, from 1 and in characters, of a byte of the text. */
struct doc_place doc_place_of(const char *text, size_t offset);

#endif
