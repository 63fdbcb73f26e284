/* SPDX-License-Identifier: Apache-2.0 */
/* After CONNECT: bytes both ways.  Each direction reads only while its writer keeps up, and ends on
 * its own.  A TLS client's first message waits until it is known which server it asks for.  For the
 * egress folder; loop thread only. */
#ifndef EGRESS_TUNNEL_TUNNEL_H
#define EGRESS_TUNNEL_TUNNEL_H

#include "egress/client.h"

void egress_tunnel_begin(struct client *c);

#endif
