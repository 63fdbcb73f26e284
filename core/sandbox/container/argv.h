/* SPDX-License-Identifier: Apache-2.0 */
/* A NULL-terminated argument vector built in an arena.  {.arena = a} is an empty one. */
#ifndef SANDBOX_CONTAINER_ARGV_H
#define SANDBOX_CONTAINER_ARGV_H

#include <stddef.h>

struct arena;

struct argv {
    struct arena *arena;
    const char **items;                             /* NULL while empty */
    size_t n;
};

/* Appends up to the NULL that ends the arguments; the texts are borrowed. */
void sandbox_argv_add(struct argv *argv, ...) __attribute__((sentinel));

#endif
