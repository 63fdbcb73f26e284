/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a gateway: unix:PATH, tcp:HOST:PORT (as sluiced prints it), http:// or
 * https://. */
#ifndef CLI_CONNECTION_ENDPOINT_H
#define CLI_CONNECTION_ENDPOINT_H

#include "cli/cli.h"

struct endpoint {
    bool tls;
    char *path;                                     /* of a Unix socket, else NULL */
    char *host, *port;                              /* of TCP; an IPv6 address without brackets */
    char *authority;                                /* for the Host field */
    char *prefix;                                   /* of every path; "" or "/…" */
};

char *endpoint_default(void);                       /* the caller frees it */
/* Where a gateway with this Unix socket has its state unless it was told otherwise; NULL: it has
 * none.  The caller frees it. */
char *endpoint_state_folder(const char *gateway);
/* An exit code after saying that --gateway is no address, or -1. */
int endpoint_check(const struct cli *cli);
/* Of an address that endpoint_check accepts. */
void endpoint_read(const char *gateway, struct endpoint *out);
void endpoint_free(struct endpoint *endpoint);

#endif
