/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/deny.h"

#include <stdio.h>

#include "egress/cure.h"
#include "egress/hold.h"
#include "egress/judge.h"
#include "egress/record.h"
#include "egress/report.h"

void egress_deny(struct client *c, const struct egress_refusal *refusal)
{
    egress_record_refused(c, refusal->engine, refusal->reason);
    if (!egress_hold_has_reported(c, refusal))
        egress_report(c, refusal);
    egress_cure_refuse(c, refusal);
}

void egress_deny_changed(struct client *c, struct egress_refusal *refusal)
{
    char what[320];
    egress_record_name(c, what, sizeof what);
    refusal->kind = REFUSAL_POLICY;
    refusal->engine = EGRESS_ENGINE_CONNECTION;
    refusal->stage = egress_record_stage(c);
    refusal->request.method = NULL;
    snprintf(refusal->detail, sizeof refusal->detail, "%s not permitted because policy changed",
             what);
    egress_record_refused(c, refusal->engine, refusal->reason);
    egress_report(c, refusal);
    egress_client_refuse(c, refusal);
}

bool egress_still_permitted(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    bool permitted = egress_judge(c, &refusal, &reason) != VERDICT_REFUSED;
    if (!permitted) {
        egress_record_ended(c, EGRESS_ENGINE_CONNECTION, refusal.reason, false);
        egress_client_close(c);
    }
    buf_free(&reason);
    return permitted;
}

void egress_fail(struct client *c, const struct egress_refusal *refusal)
{
    egress_record_failed(c, refusal->reason);
    if (c->service)
        c->service->fail(c, refusal);
    else
        egress_client_refuse(c, refusal);
}
