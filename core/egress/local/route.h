/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of http://policy.local.  Pure. */
#ifndef EGRESS_LOCAL_ROUTE_H
#define EGRESS_LOCAL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

enum { LOCAL_CHUNK_MAX = 64 };                      /* bytes of a chunk's id */

enum local_route_kind {
    LOCAL_POLICY,                                   /* GET /v1/policy/current */
    LOCAL_DENIALS,                                  /* GET /v1/denials?last=N */
    LOCAL_PROPOSE,                                  /* POST /v1/proposals */
    LOCAL_CHUNK,                                    /* GET /v1/proposals/{id} */
    LOCAL_WAIT,                                     /* GET /v1/proposals/{id}/wait?timeout=S */
    LOCAL_NONE,
};

struct local_route {
    enum local_route_kind kind;
    char chunk[LOCAL_CHUNK_MAX + 1];                /* CHUNK, WAIT */
    unsigned number;                                /* DENIALS: last; WAIT: seconds */
    char detail[256];                               /* NONE: why */
};

/* path: of the request, with its query. */
void local_route_find(const char *method, const char *path, struct local_route *out);

#endif
