/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: what one message asks for beyond its request line, in the words of the rules.  A call is a
 * GraphQL operation or a JSON-RPC message.
 *
 * Which protocols have calls is a table in calls.c; a protocol adds its row: how a message is read,
 * and whether a rule is about a call.
 *
 * Ownership: what is read lives until policy_calls_free and shares nothing with the message.
 * Pure, any thread. */
#ifndef POLICY_MATCH_CALLS_H
#define POLICY_MATCH_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/policy.h>

struct arena;
struct policy_http_request;

enum {
    POLICY_BODY_MAX = 65536,                        /* where the endpoint does not say otherwise */
    POLICY_CALLS_MAX = 65536,                       /* bytes that the calls of a message take */
};

/* Texts that do not apply are "". */
struct policy_call {
    const char *type, *name;                        /* GraphQL: query, mutation or subscription */
    const char *const *fields;                      /* GraphQL: root fields, sorted, each once */
    size_t n_fields;
    const char *method, *tool;                      /* JSON-RPC, and MCP's tools/call */
    const char *refused;                            /* NULL, or why no rule may allow it */
};

struct policy_calls {
    const char *protocol;                           /* of the endpoint that they were read for */
    struct policy_call *items;
    size_t n;
    bool pass;                                      /* allowed by the endpoint's path alone */
    const char *problem;                            /* NULL, or why it is denied in any case */
    struct arena *arena;
};

/* Whether such requests to the endpoint are judged by what their bodies ask for. */
bool policy_has_calls(const struct sluice_endpoint *e, const struct policy_http_request *request);
/* Whether all requests to it are. */
bool policy_always_has_calls(const struct sluice_endpoint *e);
/* The longest body that is read for it, in bytes. */
size_t policy_body_max(const struct sluice_endpoint *e);

/* Reads the whole body of a request that the endpoint serves. */
void policy_calls_read(const struct sluice_endpoint *e, const struct policy_http_request *request,
                       const char *body, size_t len, struct policy_calls *out);
void policy_calls_free(struct policy_calls *calls);

/* Whether the rule, or the endpoint's preset and options, are about the call.  A rule that allows
 * has to cover all of a call, one that denies any part of it. */
bool policy_rule_takes_call(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                            const struct policy_call *call, bool deny);
bool policy_endpoint_allows_call(const struct sluice_endpoint *e, const struct policy_call *call);
/* A GraphQL operation in words, "mutation NAME" and "field,field", in the arena; "" for others. */
const char *policy_call_operation(const struct policy_call *call, struct arena *arena);
const char *policy_call_field(const struct policy_call *call, struct arena *arena);
/* The call that such words are about. */
void policy_call_from_words(const char *operation, const char *field, struct arena *arena,
                            struct policy_call *out);
/* Why a call is denied, where its protocol has words of its own; NULL: it has none. */
const char *policy_call_denied(const struct sluice_endpoint *e, const struct policy_call *call);

#endif
