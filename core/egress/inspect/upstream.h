/* SPDX-License-Identifier: Apache-2.0 */
/* TLS to the origin of an inspected tunnel.  For the egress folder; loop thread only. */
#ifndef EGRESS_INSPECT_UPSTREAM_H
#define EGRESS_INSPECT_UPSTREAM_H

#include "egress/client.h"

/* Begins TLS on the connection to the origin.  What is written before it is established waits.
 * False: it cannot begin, and the refusal says why. */
bool egress_upstream_secure(struct client *c, struct egress_refusal *refusal);
/* TLS is established, and the origin has chosen HTTP/2. */
bool egress_upstream_speaks_http2(const struct client *c);
/* Why TLS with the origin failed. */
void egress_upstream_explain(const struct client *c, struct egress_refusal *refusal);

#endif
