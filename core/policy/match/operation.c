/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/operation.h"

#include <string.h>

#include "policy/match/operation_parts.h"

static const struct policy_operation_protocol *const protocols[] = {NULL};

static const struct policy_operation_protocol *protocol_of(const struct sluice_endpoint *e)
{
    const struct policy_operation_protocol *const *p = protocols;
    while (*p && strcmp((*p)->name, e->protocol) != 0)
        p++;
    return *p;
}

bool policy_has_operations(const struct sluice_endpoint *e)
{
    return protocol_of(e) != NULL;
}

size_t policy_body_max(const struct sluice_endpoint *e)
{
    size_t max = protocol_of(e)->body_max(e);
    return max ? max : POLICY_BODY_MAX;
}

void policy_operations_read(const struct sluice_endpoint *e,
                            const struct policy_http_request *request, const char *body, size_t len,
                            struct policy_operations *out)
{
    const struct policy_operation_protocol *protocol = protocol_of(e);
    *out = (struct policy_operations){.protocol = protocol->name, .arena = arena_new()};
    protocol->read(e, request, body, len, out);
}

void policy_operations_free(struct policy_operations *operations)
{
    arena_free(operations->arena);
    *operations = (struct policy_operations){0};
}

bool policy_rule_takes_operation(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                                 const struct policy_operation *operation, bool deny)
{
    return protocol_of(e)->rule_takes(e, rule, operation, deny);
}

bool policy_endpoint_allows_operation(const struct sluice_endpoint *e,
                                      const struct policy_operation *operation)
{
    return protocol_of(e)->allows(e, operation);
}
