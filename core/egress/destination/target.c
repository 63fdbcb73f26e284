/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destination/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No sign, no leading zero: other readers take those for another number, or for none. */
static int parse_port(const char *text, size_t len, uint16_t *out, struct egress_refusal *refusal)
{
    unsigned long port = 0;
    size_t digits = strspn(text, "0123456789");
    if (len > 0 && len <= 5 && digits >= len && text[0] != '0')
        port = strtoul(text, NULL, 10);
    if (port < 1 || port > 65535)
        return egress_refuse(refusal, REFUSAL_TARGET, "the port is not a number from 1 to 65535 "
                             "without leading zeros");
    *out = (uint16_t)port;
    return 0;
}

static int parse_host(const char *text, size_t len, struct egress_target *out,
                      struct egress_refusal *refusal)
{
    if (ipaddr_canonical_host(text, len, out->host) != 0)
        return egress_refuse(refusal, REFUSAL_TARGET, "the host is neither a DNS name nor an IP "
                             "address in its usual form (IPv6 in brackets)");
    out->literal = ipaddr_parse(out->host, &out->ip) == 0;
    return 0;
}

/* Where the host of an authority ends: before its port's colon, or at the end. */
static size_t host_length(const char *text, size_t len)
{
    const char *from = text[0] == '[' ? memchr(text, ']', len) : text;
    const char *colon = from ? memchr(from, ':', len - (size_t)(from - text)) : NULL;
    return colon ? (size_t)(colon - text) : len;
}

/* default_port 0: the port must be written. */
static int parse_authority(const char *text, size_t len, uint16_t default_port,
                           struct egress_target *out, struct egress_refusal *refusal)
{
    memset(out, 0, sizeof *out);
    if (memchr(text, '@', len))
        return egress_refuse(refusal, REFUSAL_TARGET, "the target names a user: leave out "
                             "everything up to the @");
    size_t host = host_length(text, len);
    out->port = default_port;
    if (host == len && !default_port)
        return egress_refuse(refusal, REFUSAL_TARGET, "the target is not HOST:PORT");
    if (host < len && parse_port(text + host + 1, len - host - 1, &out->port, refusal) != 0)
        return -1;
    if (parse_host(text, host, out, refusal) != 0)
        return -1;
    bool v6 = out->literal && out->ip.family == AF_INET6;
    snprintf(out->authority, sizeof out->authority, v6 ? "[%s]:%u" : "%s:%u", out->host, out->port);
    return 0;
}

bool egress_target_is_at(const struct egress_target *target, const char *text, size_t len,
                         uint16_t default_port)
{
    const char *colon = strrchr(target->authority, ':');
    size_t host = colon ? (size_t)(colon - target->authority) : 0;
    bool fits = len == host ? target->port == default_port : len == strlen(target->authority);
    return len && fits && memcmp(text, target->authority, len) == 0;
}

int egress_target_authority(const char *text, struct egress_target *out,
                            struct egress_refusal *refusal)
{
    return parse_authority(text, strlen(text), 0, out, refusal);
}

int egress_target_host(const char *text, uint16_t default_port, struct egress_target *out,
                       struct egress_refusal *refusal)
{
    return parse_authority(text, strlen(text), default_port, out, refusal);
}

static int check_scheme(const char *text, struct egress_refusal *refusal)
{
    if (strncasecmp(text, "http://", 7) == 0)
        return 0;
    if (strncasecmp(text, "https://", 8) == 0)
        return egress_refuse(refusal, REFUSAL_SCHEME, "Use CONNECT for HTTPS URLs");
    if (strstr(text, "://"))
        return egress_refuse(refusal, REFUSAL_SCHEME, "Forward proxy requests must use http");
    return egress_refuse(refusal, REFUSAL_TARGET, "this is a proxy: the request target must be a "
                         "whole URL, such as http://host/path");
}

int egress_target_url(const char *text, struct egress_target *out, const char **path,
                      struct egress_refusal *refusal)
{
    if (check_scheme(text, refusal) != 0)
        return -1;
    const char *authority = text + strlen("http://");
    size_t len = strcspn(authority, "/?#");
    *path = authority + len;
    if (strchr(*path, '#'))
        return egress_refuse(refusal, REFUSAL_TARGET, "the request target has a fragment (#): it "
                             "belongs to the client");
    return parse_authority(authority, len, 80, out, refusal);
}
