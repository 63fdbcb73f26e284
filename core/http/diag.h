/* SPDX-License-Identifier: Apache-2.0 */
/* Which user has a TCP socket of this machine, as the kernel tells it (socket diagnostics). */
#ifndef HTTP_DIAG_H
#define HTTP_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct http_tcp_socket {
    bool listening;
    uint64_t inode;                                 /* 0: no process holds it (yet, or any more) */
    uid_t uid;                                      /* means nothing without an inode */
};

/* The socket between these ends, seen from its own; where there is none, the listener that would
 * take such a connection.  False: neither is in this network namespace, or the kernel does not
 * answer within 0.1 s. */
bool http_diag_find(const struct sockaddr_storage *own, const struct sockaddr_storage *other,
                    struct http_tcp_socket *out);

/* The uid of who serves a connection to this machine, given from the client's side: whoever
 * accepted it, or listens until it is accepted.  False: it is not known. */
bool http_diag_server(const struct sockaddr_storage *client, const struct sockaddr_storage *server,
                      uid_t *uid);

#endif
