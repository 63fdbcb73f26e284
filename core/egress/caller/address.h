/* SPDX-License-Identifier: Apache-2.0 */
/* The address that a suspended connect names.  Plain values. */
#ifndef EGRESS_CALLER_ADDRESS_H
#define EGRESS_CALLER_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/ipaddr.h"
#include "egress/caller/notification.h"

struct egress_named_address {
    struct sockaddr_storage address;
    socklen_t len;                                  /* 0: of a length that the kernel refuses */
};

/* Reads it from the caller's memory.  0, or -EFAULT. */
int egress_address_read(const struct egress_suspended_call *call, struct egress_named_address *out);

/* Whether it is that IPv4 address and port, written as IPv4 or as IPv6. */
bool egress_address_is(const struct egress_named_address *named, const struct sockaddr_in *other);

/* Whether it is an address outside of a sandbox whose only one is own, beside loopback.  *out and
 * *port are set then; an IPv4 address is one however it is written. */
bool egress_address_is_outside(const struct egress_named_address *named, struct in_addr own,
                               struct ipaddr *out, uint16_t *port);

#endif
