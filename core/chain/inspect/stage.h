/* SPDX-License-Identifier: Apache-2.0 */
/* What a middleware of a policy sees of a request, and what it may change.  The voters of the chain
 * see every header and change nothing.  Pure, any thread. */
#ifndef CHAIN_INSPECT_STAGE_H
#define CHAIN_INSPECT_STAGE_H

#include "chain/inspect/inspect.h"

/* The only headers that a middleware may set. */
#define INSPECT_STAGE_PREFIX "x-openshell-middleware-"

enum {
    INSPECT_CHANGES_MAX = 64,                       /* of headers, by one middleware */
    INSPECT_CHANGES_BYTES_MAX = 32 * 1024,          /* names and values together */
    INSPECT_BODY_MAX = 4 * 1024 * 1024,             /* the longest body that is buffered */
};

/* False for credentials of the client, and for headers that belong to a connection: those that the
 * request's Connection header names, too.  name: in lower case. */
bool inspect_stage_sees(const struct sluice_request *request, const char *name);

/* The headers that a middleware sees, in the arena. */
const struct sluice_header *inspect_stage_headers(const struct sluice_request *request,
                                                  struct arena *arena, size_t *n);

/* NULL, or why the changes of one middleware are not permitted: then none of them is made, and the
 * middleware counts as failed. */
const char *inspect_stage_problem(const struct sluice_request *request,
                                  const struct inspect_change *changes, size_t n);

#endif
