/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that a client compresses: gzip and deflate.  Any thread. */
#ifndef GRPC_GZIP_H
#define GRPC_GZIP_H

#include <stdbool.h>

#include "base/buf.h"

enum grpc_inflated { GRPC_INFLATED, GRPC_NOT_COMPRESSED, GRPC_INFLATES_TOO_FAR };

/* Appends to out at most max bytes, and stops there however much is left. */
enum grpc_inflated grpc_inflate(const void *bytes, size_t len, size_t max, struct buf *out);

#endif
