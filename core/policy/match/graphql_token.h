/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of a GraphQL document (specification of October 2021, section 2.1), for
 * graphql_document.c.  Strict: what the specification does not define is a problem.
 *
 * Ownership: tokens point into the text, which ends with NUL and is valid UTF-8.  Pure, any
 * thread. */
#ifndef POLICY_MATCH_GRAPHQL_TOKEN_H
#define POLICY_MATCH_GRAPHQL_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum { GRAPHQL_TOKENS_MAX = 20000 };                /* of one document */

/* A punctuator of one character is that character. */
enum graphql_token_kind {
    GRAPHQL_END = 256,
    GRAPHQL_NAME,
    GRAPHQL_NUMBER,
    GRAPHQL_STRING,
    GRAPHQL_SPREAD,                                 /* ... */
};

struct graphql_lexer {
    const char *at;                                 /* what follows the token */
    int kind;
    const char *token;                              /* the present one */
    size_t len, n;
};

/* Reads the next token.  NULL, or why there is none; at then points to the place. */
const char *graphql_next(struct graphql_lexer *lexer);
bool graphql_is_word(const struct graphql_lexer *lexer, const char *word);      /* a name */

#endif
