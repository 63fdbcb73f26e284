/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the kernel's socket diagnostics: what is at the other end of a connection?
 * It is answered within the system call, so asking blocks nobody.  Plain values. */
#ifndef EGRESS_DIAG_H
#define EGRESS_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct error;

/* The two ends of an accepted connection, as the proxy sees them. */
struct egress_ends {
    struct sockaddr_storage client, proxy;
};

int egress_ends_of(int fd, struct egress_ends *out);                /* -1: not connected any more */

/* The inode of the client's socket; 0 when no process holds it any more.  -1 with err when the
 * kernel could not be asked.  number: of the question, another one each time. */
int egress_diag_inode(int diag_fd, uint32_t number, const struct egress_ends *ends, uint32_t *inode,
                      struct error *err);

#endif
