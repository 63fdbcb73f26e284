/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/principal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/account.h"

bool auth_uid_is_admin(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

void auth_principal_by_uid(struct auth_principal *p, uid_t uid, const char *via)
{
    *p = (struct auth_principal){
        .kind = AUTH_BY_UID,
        .powers = auth_role_powers(auth_uid_is_admin(uid) ? AUTH_ADMIN : AUTH_USER),
        .via = via,
        .uid = uid};
}

void auth_principal_by_token(struct auth_principal *p, const char *name,
                             const struct auth_powers *powers, const char *via)
{
    *p = (struct auth_principal){.kind = AUTH_BY_TOKEN, .powers = *powers, .via = via};
    snprintf(p->name, sizeof p->name, "%s", name);
}

void auth_principal_by_certificate(struct auth_principal *p, const char *name,
                                   const struct auth_powers *powers, const char *via)
{
    auth_principal_by_token(p, name, powers, via);
    p->kind = AUTH_BY_CERTIFICATE;
}

void auth_principal_by_oidc(struct auth_principal *p, const char *name,
                            const struct auth_powers *powers, const char *via)
{
    auth_principal_by_token(p, name, powers, via);
    p->kind = AUTH_BY_OIDC;
}

const char *auth_identity_word(const struct auth_principal *p)
{
    static const char *const words[] = {[AUTH_NOBODY] = "nobody",
                                        [AUTH_BY_UID] = "uid",
                                        [AUTH_BY_TOKEN] = "token",
                                        [AUTH_BY_CERTIFICATE] = "certificate",
                                        [AUTH_BY_OIDC] = "oidc"};
    return *p->sandbox_id ? "agent" : words[p->kind];
}

void auth_principal_supervisor(struct auth_principal *p, const char *sandbox_id)
{
    *p = (struct auth_principal){
        .kind = AUTH_BY_TOKEN, .powers = auth_role_powers(AUTH_SANDBOX), .via = "gateway"};
    snprintf(p->name, sizeof p->name, "sandbox:%s", sandbox_id);
    snprintf(p->sandbox_id, sizeof p->sandbox_id, "%s", sandbox_id);
}

bool auth_may(const struct auth_principal *p, enum auth_permission permission, const char *sandbox)
{
    if (permission == AUTH_ANYBODY)
        return true;
    if (permission == AUTH_KNOWN_TO_US)
        return p->kind != AUTH_NOBODY;
    if (p->kind == AUTH_NOBODY ||
        (*p->sandbox_id && sandbox && strcmp(sandbox, p->sandbox_id) != 0) ||
        (*p->only && (!sandbox || strcmp(sandbox, p->only) != 0)))
        return false;
    uint32_t bit = UINT32_C(1) << permission;
    if (p->powers.all & bit)
        return true;
    if (permission == AUTH_SANDBOX_CREATE)
        return !sandbox && p->powers.own & bit;
    return sandbox && strcmp(sandbox, p->asked) == 0 && p->rights & bit;
}

void auth_look_up_name(struct auth_principal *p, struct auth_accounts *accounts)
{
    if (p->kind == AUTH_NOBODY)
        return;
    if (!*p->name)
        auth_account_name(accounts, p->uid, p->name, sizeof p->name);
    if (p->calls_from_account && !*p->account)
        auth_account_name(accounts, p->uid, p->account, sizeof p->account);
}

struct sluice_actor auth_actor(const struct auth_principal *p)
{
    return (struct sluice_actor){sizeof(struct sluice_actor), p->name,   p->powers.role, p->via,
                                 auth_identity_word(p),       p->origin};
}
