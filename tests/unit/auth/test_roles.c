/* SPDX-License-Identifier: Apache-2.0 */
/* Roles of the configuration: found, replaced by a reload, and gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"

#define BIT(permission) (UINT32_C(1) << (permission))

static const struct auth_powers deployer = {"deployer", BIT(AUTH_POLICY_CHANGE), 0};
static const struct auth_powers reader = {"deployer", BIT(AUTH_POLICY_READ), 0};
static const struct auth_account ci = {"uid:4242", "deployer", 4242};
static const struct auth_account *const accounts[] = {&ci};
static const struct auth_role_settings before = {&deployer, 1, accounts, 1};
static const struct auth_role_settings after = {&reader, 1, accounts, 1};
static const struct auth_role_settings none = {NULL, 0, NULL, 0};

static void a_role_is_found_beside_those_that_are_built_in(void **state)
{
    (void)state;
    struct auth_roles *roles = auth_roles_new(&before);
    struct auth_powers found;
    assert_true(auth_roles_find(roles, "deployer", &found));
    assert_int_equal(found.all, BIT(AUTH_POLICY_CHANGE));
    for (size_t i = 0; auth_given_roles[i]; i++) {
        assert_true(auth_roles_find(roles, auth_given_roles[i], &found));
        assert_string_equal(found.role, auth_given_roles[i]);
        assert_true(auth_roles_find(NULL, auth_given_roles[i], &found));
    }
    assert_false(auth_roles_find(roles, "sandbox", &found));
    assert_false(auth_roles_find(roles, "Deployer", &found));
    assert_false(auth_roles_find(NULL, "deployer", &found));
    auth_roles_free(roles);
}

static void it_may_do_what_it_lists_and_nothing_else(void **state)
{
    (void)state;
    struct auth_principal p;
    auth_principal_by_token(&p, "dora", &deployer, "tcp");
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++) {
        assert_int_equal(auth_may(&p, i, "s1"), i == AUTH_POLICY_CHANGE);
        assert_int_equal(auth_may(&p, i, NULL), i == AUTH_POLICY_CHANGE);
    }
    assert_false(auth_may(&p, AUTH_SUPERVISE, NULL));
}

static void a_reload_changes_what_holds(void **state)
{
    (void)state;
    struct auth auth = {.roles = auth_roles_new(&before)};
    struct auth_principal token, account;
    auth_principal_by_token(&token, "dora", &deployer, "tcp");
    auth_principal_by_uid(&account, 4242, "unix");
    auth_roles_of_uid(auth.roles, 4242, &account.powers);
    assert_string_equal(account.powers.role, "deployer");
    assert_true(auth_holds(&auth, &token));
    assert_true(auth_holds(&auth, &account));
    auth_roles_set(auth.roles, &after);
    assert_false(auth_holds(&auth, &token));
    assert_false(auth_holds(&auth, &account));
    auth_roles_set(auth.roles, &before);
    assert_true(auth_holds(&auth, &token));
    auth_roles_set(auth.roles, &none);
    assert_false(auth_holds(&auth, &token));
    assert_false(auth_holds(&auth, &account));
    auth_roles_free(auth.roles);
}

static void a_role_that_is_gone_may_nothing_and_says_so(void **state)
{
    (void)state;
    struct auth_roles *roles = auth_roles_new(&none);
    struct auth_principal p;
    struct error err;
    const struct auth_powers gone = auth_roles_powers(roles, "deployer");
    auth_principal_by_token(&p, "dora", &gone, "tcp");
    assert_int_equal(auth_check(&p, AUTH_GATEWAY_READ, NULL, &err), -1);
    assert_string_equal(err.text,
                        "the role deployer is not in the configuration (auth.roles), so whoever "
                        "has it may do nothing: add it there, or ask with another token");
    auth_roles_free(roles);
}

static void the_gateways_own_user_and_root_stay_admins(void **state)
{
    (void)state;
    static const struct auth_account root = {"root", "viewer", 0};
    static const struct auth_account *const list[] = {&root};
    struct auth_roles *roles = auth_roles_new(&(struct auth_role_settings){NULL, 0, list, 1});
    struct auth_principal p;
    auth_principal_by_uid(&p, 0, "unix");
    auth_roles_of_uid(roles, 0, &p.powers);
    assert_string_equal(p.powers.role, "admin");
    auth_roles_free(roles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_is_found_beside_those_that_are_built_in),
        cmocka_unit_test(it_may_do_what_it_lists_and_nothing_else),
        cmocka_unit_test(a_reload_changes_what_holds),
        cmocka_unit_test(a_role_that_is_gone_may_nothing_and_says_so),
        cmocka_unit_test(the_gateways_own_user_and_root_stay_admins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
