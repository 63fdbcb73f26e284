/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head with values of credentials in it.  For the egress folder; loop thread only. */
#ifndef EGRESS_INSPECT_FILLED_H
#define EGRESS_INSPECT_FILLED_H

#include "egress/client.h"

struct egress_filled_field {
    size_t index;                                   /* among the fields of the head */
    const char *before;                             /* its value as the client sent it */
    struct buf value;
};

/* A request's head with values in it, until egress_filled_undo. */
struct egress_filled {
    struct buf target;                              /* path and query; empty: as they were */
    struct egress_filled_field *fields;
    size_t n;
    struct buf body; /* of one that was read whole; empty: as it was */
};

/* The field has the value, which is taken, until then. */
void egress_filled_set(struct client *c, struct egress_filled *out, size_t index,
                       struct buf *value);
/* The head is as the client sent it, and the values are overwritten. */
void egress_filled_undo(struct client *c, struct egress_filled *filled);

#endif
