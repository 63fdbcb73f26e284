/* SPDX-License-Identifier: Apache-2.0 */
/* Messages within a body: a flag, four bytes of length, and the message, compressed or not.
 *
 * A reader pulls: feed it bytes until it wants more.  Memory grows with what has come, not with
 * what a length announces.  One thread at a time. */
#ifndef GRPC_FRAMES_H
#define GRPC_FRAMES_H

#include <stdbool.h>

#include "base/error.h"
#include "grpc/status.h"

enum { GRPC_PREFIX_SIZE = 5 };

enum grpc_encoding { GRPC_IDENTITY, GRPC_COMPRESSED, GRPC_UNKNOWN_ENCODING };

struct grpc_frames {
    size_t max;                                     /* bytes of a message */
    enum grpc_encoding encoding;
    unsigned char prefix[GRPC_PREFIX_SIZE];
    size_t n_prefix, left;
    struct buf message;                             /* as it comes */
};

enum grpc_event { GRPC_MORE, GRPC_MESSAGE, GRPC_BAD };

/* The value of grpc-encoding; NULL: none is given. */
enum grpc_encoding grpc_encoding_of(const char *name);
#define GRPC_ENCODINGS "identity,deflate,gzip"

/* Advances *bytes and *len past what was taken.  GRPC_MESSAGE: out has the message (its former
 * content is lost).  GRPC_BAD: code and why are filled, and nothing more can be read. */
enum grpc_event grpc_frames_next(struct grpc_frames *frames, const char **bytes, size_t *len,
                                 struct buf *out, enum grpc_code *code, struct error *why);
/* Nothing of a message has come that is not complete. */
bool grpc_frames_idle(const struct grpc_frames *frames);
void grpc_frames_free(struct grpc_frames *frames);
/* A message for the client. */
void grpc_frames_put(struct buf *out, const void *message, size_t len);

#endif
