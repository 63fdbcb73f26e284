/* SPDX-License-Identifier: Apache-2.0 */
/* Proposes a rule for a refused connection or request, with a confidence, and makes the key of its
 * chunk.  Pure, any thread. */
#ifndef DRAFTS_MAPPER_H
#define DRAFTS_MAPPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct drafts_denial;

/* The key of a chunk. */
struct drafts_target {
    const char *host;                               /* canonical */
    uint16_t port;
    const char *binary;                             /* "" when unknown */
    const char *method, *path;                      /* of a request; "": the connection */
    const char *operation, *field, *rpc_method, *tool; /* of the call in its body; "": none */
};

/* -1: no rule could ever allow it (loopback, link-local, metadata; no host name, no port), or a
 * rule would allow more (a program whose path has * or ?, which a rule reads as a pattern), so
 * nothing is proposed.  The target's texts are in the arena. */
int drafts_target(const char *host, uint16_t port, const char *binary, struct arena *arena,
                  struct drafts_target *out);

/* The target's request.  path: canonical.  -1: a rule of that method and path would allow other
 * requests too (a path with * is a pattern, and so is the method *), or the program is not
 * known. */
int drafts_target_request(struct drafts_target *target, const char *method, const char *path,
                          struct arena *arena);

/* The call in the body of the target's request.  -1: a rule would read one of its texts as a
 * pattern, or cannot name it. */
int drafts_target_call(struct drafts_target *target, const struct drafts_denial *denial,
                       struct arena *arena);

/* Whether a terminal shows host and path as they are (base/printable.h).  Otherwise no chunk is
 * made. */
bool drafts_readable(const char *host, const char *binary);

/* The same for all spellings of a host. */
const char *drafts_rule_name(const char *host, uint16_t port, struct arena *arena);
/* Requests of one program to one host and port have one rule. */
const char *drafts_request_rule_name(const struct drafts_target *target, struct arena *arena);
const char *drafts_rule_json(const struct drafts_target *target, struct arena *arena);
const char *drafts_rationale(const struct drafts_target *target, struct arena *arena);
double drafts_confidence(uint16_t port, uint64_t hits, bool ssrf);

#endif
