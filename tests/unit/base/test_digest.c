/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, identifiers and the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/digest.h"

static void test_known_digests(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_SIZE];
    assert_string_equal(digest_of("", 0, hex),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(digest_of("abc", 3, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct digest *d = digest_new();
    digest_add(d, "a", 1);
    digest_add(d, "bc", 2);
    assert_string_equal(digest_hex(d, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static char *of_two(const char *a, const char *b, char hex[DIGEST_HEX_SIZE])
{
    struct digest *d = digest_new();
    digest_add_str(d, a);
    digest_add_str(d, b);
    return digest_hex(d, hex);
}

static void test_strings_do_not_run_together(void **state)
{
    (void)state;
    char x[DIGEST_HEX_SIZE], y[DIGEST_HEX_SIZE];
    assert_string_not_equal(of_two("ab", "c", x), of_two("a", "bc", y));
    assert_string_equal(of_two("ab", "c", x), of_two("ab", "c", y));
    assert_string_equal(of_two(NULL, "c", x), of_two("", "c", y));
}

static void test_identifiers(void **state)
{
    (void)state;
    char a[UUID_SIZE], b[UUID_SIZE], secret[DIGEST_HEX_SIZE], other[DIGEST_HEX_SIZE];
    digest_uuid(a);
    digest_uuid(b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
    assert_string_not_equal(digest_secret(secret), digest_secret(other));
    assert_int_equal(strspn(secret, "0123456789abcdef"), 64);
}

static void test_clock(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_format(1769846700123, text), "2026-01-31T08:05:00.123Z");
    assert_string_equal(clock_format(951827696007, text), "2000-02-29T12:34:56.007Z");
    uint64_t before = clock_mono_ns();
    assert_true(clock_mono_ns() >= before);
    assert_true(clock_now_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_digests),
        cmocka_unit_test(test_strings_do_not_run_together),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
