/* SPDX-License-Identifier: Apache-2.0 */
#include "http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int parse_unix(const char *path, struct http_address *out, struct error *err)
{
    out->kind = HTTP_UNIX;
    if (!*path || *path == '@')
        return error_set(err, ERROR_MALFORMED, "address unix:%s needs a path, as in "
                         "unix:/run/sluice/sluice.sock", path);
    if (strlen(path) >= sizeof out->path)
        return error_set(err, ERROR_MALFORMED, "socket path %s is longer than the %zu bytes that "
                         "the kernel allows: choose a shorter one", path, sizeof out->path - 1);
    strcpy(out->path, path);
    return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || text[strspn(text, "0123456789")])
        return -1;
    long number = strtol(text, NULL, 10);
    *port = (uint16_t)number;
    return number <= 65535 ? 0 : -1;
}

static bool host_name(const char *host)
{
    return *host && !host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789.-_")];
}

/* Fills ip when the host is a literal. */
static void resolve_literal(struct http_address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->ip;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->ip;
    const char *host = strcmp(out->host, "localhost") == 0 ? "127.0.0.1" : out->host;
    out->resolved = true;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(out->port);
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(out->port);
    } else {
        out->resolved = false;
    }
}

/* Only digits and dots, but no IPv4 literal: resolvers would read 127.1 as an address. */
static bool looks_numeric(const char *host)
{
    return !host[strspn(host, "0123456789.")];
}

static int parse_tcp(const char *text, struct http_address *out, struct error *err)
{
    bool bracket = *text == '[';
    const char *start = text + bracket, *end = bracket ? strchr(text, ']') : strrchr(text, ':');
    const char *colon = end && bracket ? end + 1 : end;
    size_t len = end ? (size_t)(end - start) : 0;
    out->kind = HTTP_TCP;
    if (!end || *colon != ':' || len >= sizeof out->host || parse_port(colon + 1, &out->port) != 0)
        return error_set(err, ERROR_MALFORMED, "address tcp:%s is not tcp:HOST:PORT, as in "
                         "tcp:127.0.0.1:7070 or tcp:[::1]:7070", text);
    memcpy(out->host, start, len);
    out->host[len] = '\0';
    resolve_literal(out);
    bool v6 = out->resolved && out->ip.ss_family == AF_INET6;
    if (bracket != v6 || (!out->resolved && (!host_name(out->host) || looks_numeric(out->host))))
        return error_set(err, ERROR_MALFORMED, "host %s of address tcp:%s is neither an IP address "
                         "(IPv6 in brackets) nor a host name", out->host, text);
    return 0;
}

int http_address_parse(const char *text, struct http_address *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, out, err);
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_tcp(text + 4, out, err);
    return error_set(err, ERROR_MALFORMED, "address %s begins with neither unix: nor tcp:", text);
}

char *http_address_format(const struct http_address *address, char out[HTTP_ADDRESS_SIZE])
{
    if (address->kind == HTTP_UNIX)
        snprintf(out, HTTP_ADDRESS_SIZE, "unix:%s", address->path);
    else
        snprintf(out, HTTP_ADDRESS_SIZE, strchr(address->host, ':') ? "tcp:[%s]:%u" : "tcp:%s:%u",
                 address->host, address->port);
    return out;
}

void http_address_from_ip(const struct sockaddr *ip, struct http_address *out)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)ip;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ip;
    bool four = ip->sa_family == AF_INET;
    memset(out, 0, sizeof *out);
    out->kind = HTTP_TCP;
    out->resolved = true;
    out->port = ntohs(four ? v4->sin_port : v6->sin6_port);
    memcpy(&out->ip, ip, four ? sizeof *v4 : sizeof *v6);
    inet_ntop(ip->sa_family, four ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr,
              out->host, sizeof out->host);
}

bool http_address_loopback(const struct sockaddr *ip)
{
    if (ip->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)ip)->sin_addr.s_addr) >> 24 == 127;
    if (ip->sa_family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)ip)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}
