/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/grant.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "doc/writer.h"
#include "policy/rule.h"

/* ---- as text ---- */

#define TEXT(member) \
    {.name = #member, .kind = SCHEMA_TEXT, .offset = offsetof(struct policy_grant, member)}
#define NUMBER(member)                                                                        \
    {.name = #member, .kind = SCHEMA_I64, .offset = offsetof(struct policy_grant, member),    \
     .min = 0, .max = INT64_MAX}
static const struct schema_field grant_fields[] = {
    TEXT(chunk),    TEXT(rule),    NUMBER(uses), NUMBER(used),     NUMBER(for_ms),
    NUMBER(expires_at_ms), TEXT(boot), NUMBER(boot_ms), NUMBER(pid), NUMBER(host_pid),
    NUMBER(started), {0},
};
const struct schema policy_grant_schema = {
    .name = "grant", .size = sizeof(struct policy_grant), .fields = grant_fields, .open = true};

static const struct schema_field grants_fields[] = {
    {.name = "grants", .kind = SCHEMA_STRUCTS, .offset = offsetof(struct policy_grants, items),
     .count_offset = offsetof(struct policy_grants, n), .sub = &policy_grant_schema,
     .flags = SCHEMA_INLINE},
    {0},
};
static const struct schema grants_schema = {
    .name = "grants", .size = sizeof(struct policy_grants), .fields = grants_fields};

static const void *parse(const struct schema *schema, const char *json, struct arena *arena)
{
    struct problems problems = {0};
    struct doc_node *tree;
    void *record = NULL;
    if (json && *json &&
        (doc_parse_own(json, strlen(json), DOC_NODES_MAX, arena, &tree, &problems) != 0 ||
         schema_decode(schema, tree, "", arena, &record, &problems) != 0))
        record = NULL;
    problems_free(&problems);
    return record;
}

static const char *print(const struct schema *schema, const void *record, struct arena *arena)
{
    struct buf json = {0};
    schema_encode_json(schema, record, &json);
    const char *text = arena_strn(arena, buf_str(&json), json.len);
    buf_free(&json);
    return text;
}

const struct policy_grant *policy_grant_parse(const char *json, struct arena *arena)
{
    return parse(&policy_grant_schema, json, arena);
}

const char *policy_grant_text(const struct policy_grant *grant, struct arena *arena)
{
    return grant ? print(&policy_grant_schema, grant, arena) : "";
}

struct policy_grants policy_grants_parse(const char *json, struct arena *arena)
{
    const struct policy_grants *grants = parse(&grants_schema, json, arena);
    return grants ? *grants : (struct policy_grants){0};
}

const char *policy_grants_text(const struct policy_grants *grants, struct arena *arena)
{
    return grants->n ? print(&grants_schema, grants, arena) : "";
}

/* ---- how it ends ---- */

enum policy_grant_end policy_grant_end(const struct policy_grant *grant)
{
    return grant->uses     ? POLICY_GRANT_USES
           : grant->for_ms ? POLICY_GRANT_FOR
           : grant->pid    ? POLICY_GRANT_PROCESS
                           : POLICY_GRANT_UNTIL;
}

bool policy_grant_same(const struct policy_grant *a, const struct policy_grant *b)
{
    if (!a || !b)
        return a == b;
    enum policy_grant_end end = policy_grant_end(a);
    if (end != policy_grant_end(b))
        return false;
    return a->uses == b->uses && a->for_ms == b->for_ms && a->pid == b->pid &&
           (end != POLICY_GRANT_UNTIL || a->expires_at_ms == b->expires_at_ms);
}

const char *policy_grant_words(const struct policy_grant *grant, struct arena *arena)
{
    char time[CLOCK_TEXT_SIZE];
    switch (policy_grant_end(grant)) {
    case POLICY_GRANT_USES:
        return arena_printf(arena, "after %lld use%s", (long long)grant->uses,
                            grant->uses == 1 ? "" : "s");
    case POLICY_GRANT_FOR:
        return arena_printf(arena, "%s after the approval", duration_text(grant->for_ms, arena));
    case POLICY_GRANT_PROCESS:
        return arena_printf(arena, "with process %lld", (long long)grant->pid);
    default:
        return arena_printf(arena, "at %s", clock_format(grant->expires_at_ms, time));
    }
}

struct policy_grant policy_grant_begin(const struct policy_grant *wish, const char *boot,
                                       int64_t wall_ms, int64_t boot_ms)
{
    struct policy_grant grant = *wish;
    grant.boot = boot;
    grant.used = 0;
    if (grant.for_ms)
        grant.expires_at_ms = wall_ms + grant.for_ms;
    if (grant.expires_at_ms)
        grant.boot_ms = boot_ms + (grant.expires_at_ms - wall_ms);
    return grant;
}

bool policy_grant_is_late(const struct policy_grant *grant, const char *boot, int64_t wall_ms,
                          int64_t boot_ms)
{
    if (!grant->expires_at_ms)
        return false;
    if (wall_ms >= grant->expires_at_ms)
        return true;
    if (!*grant->boot)
        return false;
    return strcmp(grant->boot, boot) == 0 ? boot_ms >= grant->boot_ms : grant->for_ms != 0;
}

/* ---- lists, and the rules of a policy ---- */

const struct policy_grant *policy_grants_of_rule(const struct policy_grants *grants,
                                                 const char *key)
{
    for (size_t i = 0; i < grants->n; i++)
        if (strcmp(grants->items[i].rule, key) == 0)
            return &grants->items[i];
    return NULL;
}

const struct policy_grant *policy_grants_of_chunk(const struct policy_grants *grants,
                                                  const char *chunk)
{
    for (size_t i = 0; i < grants->n; i++)
        if (strcmp(grants->items[i].chunk, chunk) == 0)
            return &grants->items[i];
    return NULL;
}

struct policy_grants policy_grants_kept(const struct policy_grants *grants,
                                        const struct sluice_policy *policy, struct arena *arena)
{
    struct policy_grant *kept = arena_alloc(arena, (grants->n + 1) * sizeof *kept);
    size_t n = 0;
    for (size_t i = 0; i < grants->n; i++)
        if (policy_find_rule(policy, grants->items[i].rule))
            kept[n++] = grants->items[i];
    return (struct policy_grants){kept, n};
}

static struct policy *rebuild(const struct sluice_policy *model, struct error *err)
{
    struct problems problems = {0};
    struct policy *policy = policy_rebuild(model, &problems);
    if (!policy)
        error_set(err, ERROR_INTERNAL, "the policy without what has ended cannot be read: %s",
                  problems.n ? problems.items[0].message : "unknown reason");
    problems_free(&problems);
    return policy;
}

struct policy *policy_without_grants(struct policy *policy, const struct policy_grants *grants,
                                     struct error *err)
{
    const struct sluice_policy *model = policy_model(policy);
    struct arena *arena = arena_new();
    struct sluice_policy rest = *model;
    const struct sluice_rule **rules = arena_alloc(arena, (model->n_rules + 1) * sizeof *rules);
    rest.n_rules = 0;
    for (size_t i = 0; i < model->n_rules; i++)
        if (!policy_grants_of_rule(grants, model->rules[i]->key))
            rules[rest.n_rules++] = model->rules[i];
    rest.rules = rest.n_rules ? rules : NULL;
    struct policy *result =
        rest.n_rules == model->n_rules ? policy_ref(policy) : rebuild(&rest, err);
    arena_free(arena);
    return result;
}
