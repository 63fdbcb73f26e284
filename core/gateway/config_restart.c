/* SPDX-License-Identifier: Apache-2.0 */
/* Which settings a reload cannot change. */
#include <string.h>

#include "export/settings.h"
#include "gateway/config.h"
#include "gateway/peers.h"

static bool same_listen(const struct gateway_config *a, const struct gateway_config *b)
{
    if (a->n_listen != b->n_listen)
        return false;
    for (size_t i = 0; i < a->n_listen; i++)
        if (!listener_same(a->listen[i], b->listen[i]))
            return false;
    return true;
}

static bool same_tokens(const struct gateway_config *a, const struct gateway_config *b)
{
    if (a->n_tokens != b->n_tokens)
        return false;
    for (size_t i = 0; i < a->n_tokens; i++)
        if (strcmp(a->tokens[i]->name, b->tokens[i]->name) != 0 ||
            strcmp(a->tokens[i]->role, b->tokens[i]->role) != 0 ||
            strcmp(a->tokens[i]->sha256, b->tokens[i]->sha256) != 0)
            return false;
    return true;
}

static bool same_auth(const struct auth_settings *a, const struct auth_settings *b)
{
    if (a->n_certificates != b->n_certificates || !oidc_settings_same(a->oidc, b->oidc))
        return false;
    for (size_t i = 0; i < a->n_certificates; i++)
        if (strcmp(a->certificates[i]->subject, b->certificates[i]->subject) != 0 ||
            strcmp(a->certificates[i]->role, b->certificates[i]->role) != 0 ||
            strcmp(a->certificates[i]->name, b->certificates[i]->name) != 0)
            return false;
    return true;
}

static bool same_egress(const struct egress_settings *a, const struct egress_settings *b)
{
    if (a->n_hosts != b->n_hosts || strcmp(a->extra_ca, b->extra_ca) != 0 ||
        strcmp(a->inspect_tls, b->inspect_tls) != 0)
        return false;
    for (size_t i = 0; i < a->n_hosts; i++) {
        if (strcmp(a->hosts[i].name, b->hosts[i].name) != 0 ||
            a->hosts[i].n_addresses != b->hosts[i].n_addresses)
            return false;
        for (size_t j = 0; j < a->hosts[i].n_addresses; j++)
            if (strcmp(a->hosts[i].addresses[j], b->hosts[i].addresses[j]) != 0)
                return false;
    }
    return true;
}

static bool same_exports(const struct gateway_config *a, const struct gateway_config *b)
{
    if (a->n_exports != b->n_exports)
        return false;
    for (size_t i = 0; i < a->n_exports; i++)
        if (!export_settings_same(a->exports[i], b->exports[i]))
            return false;
    return true;
}

const char *gateway_config_restart(const struct gateway_config *old,
                                   const struct gateway_config *new_, struct arena *arena)
{
    const struct {
        const char *name;
        bool same;
    } settings[] = {
        {"state_dir", strcmp(old->state_dir, new_->state_dir) == 0},
        {"listen", same_listen(old, new_)},
        {"peers", peers_settings_same(old->peers, new_->peers)},
        {"store", strcmp(old->store, new_->store) == 0},
        {"tokens", same_tokens(old, new_)},
        {"auth", same_auth(old->auth, new_->auth)},
        {"egress", same_egress(old->egress, new_->egress)},
        {"export", same_exports(old, new_)},
        {"sandboxes", strcmp(old->sandboxes->on_exit, new_->sandboxes->on_exit) == 0},
    };
    const char *list = "";
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (!settings[i].same)
            list = arena_printf(arena, "%s%s%s", list, *list ? ", " : "", settings[i].name);
    return list;
}
