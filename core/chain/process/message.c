/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/message.h"

#include <stddef.h>
#include <string.h>

#include "chain/chain.h"
#include "chain/process/frame.h"
#include "doc/writer.h"
#include "policy/effect/effect.h"
#include "policy/policy.h"

/* Of a message: room for a document and what stands around it, and for a gateway whose voters tell
 * what they like. */
enum { VALUES_MAX = 4 * DOC_NODES_MAX };

static const char *const types[] = {
#define X(id, word, member) [MESSAGE_##id] = word,
    MESSAGES(X)
#undef X
};

static const char *const roles[] = {
#define X(id, word, member) [ROLE_##id] = word,
    MESSAGE_ROLES(X)
#undef X
    NULL,
};

#define FIELD(id, member, field_kind, ...)                                                    \
    {                                                                                         \
        .name = #member, .kind = field_kind, .offset = offsetof(struct message_##id, member), \
        __VA_ARGS__                                                                           \
    }
#define LIST(id, member, field_kind, ...)                                                    \
    FIELD(id, member, field_kind, .count_offset = offsetof(struct message_##id, n_##member), \
          __VA_ARGS__)
#define TEXT(id, member) FIELD(id, member, SCHEMA_TEXT, .flags = SCHEMA_LINES)
#define NEEDED(id, member) FIELD(id, member, SCHEMA_TEXT, .flags = SCHEMA_REQUIRED)
/* Written and checked by message_encode and message_decode themselves. */
#define TYPE {.name = "type", .kind = SCHEMA_TEXT, .flags = SCHEMA_IGNORED}
#define TABLE(id) \
    static const struct schema id##_schema = { \
        .name = #id " message", .size = sizeof(struct message_##id), .fields = id##_fields}

static const struct schema_field open_fields[] = {
    TYPE,
    FIELD(open, protocol, SCHEMA_U32, .flags = SCHEMA_REQUIRED | SCHEMA_KEEP),
    LIST(open, plugin_dirs, SCHEMA_TEXTS),
    TEXT(open, base_dir),
    FIELD(open, voter, SCHEMA_STRUCT, .sub = &chain_voter_config_schema, .flags = SCHEMA_REQUIRED),
    {0},
};
TABLE(open);

/* A document of its own: the paths of its values begin with it, not with the message. */
static int decode_policy(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct message_policy *message = record;
    void *policy;
    if (schema_decode(&policy_schema, value, "", schema_arena(d), &policy, NULL) != 0)
        return schema_problem(d, value, "is no policy");
    message->policy = policy;
    return 0;
}

static const struct schema_field policy_fields[] = {
    TYPE,
    FIELD(policy, role, SCHEMA_TEXT, .flags = SCHEMA_REQUIRED, .words = roles),
    FIELD(policy, policy, SCHEMA_STRUCT, .sub = &policy_schema, .decode = decode_policy),
    {0},
};
#define policy_schema message_policy_schema
TABLE(policy);
#undef policy_schema

static const struct schema_field diff_fields[] = {
    NEEDED(diff, relation),
    LIST(diff, gained, SCHEMA_STRUCTS, .sub = &chain_reach_schema),
    LIST(diff, lost, SCHEMA_STRUCTS, .sub = &chain_reach_schema),
    LIST(diff, added, SCHEMA_TEXTS),
    LIST(diff, removed, SCHEMA_TEXTS),
    LIST(diff, changed, SCHEMA_TEXTS),
    LIST(diff, static_changes, SCHEMA_STRUCTS, .sub = &chain_static_change_schema),
    {0},
};
TABLE(diff);

static const struct schema_field vote_fields[] = {
    TYPE,
    FIELD(vote, id, SCHEMA_I64, .flags = SCHEMA_REQUIRED | SCHEMA_KEEP),
    FIELD(vote, transition, SCHEMA_STRUCT, .sub = &chain_transition_schema,
          .flags = SCHEMA_REQUIRED),
    FIELD(vote, diff, SCHEMA_STRUCT, .sub = &diff_schema, .flags = SCHEMA_REQUIRED),
    {0},
};
TABLE(vote);

static const struct schema_field inspect_fields[] = {
    TYPE,
    FIELD(inspect, id, SCHEMA_I64, .flags = SCHEMA_REQUIRED | SCHEMA_KEEP),
    FIELD(inspect, request, SCHEMA_STRUCT, .sub = &chain_request_schema,
          .flags = SCHEMA_REQUIRED),
    FIELD(inspect, may_change, SCHEMA_BOOL),
    {0},
};
TABLE(inspect);

static const struct schema_field observe_fields[] = {
    TYPE,
    FIELD(observe, transition, SCHEMA_STRUCT, .sub = &chain_transition_schema,
          .flags = SCHEMA_REQUIRED),
    FIELD(observe, diff, SCHEMA_STRUCT, .sub = &diff_schema, .flags = SCHEMA_REQUIRED),
    NEEDED(observe, outcome),
    FIELD(observe, revision, SCHEMA_I64),
    {0},
};
TABLE(observe);

static const struct schema_field code_fields[] = {NEEDED(code, code), TEXT(code, help), {0}};
TABLE(code);

static const struct schema_field option_fields[] = {
    NEEDED(option, name),
    NEEDED(option, type),
    TEXT(option, fallback),
    FIELD(option, has_fallback, SCHEMA_BOOL),
    TEXT(option, help),
    {0},
};
TABLE(option);

static const struct schema_field opened_fields[] = {
    TYPE,
    FIELD(opened, protocol, SCHEMA_U32, .flags = SCHEMA_REQUIRED | SCHEMA_KEEP),
    NEEDED(opened, name),
    TEXT(opened, version),
    TEXT(opened, summary),
    TEXT(opened, path),
    TEXT(opened, sha256),
    FIELD(opened, options, SCHEMA_JSON),
    FIELD(opened, any_code, SCHEMA_BOOL),
    FIELD(opened, observes, SCHEMA_BOOL),
    FIELD(opened, votes, SCHEMA_BOOL, .fallback = "true"),
    FIELD(opened, inspects, SCHEMA_BOOL),
    FIELD(opened, inspects_responses, SCHEMA_BOOL),
    LIST(opened, codes, SCHEMA_STRUCTS, .sub = &code_schema),
    LIST(opened, option_table, SCHEMA_STRUCTS, .sub = &option_schema),
    {0},
};
TABLE(opened);

static const struct schema_field refused_fields[] = {
    TYPE, TEXT(refused, text), FIELD(refused, options, SCHEMA_BOOL), {0},
};
TABLE(refused);

static const struct schema_field fact_fields[] = {NEEDED(fact, key), TEXT(fact, value), {0}};
TABLE(fact);

static int decode_value(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    return chain_read_bytes(d, value, &((struct message_header *)record)->value);
}

static void encode_value(const void *record, struct doc_writer *w)
{
    chain_write_bytes(w, ((const struct message_header *)record)->value);
}

static const struct schema_field header_fields[] = {
    NEEDED(header, name),
    FIELD(header, value, SCHEMA_TEXT, .decode = decode_value, .encode = encode_value),
    {0},
};
TABLE(header);

static const struct schema_field voted_fields[] = {
    TYPE,
    FIELD(voted, id, SCHEMA_I64, .flags = SCHEMA_REQUIRED | SCHEMA_KEEP),
    NEEDED(voted, verdict),
    TEXT(voted, code),
    TEXT(voted, path),
    TEXT(voted, message),
    LIST(voted, facts, SCHEMA_STRUCTS, .sub = &fact_schema),
    LIST(voted, set_headers, SCHEMA_STRUCTS, .sub = &header_schema),
    LIST(voted, remove_headers, SCHEMA_TEXTS),
    FIELD(voted, body, SCHEMA_TEXT, .flags = SCHEMA_NULLABLE),
    {0},
};
TABLE(voted);

static const struct schema_field failed_fields[] = {
    TYPE,
    FIELD(failed, id, SCHEMA_I64, .flags = SCHEMA_REQUIRED | SCHEMA_KEEP),
    TEXT(failed, text),
    {0},
};
TABLE(failed);

static const struct schema *schema_of(enum message_type type)
{
    static const struct schema *const schemas[] = {
        [MESSAGE_OPEN] = &open_schema,       [MESSAGE_POLICY] = &message_policy_schema,
        [MESSAGE_VOTE] = &vote_schema,       [MESSAGE_OBSERVE] = &observe_schema,
        [MESSAGE_INSPECT] = &inspect_schema,
        [MESSAGE_OPENED] = &opened_schema,   [MESSAGE_REFUSED] = &refused_schema,
        [MESSAGE_VOTED] = &voted_schema,     [MESSAGE_FAILED] = &failed_schema,
    };
    return schemas[type];
}

void message_encode(enum message_type type, const void *record, struct buf *out)
{
    struct doc_json_writer json;
    size_t begin = frame_begin(out);
    struct doc_writer *w = doc_json_writer(&json, out);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "type");
    doc_write_text(w, types[type]);
    schema_write_fields(schema_of(type), record, w);
    doc_write_close(w, DOC_MAP);
    frame_end(out, begin);
}

