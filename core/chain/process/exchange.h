/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a voter's process and the answer to it, sent and read as far as the socket allows, so
 * that one thread can have several of them under way and take each as it comes.
 *
 * Ownership: exchange_begin takes the frames; exchange_end frees what is left.  One thread. */
#ifndef CHAIN_PROCESS_EXCHANGE_H
#define CHAIN_PROCESS_EXCHANGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "chain/process/frame.h"

struct exchange {
    int fd;
    uint64_t left_ns;                               /* of its limit: exchange_await counts down */
    struct buf out, in;
    size_t sent;
    bool ended;                                     /* answered, or failed */
    bool failed;                                    /* err says why, with the kinds of frame.h */
    struct error err;
};

/* Sends what fits at once. */
void exchange_begin(struct exchange *x, int fd, struct buf *frames, uint32_t limit_ms);
/* Which of them was answered first.  Those that failed or are out of time come when no other is
 * left, because ending a process takes a while.  Only what passes in here is charged to them: a process
 * may have waited for this side.  NULL ones do not count, one must not be.  Blocks. */
size_t exchange_await(struct exchange *const *list, size_t n, struct arena *arena);
/* The JSON of the answer of one that did not fail. */
const char *exchange_json(const struct exchange *x, size_t *len);
void exchange_end(struct exchange *x);

#endif
