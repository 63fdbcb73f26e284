/* SPDX-License-Identifier: Apache-2.0 */
/* Refused requests are reported with the addresses that their host has, as far as these are known:
 * looking up a name tells its name servers something, which a refused request must not do.  Where
 * resolve_denied says so the name is looked up, after the client has its answer.  For this
 * folder. */
#ifndef EGRESS_REPORT_H
#define EGRESS_REPORT_H

#include "egress/client.h"
#include "egress/record.h"

/* To on_denial, with the addresses of the host. */
void egress_report(struct client *c, const struct egress_refusal *refusal);
/* To on_denial as well, as a denial of the stage "finding", which no rule can change. */
void egress_report_finding(const struct client *c, const struct egress_finding *finding,
                           const char *reason);
void egress_report_drop(struct client *c);          /* what is being looked up is not reported */

#endif
