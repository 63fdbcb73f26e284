/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out what middlewares change of a request.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_CHANGES_H
#define EGRESS_VOTERS_CHANGES_H

#include "chain/inspect/inspect.h"
#include "egress/client.h"

/* The exchange has a head and a body with the changes, in their order.  NULL, or why they cannot be
 * made: then nothing is changed.  replaced: whether there is another body now. */
const char *egress_changes_apply(struct exchange *exchange, const struct inspect_change *changes,
                                 size_t n, bool *replaced);

#endif
