/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request wants to go, read once: what is parsed here is what is matched, resolved, logged
 * and sent.  Strict: what two readers could understand differently is refused, not repaired.
 * Plain values, any thread. */
#ifndef EGRESS_TARGET_H
#define EGRESS_TARGET_H

#include "base/ipaddr.h"
#include "egress/refusal.h"

enum { EGRESS_AUTHORITY_SIZE = IPADDR_HOST_SIZE + 8 };

struct egress_target {
    char host[IPADDR_HOST_SIZE];                    /* canonical */
    uint16_t port;
    bool literal;                                   /* the host is the address ip */
    struct ipaddr ip;
    char authority[EGRESS_AUTHORITY_SIZE];          /* host:port, IPv6 in brackets */
};

/* HOST:PORT of a CONNECT request. */
int egress_target_authority(const char *text, struct egress_target *out,
                            struct egress_refusal *refusal);
/* HOST[:PORT] of a Host field. */
int egress_target_host(const char *text, uint16_t default_port, struct egress_target *out,
                       struct egress_refusal *refusal);
/* http://HOST[:PORT][/PATH][?QUERY] of a forwarded request.  *path is the rest of text after the
 * authority, possibly "" or beginning with '?'. */
int egress_target_url(const char *text, struct egress_target *out, const char **path,
                      struct egress_refusal *refusal);

/* Whether an authority is written as the target is printed, so that it need not be parsed to know
 * that it is the same. False says nothing. */
bool egress_target_is_at(const struct egress_target *target, const char *text, size_t len,
                         uint16_t default_port);

#endif
