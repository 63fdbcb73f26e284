/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that voters hold and a person has approved.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_APPROVALS_H
#define EGRESS_VOTERS_APPROVALS_H

#include "chain/inspect/inspect.h"
#include "egress/client.h"

void egress_approvals_free(struct egress_approvals *approvals);

/* Whether a person has approved every hold of the verdict, for what is judged now.  The chunks of
 * those approvals are added to used, each ended by a NUL and none twice.  False: refusal says which
 * hold nobody has approved. */
bool egress_approvals_answer(const struct client *c, const struct inspect_verdict *verdict,
                             struct buf *used, struct egress_refusal *refusal);
/* Counts one use of each of these chunks, and forgets them.  False: one of them has ended
 * meanwhile, and none was counted. */
bool egress_approvals_spend(struct client *c, struct buf *used);

#endif
