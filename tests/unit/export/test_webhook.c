/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of webhooks, beside the example of the Standard Webhooks libraries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "export/webhook.h"

static const char *line(const json_t *fields, size_t i)
{
    return json_string_value(json_array_get(fields, i));
}

static void a_document_is_signed_as_the_specification_says(void **state)
{
    (void)state;
    struct error err;
    struct buf key = {0}, body = {0};
    json_t *fields = json_array();
    buf_puts(&key, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    buf_puts(&body, "{\"test\": 2432232314}");
    assert_int_equal(export_webhook_sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330000, &key,
                                         &body, fields, &err), 0);
    assert_string_equal(line(fields, 0), "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek");
    assert_string_equal(line(fields, 1), "webhook-timestamp: 1614265330");
    assert_string_equal(line(fields, 2),
                        "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    json_decref(fields);
    buf_free(&key);
    buf_free(&body);
}

static void a_key_is_bytes_or_base64_behind_its_mark(void **state)
{
    (void)state;
    struct error err;
    struct buf plain = {0}, marked = {0}, wrong = {0}, body = {0};
    json_t *one = json_array(), *other = json_array();
    buf_puts(&plain, "secret");
    buf_puts(&marked, "whsec_c2VjcmV0");
    buf_puts(&wrong, "whsec_?");
    buf_puts(&body, "{}");
    assert_int_equal(export_webhook_sign("a", 1000, &plain, &body, one, &err), 0);
    assert_int_equal(export_webhook_sign("a", 1000, &marked, &body, other, &err), 0);
    assert_true(json_equal(one, other));
    assert_int_equal(export_webhook_sign("a", 1000, &wrong, &body, one, &err), -1);
    assert_string_equal(err.text, "the key of key_file is no base64 after whsec_");
    json_decref(one);
    json_decref(other);
    buf_free(&plain);
    buf_free(&marked);
    buf_free(&wrong);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_signed_as_the_specification_says),
        cmocka_unit_test(a_key_is_bytes_or_base64_behind_its_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
