/* SPDX-License-Identifier: Apache-2.0 */
/* The L4 decision: may this binary reach this host and port?  Pure, any thread. */
#ifndef POLICY_MATCH_H
#define POLICY_MATCH_H

#include "base/buf.h"
#include "policy/policy.h"

/* A binary path of the policy that is a link where the callers live, and the path it leads to. */
struct policy_link {
    const char *path, *program;
};

struct policy_request {
    const char *host;                               /* canonical (base/ipaddr.h) */
    uint16_t port;
    const char *binary;                             /* absolute path of the caller's executable */
    const char *const *ancestors;                   /* paths, nearest first */
    size_t n_ancestors;
    const struct policy_link *links;                /* a path matches what it leads to, too */
    size_t n_links;
    const char *const *closed;                      /* keys of rules that do not count for it */
    size_t n_closed;
};

struct policy_decision {
    bool allowed;
    const struct sluice_rule *rule;                 /* the matching one with the smallest key */
    /* Of all that match, the first that has a protocol, tls or allowed_ips; else the first. */
    const struct sluice_endpoint *endpoint;
    bool exact_host; /* a matching endpoint names the host itself, and is
                      * not public_only */
};

/* A denial's reason is appended to reason (NULL: not wanted). */
void policy_match(const struct sluice_policy *policy, const struct policy_request *request,
                  struct policy_decision *out, struct buf *reason);

/* The two halves of the question: does the rule name the caller, or one that started it, by itself
 * or by a link; does the endpoint name the host and the port? */
bool policy_rule_takes_caller(const struct sluice_rule *rule, const struct policy_request *request);
bool policy_endpoint_takes_host(const struct sluice_endpoint *endpoint,
                                const struct policy_request *request);
/* Whether an endpoint of the rule has the request's host and port, whoever asks. */
bool policy_rule_opens(const struct sluice_rule *rule, const struct policy_request *request);

/* Whether the link leads to the caller or to one of its ancestors. */
bool policy_link_leads_to(const struct policy_link *link, const struct policy_request *request);
/* The path that the rule names: the caller's, else the nearest of those that started it, else that
 * of a link.  NULL: it does not take the caller. */
const char *policy_rule_program(const struct sluice_rule *rule,
                                const struct policy_request *request);
/* The link by which the rule lets the caller through; NULL: by a path or glob, or not at all. */
const struct policy_link *policy_rule_link(const struct sluice_rule *rule,
                                           const struct policy_request *request);

/* A host pattern against a host, each canonical or as a policy writes it: * within a label, **
 * across labels, in any case. */
bool policy_host_match(const char *pattern, const char *host);
/* A binary pattern against a path: * within a component, ** across. */
bool policy_binary_match(const char *pattern, const char *path);

#endif
