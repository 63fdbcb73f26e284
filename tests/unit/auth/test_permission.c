/* SPDX-License-Identifier: Apache-2.0 */
/* Which role may do what, and to which sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"

/* Every permission, with the roles that have it. */
static const char *const golden[] = {
    "sandbox.read: viewer user approver admin",
    "sandbox.create: admin, own: user",
    "sandbox.run: admin, own: user",
    "sandbox.delete: admin, own: user",
    "policy.read: viewer user approver admin",
    "policy.propose: admin, own: user",
    "policy.change: approver admin",
    "policy.override: admin",
    "draft.read: viewer user approver admin",
    "draft.decide: approver admin",
    "decision.read: viewer user approver admin",
    "audit.read: viewer user approver admin",
    "plugin.manage: admin",
    "provider.manage: admin",
    "token.manage: admin",
    "host.manage: admin host",
    "ceiling.manage: admin",
    "gateway.read: viewer user approver admin",
};

static void the_table_is_the_golden_list(void **state)
{
    (void)state;
    assert_int_equal(AUTH_PERMISSION_COUNT - AUTH_PERMISSION_FIRST, sizeof golden / sizeof *golden);
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++) {
        char line[128];
        size_t len = (size_t)snprintf(line, sizeof line, "%s:", auth_permission_word(i));
        for (unsigned role = 0; role < AUTH_ROLE_COUNT; role++)
            if (auth_role_has(role, i))
                len += (size_t)snprintf(line + len, sizeof line - len, " %s", auth_role_word(role));
        for (unsigned role = 0; role < AUTH_ROLE_COUNT; role++)
            if (auth_role_has_own(role, i))
                len += (size_t)snprintf(line + len, sizeof line - len, ", own: %s",
                                        auth_role_word(role));
        assert_string_equal(line, golden[i - AUTH_PERMISSION_FIRST]);
        assert_true(*auth_permission_help(i));
    }
}

static void the_configuration_gives_no_other_role(void **state)
{
    (void)state;
    static const char *const given[] = {"viewer", "user", "approver", "admin", "host"};
    size_t n = 0;
    for (; auth_given_roles[n]; n++)
        assert_string_equal(auth_given_roles[n], given[n]);
    assert_int_equal(n, 5);
    assert_string_equal(AUTH_GIVEN_WORDS, " viewer user approver admin host");
    for (n = 0; auth_shared_roles[n]; n++)
        assert_string_equal(auth_shared_roles[n], given[n]);
    assert_int_equal(n, 4);
    assert_string_equal(AUTH_SHARED_WORDS, " viewer user approver admin");
}

