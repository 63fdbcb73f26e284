/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that come and go while the gateway runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "auth/live.h"

static struct auth_live_token named(const char *name, char digit, int64_t expires_at_ms)
{
    struct auth_live_token t = {.role = "viewer", .expires_at_ms = expires_at_ms};
    strcpy(t.id, name);
    strcpy(t.name, name);
    memset(t.sha256, digit, DIGEST_HEX_SIZE - 1);
    return t;
}

static void a_token_is_good_until_it_is_removed_or_expires(void **state)
{
    (void)state;
    struct auth_live *live = auth_live_new();
    const struct auth_live_token a = named("a", 'a', 0), b = named("b", 'b', 500),
                                 c = named("c", 'c', 0);
    struct auth_live_token found;
    assert_false(auth_live_find(live, a.sha256, 0, &found));
    auth_live_add(live, &a);
    auth_live_add(live, &b);
    auth_live_add(live, &c);
    assert_true(auth_live_find(live, a.sha256, INT64_MAX, &found));
    assert_string_equal(found.name, "a");
    assert_true(auth_live_find(live, b.sha256, 499, &found));
    assert_string_equal(found.name, "b");
    assert_false(auth_live_find(live, b.sha256, 500, &found));
    auth_live_remove(live, "a");
    assert_false(auth_live_find(live, a.sha256, 0, &found));
    assert_true(auth_live_find(live, c.sha256, 0, &found));
    auth_live_remove(live, "nobody");
    const struct auth_live_token kept[] = {c, b};
    auth_live_set(live, kept, 2);
    assert_true(auth_live_find(live, c.sha256, 0, &found));
    assert_true(auth_live_find(live, b.sha256, 0, &found));
    auth_live_set(live, kept, 0);
    assert_false(auth_live_find(live, c.sha256, 0, &found));
    auth_live_add(live, &a);
    assert_true(auth_live_find(live, a.sha256, 0, &found));
    auth_live_remove(live, "a");
    auth_live_free(live);
    assert_false(auth_live_find(NULL, a.sha256, 0, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_until_it_is_removed_or_expires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
