/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens are told from what somebody made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "auth/token.h"

static void a_token_is_known_and_no_two_are_the_same(void **state)
{
    (void)state;
    char one[TOKEN_SIZE], two[TOKEN_SIZE];
    token_make(one);
    token_make(two);
    assert_int_equal(strlen(one), 55);
    assert_int_equal(strncmp(one, "sluice_", 7), 0);
    assert_true(token_is_random(one));
    assert_string_not_equal(one, two);
}

static void any_other_text_is_not(void **state)
{
    (void)state;
    char token[TOKEN_SIZE];
    static const char *const others[] = {"", "sluice_", "summer2026",
                                         "sluice_0000000000000000000000000000000000000000",
                                         "sluice_000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(token_is_random(others[i]));
    for (size_t i = 0; i < TOKEN_SIZE - 1; i++) {
        token_make(token);
        token[i] = token[i] == '0' ? '1' : '0';
        assert_false(token_is_random(token));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_known_and_no_two_are_the_same),
        cmocka_unit_test(any_other_text_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
