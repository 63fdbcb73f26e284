/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns/reply.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* As in the sandbox's /etc/hosts, which programs read first. */
#define OWN_ADDRESS "127.0.1.1"

static bool ends_in(const char *host, const char *end)
{
    size_t len = strlen(host), end_len = strlen(end);
    return len > end_len && strcmp(host + len - end_len, end) == 0;
}

/* RFC 6761, 6.3. */
static bool is_localhost(const char *host)
{
    return strcmp(host, "localhost") == 0 || ends_in(host, ".localhost");
}

static void set_address(struct egress_dns_record *record, uint16_t type, const void *bytes)
{
    *record = (struct egress_dns_record){.type = type, .ttl_s = EGRESS_NAMES_TTL_S,
                                         .len = type == DNS_TYPE_A ? 4 : 16};
    memcpy(record->data, bytes, record->len);
}

static enum egress_dns_code find_loopback(const char *text, uint16_t type,
                                          struct egress_dns_record *record)
{
    struct in_addr address;
    inet_pton(AF_INET, text, &address);
    if (type == DNS_TYPE_A)
        set_address(record, type, &address);
    return DNS_NO_ERROR;
}

static enum egress_dns_code find_address(const struct egress_dns_zone *zone, const char *host,
                                         uint16_t type, uint64_t now_ms,
                                         struct egress_dns_record *record)
{
    struct in_addr address;
    if (is_localhost(host) && type == DNS_TYPE_AAAA)
        set_address(record, type, &in6addr_loopback);
    if (is_localhost(host))
        return find_loopback("127.0.0.1", type, record);
    if (strcmp(host, zone->own_host) == 0)
        return find_loopback(OWN_ADDRESS, type, record);
    if (type == DNS_TYPE_AAAA)
        return DNS_NO_ERROR;
    if (!egress_names_address(zone->names, host, now_ms, &address))
        return DNS_SERVER_FAILURE;
    set_address(record, type, &address);
    return DNS_NO_ERROR;
}

/* d.c.b.a.in-addr.arpa, which is canonical only without leading zeros. */
static bool read_reverse(const char *host, struct in_addr *out)
{
    char text[INET_ADDRSTRLEN], again[64];
    unsigned part[4];
    if (sscanf(host, "%3u.%3u.%3u.%3u", &part[0], &part[1], &part[2], &part[3]) != 4)
        return false;
    snprintf(again, sizeof again, "%u.%u.%u.%u.in-addr.arpa", part[0], part[1], part[2], part[3]);
    if (strcmp(again, host) != 0)
        return false;
    snprintf(text, sizeof text, "%u.%u.%u.%u", part[3], part[2], part[1], part[0]);
    return inet_pton(AF_INET, text, out) == 1;
}

static const char *name_of(const struct egress_dns_zone *zone, const char *host)
{
    struct in_addr address;
    if (!read_reverse(host, &address))
        return NULL;
    if (address.s_addr == htonl(INADDR_LOOPBACK))
        return "localhost";
    if (address.s_addr == inet_addr(OWN_ADDRESS))
        return *zone->own_host ? zone->own_host : NULL;
    return egress_names_host(zone->names, address);
}

static enum egress_dns_code find_name(const struct egress_dns_zone *zone, const char *host,
                                      struct egress_dns_record *record)
{
    const char *name = name_of(zone, host);
    if (!name)
        return DNS_NAME_ERROR;
    *record = (struct egress_dns_record){.type = DNS_TYPE_PTR, .ttl_s = EGRESS_NAMES_TTL_S};
    record->len = egress_dns_name_write(name, record->data);
    return DNS_NO_ERROR;
}

static enum egress_dns_code answer(const struct egress_dns_zone *zone,
                                   const struct egress_dns_query *query, uint64_t now_ms,
                                   struct egress_dns_record *record)
{
    char host[IPADDR_HOST_SIZE];
    bool is_host = egress_dns_query_host(query, host);
    if (query->type == DNS_TYPE_PTR && is_host && ends_in(host, ".arpa"))
        return find_name(zone, host, record);
    if (query->type != DNS_TYPE_A && query->type != DNS_TYPE_AAAA)
        return DNS_NOT_IMPLEMENTED;
    return is_host ? find_address(zone, host, query->type, now_ms, record) : DNS_REFUSED;
}

size_t egress_dns_reply(const struct egress_dns_zone *zone, const uint8_t *bytes, size_t len,
                        uint64_t now_ms, uint8_t out[EGRESS_DNS_ANSWER_SIZE])
{
    struct egress_dns_query query;
    struct egress_dns_record record = {0};
    int code = egress_dns_query_read(bytes, len, &query);
    if (code < 0)
        return 0;
    if (code == DNS_NO_ERROR)
        code = (int)answer(zone, &query, now_ms, &record);
    return egress_dns_answer_write(&query, (enum egress_dns_code)code, &record, out);
}
