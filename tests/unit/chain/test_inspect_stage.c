/* SPDX-License-Identifier: Apache-2.0 */
/* What a middleware sees of a request and what it may change. */
#include "chain/inspect/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sluice_header headers[] = {
    {"host", "api.example.com"},   {"accept", "a/b"},        {"authorization", "Bearer t"},
    {"proxy-authorization", "x"},  {"cookie", "a=b"},        {"connection", "close, X-Secret"},
    {"x-secret", "1"},             {"x-amz-date", "2"},      {"x-openshell-credential-id", "3"},
    {"content-length", "4"},       {"transfer-encoding", ""}, {"x-team", "blue"},
};
static const struct sluice_request request = {.size = sizeof request, .headers = headers,
                                              .n_headers = sizeof headers / sizeof *headers,
                                              .body = "body", .body_len = 4,
                                              .body_complete = true};

static void credentials_and_headers_of_the_connection_are_hidden(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    size_t n;
    const struct sluice_header *seen = inspect_stage_headers(&request, arena, &n);
    assert_int_equal(n, 2);
    assert_string_equal(seen[0].name, "accept");
    assert_string_equal(seen[1].name, "x-team");
    arena_free(arena);
}

static const char *problem_of(const char *header, const char *value)
{
    const struct inspect_change change = {header, value, value ? strlen(value) : 0};
    return inspect_stage_problem(&request, &change, 1);
}

static void a_visible_header_is_removed_and_headers_of_the_prefix_are_set(void **state)
{
    (void)state;
    assert_null(problem_of("x-team", NULL));
    assert_null(problem_of("x-openshell-middleware-seen", "yes"));
    assert_null(problem_of(NULL, "another body"));
}

static void what_it_may_not_change_is_refused(void **state)
{
    (void)state;
    assert_string_equal(problem_of("authorization", NULL),
                        "it removes a header that it does not see");
    assert_string_equal(problem_of("x-secret", NULL), "it removes a header that it does not see");
    assert_string_equal(problem_of("x-team", "red"),
                        "it sets a header whose name does not begin with x-openshell-middleware-");
    assert_string_equal(problem_of("x-openshell-middleware-a", "1\r\nhost: b"),
                        "it sets a header to a value of several lines");
    assert_string_equal(problem_of("x-openshell-middleware-a: b\r\nc", "1"),
                        "it names a header that is none, or not in lower case");
    assert_non_null(problem_of("", NULL));
    assert_non_null(problem_of("X-Team", NULL));
}

static void changes_have_limits(void **state)
{
    (void)state;
    struct inspect_change changes[INSPECT_CHANGES_MAX + 1];
    for (size_t i = 0; i < INSPECT_CHANGES_MAX + 1; i++)
        changes[i] = (struct inspect_change){"x-openshell-middleware-n", "1", 1};
    assert_null(inspect_stage_problem(&request, changes, INSPECT_CHANGES_MAX));
    assert_string_equal(inspect_stage_problem(&request, changes, INSPECT_CHANGES_MAX + 1),
                        "it changes more than 64 headers");
    char *long_value = malloc(INSPECT_CHANGES_BYTES_MAX);
    memset(long_value, 'a', INSPECT_CHANGES_BYTES_MAX);
    changes[0] = (struct inspect_change){"x-openshell-middleware-n", long_value,
                                         INSPECT_CHANGES_BYTES_MAX};
    assert_string_equal(inspect_stage_problem(&request, changes, 1),
                        "it changes more than 32 KiB of headers");
    changes[0] = (struct inspect_change){NULL, long_value, INSPECT_BODY_MAX + 1};
    assert_string_equal(inspect_stage_problem(&request, changes, 1),
                        "it replaces the body by one of more than 4 MiB");
    free(long_value);
}

static void a_body_that_was_not_seen_whole_is_not_replaced(void **state)
{
    (void)state;
    struct sluice_request prefix = request;
    const struct inspect_change change = {NULL, "x", 1};
    prefix.body_complete = false;
    assert_string_equal(inspect_stage_problem(&prefix, &change, 1),
                        "it replaces a body of which it has seen the beginning alone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_and_headers_of_the_connection_are_hidden),
        cmocka_unit_test(a_visible_header_is_removed_and_headers_of_the_prefix_are_set),
        cmocka_unit_test(what_it_may_not_change_is_refused),
        cmocka_unit_test(changes_have_limits),
        cmocka_unit_test(a_body_that_was_not_seen_whole_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
