/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/borrow.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12 has older headers. */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Kernels before 6.9 have no descriptor of a thread.  There its process has to do, which shares its
 * descriptors with its threads unless one of them has asked for a table of its own. */
static int open_process(pid_t thread, pid_t process)
{
    if (process != thread && syscall(SYS_kcmp, process, thread, KCMP_FILES, 0, 0) != 0)
        return -EOPNOTSUPP;
    int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
    return pidfd < 0 ? -errno : pidfd;
}

static int duplicate(int pidfd, int number)
{
    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    return fd < 0 ? -errno : fd;
}

int egress_socket_borrow(const struct egress_process *thread, pid_t process, int number)
{
    if (thread->pidfd >= 0)
        return duplicate(thread->pidfd, number);
    int pidfd = open_process(thread->id, process);
    if (pidfd < 0)
        return pidfd;
    int rc = duplicate(pidfd, number);
    close(pidfd);
    return rc;
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

uint64_t egress_socket_namespace(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len);
    return cookie;
}

bool egress_socket_is_tcp(int fd, uint64_t namespace)
{
    int protocol = option(fd, SO_PROTOCOL), family = option(fd, SO_DOMAIN);
    return (family == AF_INET || family == AF_INET6) &&
           (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) &&
           egress_socket_namespace(fd) == namespace;
}

/* Without waiting, whatever the open file says: the workload has it too, and could make a connect()
 * of ours block.  It is TCP fast open without data, which is an ordinary connect (RFC 7413,
 * 4.1.3). */
static int connect_once(int fd, const struct egress_named_address *to)
{
    const int flags = MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL;
    ssize_t n = sendto(fd, "", 0, flags, (const struct sockaddr *)&to->address, to->len);
    return n == 0 ? 0 : -errno;
}

/* MPTCP cannot be asked a second time. */
static int ask_again(int fd, const struct egress_named_address *to)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int rc = connect_once(fd, to);
    if (rc != -EINVAL || option(fd, SO_PROTOCOL) != IPPROTO_MPTCP)
        return rc;
    return poll(&ready, 1, 0) == 1 ? -option(fd, SO_ERROR) : -EALREADY;
}

/* A connect to this machine is mostly done when it is asked for the second time.  It is only slow
 * when the listener's queue is full. */
static int connect_patiently(int fd, const struct egress_named_address *to, bool *opened)
{
    int rc = connect_once(fd, to);
    bool begun = rc == -EINPROGRESS;
    if (begun)
        rc = ask_again(fd, to);
    *opened = rc == 0 || (begun && rc == -EALREADY);
    return rc == -EALREADY ? EGRESS_CONNECT_WAIT : rc;
}

bool egress_socket_has_family(int fd, const struct egress_named_address *address)
{
    return option(fd, SO_DOMAIN) == address->address.ss_family;
}

int egress_socket_connect(int fd, const struct egress_named_address *to, bool *opened)
{
    if (!(fcntl(fd, F_GETFL) & O_NONBLOCK))
        return connect_patiently(fd, to, opened);
    int rc = connect_once(fd, to);
    *opened = rc == 0 || rc == -EINPROGRESS;
    return rc;
}

/* One that takes IPv6 only is told to take both; that one which is bound cannot be told so. */
static struct egress_named_address map_for(int fd, const struct sockaddr_in *to)
{
    const int no = 0;
    struct egress_named_address out = {.len = sizeof *to};
    struct sockaddr_in6 *in6 = (void *)&out.address;
    if (option(fd, SO_DOMAIN) == AF_INET) {
        memcpy(&out.address, to, sizeof *to);
        return out;
    }
    *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = to->sin_port};
    in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
    memcpy(&in6->sin6_addr.s6_addr[12], &to->sin_addr, sizeof to->sin_addr);
    out.len = sizeof *in6;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    return out;
}

int egress_socket_redirect(int fd, const struct sockaddr_in *to, bool *opened)
{
    struct egress_named_address there = map_for(fd, to);
    return connect_patiently(fd, &there, opened);
}
