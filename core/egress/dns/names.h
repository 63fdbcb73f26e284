/* SPDX-License-Identifier: Apache-2.0 */
/* Synthetic addresses: each name that a sandbox asks for gets an address of 198.18.0.0/15, which
 * leads nowhere and stands for the name when a program connects to it.
 *
 * A name keeps its address for as long as the table lasts.  Only a full table gives a place up:
 * that of the name which was asked for longest ago, and one that was never connected to before one
 * that was.  It does so neither before the name's answers have expired nor while it is held.  Where
 * that leaves nothing the new name gets no address.
 *
 * Ownership: egress_names_free.  Hosts are canonical.  Time is monotonic, in ms.  One thread. */
#ifndef EGRESS_DNS_NAMES_H
#define EGRESS_DNS_NAMES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EGRESS_NAMES_MAX = 4096,
    EGRESS_NAMES_TTL_S = 30,                        /* of an answer with a synthetic address */
};

struct egress_names;

struct egress_names *egress_names_new(void);
void egress_names_free(struct egress_names *names);

/* The address of the name, which is given one if it has none.  False: the table is full of names in
 * use. */
bool egress_names_address(struct egress_names *names, const char *host, uint64_t now_ms,
                          struct in_addr *out);

/* Whether the address is in the synthetic range, which says nothing about a name. */
bool egress_names_covers(struct in_addr address);

/* The name of the address, valid until the table changes; NULL: none. */
const char *egress_names_host(const struct egress_names *names, struct in_addr address);

/* A connection to the name begins: it has the address until it ends, and is preferred from then on.
 * Each hold needs a release. */
void egress_names_hold(struct egress_names *names, struct in_addr address, uint64_t now_ms);
void egress_names_release(struct egress_names *names, struct in_addr address, uint64_t now_ms);

#endif
