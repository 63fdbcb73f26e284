/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel whose first bytes decide what it is for: TLS or HTTP, whose requests are judged, or
 * bytes that are passed on.  For the egress folder; loop thread only. */
#ifndef EGRESS_TUNNEL_OPENING_H
#define EGRESS_TUNNEL_OPENING_H

#include "egress/client.h"

/* Answers CONNECT, or a suspended connect; the upstream connection is there. */
void egress_tunnel_open(struct client *c);

#endif
