/* SPDX-License-Identifier: Apache-2.0 */
/* Where OpenShell's protobuf messages of a policy differ from its document.  For
 * core/policy/schema.c.  Trees go by the rows of the tables; what is written as a message must have
 * been written by schema_write.  Any thread. */
#ifndef POLICY_MESSAGE_H
#define POLICY_MESSAGE_H

#include "doc/schema.h"

extern const struct schema_message policy_endpoint_message, policy_mcp_message,
    policy_l7_rule_message, policy_matcher_message;

#endif
