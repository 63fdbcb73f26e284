/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the gateway: --gateway, SLUICE_GATEWAY or the local socket, over TLS (verified by
 * the system's roots) where the address says https.
 *
 * A token goes over it only where cli/connection/trust.h allows that: it is asked before anything
 * is sent.  Nothing here waits but wire_open, for at most ten seconds.  One thread. */
#ifndef CLI_CONNECTION_WIRE_H
#define CLI_CONNECTION_WIRE_H

#include <openssl/ssl.h>
#include <sys/types.h>

#include "cli/cli.h"

struct wire {
    int fd;                                         /* non-blocking */
    short events;                                   /* what to poll fd for after WIRE_AGAIN */
    SSL_CTX *tls;                                   /* NULL: plain */
    SSL *ssl;
    char why[256];                                  /* what broke it */
};

enum { WIRE_BROKEN = -1, WIRE_AGAIN = -2 };

/* -1: connected and trusted; else an exit code after saying why not.  Always to be followed by
 * wire_close. */
int wire_open(const struct cli *cli, struct wire *wire);
/* How many bytes were taken, WIRE_AGAIN or WIRE_BROKEN. */
ssize_t wire_send(struct wire *wire, const void *bytes, size_t len);
/* How many bytes came, 0 when the gateway ended the connection, WIRE_AGAIN or WIRE_BROKEN. */
ssize_t wire_receive(struct wire *wire, void *bytes, size_t room);
void wire_close(struct wire *wire);

/* Begins a request: its line, Host and Authorization.  Other fields, an empty line and the body
 * follow. */
void wire_request(const struct cli *cli, struct buf *out, const char *method, const char *path);
/* Says why the gateway was not reached.  EXIT_UNREACHABLE. */
int wire_failed(const struct cli *cli, const char *why);

#endif
