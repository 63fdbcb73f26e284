/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes the update document, the answer to every change, and its parts. */
#include <string.h>

#include "doc/jansson.h"
#include "policy/effect/effect.h"
#include "update/update.h"

static json_t *encode_facts(const struct chain_vote *vote)
{
    json_t *facts = json_object();
    for (size_t i = 0; i < vote->n_facts; i++)
        json_object_set_new(facts, vote->facts[i].key, json_string(vote->facts[i].value));
    return facts;
}

static json_t *encode_vote(const struct chain_vote *vote)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "voter", vote->voter,
                             "version", vote->version, "level", vote->level, "verdict",
                             chain_verdict_word(vote->verdict), "code", vote->code, "message",
                             vote->message, "path", vote->path, "duration_us",
                             (json_int_t)((vote->duration_ns + 999) / 1000));
    if (vote->failed)
        json_object_set_new(json, "failed", json_true());
    if (vote->n_facts)
        json_object_set_new(json, "facts", encode_facts(vote));
    return json;
}

json_t *update_votes_json(const struct chain_votes *votes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < votes->n; i++)
        json_array_append_new(list, encode_vote(&votes->items[i]));
    return list;
}

static json_t *encode_rule(const struct sluice_rule *rule)
{
    struct doc_jansson_writer json;
    schema_write(&policy_rule_schema, rule, doc_jansson_writer(&json));
    return doc_jansson_writer_end(&json);
}

static json_t *encode_rules(const struct sluice_rule *const *rules, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:o}", "key", rules[i]->key, "rule",
                                              encode_rule(rules[i])));
    return list;
}

static json_t *encode_changes(const struct sluice_diff *diff)
{
    json_t *list = json_array();
    for (size_t i = 0; i < diff->n_changed; i++) {
        const struct sluice_rule_change *c = diff->changed[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "key", c->after->key, "before",
                                              encode_rule(c->before), "after",
                                              encode_rule(c->after)));
    }
    return list;
}

static json_t *encode_static(const struct sluice_diff *diff)
{
    json_t *list = json_array();
    for (size_t i = 0; i < diff->n_static_changes; i++) {
        const struct sluice_static_change *c = diff->static_changes[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "path", c->path, "before",
                                              c->before, "after", c->after));
    }
    return list;
}

json_t *update_diff_json(const struct sluice_diff *diff)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "added", encode_rules(diff->added, diff->n_added),
                     "removed", encode_rules(diff->removed, diff->n_removed), "changed",
                     encode_changes(diff), "static", encode_static(diff));
}

json_t *update_effect_json(const struct sluice_diff *diff)
{
    const struct policy_effect effect = {
        .relation = diff->relation, .gained = diff->gained, .n_gained = diff->n_gained,
        .lost = diff->lost, .n_lost = diff->n_lost, .note = ""};
    struct doc_jansson_writer json;
    policy_effect_write(&effect, doc_jansson_writer(&json));
    return doc_jansson_writer_end(&json);
}

json_t *update_problems_json(const struct problems *problems)
{
    json_t *list = json_array();
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s}", "path", p->path, "line",
                                              (int)p->line, "column", (int)p->column, "message",
                                              p->message));
    }
    return list;
}

/* Warnings of the document: those of the pipeline and advisory objections of voters. */
static json_t *encode_warnings(const struct update_result *r)
{
    json_t *list = update_problems_json(&r->warnings);
    for (size_t i = 0; i < r->votes.n; i++) {
        const struct chain_vote *v = &r->votes.items[i];
        if (strcmp(v->level, "advisory") == 0 &&
            (v->verdict == SLUICE_DENY || v->verdict == SLUICE_HOLD))
            json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s, s:s, s:s}", "path", v->path,
                                                  "line", 0, "column", 0, "message", v->message,
                                                  "voter", v->voter, "code", v->code));
    }
    return list;
}

json_t *update_document(const struct update_result *r)
{
    json_t *json = json_pack(
        "{s:s, s:I, s:s, s:b, s:s, s:b, s:O, s:o, s:O}", "outcome", chain_outcome_word(r->outcome),
        "revision", (json_int_t)r->revision, "hash", r->hash, "changed", (int)r->changed, "status",
        r->status, "dry_run", (int)r->dry_run, "votes", r->votes_json, "warnings",
        encode_warnings(r), "diff", r->diff_json);
    json_object_set(json, "effect", r->effect_json);
    json_object_set(json, "findings", r->findings_json);
    json_object_set_new(json, "base_revision", json_integer((json_int_t)r->base_revision));
    json_object_set_new(json, "summary",
                        json_string(r->changed || r->asked ? r->tally.why : "nothing changes"));
    if (r->tally.overridden)
        json_object_set_new(json, "overridden", json_true());
    if (*r->decision_id)
        json_object_set_new(json, "decision", json_string(r->decision_id));
    if (*r->draft_id)
        json_object_set_new(json, "draft", json_string(r->draft_id));
    return json;
}
