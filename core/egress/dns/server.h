/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver of a sandbox, by UDP and TCP (RFC 7766), on sockets in its network namespace, where
 * nobody but its workload can ask.  reply.h says what is answered.
 *
 * What a workload can cost: EGRESS_DNS_RATE questions a second, whatever carries them; more wait in
 * the kernel's buffers, or are dropped there.  TCP: EGRESS_DNS_CLIENTS_MAX connections; one more
 * replaces the one that was silent for longest.
 *
 * Ownership: the server takes both sockets; names outlives it.  Loop thread only. */
#ifndef EGRESS_DNS_SERVER_H
#define EGRESS_DNS_SERVER_H

#include <uv.h>

#include "egress/dns/reply.h"

struct error;

enum {
    EGRESS_DNS_RATE = 5000,
    EGRESS_DNS_CLIENTS_MAX = 16,
    EGRESS_DNS_IDLE_MS = 10000,                     /* of a TCP client */
};

struct egress_dns_config {
    int udp, tcp;                                   /* bound; tcp is listening or not yet */
    const char *own_host;                           /* the sandbox's host name */
    struct egress_names *names;
    unsigned rate, idle_ms;                         /* 0: as above */
};

struct egress_dns;

/* NULL with err; both sockets are closed then, too. */
struct egress_dns *egress_dns_new(uv_loop_t *loop, const struct egress_dns_config *config,
                                  struct error *err);

/* Frees it.  on_closed(ctx) follows from the loop. */
void egress_dns_close(struct egress_dns *dns, void (*on_closed)(void *ctx), void *ctx);

#endif
