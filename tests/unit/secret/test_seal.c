/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "secret/seal.h"

static const struct secret_key key = {"0123456789abcdef0123456789abcde"};
static const struct secret_owner owner = {"provider-1", "TOKEN"};

static void expect_closed(const struct secret_key *with, const struct secret_owner *of,
                          const char *sealed)
{
    struct error err = {0};
    assert_null(secret_open(with, of, sealed, &err));
    assert_int_equal(err.kind, ERROR_STATE);
    assert_non_null(strstr(err.text, "cannot be opened"));
    assert_non_null(strstr(err.text, "sluice provider rotate"));
    assert_null(strstr(err.text, "canary"));
}

static void a_value_is_sealed_anew_each_time_and_opens(void **state)
{
    static const char *const values[] = {"c", "canary", "canary \xc3\xa9 \"quoted\" \\"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct error err;
        char *one = secret_seal(&key, &owner, values[i]);
        char *two = secret_seal(&key, &owner, values[i]);
        assert_string_not_equal(one, two);
        assert_null(strstr(one, "canary"));
        char *value = secret_open(&key, &owner, one, &err);
        assert_string_equal(value, values[i]);
        secret_free(value);
        free(one);
        free(two);
    }
}

static void another_key_provider_or_name_does_not_open_it(void **state)
{
    struct secret_key other = key;
    char *sealed = secret_seal(&key, &owner, "canary");
    (void)state;
    other.bytes[31] ^= 1;
    expect_closed(&other, &owner, sealed);
    expect_closed(&key, &(struct secret_owner){"provider-2", "TOKEN"}, sealed);
    expect_closed(&key, &(struct secret_owner){"provider-1", "TOKEN2"}, sealed);
    expect_closed(&key, &(struct secret_owner){"provider-1T", "OKEN"}, sealed);
    free(sealed);
}

static void what_was_changed_or_cut_does_not_open(void **state)
{
    char *sealed = secret_seal(&key, &owner, "canary");
    (void)state;
    for (size_t i = 0; sealed[i]; i++) {
        char *changed = alloc_str(sealed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        expect_closed(&key, &owner, changed);
        changed[i] = '\0';
        expect_closed(&key, &owner, changed);
        free(changed);
    }
    free(sealed);
}

static void values_have_to_fit_in_a_field(void **state)
{
    char *longest = alloc_zero(1, SECRET_VALUE_MAX + 2);
    (void)state;
    memset(longest, 'a', SECRET_VALUE_MAX);
    assert_null(secret_value_refused(longest));
    longest[SECRET_VALUE_MAX] = 'a';
    assert_string_equal(secret_value_refused(longest), "it is longer than 8192 bytes");
    free(longest);
    assert_string_equal(secret_value_refused(""), "it is empty");
    assert_string_equal(secret_value_refused("a\xff"), "it is no UTF-8 text");
    assert_non_null(strstr(secret_value_refused("a\r\nX: b"), "line break"));
    assert_non_null(strstr(secret_value_refused("a\x7f"), "control character"));
    assert_non_null(strstr(secret_value_refused("a "), "space"));
    assert_null(secret_value_refused("a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_sealed_anew_each_time_and_opens),
        cmocka_unit_test(another_key_provider_or_name_does_not_open_it),
        cmocka_unit_test(what_was_changed_or_cut_does_not_open),
        cmocka_unit_test(values_have_to_fit_in_a_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
