/* SPDX-License-Identifier: Apache-2.0 */
/* A message of a WebSocket connection that voters are asked about, and what they say.  Plain
 * values.  For the egress folder. */
#ifndef EGRESS_VOTERS_MESSAGE_VERDICT_H
#define EGRESS_VOTERS_MESSAGE_VERDICT_H

#include "egress/client.h"

enum egress_message_side { MESSAGE_OF_CLIENT, MESSAGE_OF_SERVER };

struct egress_message {
    enum egress_message_side side;
    bool binary;
    const char *bytes;                              /* borrowed until it is answered */
    size_t len;
};

enum egress_message_answer { MESSAGE_PASSES, MESSAGE_REFUSED, MESSAGE_LATER };

/* Of MESSAGE_REFUSED reason gets why, which was logged; with MESSAGE_LATER answered is called.
 * changed: a middleware says something else, which only a client's message gets. */
struct egress_message_verdict {
    enum egress_message_answer answer;
    const char *changed;                            /* borrowed until the next message; or NULL */
    size_t len;
};

typedef void egress_message_answered(struct client *c,
                                     const struct egress_message_verdict *verdict,
                                     const char *reason);

#endif
