/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of a connection to an origin means for the request on it.  For the egress folder;
 * loop thread only. */
#ifndef EGRESS_FORWARD_RETRY_H
#define EGRESS_FORWARD_RETRY_H

#include "egress/client.h"

/* The same request may be sent again on another connection. */
bool egress_retry_is_harmless(const struct client *c);
/* An answer that lasts until the end of the connection is complete. */
bool egress_retry_ends_well(const struct client *c);

#endif
