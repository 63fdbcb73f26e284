/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/address.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

int egress_address_read(const struct egress_suspended_call *call, struct egress_named_address *out)
{
    int len = (int)call->args[2];                   /* as the kernel takes it */
    *out = (struct egress_named_address){0};
    if (len <= 0 || (size_t)len > sizeof out->address)
        return 0;
    struct iovec here = {&out->address, (size_t)len};
    struct iovec there = {(void *)(uintptr_t)call->args[1], (size_t)len};
    if (process_vm_readv(call->thread, &here, 1, &there, 1, 0) != len)
        return -EFAULT;
    out->len = (socklen_t)len;
    return 0;
}

/* The shortest address of an IPv6 socket has no scope (RFC 2133). */
enum { IN6_MIN = offsetof(struct sockaddr_in6, sin6_scope_id) };

bool egress_address_is(const struct egress_named_address *named, const struct sockaddr_in *other)
{
    const struct sockaddr_in *in = (const void *)&named->address;
    const struct sockaddr_in6 *in6 = (const void *)&named->address;
    if (named->address.ss_family == AF_INET && named->len >= sizeof *in)
        return in->sin_port == other->sin_port && in->sin_addr.s_addr == other->sin_addr.s_addr;
    return named->address.ss_family == AF_INET6 && named->len >= IN6_MIN &&
           IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_port == other->sin_port &&
           memcmp(&in6->sin6_addr.s6_addr[12], &other->sin_addr, sizeof other->sin_addr) == 0;
}

/* False: it is no complete IP address, or has no port. */
static bool read_ip(const struct egress_named_address *named, struct ipaddr *out, uint16_t *port)
{
    const struct sockaddr_in *in = (const void *)&named->address;
    const struct sockaddr_in6 *in6 = (const void *)&named->address;
    bool v4 = named->address.ss_family == AF_INET && named->len >= sizeof *in;
    bool v6 = named->address.ss_family == AF_INET6 && named->len >= IN6_MIN;
    bool mapped = v6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    *out = (struct ipaddr){.family = v4 || mapped ? AF_INET : AF_INET6};
    if (v4)
        memcpy(out->bytes, &in->sin_addr, 4);
    else if (mapped)
        memcpy(out->bytes, &in6->sin6_addr.s6_addr[12], 4);
    else if (v6)
        memcpy(out->bytes, &in6->sin6_addr, 16);
    *port = v4 ? ntohs(in->sin_port) : ntohs(in6->sin6_port);
    return (v4 || v6) && *port != 0;
}

/* The unspecified address leads where loopback does. */
static bool is_local(const struct ipaddr *ip, struct in_addr own)
{
    static const uint8_t none[16];
    if (ip->family == AF_INET)
        return ip->bytes[0] == 127 || memcmp(ip->bytes, none, 4) == 0 ||
               memcmp(ip->bytes, &own, 4) == 0;
    return memcmp(ip->bytes, none, 15) == 0 && ip->bytes[15] <= 1;
}

bool egress_address_is_outside(const struct egress_named_address *named, struct in_addr own,
                               struct ipaddr *out, uint16_t *port)
{
    return read_ip(named, out, port) && !is_local(out, own);
}
