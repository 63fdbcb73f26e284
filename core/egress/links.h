/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths of a policy are links in the sandbox, and where they lead now.
 *
 * The workload may make and change links after the policy was loaded, so they are looked up for
 * each request whose answer may depend on them.  Globs are not looked up.
 * Owned by whoever has it: egress_links_free. */
#ifndef EGRESS_LINKS_H
#define EGRESS_LINKS_H

#include <stdbool.h>
#include <sys/types.h>

#include "policy/match/match.h"

struct egress_links {
    struct policy *policy;                          /* whose paths they are; NULL: not looked up */
    bool asked; /* the file system was asked: the answer may change at any time */
    bool incomplete;                                /* some could not be looked up at once */
    struct policy_link *items;
    size_t n;
};

/* The root folder of a process, for its mount namespace.  -1, and errno. */
int egress_root_open(pid_t pid);

/* Looks up the paths of the rules that open the request's host and port and do not take its caller
 * as it stands.  The links of the request are ignored.  cached: leaves out what cannot be looked up
 * without waiting (incomplete), for the loop's thread. */
void egress_links_find(struct egress_links *links, int root, struct policy *policy,
                       const struct policy_request *request, bool cached);
void egress_links_free(struct egress_links *links);

/* Whether there are paths that egress_links_find or egress_links_explain looks up: a rule opens the
 * request's host and port and has one without wildcards. */
bool egress_links_concern(struct policy *policy, const struct policy_request *request);

/* For a refused request: appends what there is to say about the paths of those rules, such as that
 * one names nothing.  Not for the loop's thread. */
void egress_links_explain(int root, struct policy *policy, const struct policy_request *request,
                          struct buf *hint);

#endif
