/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destination/nameservers.h"

#include <string.h>

enum { DNS_PORT = 53 };

static struct ipaddr address_of(const struct ares_addr_port_node *server)
{
    struct ipaddr out = {.family = server->family};
    memcpy(out.bytes, &server->addr, server->family == AF_INET ? 4 : 16);
    return out;
}

void egress_nameservers_remember(ares_channel channel, int timeouts, struct egress_silent *silent,
                                 uint64_t now_ms)
{
    struct ares_addr_port_node *servers = NULL, *one;
    int n = 0, at = 0;
    if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS)
        return;
    for (one = servers; one; one = one->next)
        n++;
    /* As many timeouts as servers: a later round, which says nothing of a single server. */
    for (one = servers; one && timeouts < n && at <= timeouts; one = one->next, at++) {
        struct ipaddr address = address_of(one);
        if (at < timeouts)
            egress_silent_add(silent, &address, DNS_PORT, now_ms);
        else
            egress_silent_remove(silent, &address, DNS_PORT);
    }
    ares_free_data(servers);
}

void egress_nameservers_sort(ares_channel channel, const struct egress_silent *silent,
                             uint64_t now_ms)
{
    struct ares_addr_port_node *servers = NULL, *sorted = NULL, *late = NULL;
    struct ares_addr_port_node **end_of_sorted = &sorted, **end_of_late = &late, *next;
    if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS)
        return;
    for (struct ares_addr_port_node *one = servers; one; one = next) {
        struct ipaddr address = address_of(one);
        bool is_late = egress_silent_has(silent, &address, DNS_PORT, now_ms);
        struct ares_addr_port_node ***end = is_late ? &end_of_late : &end_of_sorted;
        next = one->next;
        one->next = NULL;
        **end = one;
        *end = &one->next;
    }
    *end_of_sorted = late;
    if (late && sorted != late)
        ares_set_servers_ports(channel, sorted);
    ares_free_data(sorted);
}