int message_decode(const char *json, size_t len, struct arena *arena, struct message *out,
                   struct error *err)
{
    struct problems problems = {0};
    struct doc_node *node;
    void *record;
    if (doc_parse_own(json, len, VALUES_MAX, arena, &node, &problems) != 0)
        return problems_first(&problems, ERROR_MALFORMED, err);
    const struct doc_node *type = doc_get(node, "type");
    for (int i = 0; type && i < MESSAGE_TYPES; i++) {
        if (strcmp(types[i], type->text) != 0)
            continue;
        if (schema_decode(schema_of((enum message_type)i), node, "", arena, &record, &problems) !=
            0)
            return problems_first(&problems, ERROR_MALFORMED, err);
        *out = (struct message){.type = (enum message_type)i, .record = record};
        return 0;
    }
    return error_set(err, ERROR_MALFORMED, "a message without a type that is known");
}

static const char *const *keys_of(const struct sluice_rule *const *rules, size_t n,
                                  struct arena *arena)
{
    const char **keys = arena_alloc(arena, (n + 1) * sizeof *keys);
    for (size_t i = 0; i < n; i++)
        keys[i] = rules[i]->key;
    return keys;
}

const struct message_diff *message_diff_of(const struct sluice_diff *diff, struct arena *arena)
{
    struct message_diff *out = arena_zalloc(arena, sizeof *out);
    const char **changed = arena_alloc(arena, (diff->n_changed + 1) * sizeof *changed);
    for (size_t i = 0; i < diff->n_changed; i++)
        changed[i] = diff->changed[i]->after->key;
    *out = (struct message_diff){
        .relation = policy_relation_word(diff->relation),
        .gained = diff->gained, .n_gained = diff->n_gained,
        .lost = diff->lost, .n_lost = diff->n_lost,
        .added = keys_of(diff->added, diff->n_added, arena), .n_added = diff->n_added,
        .removed = keys_of(diff->removed, diff->n_removed, arena), .n_removed = diff->n_removed,
        .changed = changed, .n_changed = diff->n_changed,
        .static_changes = diff->static_changes, .n_static_changes = diff->n_static_changes,
    };
    return out;
}

