/* SPDX-License-Identifier: Apache-2.0 */
/* What a change newly lets a sandbox do that a person may want to weigh.
 *
 * Credentials are judged by what the policy says: an endpoint uses one when it is bound to a
 * provider, signs requests, or has credentials written into what it passes on. */
#ifndef RISK_FINDINGS_H
#define RISK_FINDINGS_H

#include <sluice/plugin.h>

/* X(id, option, code, what it is) */
#define RISKS(X)                                                                                   \
    X(LINK_LOCAL, "link_local_reach", "LINK_LOCAL_REACH",                                          \
      "A destination near the machine itself: link-local, loopback or cloud metadata.")            \
    X(BYPASS, "l7_bypass", "L7_BYPASS",                                                            \
      "A program that speaks more than HTTP gets to where a credential is used.")                  \
    X(CREDENTIAL, "credential_reach", "CREDENTIAL_REACH",                                          \
      "A program gets to where a credential is used.")                                             \
    X(CAPABILITY, "capability_expansion", "CAPABILITY_EXPANSION",                                  \
      "A program may use further methods where a credential is used.")

enum risk {
#define X(id, option, code, what) RISK_##id,
    RISKS(X)
#undef X
    RISK_COUNT
};

/* Points into the transition. */
struct finding {
    enum risk risk;
    const struct sluice_endpoint *endpoint;
    uint16_t port;
    const char *binary;                             /* "" where it does not matter */
    const char *method;                             /* of RISK_CAPABILITY, else "" */
};

struct search {
    const struct sluice_host *host;
    const char *const *bypass;                      /* names of programs beyond HTTP */
    size_t n_bypass;
    void (*found)(void *ctx, const struct finding *finding);
    void *ctx;
};

/* Calls found() for each thing that the transition opens and its current policy did not. */
void find_risks(const struct search *search, const struct sluice_transition *t);

#endif
