/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of policy.local.  Pure. */
#ifndef EGRESS_LOCAL_ANSWER_H
#define EGRESS_LOCAL_ANSWER_H

#include "base/buf.h"
#include "egress/local/agent.h"
#include "egress/local/denials.h"
#include "policy/policy.h"

/* id, status, error word */
#define LOCAL_ERRORS(X)                                  \
    X(OFF,         404, "feature_disabled")              \
    X(NO_ROUTE,    404, "not_found")                     \
    X(NO_CHUNK,    404, "chunk_not_found")               \
    X(NO_POLICY,   404, "policy_unavailable")            \
    X(PROPOSAL,    400, "invalid_proposal")              \
    X(REQUEST,     400, "malformed_request")             \
    X(SCHEME,      400, "invalid_policy_local_scheme")   \
    X(LATE,        408, "request_timeout")               \
    X(LONG,        413, "payload_too_large")             \
    X(MANY,        429, "too_many_requests")             \
    X(SUBMIT,      502, "proposal_submit_failed")        \
    X(LOOKUP,      502, "gateway_lookup_failed")         \
    X(AWAY,        502, "gateway_connect_failed")

enum local_error {
#define X(id, status, word) LOCAL_ERROR_##id,
    LOCAL_ERRORS(X)
#undef X
};

/* Each appends a complete response. */
void local_print_error(enum local_error error, const char *detail, struct buf *out);
void local_print_policy(struct policy *policy, struct buf *out);
void local_print_denials(const struct local_denials *denials, size_t n, struct buf *out);
void local_print_proposed(const struct agent_proposed *answer, struct buf *out);

/* The members of a chunk, without braces. */
void local_print_chunk_members(const struct agent_chunk *chunk, struct buf *members);
/* reloaded: whether the sandbox enforces what was approved; negative: not approved. */
void local_print_chunk(const struct buf *members, int reloaded, bool timed_out, struct buf *out);

#endif
