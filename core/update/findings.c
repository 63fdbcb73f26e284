/* SPDX-License-Identifier: Apache-2.0 */
/* What of a change a person may want to weigh: with the credentials that the sandbox has. */
#include "chain/transition.h"
#include "doc/jansson.h"
#include "secret/profile.h"
#include "update/updates.h"

static size_t count_places(const struct secret_profile *profile)
{
    size_t n = 0;
    while (profile && profile->places && profile->places[n].host)
        n++;
    return n;
}

/* A new sandbox has no provider yet. */
static int list_places(struct update *u, struct policy_credential_places *out)
{
    struct store_attachment *list;
    size_t n, room = 0;
    *out = (struct policy_credential_places){NULL, 0};
    if (u->request->kind == SLUICE_CREATE)
        return 0;
    if (store_attachment_list(u->updates->store, NULL, u->sandbox.id, u->arena, &list, &n, u->err))
        return -1;
    for (size_t i = 0; i < n; i++)
        room += count_places(secret_profile_find(list[i].profile));
    struct policy_credential_place *places = arena_alloc(u->arena, (room + 1) * sizeof *places);
    for (size_t i = 0; i < n; i++) {
        const struct secret_profile *profile = secret_profile_find(list[i].profile);
        for (size_t k = 0; k < count_places(profile); k++)
            places[out->n++] = (struct policy_credential_place){
                list[i].provider, profile->places[k].host, profile->places[k].port};
    }
    out->items = places;
    return 0;
}

int update_find(struct update *u, const struct sluice_policy *before,
                const struct sluice_policy *after)
{
    struct update_result *r = u->result;
    struct policy_credential_places places;
    if (r->diff->n_gained == 0 || u->request->kind == SLUICE_EXPIRE)
        return 0;
    if (list_places(u, &places) != 0)
        return -1;
    r->findings = policy_find(before, after, &places, u->arena);
    return 0;
}

json_t *update_findings_json(const struct policy_findings *findings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < findings->n; i++) {
        struct doc_jansson_writer json;
        schema_write(&chain_finding_schema, findings->items[i], doc_jansson_writer(&json));
        json_array_append_new(list, doc_jansson_writer_end(&json));
    }
    return list;
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
