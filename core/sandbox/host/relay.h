/* SPDX-License-Identifier: Apache-2.0 */
/* The way from this host to the gateway in use.
 *
 * A relay listens on a Unix socket in the host's state folder and joins each connection with one of
 * its own to the gateway.  So supervisors speak to a socket beside them, as those of the gateway's
 * own machine do, and their bytes are between them and the gateway.
 *
 * Ownership: the maker closes it.  Loop thread only. */
#ifndef SANDBOX_HOST_RELAY_H
#define SANDBOX_HOST_RELAY_H

#include <uv.h>

#include "sandbox/host/gateways.h"

struct host_relay;
struct log;

/* Time to reach a gateway, TLS included; connections under way and joined at a time. */
enum { RELAY_DIAL_MS = 1000, RELAY_MAX = 16384 };

/* Shut: who connects is sent away, until host_relay_open.  NULL: err says why it cannot listen. */
struct host_relay *host_relay_new(uv_loop_t *loop, const char *path, struct host_gateways *gateways,
                                  const struct log *log, struct error *err);
void host_relay_open(struct host_relay *relay);
/* Ends what it has joined, and sends away who connects from now on. */
void host_relay_shut(struct host_relay *relay);
/* Shuts, and frees it once everything is closed. */
void host_relay_close(struct host_relay *relay);

#endif
