/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request that is judged by what it asks for: read whole before the decision, and
 * sent as it was read.  For the egress folder; loop thread only. */
#ifndef EGRESS_INSPECT_BODY_H
#define EGRESS_INSPECT_BODY_H

#include "egress/client.h"

/* Reads the exchange's body and the calls in it, then calls go_on; or refuses the request,
 * where the body is too long, encoded or cut off. */
void egress_body_read(struct client *c, void (*go_on)(struct client *c));

#endif
