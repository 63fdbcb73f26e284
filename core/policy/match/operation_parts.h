/* SPDX-License-Identifier: Apache-2.0 */
/* For operation.c and the files of the protocols alone. */
#ifndef POLICY_MATCH_OPERATION_PARTS_H
#define POLICY_MATCH_OPERATION_PARTS_H

#include "policy/match/operation.h"

/* A protocol whose messages have operations. */
struct policy_operation_protocol {
    const char *name;
    /* Fills in all but protocol and arena; the arena is there. */
    void (*read)(const struct sluice_endpoint *e, const struct policy_http_request *request,
                 const char *body, size_t len, struct policy_operations *out);
    bool (*rule_takes)(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                       const struct policy_operation *operation, bool deny);
    /* What the endpoint allows without a rule. */
    bool (*allows)(const struct sluice_endpoint *e, const struct policy_operation *operation);
    size_t (*body_max)(const struct sluice_endpoint *e);        /* 0: not said */
};

#endif
