/* SPDX-License-Identifier: Apache-2.0 */
/* What held requests wait for: a key for each decision, with the number of those that wait for it.
 * For the egress folder; loop thread only. */
#ifndef EGRESS_WAITING_H
#define EGRESS_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "egress/proxy.h"

struct waiting_key {
    struct waiting_key *next;
    struct egress_waiting what;                     /* its texts are the key's; "" for none */
    size_t bytes;                                   /* that its requests brought */
};

struct waiting_keys {
    struct waiting_key *first;
};

/* The key of it, which is made where there is none yet. */
struct waiting_key *waiting_key_find(struct waiting_keys *keys, const struct egress_waiting *what);
void waiting_key_drop(struct waiting_keys *keys, struct waiting_key *key);

/* The same texts; NULL is "". */
bool waiting_same(const struct egress_waiting *a, const struct egress_waiting *b);
uint64_t waiting_hash(const struct egress_waiting *what);

/* How many wait for it. */
unsigned waiting_count(const struct waiting_keys *keys, const struct egress_waiting *what);
/* What the requests of one program have of both limits. */
void waiting_share(const struct waiting_keys *keys, const char *binary, unsigned *n, size_t *bytes);

#endif
