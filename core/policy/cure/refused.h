/* SPDX-License-Identifier: Apache-2.0 */
/* What was refused: a program's connection, a request on it, and a call in its body.
 * Pure, any thread. */
#ifndef POLICY_CURE_REFUSED_H
#define POLICY_CURE_REFUSED_H

#include <stdint.h>

struct arena;

/* The program is named by the path of its file.  Two refusals with the same texts are the same. */
struct policy_refused {
    const char *host;                               /* canonical */
    uint16_t port;
    const char *binary;                             /* "" when unknown */
    const char *method, *path;                      /* of a request; "": the connection */
    const char *operation, *field, *rpc_method, *tool; /* of the call in its body; "": none */
    const char *vote; /* VOTER:CODE of the vote that holds it; "" or NULL: the policy refuses it */
};

/* -1: no rule could ever allow it (loopback, link-local, metadata; no host name, no port), or a
 * rule would allow more (a program whose path has * or ?, which a rule reads as a pattern).  The
 * texts are copied to the arena. */
int policy_refused_connection(const char *host, uint16_t port, const char *binary,
                              struct arena *arena, struct policy_refused *out);

/* A request on it.  path: canonical, without the query.  -1: a rule of that method and path would
 * allow other requests too (a path with * is a pattern, and so is the method *), or the program is
 * not known. */
int policy_refused_request(struct policy_refused *refused, const char *method, const char *path,
                           struct arena *arena);

/* The call in the body of the request; NULL: none.  -1: a rule would read one of its texts as a
 * pattern. */
int policy_refused_call(struct policy_refused *refused, const char *operation, const char *field,
                        const char *rpc_method, const char *tool, struct arena *arena);

/* The name of a rule for all spellings of a host. */
const char *policy_rule_name_for(const char *host, uint16_t port, struct arena *arena);
/* The name of the rule that opens what was refused.  Requests of one program to one host and port
 * have one rule. */
const char *policy_refused_rule_name(const struct policy_refused *refused, struct arena *arena);

#endif
