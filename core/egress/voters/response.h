/* SPDX-License-Identifier: Apache-2.0 */
/* Voters on the answer of an origin: the client gets nothing of it before they have let it pass.
 * Where it comes slowly they are asked about what is here, and again about each further piece with
 * all that was before it, until they have seen as much as they want or its end.  Trailers that
 * follow a longer body are judged without it.  Interim responses are left out.
 * For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_RESPONSE_H
#define EGRESS_VOTERS_RESPONSE_H

#include "egress/client.h"

/* Whether somebody looks at the answer, which is asked for without an encoding. */
bool egress_answer_is_watched(const struct client *c);
/* Whether the answer, whose head is here, waits for the verdict. */
bool egress_answer_is_held(const struct client *c);
/* And the client has got nothing of it. */
bool egress_answer_is_untold(const struct client *c);
/* What the answer says, piece by piece. */
void egress_answer_add(struct client *c, const char *bytes, size_t len);
/* Holds what the client is to get, and asks once enough of it is here.  pass is called with all
 * that was held when the answer passes: at once, or later in the state that the client is in now.
 * out is taken. */
void egress_answer_hold(struct client *c, struct buf *out, bool complete,
                        void (*pass)(struct client *c, struct buf *out, bool complete));
/* Time is over: it is judged by what is here. */
void egress_answer_ask(struct client *c);
/* The answer cannot be had: another one takes its place. */
void egress_answer_forget(struct client *c);

#endif
