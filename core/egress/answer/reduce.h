/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers have their lists of tools reduced (tools.h): those to tools/list, and the streams
 * of a server's messages, of MCP endpoints whose rules name tools.  For the egress folder; loop
 * thread only. */
#ifndef EGRESS_ANSWER_REDUCE_H
#define EGRESS_ANSWER_REDUCE_H

#include "egress/client.h"

/* Whether the answer to the client's request is to be reduced, and so has to be readable. */
bool egress_reduce_wanted(const struct client *c);
/* The head of the response is here: its length is no longer known, where it may be reduced. */
void egress_reduce_begin(struct client *c, struct http_head *response);
/* Appends a piece of the body as it may pass, framed. */
void egress_reduce_body(struct client *c, const char *bytes, size_t len, struct buf *out);
/* What follows the body, once that has ended; NULL: nothing, or nothing that the client gets. */
const struct http_head *egress_reduce_trailers(const struct client *c);
/* Appends the end of the body, framed. */
void egress_reduce_end(struct client *c, struct buf *out);

#endif
