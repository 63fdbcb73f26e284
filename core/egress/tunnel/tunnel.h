/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes both ways.  Each direction reads only while its writer keeps up, and ends on its own. Where
 * the policy does not say tls: skip, a TLS client's first message waits until it is known which
 * server it asks for.  For the egress folder; loop thread only. */
#ifndef EGRESS_TUNNEL_TUNNEL_H
#define EGRESS_TUNNEL_TUNNEL_H

#include "egress/client.h"

/* From here on bytes are passed on, those that wait first. */
void egress_tunnel_pass(struct client *c);

/* False: TLS asks for another server than the tunnel is for; the client is told. */
bool egress_tunnel_check_hello(struct client *c, enum egress_hello_state state);
void egress_tunnel_drop_hello(struct client *c);

#endif
