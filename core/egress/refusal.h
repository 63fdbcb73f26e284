/* SPDX-License-Identifier: Apache-2.0 */
/* Why a request was not carried out, and the answer that says so.  Plain values, any thread. */
#ifndef EGRESS_REFUSAL_H
#define EGRESS_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* id, status, error word of the answer, error of Proxy-Status (RFC 9209 2.3) */
#define EGRESS_REFUSALS(X)                                                                  \
    X(MALFORMED,   400, "malformed_request", "http_request_error")                          \
    X(TARGET,      400, "invalid_request_target", "http_request_error")                     \
    X(SCHEME,      400, "unsupported_proxy_scheme", "http_request_error")                   \
    X(GRAPHQL,     400, "invalid_graphql_request", "http_request_error")                    \
    X(RPC,         400, "invalid_jsonrpc_request", "http_request_error")                    \
    X(POLICY,      403, "policy_denied", "http_request_denied")                             \
    X(ADDRESS,     403, "ssrf_denied", "destination_ip_prohibited")                         \
    X(AUTHORITY,   403, "request_authority_mismatch", "http_request_denied")                \
    X(PROTOCOL,    403, "unsupported_l7_protocol", "http_request_denied")                   \
    X(UNBOUND,     403, "credential_endpoint_mismatch", "http_request_denied")              \
    X(MISPLACED,   403, "credential_placeholder_refused", "http_request_denied")            \
    X(SIGNING,     403, "credential_signing_refused", "http_request_denied")                \
    X(VOTER,       403, "voter_denied", "http_request_denied")                              \
    X(VOTER_FAILED, 403, "voter_failed", "http_request_denied")                             \
    X(STAGE,       403, "middleware_denied", "http_request_denied")                         \
    X(STAGE_FAILED, 403, "middleware_failed", "http_request_denied")                        \
    X(LATE,        408, "header_timeout", "http_request_error")                             \
    X(LONG,        431, "header_too_large", "http_request_error")                           \
    X(UNAVAILABLE, 500, "credential_unavailable", "proxy_internal_error")                   \
    X(UPGRADE,     501, "upgrade_not_supported", "http_request_error")                      \
    X(UNREACHABLE, 502, "upstream_unreachable", "destination_unavailable")                  \
    X(RESPONSE,    502, "invalid_upstream_response", "http_protocol_error")                 \
    X(CERTIFICATE, 502, "upstream_certificate_rejected", "tls_certificate_error")           \
    X(TLS,         502, "upstream_tls_failed", "tls_protocol_error")                        \
    X(BUSY,        503, "too_many_connections", "connection_limit_reached")                 \
    X(LOOKUPS,     503, "too_many_lookups", "connection_limit_reached")                     \
    X(VOTERS,      503, "voters_unavailable", "proxy_internal_error")                       \
    X(STAGES,      503, "middleware_failed", "proxy_internal_error")                        \
    X(NO_TLS,      503, "tls_termination_unavailable", "proxy_configuration_error")         \
    X(SLOW,        504, "upstream_timeout", "connection_timeout")

enum egress_refusal_kind {
#define X(id, status, word, proxy_error) REFUSAL_##id,
    EGRESS_REFUSALS(X)
#undef X
};

/* The HTTP request that rules refused; borrowed texts. */
struct egress_refused_request {
    const char *method, *path;                      /* canonical, without the query; NULL: rules of
                                                     * requests did not decide */
    const char *protocol;                           /* of the endpoint that refused it */
    const char *operation, *field, *rpc_method, *tool; /* of the call in its body; NULL: none */
    const char *host, *binary;
    uint16_t port;
};

/* The vote that refused it; borrowed texts. */
struct egress_refused_vote {
    const char *voter;                              /* NULL: no voter did */
    const char *code, *message;
    const char *middleware;                         /* its key in the policy, or "" */
};

struct egress_refusal {
    enum egress_refusal_kind kind;
    char detail[512];                               /* what was refused */
    char reason[1024];                              /* why; never empty */
    const char *hint; /* what may help; borrowed, NULL or "": nothing */
    const char *policy; /* key of the rule that decided; borrowed, NULL: none */
    int error; /* what a connect returns: a negative errno; 0: by the kind */
    const char *engine, *stage; /* what decided, in the log; when, in a denial */
    struct egress_refused_request request;
    struct egress_refused_vote vote;
    char held_by[160]; /* VOTER:CODE of a vote that asks for an approval; "": none does */
};

/* Returns -1.  The detail is set by the caller or stays empty, in which case the reason is it. */
int egress_refuse(struct egress_refusal *out, enum egress_refusal_kind kind, const char *format,
                  ...)
    __attribute__((format(printf, 3, 4)));

/* Appends the complete response: JSON with detail, error and reason, and Connection: close.  One
 * about a request names it and the rule that would let it pass.  advise: what the policy refuses
 * says how to propose a rule at policy.local. */
void egress_refusal_print(const struct egress_refusal *refusal, bool advise, struct buf *out);
/* The same in two steps, for an answer with more members: the body without its closing brace, and
 * the response with that body. */
void egress_refusal_print_members(const struct egress_refusal *refusal, bool advise,
                                  struct buf *body);
void egress_refusal_print_response(enum egress_refusal_kind kind, const char *policy,
                                   struct buf *body, struct buf *out);
/* Appends a status line, "Unknown" for a status that is in no list. */
void egress_status_line(int status, struct buf *out);

/* What a connect that was redirected fails with, as a negative number. */
int egress_refusal_errno(const struct egress_refusal *refusal);

#endif
