/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destination/silent.h"

#include <string.h>

static bool same(const struct ipaddr *a, const struct ipaddr *b)
{
    return a->family == b->family &&
           memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : sizeof a->bytes) == 0;
}

/* The entry's index, EGRESS_SILENT_MAX if there is none. */
static size_t find(const struct egress_silent *table, const struct ipaddr *address, uint16_t port)
{
    size_t i = 0;
    while (i < EGRESS_SILENT_MAX &&
           !(table->items[i].until_ms && table->items[i].port == port &&
             same(&table->items[i].address, address)))
        i++;
    return i;
}

static size_t find_oldest(const struct egress_silent *table)
{
    size_t oldest = 0;
    for (size_t i = 1; i < EGRESS_SILENT_MAX; i++)
        if (table->items[i].until_ms < table->items[oldest].until_ms)
            oldest = i;
    return oldest;
}

void egress_silent_add(struct egress_silent *table, const struct ipaddr *address, uint16_t port,
                       uint64_t now_ms)
{
    size_t i = find(table, address, port);
    if (i == EGRESS_SILENT_MAX)
        i = find_oldest(table);
    table->items[i].address = *address;
    table->items[i].port = port;
    table->items[i].until_ms = now_ms + EGRESS_SILENT_MS;
}

void egress_silent_remove(struct egress_silent *table, const struct ipaddr *address, uint16_t port)
{
    size_t i = find(table, address, port);
    if (i < EGRESS_SILENT_MAX)
        table->items[i].until_ms = 0;
}

bool egress_silent_has(const struct egress_silent *table, const struct ipaddr *address,
                       uint16_t port, uint64_t now_ms)
{
    size_t i = find(table, address, port);
    return i < EGRESS_SILENT_MAX && now_ms < table->items[i].until_ms;
}
