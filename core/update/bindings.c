/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints with credential_binding whose provider the sandbox does not have, or whose profile says
 * itself where its credentials go.  Such a policy is in force all the same, as a sandbox has to be
 * there before a provider can be attached to it; so these are warnings. */
#include <string.h>

#include "secret/profile.h"
#include "update/updates.h"

static const struct store_attachment *find(const struct update *u, const char *provider)
{
    for (size_t i = 0; i < u->n_attachments; i++)
        if (strcmp(u->attachments[i].provider, provider) == 0)
            return &u->attachments[i];
    return NULL;
}

static void check_endpoint(const struct update *u, const struct sluice_endpoint *e)
{
    const struct store_attachment *found = find(u, e->credential_provider);
    const struct secret_profile *profile = found ? secret_profile_find(found->profile) : NULL;
    char *path = arena_printf(u->arena, "%s.credential_binding", e->doc_path);
    if (!found)
        problems_add(&u->result->warnings, path, 0, 0,
                     "credential_binding references provider '%s', but that provider is not "
                     "attached to the sandbox: sluice provider attach %s --sandbox %s",
                     e->credential_provider, e->credential_provider, u->request->sandbox);
    else if (profile && profile->places)
        problems_add(&u->result->warnings, path, 0, 0,
                     "has no effect: the credentials of provider '%s' go where its profile '%s' "
                     "says and nowhere else", e->credential_provider, profile->name);
}

void update_warn_of_bindings(struct update *u)
{
    const struct sluice_policy *policy = policy_model(u->result->candidate);
    for (size_t i = 0; i < policy->n_rules; i++)
        for (size_t j = 0; j < policy->rules[i]->n_endpoints; j++)
            if (*policy->rules[i]->endpoints[j]->credential_provider)
                check_endpoint(u, policy->rules[i]->endpoints[j]);
}
