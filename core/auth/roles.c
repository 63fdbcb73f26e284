/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/roles.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/account.h"
#include "auth/token.h"
#include "base/alloc.h"
#include "base/text.h"

struct held_account {
    uid_t uid;
    char role[65];
};

struct auth_roles {
    pthread_mutex_t lock;
    struct auth_powers *roles;
    size_t n_roles;
    struct held_account *accounts;
    size_t n_accounts;
};

struct auth_roles *auth_roles_new(const struct auth_role_settings *settings)
{
    struct auth_roles *roles = alloc_zero(1, sizeof *roles);
    pthread_mutex_init(&roles->lock, NULL);
    auth_roles_set(roles, settings);
    return roles;
}

void auth_roles_free(struct auth_roles *roles)
{
    if (!roles)
        return;
    pthread_mutex_destroy(&roles->lock);
    free(roles->roles);
    free(roles->accounts);
    free(roles);
}

void auth_roles_set(struct auth_roles *roles, const struct auth_role_settings *settings)
{
    struct auth_powers *list = alloc_zero(settings->n_roles + 1, sizeof *list);
    struct held_account *accounts = alloc_zero(settings->n_accounts + 1, sizeof *accounts);
    for (size_t i = 0; i < settings->n_roles; i++)
        list[i] = settings->roles[i];
    for (size_t i = 0; i < settings->n_accounts; i++) {
        accounts[i].uid = settings->accounts[i]->uid;
        snprintf(accounts[i].role, sizeof accounts[i].role, "%s", settings->accounts[i]->role);
    }
    pthread_mutex_lock(&roles->lock);
    struct auth_powers *old = roles->roles;
    struct held_account *old_accounts = roles->accounts;
    roles->roles = list;
    roles->n_roles = settings->n_roles;
    roles->accounts = accounts;
    roles->n_accounts = settings->n_accounts;
    pthread_mutex_unlock(&roles->lock);
    free(old);
    free(old_accounts);
}

static bool is_given(const char *word)
{
    for (size_t i = 0; auth_given_roles[i]; i++)
        if (strcmp(auth_given_roles[i], word) == 0)
            return true;
    return false;
}

static const struct auth_powers *find(const struct auth_powers *roles, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(roles[i].role, word) == 0)
            return &roles[i];
    return NULL;
}

static bool find_given(const struct auth_roles *roles, const char *word, struct auth_powers *out)
{
    enum auth_role builtin;
    const struct auth_powers *found = roles ? find(roles->roles, roles->n_roles, word) : NULL;
    if (found)
        *out = *found;
    else if (is_given(word) && auth_role_find(word, &builtin))
        *out = auth_role_powers(builtin);
    else
        return false;
    return true;
}

bool auth_roles_find(struct auth_roles *roles, const char *word, struct auth_powers *out)
{
    if (!roles)
        return find_given(NULL, word, out);
    pthread_mutex_lock(&roles->lock);
    bool found = find_given(roles, word, out);
    pthread_mutex_unlock(&roles->lock);
    return found;
}

struct auth_powers auth_roles_powers(struct auth_roles *roles, const char *word)
{
    struct auth_powers powers = {.all = 0};
    if (!auth_roles_find(roles, word, &powers))
        snprintf(powers.role, sizeof powers.role, "%s", word);
    return powers;
}

void auth_roles_of_uid(struct auth_roles *roles, uid_t uid, struct auth_powers *powers)
{
    if (!roles || auth_uid_is_admin(uid))
        return;
    pthread_mutex_lock(&roles->lock);
    for (size_t i = 0; i < roles->n_accounts; i++)
        if (roles->accounts[i].uid == uid)
            find_given(roles, roles->accounts[i].role, powers);
    pthread_mutex_unlock(&roles->lock);
}

bool auth_roles_hold(struct auth_roles *roles, const struct auth_principal *p)
{
    struct auth_powers now;
    if (p->kind == AUTH_NOBODY || *p->sandbox_id)
        return true;
    if (p->kind == AUTH_BY_UID) {
        struct auth_principal again;
        auth_principal_by_uid(&again, p->uid, p->via);
        auth_roles_of_uid(roles, p->uid, &again.powers);
        now = again.powers;
    } else {
        now = auth_roles_powers(roles, p->powers.role);
    }
    return !(p->powers.all & ~now.all) && !(p->powers.own & ~(now.own | now.all));
}