static void a_role_is_found_by_its_word_alone(void **state)
{
    (void)state;
    enum auth_role role;
    for (unsigned i = 0; i < AUTH_ROLE_COUNT; i++) {
        assert_true(auth_role_find(auth_role_word(i), &role));
        assert_int_equal(role, i);
    }
    static const char *const others[] = {"", "Admin", "admin ", "adm", "anybody", "supervisor"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(auth_role_find(others[i], &role));
}

static void a_uid_is_an_admin_or_a_user(void **state)
{
    (void)state;
    struct auth_principal p;
    auth_principal_by_uid(&p, geteuid(), "unix");
    assert_true(auth_may(&p, AUTH_SANDBOX_CREATE, NULL));
    auth_principal_by_uid(&p, 0, "unix");
    assert_true(auth_may(&p, AUTH_SANDBOX_CREATE, NULL));
    auth_principal_by_uid(&p, 987654, "tcp");
    assert_true(auth_may(&p, AUTH_SANDBOX_CREATE, NULL));
    assert_false(auth_may(&p, AUTH_SANDBOX_CREATE, "demo"));
    assert_false(auth_may(&p, AUTH_POLICY_PROPOSE, "demo"));
    auth_ask_about(&p, &(struct auth_sandbox){"s1", "{\"owner\":{\"name\":\"x\",\"uid\":987654}}"});
    assert_true(auth_may(&p, AUTH_POLICY_PROPOSE, "s1"));
    assert_false(auth_may(&p, AUTH_POLICY_PROPOSE, "s2"));
    assert_false(auth_may(&p, AUTH_SANDBOX_CREATE, "s1"));
    auth_look_up_name(&p, NULL);
    struct sluice_actor actor = auth_actor(&p);
    assert_string_equal(actor.name, "uid:987654");
    assert_string_equal(actor.role, "user");
    assert_string_equal(actor.via, "tcp");
}

static void a_supervisor_is_one_of_its_own_sandbox(void **state)
{
    (void)state;
    struct auth_principal p;
    auth_principal_supervisor(&p, "s1");
    assert_true(auth_may(&p, AUTH_SUPERVISE, NULL));
    assert_true(auth_may(&p, AUTH_SUPERVISE, "s1"));
    assert_false(auth_may(&p, AUTH_SUPERVISE, "s2"));
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        assert_false(auth_may(&p, i, "s1"));
}

static void only_a_supervisor_is_one(void **state)
{
    (void)state;
    struct auth_principal p;
    for (unsigned role = 0; role < AUTH_ROLE_COUNT; role++) {
        const struct auth_powers powers = auth_role_powers(role);
        auth_principal_by_token(&p, "somebody", &powers, "tcp");
        assert_int_equal(auth_may(&p, AUTH_SUPERVISE, NULL), role == AUTH_SANDBOX);
    }
}

static void a_token_for_a_sandbox_is_for_no_other(void **state)
{
    (void)state;
    struct auth_principal p;
    const struct auth_powers admin = auth_role_powers(AUTH_ADMIN);
    auth_principal_by_token(&p, "ci", &admin, "tcp");
    strcpy(p.only, "s1");
    assert_true(auth_may(&p, AUTH_KNOWN_TO_US, NULL));
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++) {
        assert_true(auth_may(&p, i, "s1"));
        assert_false(auth_may(&p, i, "s2"));
        assert_false(auth_may(&p, i, ""));
        assert_false(auth_may(&p, i, NULL));
    }
}

/* Whatever role the bytes of such a principal name. */
static void nobody_may_do_what_anybody_may(void **state)
{
    (void)state;
    for (unsigned role = 0; role < AUTH_ROLE_COUNT; role++) {
        const struct auth_principal nobody = {.kind = AUTH_NOBODY,
                                              .powers = auth_role_powers(role)};
        assert_true(auth_may(&nobody, AUTH_ANYBODY, NULL));
        for (unsigned i = AUTH_ANYBODY + 1; i < AUTH_PERMISSION_COUNT; i++)
            assert_false(auth_may(&nobody, i, NULL));
    }
}

static void a_permission_is_found_by_its_word_alone(void **state)
{
    enum auth_permission found;
    (void)state;
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++) {
        assert_true(auth_permission_find(auth_permission_word(i), &found));
        assert_int_equal(found, i);
    }
    static const char *const no_words[] = {"", "read", "policy", "policy:", "Policy:Read", "*"};
    for (size_t i = 0; i < sizeof no_words / sizeof *no_words; i++)
        assert_false(auth_permission_find(no_words[i], &found));
    for (unsigned i = AUTH_ANYBODY; i < AUTH_PERMISSION_FIRST; i++)
        assert_false(auth_permission_find(auth_permission_word(i), &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_golden_list),
        cmocka_unit_test(the_configuration_gives_no_other_role),
        cmocka_unit_test(a_role_is_found_by_its_word_alone),
        cmocka_unit_test(a_uid_is_an_admin_or_a_user),
        cmocka_unit_test(a_supervisor_is_one_of_its_own_sandbox),
        cmocka_unit_test(only_a_supervisor_is_one),
        cmocka_unit_test(a_token_for_a_sandbox_is_for_no_other),
        cmocka_unit_test(nobody_may_do_what_anybody_may),
        cmocka_unit_test(a_permission_is_found_by_its_word_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
