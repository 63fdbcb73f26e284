/* SPDX-License-Identifier: Apache-2.0 */
/* The connections that were opened and not accepted yet, by source address.  Plain values; one
 * thread. */
#ifndef EGRESS_CALLER_RECORDS_H
#define EGRESS_CALLER_RECORDS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "egress/caller/caller.h"
#include "egress/caller/connects.h"

enum { EGRESS_RECORDS_MAX = 256 };

struct egress_record {
    struct sockaddr_in source;
    struct egress_closer *closer;                   /* borrowed */
    int socket; /* the client's; the record closes it, but where it has */
    struct egress_connect *connect;                 /* one that waits for its answer, or NULL */
    struct egress_caller caller;
    bool identified;                                /* else problem says why not */
    struct error problem;
};

struct egress_records {
    struct egress_record *items[EGRESS_RECORDS_MAX];
    size_t n;
};

/* Makes room by dropping those whose connection has failed.  False: it is full all the same. */
bool egress_records_have_room(struct egress_records *records);
/* The table owns the record from here on.  Needs room. */
void egress_records_add(struct egress_records *records, struct egress_record *record);
/* The record of that source, which the caller owns from here on, or NULL. */
struct egress_record *egress_records_take(struct egress_records *records,
                                          const struct sockaddr_in *source);
void egress_record_free(struct egress_record *record);
void egress_records_clear(struct egress_records *records);

#endif
