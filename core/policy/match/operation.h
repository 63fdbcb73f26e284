/* SPDX-License-Identifier: Apache-2.0 */
/* What one message asks for beyond its request line, in the words of the rules: the operations of a
 * GraphQL request or the calls of a JSON-RPC one.
 *
 * Which protocols have operations is a table in operation.c; a protocol adds its row: how a message
 * is read, and whether a rule is about an operation.
 *
 * Ownership: what is read lives until policy_operations_free and shares nothing with the message.
 * Pure, any thread. */
#ifndef POLICY_MATCH_OPERATION_H
#define POLICY_MATCH_OPERATION_H

#include "base/arena.h"
#include "policy/match/http.h"

enum { POLICY_BODY_MAX = 65536 };                   /* where the endpoint does not say otherwise */

/* Texts that do not apply are "". */
struct policy_operation {
    const char *type, *name;                        /* GraphQL: query, mutation or subscription */
    const char *const *fields;                      /* GraphQL: root fields, sorted, each once */
    size_t n_fields;
    const char *method, *tool;                      /* JSON-RPC, and MCP's tools/call */
};

struct policy_operations {
    const char *protocol;                           /* of the endpoint that they were read for */
    struct policy_operation *items;
    size_t n;
    bool pass;                                      /* allowed by the endpoint's path alone */
    const char *problem;                            /* NULL, or why it is denied in any case */
    struct arena *arena;
};

/* Whether requests to the endpoint are judged by what their bodies ask for. */
bool policy_has_operations(const struct sluice_endpoint *e);
/* The longest body that is read for it, in bytes. */
size_t policy_body_max(const struct sluice_endpoint *e);

/* Reads the whole body of a request that the endpoint serves. */
void policy_operations_read(const struct sluice_endpoint *e,
                            const struct policy_http_request *request, const char *body, size_t len,
                            struct policy_operations *out);
void policy_operations_free(struct policy_operations *operations);

/* Whether the rule, or the endpoint's preset and options, are about the operation.  A rule that
 * allows has to cover all of an operation, one that denies any part of it. */
bool policy_rule_takes_operation(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                                 const struct policy_operation *operation, bool deny);
bool policy_endpoint_allows_operation(const struct sluice_endpoint *e,
                                      const struct policy_operation *operation);

#endif
