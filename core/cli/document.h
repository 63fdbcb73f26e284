/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include "cli/cli.h"
#include "doc/tree.h"

struct policy;

/* A policy file, as the schema alone reads it.  NULL after saying what is wrong; the caller has a
 * reference. */
struct policy *policy_from_file(const char *path);

/* The newest policy of a sandbox.  NULL after saying what is wrong: *code is the exit code. */
struct policy *policy_of_sandbox(const struct cli *cli, const char *name, int *code);

struct document {
    struct arena *arena;
    enum doc_format format;
    struct doc_node *tree;                          /* NULL: no file was named */
};

/* Every problem on stderr, with file, line, column and document path. */
void document_complain(const char *path, const struct problems *problems);
bool document_is_json(const char *path, const struct buf *text);
/* Reads the file at path, NULL: none.  An exit code after saying what is wrong, or -1.  Always to
 * be followed by document_free. */
int document_read(const char *path, struct document *out);
void document_free(struct document *document);
/* The body of a request: head and the file as one more member, in the file's own format, so that
 * the gateway decides what YAML leaves open, such as whether 1000 is a number. */
void document_body(const struct document *file, const json_t *head, const char *member,
                   struct buf *out);
const char *document_type(const struct document *file);
/* The errors of a reply that are about this member of the body sent: with path, line and column of
 * the file. */
void document_locate(const struct document *file, const struct buf *body, const char *member,
                     const struct reply *reply);

#endif
