/* SPDX-License-Identifier: Apache-2.0 */
/* Requests within an inspected tunnel: they have to be for the host that the tunnel was opened for.
 * For the egress folder; pure. */
#ifndef EGRESS_INSPECT_WITHIN_H
#define EGRESS_INSPECT_WITHIN_H

#include "egress/client.h"

/* Reads the exchange's head.  -1: the refusal says why it is no request that the tunnel is for. */
int egress_within_read(struct client *c, struct egress_refusal *refusal);
/* -1: a field of the head makes it ambiguous, wherever it is sent. */
int egress_within_check_fields(const struct http_head *head, struct egress_refusal *refusal);

/* Leaves out the fields that are for the client's connection alone, before anybody is asked about
 * the request: it is sent on without them. */
void egress_within_drop_fields(struct http_head *head);

#endif
