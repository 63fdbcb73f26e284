/* SPDX-License-Identifier: Apache-2.0 */
/* grpc-status-details-bin: a google.rpc.Status, whose details say for programs what grpc-message
 * says for people.  Plain values, any thread. */
#ifndef GRPC_DETAILS_H
#define GRPC_DETAILS_H

#include "base/problems.h"
#include "grpc/status.h"

enum {
    GRPC_DETAILS_MAX = 2048, /* bytes of details; what does not fit is left out */
    /* Of message and details as they are sent: clients take 8 KiB of trailers for sure. */
    GRPC_STATUS_MAX = 7 * 1024,
};

struct grpc_pair {
    const char *key, *value;                        /* value "" or NULL: left out */
};

/* google.rpc.ErrorInfo, of the domain "sluice". */
void grpc_details_info(struct buf *details, const char *reason, const struct grpc_pair *pairs,
                       size_t n);
/* google.rpc.BadRequest: a violation a problem.  None: nothing is added. */
void grpc_details_problems(struct buf *details, const struct problems *problems);
/* The field's value into an empty buffer, which stays empty where there are no details,
 * or too much of it all. */
void grpc_put_details(struct buf *out, enum grpc_code code, const char *text,
                      const struct buf *details);

#endif
