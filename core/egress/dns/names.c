/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns/names.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"

#define RANGE UINT32_C(0xc6120000)                  /* 198.18.0.0/15 */

enum {
    RANGE_SIZE = 1 << 17,
    BUCKETS = 4096,
    NOBODY = EGRESS_NAMES_MAX,                      /* no entry */
    /* Resolvers count in whole seconds, from when the answer reaches them. */
    IN_USE_MS = (EGRESS_NAMES_TTL_S + 5) * 1000,
};

struct name {
    char *host;
    uint32_t offset;                                /* of its address, in the range */
    uint16_t by_host, by_offset;                    /* the next one of the same bucket */
    bool connected;                                 /* a connection to it was begun once */
    unsigned holds;
    uint64_t used_ms;                               /* answered, or a connection began or ended */
};

struct egress_names {
    struct name *items;                             /* grows up to EGRESS_NAMES_MAX */
    size_t n, capacity;
    uint16_t by_host[BUCKETS], by_offset[BUCKETS];
};

struct egress_names *egress_names_new(void)
{
    struct egress_names *names = alloc_zero(1, sizeof *names);
    for (size_t i = 0; i < BUCKETS; i++)
        names->by_host[i] = names->by_offset[i] = NOBODY;
    return names;
}

void egress_names_free(struct egress_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i].host);
    free(names->items);
    free(names);
}

/* The first place tried for a name.  It is the same in every sandbox and after every start, so what
 * a program keeps for an address stays true. */
static uint32_t preferred_offset(const char *host)
{
    char digest[DIGEST_HEX_SIZE];
    digest_of(host, strlen(host), digest);
    digest[6] = '\0';
    return (uint32_t)strtoul(digest, NULL, 16) & (RANGE_SIZE - 1);
}

static uint16_t *bucket_of_host(struct egress_names *names, uint32_t preferred)
{
    return &names->by_host[preferred % BUCKETS];
}

static uint16_t *bucket_of_offset(struct egress_names *names, uint32_t offset)
{
    return &names->by_offset[offset % BUCKETS];
}

static uint16_t find_offset(const struct egress_names *names, uint32_t offset)
{
    uint16_t i = names->by_offset[offset % BUCKETS];
    while (i != NOBODY && names->items[i].offset != offset)
        i = names->items[i].by_offset;
    return i;
}

static uint16_t find_host(struct egress_names *names, const char *host, uint32_t preferred)
{
    uint16_t i = *bucket_of_host(names, preferred);
    while (i != NOBODY && strcmp(names->items[i].host, host) != 0)
        i = names->items[i].by_host;
    return i;
}

/* Some programs take the last bytes 0 and 255 for networks. */
static bool is_usable(uint32_t offset)
{
    return (offset & 255) != 0 && (offset & 255) != 255;
}

/* There is one: the range is far larger than the table. */
static uint32_t free_offset(const struct egress_names *names, uint32_t preferred)
{
    uint32_t offset = preferred;
    while (!is_usable(offset) || find_offset(names, offset) != NOBODY)
        offset = (offset + 1) & (RANGE_SIZE - 1);
    return offset;
}

static bool is_in_use(const struct name *name, uint64_t now_ms)
{
    return name->holds > 0 || now_ms - name->used_ms < IN_USE_MS;
}

/* Whether a gives its place up rather than b does. */
static bool is_dispensable(const struct name *a, const struct name *b)
{
    if (a->connected != b->connected)
        return b->connected;
    return a->used_ms < b->used_ms;
}

static uint16_t find_dispensable(const struct egress_names *names, uint64_t now_ms)
{
    uint16_t found = NOBODY;
    for (uint16_t i = 0; i < names->n; i++) {
        const struct name *name = &names->items[i];
        if (!is_in_use(name, now_ms) &&
            (found == NOBODY || is_dispensable(name, &names->items[found])))
            found = i;
    }
    return found;
}

static void remove_name(struct egress_names *names, uint16_t i)
{
    struct name *name = &names->items[i];
    uint16_t *link = bucket_of_host(names, preferred_offset(name->host));
    while (*link != i)
        link = &names->items[*link].by_host;
    *link = name->by_host;
    link = bucket_of_offset(names, name->offset);
    while (*link != i)
        link = &names->items[*link].by_offset;
    *link = name->by_offset;
    free(name->host);
}

/* An entry to fill, or NOBODY. */
static uint16_t make_room(struct egress_names *names, uint64_t now_ms)
{
    if (names->n == EGRESS_NAMES_MAX) {
        uint16_t i = find_dispensable(names, now_ms);
        if (i != NOBODY)
            remove_name(names, i);
        return i;
    }
    if (names->n == names->capacity) {
        names->capacity = names->capacity ? 2 * names->capacity : 16;
        names->items = alloc_resize(names->items, names->capacity, sizeof *names->items);
    }
    return (uint16_t)names->n++;
}

static uint16_t add_name(struct egress_names *names, const char *host, uint32_t preferred,
                         uint64_t now_ms)
{
    uint16_t i = make_room(names, now_ms);
    if (i == NOBODY)
        return NOBODY;
    uint16_t *hosts = bucket_of_host(names, preferred);
    uint32_t offset = free_offset(names, preferred);
    uint16_t *offsets = bucket_of_offset(names, offset);
    names->items[i] = (struct name){.host = alloc_str(host), .offset = offset, .by_host = *hosts,
                                    .by_offset = *offsets};
    *hosts = *offsets = i;
    return i;
}

bool egress_names_address(struct egress_names *names, const char *host, uint64_t now_ms,
                          struct in_addr *out)
{
    uint32_t preferred = preferred_offset(host);
    uint16_t i = find_host(names, host, preferred);
    if (i == NOBODY)
        i = add_name(names, host, preferred, now_ms);
    if (i == NOBODY)
        return false;
    names->items[i].used_ms = now_ms;
    out->s_addr = htonl(RANGE + names->items[i].offset);
    return true;
}

bool egress_names_covers(struct in_addr address)
{
    return (ntohl(address.s_addr) & ~(uint32_t)(RANGE_SIZE - 1)) == RANGE;
}

static struct name *name_of(const struct egress_names *names, struct in_addr address)
{
    uint16_t i = egress_names_covers(address)
                     ? find_offset(names, ntohl(address.s_addr) & (RANGE_SIZE - 1)) : NOBODY;
    return i == NOBODY ? NULL : &names->items[i];
}

const char *egress_names_host(const struct egress_names *names, struct in_addr address)
{
    const struct name *name = name_of(names, address);
    return name ? name->host : NULL;
}

void egress_names_hold(struct egress_names *names, struct in_addr address, uint64_t now_ms)
{
    struct name *name = name_of(names, address);
    if (!name)
        return;
    name->connected = true;
    name->holds++;
    name->used_ms = now_ms;
}

void egress_names_release(struct egress_names *names, struct in_addr address, uint64_t now_ms)
{
    struct name *name = name_of(names, address);
    if (!name)
        return;
    name->holds--;
    name->used_ms = now_ms;
}
