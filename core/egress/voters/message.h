/* SPDX-License-Identifier: Apache-2.0 */
/* Voters on the messages of a WebSocket connection.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_MESSAGE_H
#define EGRESS_VOTERS_MESSAGE_H

#include "egress/voters/message_verdict.h"

/* Whether voters look at messages of the client, or at answers, after the upgrade that is under
 * way. */
bool egress_upgrade_is_watched(const struct client *c, enum egress_message_side side);
/* Whether those that there are now do: of the client's messages at any, of the server's only with a
 * voter that looks at answers.  No message of the side waits for a verdict. */
bool egress_message_is_watched(struct client *c, enum egress_message_side side);

void egress_message_ask(struct client *c, const struct egress_message *message, struct buf *reason,
                        egress_message_answered *answered, struct egress_message_verdict *out);

#endif
