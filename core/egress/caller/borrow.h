/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of a suspended connect: borrowed from its process and connected in its place.  Plain
 * values; nothing here blocks. */
#ifndef EGRESS_CALLER_BORROW_H
#define EGRESS_CALLER_BORROW_H

#include "egress/caller/address.h"
#include "egress/caller/process.h"

/* A descriptor of the same open file as that number is of in the thread, which the caller closes.
 * -EBADF: of none.  Another negative errno: it cannot be had.  process: the thread's. */
int egress_socket_borrow(const struct egress_process *thread, pid_t process, int number);

/* Whether it is a TCP socket of the network namespace with that cookie
 * (egress_socket_namespace). */
bool egress_socket_is_tcp(int fd, uint64_t namespace);
/* 0 where the kernel has none (before 5.14). */
uint64_t egress_socket_namespace(int fd);

/* Whether it is of the address's family. */
bool egress_socket_has_family(int fd, const struct egress_named_address *address);

enum { EGRESS_CONNECT_WAIT = 1 };
/* Connects it.  What the call returns to its caller (0 or a negative errno), or
 * EGRESS_CONNECT_WAIT: the connection is being made and the caller wants to wait for it, which it
 * can do by going on with its call.  *opened: this call has begun or made a connection. */
int egress_socket_connect(int fd, const struct egress_named_address *to, bool *opened);
/* The same to an IPv4 address of this machine, by a socket of either family and as if it
 * blocked. */
int egress_socket_redirect(int fd, const struct sockaddr_in *to, bool *opened);

#endif
