/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict of voters as a refusal.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_VERDICT_H
#define EGRESS_VOTERS_VERDICT_H

#include "chain/inspect/inspect.h"
#include "egress/client.h"

/* Of DENY; borrows from the client and from the verdict. */
void egress_verdict_refuse(const struct client *c, const struct inspect_verdict *verdict,
                           struct egress_refusal *refusal);
/* A hold that nobody has approved, for what is judged now. */
void egress_verdict_hold(const struct client *c, const struct inspect_hold *hold,
                         struct egress_refusal *refusal);
/* The voters cannot be asked, because of this; where there are middlewares, that is their
 * failure. */
void egress_verdict_unavailable(const struct client *c, const char *why,
                                struct egress_refusal *refusal);
/* The body is longer than every middleware takes. */
void egress_verdict_too_long(const struct client *c, size_t max, struct egress_refusal *refusal);
/* What a middleware made of a request is not permitted, or not possible. */
void egress_verdict_transformed(const struct client *c, const char *why,
                                struct egress_refusal *refusal);

/* Tells the log and the supervisor the facts that voters gave, whatever their verdict. */
void egress_verdict_note(const struct client *c, const struct inspect_verdict *verdict);
/* Tells the log and the supervisor; the client, too. */
void egress_verdict_tell(struct client *c, const struct egress_refusal *refusal);
void egress_verdict_deny(struct client *c, const struct egress_refusal *refusal);
/* A hold that cannot wait is reported, so that a person may approve the next one like it. */
void egress_verdict_report(struct client *c, const struct egress_refusal *refusal);

#endif