static const struct sluice_rule *find_rule(const struct sluice_policy *policy, const char *key)
{
    for (size_t i = 0; policy && i < policy->n_rules; i++)
        if (strcmp(policy->rules[i]->key, key) == 0)
            return policy->rules[i];
    return NULL;
}

/* NULL when one of them is not there. */
static const struct sluice_rule *const *find_rules(const struct sluice_policy *policy,
                                                   const char *const *keys, size_t n,
                                                   struct arena *arena)
{
    const struct sluice_rule **rules = arena_zalloc(arena, (n + 1) * sizeof *rules);
    for (size_t i = 0; i < n; i++)
        if (!(rules[i] = find_rule(policy, keys[i])))
            return NULL;
    return rules;
}

static const struct sluice_rule_change *const *pair_up(const struct sluice_rule *const *before,
                                                       const struct sluice_rule *const *after,
                                                       size_t n, struct arena *arena)
{
    const struct sluice_rule_change **changes = arena_zalloc(arena, (n + 1) * sizeof *changes);
    for (size_t i = 0; i < n; i++) {
        struct sluice_rule_change *change = arena_alloc(arena, sizeof *change);
        *change = (struct sluice_rule_change){sizeof *change, before[i], after[i]};
        changes[i] = change;
    }
    return changes;
}

int message_diff_resolve(const struct message_diff *diff, struct sluice_transition *t,
                         struct arena *arena, struct error *err)
{
    const struct sluice_rule *const *added =
        find_rules(t->candidate, diff->added, diff->n_added, arena);
    const struct sluice_rule *const *removed =
        find_rules(t->current, diff->removed, diff->n_removed, arena);
    const struct sluice_rule *const *before =
        find_rules(t->current, diff->changed, diff->n_changed, arena);
    const struct sluice_rule *const *after =
        find_rules(t->candidate, diff->changed, diff->n_changed, arena);
    if (!added || !removed || !before || !after)
        return error_set(err, ERROR_MALFORMED, "the diff names a rule that is not there");
    int relation = policy_relation(diff->relation);
    if (relation < 0)
        return error_set(err, ERROR_MALFORMED, "the diff has no relation");
    struct sluice_diff *out = arena_zalloc(arena, sizeof *out);
    *out = (struct sluice_diff){
        .size = sizeof *out, .relation = (enum sluice_relation)relation,
        .gained = diff->gained, .n_gained = diff->n_gained,
        .lost = diff->lost, .n_lost = diff->n_lost,
        .added = added, .n_added = diff->n_added,
        .removed = removed, .n_removed = diff->n_removed,
        .changed = pair_up(before, after, diff->n_changed, arena), .n_changed = diff->n_changed,
        .static_changes = diff->static_changes, .n_static_changes = diff->n_static_changes,
    };
    t->diff = out;
    return 0;
}

int message_verdict(const char *word)
{
    for (int v = 0; v < SLUICE_VERDICT_COUNT; v++)
        if (strcmp(word, chain_verdict_word((enum sluice_verdict)v)) == 0)
            return v;
    return -1;
}

int message_role(const char *word)
{
    for (int i = 0; roles[i]; i++)
        if (strcmp(roles[i], word) == 0)
            return i;
    return -1;
}
