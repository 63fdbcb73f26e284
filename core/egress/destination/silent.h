/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that lately did not answer in time, so that others are tried first.  They are still
 * tried when no other is left.  A full table forgets its oldest entry.  Plain values, any
 * thread. */
#ifndef EGRESS_SILENT_H
#define EGRESS_SILENT_H

#include "base/ipaddr.h"

enum { EGRESS_SILENT_MAX = 64, EGRESS_SILENT_MS = 60000 };

struct egress_silent {
    struct {
        struct ipaddr address;
        uint16_t port;
        uint64_t until_ms;                          /* 0: the entry is free */
    } items[EGRESS_SILENT_MAX];
};

/* now_ms is of any clock that does not go back, the same one in every call. */
void egress_silent_add(struct egress_silent *table, const struct ipaddr *address, uint16_t port,
                       uint64_t now_ms);
void egress_silent_remove(struct egress_silent *table, const struct ipaddr *address, uint16_t port);
bool egress_silent_has(const struct egress_silent *table, const struct ipaddr *address,
                       uint16_t port, uint64_t now_ms);

#endif
