/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of the sandbox demo, over HTTP. */
#ifndef TESTS_SUPPORT_API_POLICY_H
#define TESTS_SUPPORT_API_POLICY_H

#include "support/api.h"

#define POLICY "/v1/sandboxes/demo/policy"
#define FIRST_RULE                                                          \
    "version: 1\n"                                                          \
    "network_policies:\n"                                                   \
    "  api:\n"                                                              \
    "    endpoints: [{host: api.example.com, port: 443}]\n"                 \
    "    binaries: [{path: /usr/bin/curl}]\n"

/* It becomes revision 2. */
static inline void put_first_rule(struct api_fixture *d)
{
    struct answer a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE));
    assert_status(&a, 200);
    assert_int_equal(number_of(&a, "revision"), 2);
}

#endif
