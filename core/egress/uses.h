/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the uses of grants (grants.h).  For this folder; loop thread only. */
#ifndef EGRESS_USES_H
#define EGRESS_USES_H

#include "egress/client.h"

/* What was just let through is counted, unless other rules let it through as well. */
void egress_uses_count(struct client *c);

#endif
