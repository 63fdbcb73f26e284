/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox's resolver answers, without asking anybody: a synthetic address for each host
 * name, loopback for the sandbox's own names, and the name of an address (PTR) that it gave.  Any
 * other type is not implemented, and IPv6 addresses do not exist.  Which names a program may
 * connect to is decided when it connects, so an answer grants nothing.  One thread. */
#ifndef EGRESS_DNS_REPLY_H
#define EGRESS_DNS_REPLY_H

#include "egress/dns/message.h"
#include "egress/dns/names.h"

struct egress_dns_zone {
    struct egress_names *names;                     /* borrowed */
    char own_host[IPADDR_HOST_SIZE];                /* the sandbox's host name, canonical */
};

/* The answer to a message.  Returns its length; 0: there is none. */
size_t egress_dns_reply(const struct egress_dns_zone *zone, const uint8_t *bytes, size_t len,
                        uint64_t now_ms, uint8_t out[EGRESS_DNS_ANSWER_SIZE]);

#endif
