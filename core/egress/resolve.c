/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/resolve.h"

#include "base/alloc.h"
#include "base/error.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

void egress_addresses_free(struct egress_addresses *addresses)
{
    free(addresses->items);
    *addresses = (struct egress_addresses){0};
}

struct pin {
    char host[IPADDR_HOST_SIZE];
    struct egress_addresses addresses;
};

struct egress_pins {
    struct pin *items;
    size_t n;
};

static struct egress_addresses copy(const struct ipaddr *items, size_t n)
{
    struct egress_addresses out = {alloc_zero(n, sizeof *items), n};
    memcpy(out.items, items, n * sizeof *items);
    return out;
}

static int read_pin(const struct egress_pin *from, struct pin *to, struct error *err)
{
    struct ipaddr literal;
    if (ipaddr_canonical_host(from->host, strlen(from->host), to->host) != 0 ||
        ipaddr_parse(to->host, &literal) == 0)
        return error_set(err, ERROR_INVALID, "pinned host %s is not a DNS name", from->host);
    if (from->n_addresses == 0)
        return error_set(err, ERROR_INVALID, "pinned host %s has no address", from->host);
    to->addresses.items = alloc_zero(from->n_addresses, sizeof *to->addresses.items);
    for (size_t i = 0; i < from->n_addresses; i++)
        if (ipaddr_parse(from->addresses[i], &to->addresses.items[to->addresses.n++]) != 0)
            return error_set(err, ERROR_INVALID, "pinned host %s has %s, which is not an IP "
                             "address", from->host, from->addresses[i]);
    return 0;
}

struct egress_pins *egress_pins_new(const struct egress_pin *pins, size_t n, struct error *err)
{
    struct egress_pins *out = alloc_zero(1, sizeof *out);
    out->items = alloc_zero(n ? n : 1, sizeof *out->items);
    while (out->n < n) {
        size_t i = out->n++;
        if (read_pin(&pins[i], &out->items[i], err) != 0) {
            egress_pins_free(out);
            return NULL;
        }
    }
    return out;
}

void egress_pins_free(struct egress_pins *pins)
{
    if (!pins)
        return;
    for (size_t i = 0; i < pins->n; i++)
        egress_addresses_free(&pins->items[i].addresses);
    free(pins->items);
    free(pins);
}

bool egress_pins_find(const struct egress_pins *pins, const struct egress_target *target,
                      struct egress_addresses *out)
{
    if (target->literal) {
        *out = copy(&target->ip, 1);
        return true;
    }
    for (size_t i = 0; i < pins->n; i++)
        if (strcmp(pins->items[i].host, target->host) == 0) {
            *out = copy(pins->items[i].addresses.items, pins->items[i].addresses.n);
            return true;
        }
    return false;
}

struct egress_query {
    uv_getaddrinfo_t req;
    void (*done)(void *ctx, int status, struct egress_addresses addresses);
    void *ctx;
    bool dropped;
};

static struct egress_addresses read_answer(const struct addrinfo *list)
{
    struct egress_addresses out = {0};
    size_t n = 0;
    uint16_t port;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        n++;
    out.items = alloc_zero(n ? n : 1, sizeof *out.items);
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        if (ipaddr_from_sockaddr(a->ai_addr, &out.items[out.n], &port) == 0)
            out.n++;
    return out;
}

static void answered(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct egress_query *query = req->data;
    struct egress_addresses addresses = {0};
    if (query->dropped)
        status = UV_ECANCELED;
    else if (status == 0)
        addresses = read_answer(list);
    if (status == 0 && addresses.n == 0) {
        egress_addresses_free(&addresses);
        status = UV_EAI_NODATA;
    }
    uv_freeaddrinfo(list);
    query->done(query->ctx, status, addresses);
    free(query);
}

struct egress_query *egress_query_new(uv_loop_t *loop, const char *host,
                                      void (*done)(void *ctx, int status,
                                                   struct egress_addresses addresses),
                                      void *ctx)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct egress_query *query = alloc_zero(1, sizeof *query);
    query->done = done;
    query->ctx = ctx;
    query->req.data = query;
    if (uv_getaddrinfo(loop, &query->req, answered, host, NULL, &hints) == 0)
        return query;
    free(query);
    return NULL;
}

void egress_query_drop(struct egress_query *query)
{
    query->dropped = true;
    uv_cancel((uv_req_t *)&query->req);
}
