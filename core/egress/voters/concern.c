/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/concern.h"

#include <stdio.h>

#include "egress/record.h"
#include "egress/report.h"
#include "egress/voters/facts.h"
#include "egress/voters/stages.h"

bool egress_concern_any(const struct client *c)
{
    const struct egress_proxy *proxy = c->proxy;
    const char *host = c->route.target.host;
    struct egress_stages stages;
    egress_stages_select(policy_model(proxy->policy), host, &stages);
    struct inspect_needs needs = {.any = stages.n > 0};
    if (proxy->inspectors)
        inspectors_needs(proxy->inspectors, host, egress_facts_protocol(c), stages.items,
                         stages.n, &needs);
    return needs.any || proxy->no_inspectors;
}

bool egress_concern_required(const struct client *c)
{
    struct egress_stages stages;
    egress_stages_select(policy_model(c->proxy->policy), c->route.target.host, &stages);
    return egress_stages_required(&stages) != NULL;
}

static void refuse(struct client *c, const struct inspect_middleware *stage)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_PROTOCOL,
                  "the traffic to %s cannot be read, and the middleware %s must not be skipped",
                  c->route.target.authority, stage->key);
    snprintf(refusal.detail, sizeof refusal.detail,
             "Tunnel protocol cannot be inspected by required middleware");
    refusal.policy = c->route.decision.rule->key;
    egress_record_refused(c, EGRESS_ENGINE_VOTER, refusal.reason);
    egress_client_refuse(c, &refusal);
}

void egress_concern_tell_unread(const struct client *c, const char *why)
{
    static const struct egress_finding unread = {"openshell.middleware.traffic_uninspectable",
                                                 "Traffic Not Inspected By Middleware"};
    egress_report_finding(c, &unread, why);
}

bool egress_concern_skip(struct client *c)
{
    struct egress_stages stages;
    egress_stages_select(policy_model(c->proxy->policy), c->route.target.host, &stages);
    const struct inspect_middleware *required = egress_stages_required(&stages);
    if (required) {
        refuse(c, required);
        return false;
    }
    if (stages.n)
        egress_concern_tell_unread(c, "its traffic is not one that middlewares can read");
    return true;
}
