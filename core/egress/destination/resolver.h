/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of a host: the literal itself, a pinned name, a name of /etc/hosts, or what DNS
 * says of exactly this name.  Search domains, host aliases and other name services are not
 * consulted.
 *
 * Nothing is cached: each request looks its name up once, and what was answered is what is judged
 * and dialled.  /etc/hosts and /etc/resolv.conf are read anew for each look-up.
 *
 * Ownership: a look-up frees itself; its resolver outlives it.  Loop thread only. */
#ifndef EGRESS_RESOLVER_H
#define EGRESS_RESOLVER_H

#include "egress/destination/silent.h"
#include "egress/destination/target.h"
#include "egress/proxy.h"

struct egress_addresses {
    struct ipaddr *items;                           /* owned; freed with egress_addresses_free */
    size_t n;
};

void egress_addresses_free(struct egress_addresses *addresses);

struct pin;

struct egress_resolver {
    uv_loop_t *loop;
    struct pin *pins;
    size_t n_pins;
    unsigned resolve_ms;                            /* for a look-up as a whole */
    unsigned max_lookups;                           /* under way at the same time */
    unsigned n_lookups;
    struct egress_silent silent;                    /* DNS servers */
};

/* Copies the pins into resolver, whose other fields the caller has set.  -1 with err when a pin's
 * host or address is malformed, or it has none; then nothing is to be freed. */
int egress_resolver_pin(struct egress_resolver *resolver, const struct egress_pin *pins, size_t n,
                        struct error *err);
void egress_resolver_free_pins(struct egress_resolver *resolver);

/* What is known without DNS.  False: start a look-up. */
bool egress_resolver_knows(const struct egress_resolver *resolver,
                           const struct egress_target *target, struct egress_addresses *out);

struct egress_lookup;

struct egress_lookup_calls {
    /* From the loop, at most once: the addresses (the owner's from then on), or why there are none.
     * The look-up ends with it. */
    void (*done)(void *owner, struct egress_addresses addresses,
                 const struct egress_refusal *failure);
    void (*closed)(void *owner);                    /* from the loop, the last thing heard of it */
};

/* NULL with failure when max_lookups are under way. */
struct egress_lookup *egress_lookup_start(struct egress_resolver *resolver,
                                          const struct egress_target *target,
                                          const struct egress_lookup_calls *calls, void *owner,
                                          struct egress_refusal *failure);
void egress_lookup_cancel(struct egress_lookup *lookup);    /* done is not called any more */

#endif
