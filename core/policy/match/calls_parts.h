/* SPDX-License-Identifier: Apache-2.0 */
/* For calls.c and the files of the protocols alone. */
#ifndef POLICY_MATCH_CALLS_PARTS_H
#define POLICY_MATCH_CALLS_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/policy.h>

struct policy_call;
struct policy_calls;
struct policy_http_request;

/* A protocol whose messages have calls. */
struct policy_call_protocol {
    const char *name;
    /* NULL: always. */
    bool (*applies)(const struct sluice_endpoint *e, const struct policy_http_request *request);
    /* Fills in all but protocol and arena; the arena is there. */
    void (*read)(const struct sluice_endpoint *e, const struct policy_http_request *request,
                 const char *body, size_t len, struct policy_calls *out);
    bool (*rule_takes)(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                       const struct policy_call *call, bool deny);
    /* What the endpoint allows without a rule. */
    bool (*allows)(const struct sluice_endpoint *e, const struct policy_call *call);
    size_t (*body_max)(const struct sluice_endpoint *e);        /* 0: not said */
    const char *denied;                             /* the reason of a denial; NULL: none */
};

extern const struct policy_call_protocol policy_graphql, policy_graphql_websocket, policy_json_rpc,
    policy_mcp;

#endif
