/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/permission.h"

#include <stdio.h>
#include <string.h>

static const char *const role_words[] = {
#define X(id, name, given, help) [AUTH_##id] = name,
    AUTH_ROLES(X)
#undef X
};

#define ITEM_SHARED(name) name,
#define ITEM_GIVEN(name) name,
#define ITEM_NOT_GIVEN(name)
#define BIT_SHARED(id) | 1U << AUTH_##id
#define BIT_GIVEN(id) | 1U << AUTH_##id
#define BIT_NOT_GIVEN(id)

const char *const auth_given_roles[] = {
#define X(id, name, given, help) ITEM_##given(name)
    AUTH_ROLES(X)
#undef X
    NULL};

#define SHARED_SHARED(name) name,
#define SHARED_GIVEN(name)
#define SHARED_NOT_GIVEN(name)

const char *const auth_shared_roles[] = {
#define X(id, name, given, help) SHARED_##given(name)
    AUTH_ROLES(X)
#undef X
    NULL};

static const struct {
    const char *name, *help;
    unsigned roles, own;
} permissions[] = {
    [AUTH_ANYBODY] = {"anybody", "Connect to the gateway", ~0U, 0},
    [AUTH_KNOWN_TO_US] = {"known", "Be known to the gateway", ~0U, 0},
    [AUTH_SUPERVISE] = {"supervisor", "Be the supervisor of a sandbox", 1U << AUTH_SANDBOX, 0},
#define X(id, name, roles, own, help) [AUTH_##id] = {name, help, roles, own},
    AUTH_PERMISSIONS(X)
#undef X
};

bool auth_role_has(enum auth_role role, enum auth_permission permission)
{
    return permissions[permission].roles & 1U << role;
}

bool auth_role_has_own(enum auth_role role, enum auth_permission permission)
{
    return permissions[permission].own & 1U << role;
}

struct auth_powers auth_role_powers(enum auth_role role)
{
    struct auth_powers powers = {.all = 0};
    snprintf(powers.role, sizeof powers.role, "%s", role_words[role]);
    for (unsigned i = 0; i < AUTH_PERMISSION_COUNT; i++) {
        powers.all |= auth_role_has(role, i) ? UINT32_C(1) << i : 0;
        powers.own |= auth_role_has_own(role, i) ? UINT32_C(1) << i : 0;
    }
    return powers;
}

const char *auth_role_word(enum auth_role role)
{
    return role_words[role];
}

bool auth_role_find(const char *word, enum auth_role *out)
{
    for (unsigned i = 0; i < AUTH_ROLE_COUNT; i++)
        if (strcmp(role_words[i], word) == 0) {
            *out = i;
            return true;
        }
    return false;
}

bool auth_permission_find(const char *word, enum auth_permission *out)
{
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        if (strcmp(permissions[i].name, word) == 0) {
            *out = i;
            return true;
        }
    return false;
}

const char *auth_permission_word(enum auth_permission permission)
{
    return permissions[permission].name;
}

const char *auth_permission_help(enum auth_permission permission)
{
    return permissions[permission].help;
}

bool auth_only_admins(enum auth_permission permission)
{
    const unsigned given = 0
#define X(id, name, given, help) BIT_##given(id)
        AUTH_ROLES(X)
#undef X
        ;
    return ((permissions[permission].roles | permissions[permission].own) & given) == AUTH_ADMINS;
}
