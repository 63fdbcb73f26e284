/* SPDX-License-Identifier: Apache-2.0 */
/* The name of an account is asked for once in a second, and never taken for another one's. */
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "auth/account.h"

static struct auth_accounts *accounts;
static unsigned asked;

/* In place of the C library's: accounts with even uids have names. */
int getpwuid_r(uid_t uid, struct passwd *entry, char *space, size_t size, struct passwd **found)
{
    asked++;
    *found = NULL;
    if (uid % 2)
        return 0;
    snprintf(space, size, "name%u", (unsigned)uid);
    *entry = (struct passwd){.pw_name = space, .pw_uid = uid};
    *found = entry;
    return 0;
}

static void expect_name(uid_t uid, const char *expected)
{
    char name[64];
    auth_account_name(accounts, uid, name, sizeof name);
    assert_string_equal(name, expected);
}

static void a_name_is_kept(void **state)
{
    (void)state;
    expect_name(1000, "name1000");
    expect_name(1001, "uid:1001");
    unsigned before = asked;
    for (int i = 0; i < 100; i++) {
        expect_name(1000, "name1000");
        expect_name(1001, "uid:1001");
    }
    assert_in_range(asked - before, 0, 20);         /* seldom, however slow this machine is */
}

static void accounts_do_not_share_a_name(void **state)
{
    (void)state;
    for (uid_t uid = 0; uid < 400; uid += 2) {
        char named[64], unnamed[64];
        snprintf(named, sizeof named, "name%u", (unsigned)uid);
        snprintf(unnamed, sizeof unnamed, "uid:%u", (unsigned)uid + 1);
        for (int again = 0; again < 2; again++) {
            expect_name(uid, named);
            expect_name(uid + 1, unnamed);
        }
    }
}

static void a_short_place_cuts_the_name(void **state)
{
    char name[5];
    (void)state;
    auth_account_name(accounts, 2000, name, sizeof name);
    assert_string_equal(name, "name");
    expect_name(2000, "name2000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_kept),
        cmocka_unit_test(accounts_do_not_share_a_name),
        cmocka_unit_test(a_short_place_cuts_the_name),
    };
    accounts = auth_accounts_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    auth_accounts_free(accounts);
    return failed;
}
