/* SPDX-License-Identifier: Apache-2.0 */
/* Whether voters are concerned with a client's target, before there is a request.  For the egress
 * folder; loop thread only. */
#ifndef EGRESS_VOTERS_CONCERN_H
#define EGRESS_VOTERS_CONCERN_H

#include "egress/client.h"

/* Whether somebody is: then its traffic is read, where it can be. */
bool egress_concern_any(const struct client *c);
/* A middleware that must not be skipped is. */
bool egress_concern_required(const struct client *c);
/* Its traffic cannot be read.  False: a middleware must not be skipped, and the client was answered
 * so; else the log says that the middlewares are. */
bool egress_concern_skip(struct client *c);
/* One request of it cannot be. */
void egress_concern_tell_unread(const struct client *c, const char *why);

#endif
