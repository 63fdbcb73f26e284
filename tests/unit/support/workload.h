/* SPDX-License-Identifier: Apache-2.0 */
/* For functions that run in a process of their own, as a workload: each returns 0, or 1 when
 * something went wrong. */
#ifndef TESTS_SUPPORT_WORKLOAD_H
#define TESTS_SUPPORT_WORKLOAD_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define EXPECT(condition)                                                               \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
            return 1;                                                                   \
        }                                                                               \
    } while (0)

/* SO_ERROR of the socket. */
static inline int error_of(int fd)
{
    int error = -1;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : -1;
}

#endif
