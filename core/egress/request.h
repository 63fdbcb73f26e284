/* SPDX-License-Identifier: Apache-2.0 */
/* A client that waits for a request, and what is done with each: read, judged, reached, carried out.
 * For this folder. */
#ifndef EGRESS_REQUEST_H
#define EGRESS_REQUEST_H

#include "egress/client.h"

extern const struct client_state egress_request_state;

#endif
