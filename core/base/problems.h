/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is wrong with one document, reported at once.
 * {0} is an empty list; problems_free makes it one again.  Texts are copied. */
#ifndef BASE_PROBLEMS_H
#define BASE_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct problem {
    char *path; /* document path such as network_policies.api.endpoints[0].host, or "" */
    unsigned line, column;                          /* from 1; 0: unknown */
    char *message;
};

struct problems {
    struct problem *items;
    size_t n;
    bool truncated;                                 /* more than PROBLEMS_MAX were found */
};

enum { PROBLEMS_MAX = 256 };

/* Always returns -1, so that a failing function can say "return problems_add(...)". */
int problems_add(struct problems *problems, const char *path, unsigned line, unsigned column,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
void problems_free(struct problems *problems);
/* Sets err to the first of them, "PATH: MESSAGE", and frees the list.  Returns -1. */
int problems_first(struct problems *problems, enum error_kind kind, struct error *err);

#endif
