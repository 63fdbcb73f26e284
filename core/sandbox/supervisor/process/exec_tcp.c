/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/exec_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

/* Without waiting.  On the loopback the answer is there when the first call returns, and the second
 * one tells it; what is still connecting then fails by its first read, if it fails. */
static bool reaches(int fd, const struct sockaddr *at, socklen_t len)
{
    return connect(fd, at, len) == 0 ||
           (errno == EINPROGRESS &&
            (connect(fd, at, len) == 0 || errno == EISCONN || errno == EALREADY));
}

static bool connect_loopback(int fd, uint16_t port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {0};
    socklen_t len = sizeof at;
    if (getsockname(fd, &at.any, &len) != 0)
        return false;
    if (at.any.sa_family == AF_INET6) {
        at.v6.sin6_addr = in6addr_loopback;
        at.v6.sin6_port = htons(port);
        len = sizeof at.v6;
    } else {
        at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        at.v4.sin_port = htons(port);
        len = sizeof at.v4;
    }
    return reaches(fd, &at.any, len);
}

int sandbox_tcp_connect(uint16_t port, const int *fds, size_t n_fds, struct error *err)
{
    int found = -1;
    for (size_t i = 0; i < n_fds; i++) {
        if (found < 0 && connect_loopback(fds[i], port))
            found = fds[i];
        else
            close(fds[i]);
    }
    if (found < 0)
        error_set(err, ERROR_UPSTREAM, "nothing listens on port %u of the sandbox's loopback",
                  port);
    return found;
}
