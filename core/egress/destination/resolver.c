/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destination/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "egress/destination/answer.h"

void egress_addresses_free(struct egress_addresses *addresses)
{
    free(addresses->items);
    *addresses = (struct egress_addresses){0};
}

struct pin {
    char host[IPADDR_HOST_SIZE];
    struct egress_addresses addresses;
};

static void add_address(struct egress_addresses *out, const struct ipaddr *address)
{
    out->items = alloc_resize(out->items, out->n + 1, sizeof *out->items);
    out->items[out->n++] = *address;
}

static struct egress_addresses copy(const struct ipaddr *items, size_t n)
{
    struct egress_addresses out = {alloc_zero(n, sizeof *items), n};
    memcpy(out.items, items, n * sizeof *items);
    return out;
}

static int read_pin(const struct egress_pin *from, struct pin *to, struct error *err)
{
    struct ipaddr address;
    if (ipaddr_canonical_host(from->host, strlen(from->host), to->host) != 0 ||
        ipaddr_parse(to->host, &address) == 0)
        return error_set(err, ERROR_INVALID, "pinned host %s is not a DNS name", from->host);
    if (from->n_addresses == 0)
        return error_set(err, ERROR_INVALID, "pinned host %s has no address", from->host);
    for (size_t i = 0; i < from->n_addresses; i++) {
        if (ipaddr_parse(from->addresses[i], &address) != 0)
            return error_set(err, ERROR_INVALID, "pinned host %s has %s, which is not an IP "
                             "address", from->host, from->addresses[i]);
        add_address(&to->addresses, &address);
    }
    return 0;
}

int egress_resolver_pin(struct egress_resolver *resolver, const struct egress_pin *pins, size_t n,
                        struct error *err)
{
    resolver->pins = alloc_zero(n ? n : 1, sizeof *resolver->pins);
    resolver->n_pins = n;
    for (size_t i = 0; i < n; i++)
        if (read_pin(&pins[i], &resolver->pins[i], err) != 0) {
            egress_resolver_free_pins(resolver);
            return -1;
        }
    return 0;
}

void egress_resolver_free_pins(struct egress_resolver *resolver)
{
    for (size_t i = 0; i < resolver->n_pins; i++)
        egress_addresses_free(&resolver->pins[i].addresses);
    free(resolver->pins);
    resolver->pins = NULL;
    resolver->n_pins = 0;
}

/* Whether a line of /etc/hosts, without its address, has the name in any spelling. */
static bool names_host(char *names, const char *host)
{
    char *rest, canonical[IPADDR_HOST_SIZE];
    for (char *name = strtok_r(names, " \t\r\n", &rest); name;
         name = strtok_r(NULL, " \t\r\n", &rest))
        if (ipaddr_canonical_host(name, strlen(name), canonical) == 0 &&
            strcmp(canonical, host) == 0)
            return true;
    return false;
}

static void read_hosts_line(char *line, const char *host, struct egress_addresses *out)
{
    struct ipaddr address;
    char *rest;
    line[strcspn(line, "#")] = '\0';
    const char *first = strtok_r(line, " \t\r\n", &rest);
    if (first && ipaddr_parse(first, &address) == 0 && names_host(rest, host))
        add_address(out, &address);
}

static bool read_hosts_file(const char *host, struct egress_addresses *out)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen("/etc/hosts", "re");
    while (file && out->n < EGRESS_ANSWER_MAX && getline(&line, &size, file) > 0)
        if (strcasestr(line, host))                 /* few lines of a long file are worth parsing */
            read_hosts_line(line, host, out);
    free(line);
    if (file)
        fclose(file);
    return out->n > 0;
}

bool egress_resolver_knows(const struct egress_resolver *resolver,
                           const struct egress_target *target, struct egress_addresses *out)
{
    *out = (struct egress_addresses){0};
    if (target->literal) {
        *out = copy(&target->ip, 1);
        return true;
    }
    for (size_t i = 0; i < resolver->n_pins; i++) {
        const struct pin *pin = &resolver->pins[i];
        if (strcmp(pin->host, target->host) == 0) {
            *out = copy(pin->addresses.items, pin->addresses.n);
            return true;
        }
    }
    return read_hosts_file(target->host, out);
}