struct auth_powers *auth_roles_list(struct auth_roles *roles, size_t *n)
{
    *n = 0;
    if (!roles)
        return NULL;
    pthread_mutex_lock(&roles->lock);
    struct auth_powers *list = alloc_zero(roles->n_roles + 1, sizeof *list);
    memcpy(list, roles->roles, roles->n_roles * sizeof *list);
    *n = roles->n_roles;
    pthread_mutex_unlock(&roles->lock);
    return list;
}

bool auth_role_settings_find(const struct auth_role_settings *settings, const char *word)
{
    return is_given(word) || find(settings->roles, settings->n_roles, word);
}

const char *auth_role_settings_words(const struct auth_role_settings *settings,
                                     struct arena *arena)
{
    const char *list = "";
    for (size_t i = 0; auth_given_roles[i]; i++)
        list = arena_printf(arena, "%s%s%s", list, i ? ", " : "", auth_given_roles[i]);
    for (size_t i = 0; i < settings->n_roles; i++)
        list = arena_printf(arena, "%s, %s", list, settings->roles[i].role);
    return list;
}

/* ---- the configuration ---- */

static int decode_permission(struct schema_decoder *d, const struct doc_node *item,
                             struct auth_powers *role)
{
    enum auth_permission permission;
    const char *names[AUTH_PERMISSION_COUNT + 1] = {NULL}, *list = "";
    size_t n = 0;
    if (item->kind != DOC_SCALAR)
        return schema_problem(d, item, "a permission is a text such as policy.read");
    if (auth_permission_find(item->text, &permission)) {
        role->all |= UINT32_C(1) << permission;
        return 0;
    }
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        names[n++] = auth_permission_word(i);
    const char *near = text_nearest(item->text, names);
    if (near)
        return schema_problem(d, item, "there is no permission '%s'; did you mean '%s'?",
                              item->text, near);
    for (size_t i = 0; i < n; i++)
        list = arena_printf(schema_arena(d), "%s%s%s", list, i ? ", " : "", names[i]);
    return schema_problem(d, item, "there is no permission '%s'; there are %s", item->text, list);
}

static int decode_role(struct schema_decoder *d, const struct doc_node *key,
                       const struct doc_node *list, struct auth_powers *role)
{
    enum auth_role builtin;
    int rc = 0;
    if (!token_name_is_good(key->text))
        return schema_problem(d, key, "the name of a role is 1 to 64 of a-z, A-Z, 0-9, '.', '_', "
                                      "'@' and '-', not '%s'", key->text);
    if (auth_role_find(key->text, &builtin))
        return schema_problem(d, key, "the role %s is built in and cannot be changed: give this "
                                      "one another name", key->text);
    if (list->kind != DOC_LIST || !list->n)
        return schema_problem(d, list->kind == DOC_LIST ? key : list,
                              "the role %s must be a list of permissions, such as [policy.read]",
                              key->text);
    snprintf(role->role, sizeof role->role, "%s", key->text);
    for (size_t i = 0; i < list->n; i++)
        rc |= decode_permission(d, list->items[i], role);
    return rc;
}

int auth_roles_decode(struct schema_decoder *d, const struct doc_node *map, void *record)
{
    struct auth_role_settings *settings = record;
    int rc = 0;
    if (map->kind != DOC_MAP)
        return schema_problem(d, map, "must be a map of names of roles to lists of permissions");
    struct auth_powers *roles = arena_zalloc(schema_arena(d), (map->n + 1) * sizeof *roles);
    for (size_t i = 0; i < map->n; i++)
        rc |= decode_role(d, map->keys[i], map->items[i], &roles[i]);
    settings->roles = roles;
    settings->n_roles = map->n;
    return rc;
}

static int check_account(struct schema_decoder *d, void *record)
{
    struct auth_account *a = record;
    if (!auth_account_uid(a->account, &a->uid))
        return schema_problem(d, NULL,
                              "there is no account '%s' on this machine: give the name of one, or "
                              "uid:N", a->account);
    if (auth_uid_is_admin(a->uid))
        return schema_problem(d, NULL, "%s is an admin always: root and the gateway's own user "
                                       "cannot have another role", a->account);
    return 0;
}

static const struct schema_field account_fields[] = {
    {"account", SCHEMA_TEXT, offsetof(struct auth_account, account),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "The name of a local account, or uid:N"},
    {"role", SCHEMA_TEXT, offsetof(struct auth_account, role), .flags = SCHEMA_REQUIRED,
     .help = "What it may do when its uid says who asks"},
    {0},
};
const struct schema auth_account_schema = {.name = "account",
                                           .size = sizeof(struct auth_account),
                                           .fields = account_fields,
                                           .finish = check_account};
