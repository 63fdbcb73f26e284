/* SPDX-License-Identifier: Apache-2.0 */
/* What a change newly opens that a person may want to weigh: the categories of SLUICE_RISKS.
 *
 * A credential is used at a place where an attached provider's may go, and where an endpoint of the
 * policy binds one, signs requests or has placeholders replaced.  There, for each program, host and
 * port that the change opens:
 *  - a program that could not use this credential there before is l7_bypass_credentialed, if it
 *    speaks more than HTTP (git, ssh, nc), and credential_reach_expansion otherwise;
 *  - of another program that could, each HTTP method that no request could have before is
 *    capability_expansion.  A query of GraphQL counts as GET, every other call as POST.
 * Whatever newly leads to link-local, loopback or metadata destinations is link_local_reach and
 * nothing else.
 *
 * These are sets, as in effect.h: rules that are renamed or split, and what others cover anyway,
 * are no findings.  What is too much to compare is one finding that says so.  Pure, any thread. */
#ifndef POLICY_FINDINGS_H
#define POLICY_FINDINGS_H

#include "base/arena.h"
#include <sluice/transition.h>

/* Where a credential may go. */
struct policy_credential_place {
    const char *provider, *host;                    /* host: a pattern, as in a policy */
    uint16_t port;
};

struct policy_credential_places {
    const struct policy_credential_place *items;
    size_t n;
};

enum { POLICY_FINDINGS_MAX = 256 };                 /* more end with one that stands for the rest */

struct policy_findings {
    const struct sluice_finding *const *items;      /* by category, then host, program and port */
    size_t n;
    const char *host;                               /* of a gain with a credential that is none of
                                                       them: a further path, a further method of
                                                       git; NULL: there is none */
};

/* from may be NULL (create).  The result lives in the arena and points into the policies and
 * places. */
struct policy_findings policy_find(const struct sluice_policy *from, const struct sluice_policy *to,
                                   const struct policy_credential_places *places,
                                   struct arena *arena);

#endif
