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
