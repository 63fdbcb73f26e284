/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of requests and what a policy says of them, as data: a list of maps
 *
 *     - id: reads only
 *       policy: {version: 1, ...}
 *       binary: /usr/bin/curl
 *       method: GET
 *       host: api.example.com
 *       port: 443
 *       path: /a
 *       expect: allow
 *
 * policy may be the document as text, and is left out where a policy is given.  Further keys:
 * ancestors (a list of paths), query, headers (a map, names in lower case), body, audited: true,
 * reason (part of the reason), or_refused: true (refusing the policy is as good), defect: true (the
 * opposite of expect is as good), setup (its credentials are not looked at, and a case that fails
 * and has some says so), kind and why (for people).  Method CONNECT or TCP asks about the
 * connection alone, DNS about a look-up of the host, WEBSOCKET_TEXT and WEBSOCKET_BINARY about a
 * message after an upgrade.
 *
 * Ownership: a case lives in the arena and points into the tree.  Pure, one thread. */
#ifndef POLICY_MATCH_CASES_H
#define POLICY_MATCH_CASES_H

#include "base/arena.h"
#include "base/problems.h"
#include "doc/tree.h"
#include "policy/match/ask.h"

struct policy_case {
    const char *id;
    const struct doc_node *policy;                  /* NULL: not written */
    struct policy_question question;
    bool connection_only, look_up;
    bool allow, audited, or_refused, defect;
    bool needs_credentials;                         /* its setup has some */
    const char *reason;                             /* "": any */
};

/* -1: problems says what is wrong with the case. */
int policy_case_read(const struct doc_node *node, const char *path, struct arena *arena,
                     struct policy_case *out, struct problems *problems);
/* Whether the case comes out as it says; why gets what differs.  given is asked where the case has
 * no policy of its own. */
bool policy_case_passes(const struct policy_case *c, const struct sluice_policy *given,
                        struct buf *why);

#endif
