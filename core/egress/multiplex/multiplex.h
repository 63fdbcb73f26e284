/* SPDX-License-Identifier: Apache-2.0 */
/* A client that speaks HTTP/2: the carrier.  Each of its streams is a client of its own, which has
 * the carrier's caller and route, is judged and answered alone, and asks the origin over a
 * connection that the streams share.  A client of HTTP/1.1 whose origin speaks HTTP/2 has such
 * connections, too.  For the egress folder; loop thread only. */
#ifndef EGRESS_MULTIPLEX_MULTIPLEX_H
#define EGRESS_MULTIPLEX_MULTIPLEX_H

#include "egress/client.h"

/* Streams of all clients of a proxy; one more is answered 503. */
enum { EGRESS_STREAMS_MAX = 1024 };

/* The client's stream speaks HTTP/2 from here on; pending has the first of it.  Its upstream is
 * connected, TLS with it may still be on its way, or there is none. */
void egress_multiplex_begin(struct client *c);

/* The client speaks HTTP/1.1, and its origin has chosen HTTP/2, which nobody has begun yet. */
bool egress_multiplex_is_needed(const struct client *c);
/* From here on each of the client's requests is a stream to the origin.  next follows for the one
 * that is under way. */
void egress_multiplex_ask(struct client *c, void (*next)(struct client *c));

#endif
