/* SPDX-License-Identifier: Apache-2.0 */
/* What of a change a person may want to weigh: with the credentials that the sandbox has. */
#include "secret/profile.h"
#include "update/updates.h"

static size_t count_places(const struct secret_profile *profile)
{
    size_t n = 0;
    while (profile && profile->places && profile->places[n].host)
        n++;
    return n;
}

static struct policy_credential_places list_places(struct update *u)
{
    size_t room = 0;
    for (size_t i = 0; i < u->n_attachments; i++)
        room += count_places(secret_profile_find(u->attachments[i].profile));
    struct policy_credential_place *places = arena_alloc(u->arena, (room + 1) * sizeof *places);
    struct policy_credential_places out = {places, 0};
    for (size_t i = 0; i < u->n_attachments; i++) {
        const struct secret_profile *profile = secret_profile_find(u->attachments[i].profile);
        for (size_t k = 0; k < count_places(profile); k++)
            places[out.n++] = (struct policy_credential_place){
                u->attachments[i].provider, profile->places[k].host, profile->places[k].port};
    }
    return out;
}

void update_find(struct update *u, const struct sluice_policy *before,
                 const struct sluice_policy *after)
{
    struct update_result *r = u->result;
    if (r->diff->n_gained == 0 || u->request->kind == SLUICE_EXPIRE)
        return;
    struct policy_credential_places places = list_places(u);
    r->findings = policy_find(before, after, &places, u->arena);
}

const char *update_findings_text(const struct policy_findings *findings, struct arena *arena)
{
    if (findings->n == 0)
        return "prover: no new findings";
    const char *text = arena_printf(arena, "prover: %zu new finding(s)", findings->n);
    for (size_t i = 0; i < findings->n; i++)
        text = arena_printf(arena, "%s\n  %s", text, findings->items[i]->text);
    return text;
}
