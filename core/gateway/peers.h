/* SPDX-License-Identifier: Apache-2.0 */
/* peers: where this gateway takes the questions of the others of its store. */
#ifndef GATEWAY_PEERS_H
#define GATEWAY_PEERS_H

#include "doc/schema.h"

struct peers_settings {
    const char *address;                            /* tcp:IP:PORT, listened on */
    const char *advertise;                          /* what others dial; after the check never "" */
};

extern const struct schema peers_schema;

/* NULL is fine.  What others dial is the address where nothing else is said. */
void peers_settings_check(struct peers_settings *settings, struct problems *problems);
bool peers_settings_same(const struct peers_settings *a, const struct peers_settings *b);

#endif
