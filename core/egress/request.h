/* SPDX-License-Identifier: Apache-2.0 */
/* A client that waits for a request, and what is done with each: read, judged, reached, carried
 * out. For this folder. */
#ifndef EGRESS_REQUEST_H
#define EGRESS_REQUEST_H

#include "egress/client.h"

extern const struct client_state egress_request_state;

/* Judges, reaches and carries out what the client asks for: its route has a target, its exchange a
 * kind. */
void egress_request_begin(struct client *c);

#endif
