/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head with values of credentials in it.  For the egress folder; loop thread only. */
#ifndef EGRESS_INSPECT_FILLED_H
#define EGRESS_INSPECT_FILLED_H

#include "egress/client.h"

/* A request's head with values in it, until egress_filled_undo. */
struct egress_filled {
    struct buf target;         /* path and query; empty: as they were */
    struct http_field *before; /* the fields as the client sent them */
    size_t n_before;           /* NULL before: they are in the head */
    struct buf *values;        /* of fields */
    size_t n;
    struct buf body; /* of one that was read whole; empty: as it was */
};

/* The field has the value, which is taken, until then. */
void egress_filled_set(struct client *c, struct egress_filled *out, size_t index,
                       struct buf *value);
/* One more field, at the end.  The name outlives it, the value is taken. */
void egress_filled_add(struct client *c, struct egress_filled *out, const char *name,
                       struct buf *value);
/* There is no field of that name. */
void egress_filled_remove(struct client *c, struct egress_filled *out, const char *name);
/* The head is as the client sent it, and the values are overwritten. */
void egress_filled_undo(struct client *c, struct egress_filled *filled);

#endif
