/* SPDX-License-Identifier: Apache-2.0 */
/* What programs are told of a call's failure: grpc-status-details-bin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "grpc/details.h"

static void expect_bytes(const struct buf *field, const void *bytes, size_t len)
{
    struct buf padded = {0}, decoded = {0};
    buf_add(&padded, buf_str(field), field->len);
    while (padded.len % 4)
        buf_putc(&padded, '=');
    assert_int_equal(base64_decode(padded.data, padded.len, &decoded), 0);
    assert_int_equal(decoded.len, len);
    assert_memory_equal(decoded.data, bytes, len);
    buf_free(&padded);
    buf_free(&decoded);
}

/* The value that OpenShell's own Python classes make of the same. */
static void problems_are_violations_of_a_bad_request(void **state)
{
    struct problems problems = {0};
    struct buf details = {0}, field = {0};
    (void)state;
    problems_add(&problems, "name", 0, 0, "is required");
    grpc_details_problems(&details, &problems);
    grpc_put_details(&field, GRPC_INVALID_ARGUMENT, "name is required", &details);
    assert_string_equal(buf_str(&field),
                        "CAMSEG5hbWUgaXMgcmVxdWlyZWQaQgopdHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBj"
                        "LkJhZFJlcXVlc3QSFQoTCgRuYW1lEgtpcyByZXF1aXJlZA");
    problems_free(&problems);
    buf_free(&details);
    buf_free(&field);
}

static void an_objection_is_an_error_info(void **state)
{
    static const char wanted[] =
        "\x08\x07\x12\x02no"
        "\x1a\x4c\x0a\x28type.googleapis.com/google.rpc.ErrorInfo"
        "\x12\x20\x0a\x06"
        "DENIES\x12\x06sluice\x1a\x0e\x0a\x05voter\x12\x05quiet";
    const struct grpc_pair pairs[] = {{"voter", "quiet"}, {"path", ""}, {"code", NULL}};
    struct buf details = {0}, field = {0};
    (void)state;
    grpc_details_info(&details, "DENIES", pairs, 3);
    grpc_put_details(&field, GRPC_PERMISSION_DENIED, "no", &details);
    expect_bytes(&field, wanted, sizeof wanted - 1);
    buf_free(&details);
    buf_free(&field);
}

static void without_details_there_is_no_field(void **state)
{
    const struct problems none = {0};
    struct buf details = {0}, field = {0};
    (void)state;
    grpc_details_problems(&details, &none);
    grpc_put_details(&field, GRPC_INTERNAL, "why", &details);
    assert_int_equal(field.len, 0);
}

/* Trailers of more than 8 KiB may be refused by clients: then the code is lost as well. */
static void trailers_stay_short(void **state)
{
    char text[GRPC_TEXT_MAX + 1], path[600];
    struct buf details = {0}, field = {0};
    struct problems problems = {0};
    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    for (int i = 0; i < 100; i++)
        problems_add(&problems, path, 0, 0, "%d is wrong", i);
    grpc_details_problems(&details, &problems);
    assert_in_range(details.len, 1500, GRPC_DETAILS_MAX + 8);
    const struct grpc_pair pairs[] = {{"message", path}};
    for (int i = 0; i < 100; i++)
        grpc_details_info(&details, "MORE", pairs, 1);
    assert_in_range(details.len, 1500, GRPC_DETAILS_MAX + 8);
    grpc_put_details(&field, GRPC_INVALID_ARGUMENT, "much is wrong", &details);
    assert_in_range(field.len, 2000, GRPC_STATUS_MAX);
    buf_clear(&field);
    memset(text, '%', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    grpc_put_details(&field, GRPC_INVALID_ARGUMENT, text, &details);
    assert_int_equal(field.len, 0);
    problems_free(&problems);
    buf_free(&details);
    buf_free(&field);
}

/* Of a long value its beginning is told, up to a whole character. */
static void long_values_are_cut(void **state)
{
    char value[1001];
    struct buf details = {0};
    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    memcpy(value + 639, "\xc3\xa4", 2);
    const struct grpc_pair pairs[] = {{"message", value}};
    grpc_details_info(&details, "LONG", pairs, 1);
    assert_in_range(details.len, 639, 639 + 100);
    assert_null(memchr(details.data, '\xc3', details.len));
    buf_free(&details);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_are_violations_of_a_bad_request),
        cmocka_unit_test(an_objection_is_an_error_info),
        cmocka_unit_test(without_details_there_is_no_field),
        cmocka_unit_test(trailers_stay_short),
        cmocka_unit_test(long_values_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
