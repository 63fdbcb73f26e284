/* SPDX-License-Identifier: Apache-2.0 */
/* The cure of a refusal: the smallest change of the policy that lets exactly what was refused pass,
 * for the program that sent it.
 *
 * It is a rule of its own with one program, host and port and, where requests are inspected, one
 * method and path and the calls of one body.  Whoever may send a request may send it with any query
 * and, where it is a GET, as a HEAD.  A rule cannot take back what a deny rule refuses.
 *
 * Pure, any thread.  Results live in the arena and point to texts of what was given, to the policy
 * and to the calls of the request. */
#ifndef POLICY_CURE_H
#define POLICY_CURE_H

#include "policy/cure/refused.h"
#include "policy/effect/effect.h"
#include "policy/match/match.h"
#include "policy/merge/merge.h"

struct doc_writer;
struct policy_http_request;

/* A body may have many calls, and finding the cure takes time of the proxy's loop. */
enum { POLICY_CURE_CALLS_MAX = 32 };                /* that are refused, of one body */

struct policy_cure {
    struct policy_operation operation;              /* add_rule */
    const struct policy_effect *effect;             /* of the operation */
};

/* Whether the policy lets it through.  caller: who sends it, and to where.  request: as it was
 * judged, with every call of its body; NULL: the words of refused are all that is known. */
bool policy_refused_passes(const struct sluice_policy *policy, const struct policy_request *caller,
                           const struct policy_refused *refused,
                           const struct policy_http_request *request);

/* The rule, where the policy allows the connection.  Its endpoint agrees with the one that refused
 * the request in everything but the requests.  request: as above.  NULL, or why no rule can open
 * it. */
const char *policy_cure_rule(const struct sluice_policy *policy,
                             const struct policy_request *caller,
                             const struct policy_refused *refused,
                             const struct policy_http_request *request, struct arena *arena,
                             const struct sluice_rule **out);
/* The rule, where the policy does not: it opens the connection, or the request alone. */
const struct sluice_rule *policy_cure_connection(const struct policy_refused *refused,
                                                 struct arena *arena);

/* Bytes of a path and of the names in a body: what takes more has no cure. */
enum { POLICY_CURE_LENGTH_MAX = 512 };

/* The change, under a name that no rule has or whose rule may be widened.  NULL, or why there is
 * none. */
const char *policy_cure(const struct sluice_policy *policy, const struct policy_request *caller,
                        const struct policy_refused *refused,
                        const struct policy_http_request *request, struct arena *arena,
                        struct policy_cure *out);

/* Its members operations and effect, within a map that the caller opened. */
void policy_cure_write(const struct policy_cure *cure, struct doc_writer *w);
/* The first of them alone. */
void policy_cure_write_operations(const struct policy_cure *cure, struct doc_writer *w);

#endif
