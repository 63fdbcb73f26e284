/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a token may be sent to what answers at the gateway's address. */
#ifndef CLI_CONNECTION_TRUST_H
#define CLI_CONNECTION_TRUST_H

#include <sys/socket.h>

#include "cli/cli.h"

/* Of an address to which no TLS leads.  false after saying why the token is not sent. */
bool trust_plain(const struct cli *cli, const struct sockaddr *address);
/* Of a TCP connection without TLS: on a loopback address, who serves it. */
bool trust_tcp(const struct cli *cli, int fd);
/* Of a socket connected to the path: who listens there, and who could put another one in its
 * place. */
bool trust_socket(const struct cli *cli, int fd, const char *path);

#endif
