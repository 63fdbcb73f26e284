/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that know no proxy: their connect to an outside address was redirected, and is suspended
 * until the destination is connected or refused.  Then it is a tunnel like one of CONNECT.  For the
 * egress folder; loop thread only. */
#ifndef EGRESS_TRANSPARENT_H
#define EGRESS_TRANSPARENT_H

#include "egress/client.h"

/* The client is accepted and has its connect: decides where it leads. */
void egress_transparent_begin(struct client *c);

#endif
