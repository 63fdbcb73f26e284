/* SPDX-License-Identifier: Apache-2.0 */
/* Joins two streams: each one's bytes go to the other, with back-pressure and half-close.
 *
 * Ownership: takes both streams and closes them: when both sides have ended, or one breaks.  Loop
 * thread only. */
#ifndef NET_SPLICE_H
#define NET_SPLICE_H

#include "net/stream.h"

/* on_end (NULL: nobody asks) is called once both are closed.  status: 0, or the error that broke
 * one of them. */
struct net_splice *net_splice(struct net_stream *a, struct net_stream *b,
                              void (*on_end)(void *ctx, int status), void *ctx);
/* Breaks both, with UV_ECANCELED; before on_end. */
void net_splice_close(struct net_splice *splice);

#endif
