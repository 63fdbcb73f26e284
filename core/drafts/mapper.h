/* SPDX-License-Identifier: Apache-2.0 */
/* What a reviewer is told about a refused connection or request.  Pure, any thread. */
#ifndef DRAFTS_MAPPER_H
#define DRAFTS_MAPPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct policy_refused;

/* Whether a terminal shows host and path as they are (base/printable.h).  Otherwise no chunk is
 * made. */
bool drafts_readable(const char *host, const char *binary);

const char *drafts_rationale(const struct policy_refused *refused, struct arena *arena);
double drafts_confidence(uint16_t port, uint64_t hits, bool ssrf);

#endif
