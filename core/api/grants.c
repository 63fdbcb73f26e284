/* SPDX-License-Identifier: Apache-2.0 */
#include "api/grants.h"

#include <stddef.h>

#include "base/clock.h"
#include "chain/options.h"
#include "runtime/supervisor/grants.h"

enum { USES_MAX = 1000000, PID_MAX = 4194304 };
#define FOR_MAX_MS (INT64_C(10) * 365 * 24 * 3600 * 1000)

/* ---- bodies ---- */

static int decode_for(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct policy_grant *grant = record;
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    if (options_duration(text, &grant->for_ms) != 0 || grant->for_ms <= 0 ||
        grant->for_ms > FOR_MAX_MS)
        return schema_problem(d, value,
                              "must be a duration from 1ms to 3650d such as 90s, 10m or 2h, not %s",
                              schema_show(d, value));
    return 0;
}

static int decode_time(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct policy_grant *grant = record;
    char now[CLOCK_TEXT_SIZE];
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    if (clock_parse(text, &grant->expires_at_ms) != 0)
        return schema_problem(d, value, "must be a time such as 2026-01-31T08:05:00Z, not %s",
                              schema_show(d, value));
    if (grant->expires_at_ms <= clock_now_ms())
        return schema_problem(d, value, "must be a time to come; %s is past, it is %s", text,
                              clock_format(clock_now_ms(), now));
    return 0;
}

static int check_grant(struct schema_decoder *d, void *record)
{
    struct policy_grant *grant = record;
    int n = (grant->uses != 0) + (grant->for_ms != 0) + (grant->expires_at_ms != 0) +
            (grant->pid != 0);
    grant->chunk = grant->rule = grant->boot = "";
    return n == 1 ? 0
                  : schema_problem(d, NULL,
                                   "a grant ends in one way: it has one of uses, for, expires_at "
                                   "and pid, not %d of them",
                                   n);
}

#define AT(member) .offset = offsetof(struct policy_grant, member)
static const struct schema_field grant_fields[] = {
    {.name = "uses", .kind = SCHEMA_I64, AT(uses), .min = 1, .max = USES_MAX,
     .help = "It ends after so many uses: connections or, where requests are inspected, requests"},
    {.name = "for", .kind = SCHEMA_CUSTOM, AT(for_ms), .decode = decode_for,
     .help = "It ends so long after the approval, such as 10m"},
    {.name = "expires_at", .kind = SCHEMA_CUSTOM, AT(expires_at_ms), .decode = decode_time,
     .help = "It ends at this time, such as 2026-01-31T08:05:00Z"},
    {.name = "pid", .kind = SCHEMA_I64, AT(pid), .min = 1, .max = PID_MAX,
     .help = "It is for the process tree of this process, as the sandbox sees it, and ends with "
             "the process"},
    {0},
};
#undef AT
const struct schema body_grant_schema = {.name = "grant", .size = sizeof(struct policy_grant),
                                         .fields = grant_fields, .finish = check_grant};

/* ---- answers ---- */

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
