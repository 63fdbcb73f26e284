/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that clients may repeat: one with a request_id that was answered with success is given
 * the same answer again, and is not done twice.
 *
 * Kept in memory for REPLAY_MS, of at most REPLAYS_MAX requests and REPLAY_BYTES of answers, the
 * newest ones.  Loop thread. */
#ifndef GRPC_REPLAYS_H
#define GRPC_REPLAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"

enum {
    REPLAYS_MAX = 1024,
    REPLAY_BYTES = 4 * 1024 * 1024,
    REPLAY_MS = 24 * 60 * 60 * 1000,
};

/* {0} has none. */
struct grpc_replays {
    struct grpc_replay *newest, *oldest;
    unsigned n;
    size_t bytes;
};

/* What repeats must have in common. */
struct grpc_request {
    const char *caller, *method, *id;
    const void *message;
    size_t len;
};

/* The number of the request, for grpc_replays_end; 0: it was sent before.  Then either answer is
 * what it was answered, or NULL and err says why it is refused, with the reason for programs. */
uint64_t grpc_replays_begin(struct grpc_replays *replays, const struct grpc_request *request,
                            uint64_t now_ms, const struct buf **answer, const char **reason,
                            struct error *err);
/* answer NULL: it failed, or nobody knows. */
void grpc_replays_end(struct grpc_replays *replays, uint64_t number, const struct buf *answer);
void grpc_replays_free(struct grpc_replays *replays);
/* "" is one that asks for none of this.  -1: it is no UUID, or that of nobody. */
int grpc_check_request_id(const char *id, struct error *err);

#endif
