/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /v1/proposals.  Pure. */
#ifndef EGRESS_LOCAL_PROPOSAL_H
#define EGRESS_LOCAL_PROPOSAL_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

enum { LOCAL_BODY_MAX = 64 * 1024, LOCAL_OPERATIONS_MAX = 16 };

struct local_proposal {
    const char *intent;                             /* "" where there is none */
    const char *operations;                         /* {"operations": [{"add_rule": ...}]} */
    const char *const *wishes; /* how the rule of each is to end again, as policy/wish.h
                                * reads it; "": it stays */
    size_t n;                                       /* of both */
};

/* Reads {intent_summary, grant, operations: [{addRule: {ruleName, rule, grant}}]}; add_rule and
 * rule_name are taken as well, and a rule may say whatever a rule of a policy may.  -1: err says
 * why not. */
int local_proposal_read(const char *body, size_t len, struct arena *arena,
                        struct local_proposal *out, struct error *err);

#endif
