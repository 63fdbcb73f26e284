/* SPDX-License-Identifier: Apache-2.0 */
/* The newest lines of the decision log that refuse something, for GET /v1/denials.
 *
 * A zeroed one is ready.  One thread. */
#ifndef EGRESS_LOCAL_DENIALS_H
#define EGRESS_LOCAL_DENIALS_H

#include <stdint.h>

#include "base/buf.h"

enum { LOCAL_DENIALS_MAX = 100, LOCAL_LINE_MAX = 4096 };

struct local_denials {
    char *lines[LOCAL_DENIALS_MAX];                 /* NULL: free */
    size_t next;                                    /* the place of the next one */
};

/* at_ms: since 1970. */
void local_denials_add(struct local_denials *denials, const char *line, int64_t at_ms);
/* Appends a JSON list of at most n, the newest first. */
void local_denials_print(const struct local_denials *denials, size_t n, struct buf *out);
void local_denials_free(struct local_denials *denials);

#endif
