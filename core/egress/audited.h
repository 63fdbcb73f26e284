/* SPDX-License-Identifier: Apache-2.0 */
/* Reports to on_audited what rules refuse and an endpoint lets through, as it only audits: the
 * request, or each call in its body that would be refused on its own.  For this folder. */
#ifndef EGRESS_AUDITED_H
#define EGRESS_AUDITED_H

#include "egress/client.h"

/* Of a request or message whose decision is that it is audited; reason: that of the decision. */
void egress_audited_report(struct client *c, const char *reason);

#endif
