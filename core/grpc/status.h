/* SPDX-License-Identifier: Apache-2.0 */
/* How a gRPC call ends: its code and what the client is told.  Plain values, any thread. */
#ifndef GRPC_STATUS_H
#define GRPC_STATUS_H

#include "base/buf.h"
#include "base/error.h"

#define GRPC_CODES(X)         \
    X(OK, 0)                  \
    X(CANCELLED, 1)           \
    X(UNKNOWN, 2)             \
    X(INVALID_ARGUMENT, 3)    \
    X(DEADLINE_EXCEEDED, 4)   \
    X(NOT_FOUND, 5)           \
    X(ALREADY_EXISTS, 6)      \
    X(PERMISSION_DENIED, 7)   \
    X(RESOURCE_EXHAUSTED, 8)  \
    X(FAILED_PRECONDITION, 9) \
    X(ABORTED, 10)            \
    X(OUT_OF_RANGE, 11)       \
    X(UNIMPLEMENTED, 12)      \
    X(INTERNAL, 13)           \
    X(UNAVAILABLE, 14)        \
    X(DATA_LOSS, 15)          \
    X(UNAUTHENTICATED, 16)

enum grpc_code {
#define X(id, number) GRPC_##id = number,
    GRPC_CODES(X)
#undef X
};

enum { GRPC_TEXT_MAX = 4096 };                      /* of a grpc-message, before it is encoded */

enum grpc_code grpc_code_of(enum error_kind kind);
/* The length of a text of which at most max bytes are told: it ends with a whole character. */
size_t grpc_text_len(const char *text, size_t max);
/* The value of grpc-message: UTF-8 with all but printable ASCII, and '%', as %XX.  What is longer
 * than GRPC_TEXT_MAX is cut, at the beginning of a character. */
void grpc_put_message(struct buf *out, const char *text);

#endif
