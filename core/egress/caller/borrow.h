/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of a suspended connect: borrowed from its process and connected in its place.  Plain
 * values; nothing here blocks. */
#ifndef EGRESS_CALLER_BORROW_H
#define EGRESS_CALLER_BORROW_H

#include "egress/caller/address.h"

/* A descriptor of the same open file, which the caller closes.  -EBADF: the thread has none of that
 * number.  Another negative errno: it cannot be had. */
int egress_socket_borrow(const struct egress_suspended_call *call);

/* Whether it is a TCP socket of the same network namespace as other. */
bool egress_socket_is_tcp(int fd, int other);

enum { EGRESS_CONNECT_WAIT = 1 };
/* Connects it.  What the call returns to its caller (0 or a negative errno), or EGRESS_CONNECT_WAIT:
 * the connection is being made and the caller wants to wait for it, which it can do by going on with
 * its call.  *opened: this call has begun or made a connection. */
int egress_socket_connect(int fd, const struct egress_named_address *to, bool *opened);

#endif
