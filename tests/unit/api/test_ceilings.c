/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a ceiling is said, and nothing of it is kept. */
#include "support/api.h"

static void what_is_wrong_with_a_ceiling_is_said(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "PUT", "/v1/ceilings?label=team", .body = "{\"version\":1}");
    assert_problem(&a, 400, "/malformed", "query parameter label is KEY=VALUE, not 'team'");
    a = ASK(d, "PUT", "/v1/ceilings?label=a%3Db&label=c%3Dd", .body = "{\"version\":1}");
    assert_status(&a, 400);
    a = ASK(d, "PUT", "/v1/ceilings", .body = "{\"process\":{},\"no_such\":1}");
    assert_status(&a, 422);
    a = ASK(d, "PUT", "/v1/ceilings",
            .body = "{\"version\":1,\"process\":{\"run_as_user\":\"root\"},"
                    "\"filesystem_policy\":{\"read_only\":[\"relative\"]}}");
    assert_status(&a, 422);
    a = ASK(d, "GET", "/v1/ceilings");
    assert_int_equal(json_array_size(json_object_get(a.json, "ceilings")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEMO_TEST(what_is_wrong_with_a_ceiling_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
