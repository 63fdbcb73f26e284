/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/holders.h"

#include <stdlib.h>
#include <string.h>

#include "auth/account.h"
#include "base/alloc.h"

static bool is_holder(const json_t *holder, const struct auth_principal *p)
{
    const json_t *uid = json_object_get(holder, "uid");
    const char *name = json_string_value(json_object_get(holder, "name"));
    if (p->kind == AUTH_BY_UID)
        return json_is_integer(uid) && json_integer_value(uid) == (json_int_t)p->uid;
    return p->kind != AUTH_NOBODY && !*p->sandbox_id && *p->name && name &&
           strcmp(name, p->name) == 0;
}

static uint32_t rights_of(enum auth_role role, bool has(enum auth_role, enum auth_permission))
{
    uint32_t rights = 0;
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        if (i != AUTH_SANDBOX_CREATE && has(role, i))
            rights |= UINT32_C(1) << i;
    return rights;
}

uint32_t auth_share_rights(enum auth_role role)
{
    return rights_of(role, auth_role_has) | rights_of(role, auth_role_has_own);
}

static uint32_t rights_of_share(const json_t *share)
{
    enum auth_role role;
    const char *word = json_string_value(json_object_get(share, "role"));
    return word && auth_role_find(word, &role) ? auth_share_rights(role) : 0;
}

uint32_t auth_holders_rights(const char *holders, const struct auth_principal *p)
{
    json_t *all = json_loads(holders, 0, NULL), *share;
    uint32_t rights = 0;
    size_t i;
    if (is_holder(json_object_get(all, "owner"), p))
        rights = p->powers.own & ~(UINT32_C(1) << AUTH_SANDBOX_CREATE);
    json_array_foreach(json_object_get(all, "shares"), i, share)
        if (is_holder(share, p))
            rights |= rights_of_share(share);
    json_decref(all);
    return rights;
}

static char *text_of(json_t *holders)
{
    char *text = json_dumps(holders, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(holders);
    return text;
}

char *auth_holders_new(const struct auth_principal *owner)
{
    json_t *holder = json_pack("{s:s}", "name", owner->name);
    if (owner->kind == AUTH_BY_UID)
        json_object_set_new(holder, "uid", json_integer((json_int_t)owner->uid));
    return text_of(json_pack("{s:o}", "owner", holder));
}

char *auth_holders_owner(const char *holders)
{
    json_t *all = json_loads(holders, 0, NULL);
    const char *name =
        json_string_value(json_object_get(json_object_get(all, "owner"), "name"));
    char *owner = alloc_str(name ? name : "");
    json_decref(all);
    return owner;
}

json_t *auth_holders_shares(const char *holders)
{
    json_t *all = json_loads(holders, 0, NULL), *list = json_array(), *share;
    size_t i;
    json_array_foreach(json_object_get(all, "shares"), i, share)
        json_array_append_new(list, json_pack("{s:O, s:O}", "with", json_object_get(share, "name"),
                                              "role", json_object_get(share, "role")));
    json_decref(all);
    return list;
}

/* False: there was none with that name. */
static bool remove_share(json_t *shares, const char *with)
{
    for (size_t i = json_array_size(shares); i-- > 0;) {
        const json_t *name = json_object_get(json_array_get(shares, i), "name");
        if (strcmp(json_string_value(name), with) == 0)
            return json_array_remove(shares, i) == 0;
    }
    return false;
}

char *auth_holders_share(const char *holders, const char *with, enum auth_role role)
{
    json_t *all = json_loads(holders, 0, NULL), *shares = json_object_get(all, "shares");
    json_t *share = json_pack("{s:s, s:s}", "name", with, "role", auth_role_word(role));
    uid_t uid;
    if (!shares)
        json_object_set_new(all, "shares", shares = json_array());
    if (auth_account_uid(with, &uid))
        json_object_set_new(share, "uid", json_integer((json_int_t)uid));
    remove_share(shares, with);
    json_array_append_new(shares, share);
    if (json_array_size(shares) <= AUTH_SHARES_MAX)
        return text_of(all);
    json_decref(all);
    return NULL;
}

char *auth_holders_unshare(const char *holders, const char *with)
{
    json_t *all = json_loads(holders, 0, NULL);
    if (remove_share(json_object_get(all, "shares"), with))
        return text_of(all);
    json_decref(all);
    return NULL;
}
