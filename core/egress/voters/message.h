/* SPDX-License-Identifier: Apache-2.0 */
/* Voters on a text message of a WebSocket client.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_MESSAGE_H
#define EGRESS_VOTERS_MESSAGE_H

#include "egress/client.h"

/* Whether voters look at the messages after the upgrade that is under way. */
bool egress_message_is_watched(const struct client *c);

enum egress_message_answer { MESSAGE_PASSES, MESSAGE_REFUSED, MESSAGE_LATER };

/* Of MESSAGE_REFUSED reason gets why, which was logged; with MESSAGE_LATER answered is called.
 * changed: a middleware says another text. */
struct egress_message_verdict {
    enum egress_message_answer answer;
    const char *changed;                            /* borrowed until the next message; or NULL */
    size_t len;
};

void egress_message_ask(struct client *c, const char *text, size_t len, struct buf *reason,
                        void (*answered)(struct client *c,
                                         const struct egress_message_verdict *verdict,
                                         const char *reason),
                        struct egress_message_verdict *out);

#endif
