/* SPDX-License-Identifier: Apache-2.0 */
/* The connections to the origin that the streams of a carrier share: one of HTTP/2, or more where
 * its streams are used up, or idle ones of HTTP/1.1.  Whether the origin speaks HTTP/2 is known
 * once the first one is there; so streams that begin together wait for it.  Without TLS only the
 * origin's settings tell: where others come, or none, it speaks HTTP/1.1.
 *
 * A client of HTTP/1.1 is a carrier with one stream at a time: itself.
 *
 * Ownership: lives as long as its carrier, of which each connection holds a handle.  For this
 * folder; loop thread only. */
#ifndef EGRESS_MULTIPLEX_ORIGIN_H
#define EGRESS_MULTIPLEX_ORIGIN_H

#include "egress/client.h"

struct egress_origin;

/* One block of memory. */
struct egress_origin *egress_origin_new(struct client *carrier);
/* What the carrier is connected to is shared from here on. */
void egress_origin_adopt(struct egress_origin *origin);
/* The carrier's TLS with the origin has failed: the next stream tries again. */
void egress_origin_give_up(struct egress_origin *origin);
/* Gives the stream an upstream, then calls next, which is the same for all streams. */
void egress_origin_reach(struct client *stream, void (*next)(struct client *stream));
/* The stream does not wait, or make a connection, any more. */
void egress_origin_forget(struct client *stream);
/* The stream's exchange is over: its upstream may serve another one. */
void egress_origin_keep(struct client *stream);
/* All connections, at once. */
void egress_origin_close(struct egress_origin *origin);

#endif
