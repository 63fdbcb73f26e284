/* SPDX-License-Identifier: Apache-2.0 */
/* What is on record: requests, and connections without one, that were let through.
 * Pure, any thread. */
#ifndef POLICY_LEARN_SEEN_H
#define POLICY_LEARN_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/policy.h>

struct arena;

/* How the record names a connection, which has no path. */
#define POLICY_SEEN_CONNECTION "CONNECT"
#define POLICY_SEEN_BYTES "TCP" /* bytes pass uninspected */

struct policy_evidence {
    uint64_t count;
    int64_t first_ms, last_ms;
};

/* What was let through, so often.  Texts that do not apply are "". */
struct policy_seen {
    const char *host;                               /* canonical */
    uint16_t port;
    const char *program;                            /* as a rule names it */
    const char *method, *path;                      /* path "": a connection, see above */
    const char *operation, *field, *rpc_method, *tool; /* of a call in the body */
    const char *problem;                            /* why it is not on record as it was sent */
    struct policy_evidence evidence;
};

struct policy_learning {
    const struct policy_seen *seen;
    size_t n;
    const struct sluice_policy *ceiling;
    size_t max_paths; /* of an endpoint, more become patterns; 0: none do */
    /* A path whose parts are other ones in each sandbox, as the pattern that takes those of all, in
     * the arena; the path itself where it has none.  NULL: no path has. */
    const char *(*general)(const char *path, struct arena *arena);
};

struct policy_left_out {
    const struct policy_seen *seen;
    const char *why;
};

/* "PROGRAM: METHOD HOST:PORT/PATH", printable; in the arena. */
const char *policy_seen_name(const struct policy_seen *seen, struct arena *arena);

#endif
