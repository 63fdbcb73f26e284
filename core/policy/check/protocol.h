/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields of endpoints and request rules mean something to which protocol.  Internal to
 * core/policy/check/. */
#ifndef POLICY_CHECK_PROTOCOL_H
#define POLICY_CHECK_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

enum check_protocol {
    CHECK_PLAIN     = 0,                            /* no protocol: nothing is inspected */
    CHECK_TCP       = 1 << 0,
    CHECK_REST      = 1 << 1,
    CHECK_WEBSOCKET = 1 << 2,
    CHECK_GRAPHQL   = 1 << 3,
    CHECK_SQL       = 1 << 4,
    CHECK_JSON_RPC  = 1 << 5,
    CHECK_MCP       = 1 << 6,
    CHECK_HTTP      = CHECK_REST | CHECK_WEBSOCKET | CHECK_GRAPHQL | CHECK_JSON_RPC | CHECK_MCP,
    CHECK_INSPECTED = CHECK_HTTP | CHECK_SQL,
};

enum check_kind { CHECK_TEXT, CHECK_FLAG, CHECK_NUMBER, CHECK_COUNT, CHECK_POINTER };

/* A field of some struct, and the protocols that look at it. */
struct check_field {
    const char *name;                               /* the table ends with a row without a name */
    enum check_kind kind;
    size_t offset;
    unsigned protocols;
};

bool check_is_set(const struct check_field *field, const void *record);
/* -1: no such protocol. */
int check_protocol(const char *name);

#endif
