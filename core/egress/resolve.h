/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of a host: the literal itself, a pinned name, or what the system's resolver says.
 * Each request resolves once, and what was answered is what is checked and dialled.
 * Loop thread only. */
#ifndef EGRESS_RESOLVE_H
#define EGRESS_RESOLVE_H

#include "egress/proxy.h"
#include "egress/target.h"

struct egress_addresses {
    struct ipaddr *items;                           /* owned; freed with egress_addresses_free */
    size_t n;
};

void egress_addresses_free(struct egress_addresses *addresses);

struct egress_pins;

/* NULL with err when a pin's host or address is malformed, or it has none. */
struct egress_pins *egress_pins_new(const struct egress_pin *pins, size_t n, struct error *err);
void egress_pins_free(struct egress_pins *pins);
/* Literals and pinned names.  False: ask the resolver. */
bool egress_pins_find(const struct egress_pins *pins, const struct egress_target *target,
                      struct egress_addresses *out);

struct egress_query;

/* done is called from the loop, once: with the addresses (its own from then on), or with a libuv
 * error and none.  After egress_query_drop the answer is thrown away, and done is called with
 * UV_ECANCELED when it has come. */
struct egress_query *egress_query_new(uv_loop_t *loop, const char *host,
                                      void (*done)(void *ctx, int status,
                                                   struct egress_addresses addresses),
                                      void *ctx);
void egress_query_drop(struct egress_query *query);

#endif
