/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to what listens on the sandbox's loopback.  Init makes the sockets, because a socket
 * belongs to the network that it was made in; who connects them does not matter.  Any thread. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_EXEC_TCP_H
#define SANDBOX_SUPERVISOR_PROCESS_EXEC_TCP_H

#include <stddef.h>
#include <stdint.h>

struct error;

/* Takes the sockets, and returns the one that reaches the port; -1: err says why none does. */
int sandbox_tcp_connect(uint16_t port, const int *fds, size_t n_fds, struct error *err);

#endif
