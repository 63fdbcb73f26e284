/* SPDX-License-Identifier: Apache-2.0 */
#include "api/grants.h"

#include "runtime/supervisor/grants.h"

json_t *api_grant_json(struct arena *arena, const struct policy_grant *grant, bool ended)
{
    if (!grant)
        return json_null();
    json_t *json = json_pack(
        "{s:n, s:s?, s:n, s:s, s:b}", "uses", "expires_at",
        grant->expires_at_ms ? api_time(arena, grant->expires_at_ms) : NULL, "pid", "ends",
        policy_grant_words(grant, arena), "ended", (int)ended);
    if (grant->uses)
        json_object_set_new(json, "uses", json_integer(ended ? 0 : grant->uses - grant->used));
    if (grant->pid)
        json_object_set_new(json, "pid", json_integer(grant->pid));
    return json;
}

json_t *api_grants_json(struct api_call *call, const struct store_sandbox *sandbox,
                        const struct store_revision *revision)
{
    const struct policy_grants grants = policy_grants_parse(revision->grants_json, call->arena);
    struct store_draft *drafts;
    struct error ignored;
    size_t n = 0;
    json_t *list = json_array();
    if (grants.n &&
        store_draft_granted(call->api->store, sandbox->id, call->arena, &drafts, &n, &ignored) != 0)
        n = 0;
    for (size_t i = 0; i < grants.n; i++) {
        const struct policy_grant *grant = &grants.items[i],
                                  *now = n ? grants_find_stored(drafts, n, grant->chunk,
                                                                call->arena)
                                           : NULL;
        json_t *json = api_grant_json(call->arena, now ? now : grant, !now);
        json_object_set_new(json, "rule", json_string(grant->rule));
        json_object_set_new(json, "chunk", json_string(grant->chunk));
        json_array_append_new(list, json);
    }
    return list;
}
