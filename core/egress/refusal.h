/* SPDX-License-Identifier: Apache-2.0 */
/* Why a request was not carried out, and the answer that says so.  Plain values, any thread. */
#ifndef EGRESS_REFUSAL_H
#define EGRESS_REFUSAL_H

#include "base/buf.h"

/* id, status, error word of the answer */
#define EGRESS_REFUSALS(X)                              \
    X(MALFORMED,   400, "malformed_request")            \
    X(TARGET,      400, "invalid_request_target")       \
    X(SCHEME,      400, "unsupported_proxy_scheme")     \
    X(POLICY,      403, "policy_denied")                \
    X(ADDRESS,     403, "ssrf_denied")                  \
    X(LATE,        408, "header_timeout")               \
    X(LONG,        431, "header_too_large")             \
    X(UPGRADE,     501, "upgrade_not_supported")        \
    X(UNREACHABLE, 502, "upstream_unreachable")         \
    X(RESPONSE,    502, "invalid_upstream_response")    \
    X(BUSY,        503, "too_many_connections")         \
    X(LOOKUPS,     503, "too_many_lookups")             \
    X(SLOW,        504, "upstream_timeout")

enum egress_refusal_kind {
#define X(id, status, word) REFUSAL_##id,
    EGRESS_REFUSALS(X)
#undef X
};

struct egress_refusal {
    enum egress_refusal_kind kind;
    char detail[512];                               /* what was refused */
    char reason[1024];                              /* why; never empty */
    const char *hint;                               /* what may help; borrowed, NULL or "": nothing */
};

/* Returns -1.  The detail is set by the caller or stays empty, in which case the reason is it. */
int egress_refuse(struct egress_refusal *out, enum egress_refusal_kind kind, const char *format,
                  ...)
    __attribute__((format(printf, 3, 4)));

/* Appends the complete response: JSON with detail, error and reason, and Connection: close. */
void egress_refusal_print(const struct egress_refusal *refusal, struct buf *out);
/* Appends a status line, "Unknown" for a status that is in no list. */
void egress_status_line(int status, struct buf *out);

#endif
