/* SPDX-License-Identifier: Apache-2.0 */
/* A client's request, its answer or its WebSocket message as voters see it.  For the egress folder;
 * loop thread only. */
#ifndef EGRESS_VOTERS_FACTS_H
#define EGRESS_VOTERS_FACTS_H

#include "chain/inspect/inspect.h"
#include "egress/client.h"

/* The protocol of the endpoint that serves the request; "": it has none. */
const char *egress_facts_protocol(const struct client *c);

/* The request, in the arena; borrows from the client.  max: bytes of its body that are shown.
 * call: which of the calls in its body is asked about. */
struct sluice_request *egress_facts_request(const struct client *c, size_t max, size_t call,
                                            struct arena *arena);
/* A text message after its upgrade: the request is the handshake. */
struct sluice_request *egress_facts_message(const struct client *c, const char *text, size_t len,
                                            size_t max, size_t call, struct arena *arena);
/* The answer to the exchange's request, of which these bytes are here. */
const struct sluice_response *egress_facts_response(const struct client *c, const struct buf *body,
                                                    size_t max, bool complete,
                                                    struct arena *arena);

#endif
