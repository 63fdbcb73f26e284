/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes GraphQL requests and messages: the first line is the query string, the rest the body.
 * Oracles: there is a problem or something that can be judged; each call has a type or is refused;
 * what a rule for everything denies, a rule for everything allows, unless it is refused. */
#include "policy/match/calls.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "policy/match/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const fields[] = {"a", "b"};
static const struct sluice_persisted_query registered = {
    .size = sizeof registered, .id = "a", .operation_type = "query", .operation_name = "A",
    .fields = fields, .n_fields = 2};
static const struct sluice_persisted_query *const registry[] = {&registered};
static const struct sluice_l7_rule everything = {
    .size = sizeof everything, .method = "", .path = "", .command = "", .operation_type = "*",
    .operation_name = ""};
static const struct sluice_l7_rule *const rules[] = {&everything};

/* What is said of a call in words is read as the same call again. */
static void check_words(const struct policy_call *call, struct arena *arena)
{
    const char *operation = policy_call_operation(call, arena);
    const char *field = policy_call_field(call, arena);
    struct policy_call again;
    policy_call_from_words(operation, field, arena, &again);
    if (strcmp(again.type, call->type) != 0 || strcmp(again.name, call->name) != 0 ||
        strcmp(policy_call_field(&again, arena), field) != 0)
        abort();
}

static void check(const struct sluice_endpoint *e, const struct policy_calls *calls)
{
    if (calls->problem)
        return;
    if (!calls->n && !calls->pass)
        abort();
    for (size_t i = 0; i < calls->n; i++) {
        const struct policy_call *call = &calls->items[i];
        if (!*call->type != !!call->refused)
            abort();
        if (policy_rule_takes_call(e, &everything, call, false) == !!call->refused ||
            !policy_rule_takes_call(e, &everything, call, true))
            abort();
        check_words(call, calls->arena);
    }
}

static void read_all(const char *query, const char *body, size_t len)
{
    static const char *const methods[] = {"GET", "POST", POLICY_WEBSOCKET_TEXT};
    struct sluice_endpoint endpoint = {
        .size = sizeof endpoint, .host = "h", .path = "", .enforcement = "enforce", .access = "",
        .tls = "", .rules = rules, .n_rules = 1, .persisted_queries = "allow_registered",
        .graphql_persisted_queries = registry, .n_graphql_persisted_queries = 1};
    for (size_t i = 0; i < 4; i++) {
        struct policy_http_request request = {.method = methods[i % 3], .path = "/",
                                              .query = query, .message = i == 2};
        struct policy_calls calls;
        request.form = i == 3;
        request.method = i == 3 ? "POST" : request.method;
        endpoint.protocol = i == 2 ? "websocket" : "graphql";
        policy_calls_read(&endpoint, &request, body, i ? len : 0, &calls);
        check(&endpoint, &calls);
        policy_calls_free(&calls);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    char *body = strchr(text, '\n');
    if (body) {
        *body++ = '\0';
        read_all(text, body, size - (size_t)(body - text));
    }
    free(text);
    return 0;
}
