/* SPDX-License-Identifier: Apache-2.0 */
/* Executable GraphQL documents (specification of October 2021): which operation a document asks
 * for, and its root fields.
 *
 * Root fields are those of the operation's own selection set, by their real names: aliases are
 * replaced, and fragments are followed to any depth, each once.  What is nested below a root field
 * is parsed and left out, as are arguments and directives: a field that @skip or @include may leave
 * out counts.  A fragment that the document does not define adds nothing.
 *
 * Limits: GRAPHQL_DEPTH_MAX nested selection sets, values and types, GRAPHQL_TOKENS_MAX tokens.
 * Memory is linear in the document, time linear but for the sorting of names.  Pure, any thread. */
#ifndef POLICY_MATCH_GRAPHQL_DOCUMENT_H
#define POLICY_MATCH_GRAPHQL_DOCUMENT_H

#include "base/arena.h"

enum { GRAPHQL_DEPTH_MAX = 128 };

struct graphql_operation {
    const char *type;                               /* query, mutation or subscription */
    const char *name;                               /* "": it has none */
    const char *const *fields;                      /* root fields, sorted, each once */
    size_t n_fields;
};

/* text: UTF-8.  operation_name: which operation is executed; "": the only one.  What is read lives
 * in the arena.  NULL, or why the document is rejected, in the arena too. */
const char *graphql_document_read(const char *text, const char *operation_name,
                                  struct arena *arena, struct graphql_operation *out);

#endif
