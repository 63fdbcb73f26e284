/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that works off a queue.
 *
 * Any thread may add items.  The thread calls its function with all that wait, up to a number, the
 * oldest first.  Items belong to the queue until then and to the function from then on.
 * Signals are left to the threads that the program made for them. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <stddef.h>

#include "base/error.h"

struct thread;

struct thread_item {
    struct thread_item *next;                       /* NULL: the last one */
};

typedef void (*thread_fn)(void *ctx, struct thread_item *items);

/* most: how many items one call gets, 0: all.  The thread runs when this returns. */
struct thread *thread_new(const char *name, size_t most, thread_fn fn, void *ctx,
                          struct error *err);
void thread_add(struct thread *thread, struct thread_item *item);
/* Waits until every item was worked off; NULL is fine. */
void thread_free(struct thread *thread);

#endif
