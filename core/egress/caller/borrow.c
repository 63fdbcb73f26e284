/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/borrow.h"

#include "egress/caller/program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12 has older headers. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Kernels before 6.9 have no descriptor of a thread.  There its process has to do, which shares its
 * descriptors with its threads unless one of them has asked for a table of its own. */
static int open_process(pid_t thread)
{
    pid_t process = egress_process_of(thread);
    if (process <= 0)
        return -ESRCH;
    if (process != thread && syscall(SYS_kcmp, process, thread, KCMP_FILES, 0, 0) != 0)
        return -EOPNOTSUPP;
    int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
    return pidfd < 0 ? -errno : pidfd;
}

static int open_thread(pid_t thread)
{
    int pidfd = (int)syscall(SYS_pidfd_open, thread, PIDFD_THREAD);
    if (pidfd >= 0)
        return pidfd;
    return errno == EINVAL ? open_process(thread) : -errno;
}

int egress_socket_borrow(const struct egress_suspended_call *call)
{
    int pidfd = open_thread(call->thread);
    if (pidfd < 0)
        return pidfd;
    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)call->args[0], 0);
    int rc = fd < 0 ? -errno : fd;
    close(pidfd);
    return rc;
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* 0 where the kernel has none (before 5.14). */
static uint64_t namespace_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len);
    return cookie;
}

bool egress_socket_is_tcp(int fd, int other)
{
    int protocol = option(fd, SO_PROTOCOL), family = option(fd, SO_DOMAIN);
    return (family == AF_INET || family == AF_INET6) &&
           (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) &&
           namespace_of(fd) == namespace_of(other);
}

static int connect_once(int fd, const struct egress_named_address *to)
{
    return connect(fd, (const struct sockaddr *)&to->address, to->len) == 0 ? 0 : -errno;
}

/* A connect to this machine is mostly done when it is asked for the second time.  It is only slow when
 * the listener's queue is full. */
static int connect_patiently(int fd, const struct egress_named_address *to, bool *opened)
{
    int rc = connect_once(fd, to);
    bool begun = rc == -EINPROGRESS;
    if (begun)
        rc = connect_once(fd, to);
    *opened = rc == 0 || (begun && rc == -EALREADY);
    return rc == -EALREADY ? EGRESS_CONNECT_WAIT : rc;
}

/* Whether a socket blocks is a property of the open file, which the caller has too: it is changed for
 * the moment in which nobody but us uses the socket. */
int egress_socket_connect(int fd, const struct egress_named_address *to, bool *opened)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags & O_NONBLOCK) {
        int rc = connect_once(fd, to);
        *opened = rc == 0 || rc == -EINPROGRESS;
        return rc;
    }
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int rc = connect_patiently(fd, to, opened);
    fcntl(fd, F_SETFL, flags);
    return rc;
}
