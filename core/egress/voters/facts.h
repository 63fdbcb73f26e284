/* SPDX-License-Identifier: Apache-2.0 */
/* A client's request, its answer or its WebSocket message as voters see it.  For the egress folder;
 * loop thread only. */
#ifndef EGRESS_VOTERS_FACTS_H
#define EGRESS_VOTERS_FACTS_H

#include "chain/inspect/inspect.h"
#include "egress/client.h"
#include "egress/voters/message_verdict.h"

/* The protocol of the endpoint that serves the request; "": it has none. */
const char *egress_facts_protocol(const struct client *c);

/* The request, in the arena; borrows from the client.  max: bytes of its body that are shown.
 * call: which of the calls in its body is asked about. */
struct sluice_request *egress_facts_request(const struct client *c, size_t max, size_t call,
                                            struct arena *arena);
/* A message after its upgrade: the request is the handshake.  The client's is its body, the
 * server's that of an answer. */
const struct sluice_request *egress_facts_message(const struct client *c,
                                                  const struct egress_message *message, size_t max,
                                                  struct arena *arena);
const struct sluice_request *egress_facts_server_message(const struct client *c,
                                                         const struct egress_message *message,
                                                         size_t max, struct arena *arena);
/* The answer to the exchange's request, of which these bytes are here.  Trailers follow its
 * fields. */
const struct sluice_response *egress_facts_response(const struct client *c, const struct buf *body,
                                                    size_t max, bool complete,
                                                    struct arena *arena);

#endif
