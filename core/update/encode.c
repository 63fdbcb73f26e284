/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the update document, the answer to every change, and its parts. */
#include <string.h>

#include "base/buf.h"
#include "chain/transition.h"
#include "doc/jansson.h"
#include "policy/effect/effect.h"
#include "update/updates.h"

static void put_text(struct doc_writer *w, const char *key, const char *text)
{
    doc_write_key(w, key);
    doc_write_text(w, text);
}

static void put_number(struct doc_writer *w, const char *key, int64_t number)
{
    doc_write_key(w, key);
    doc_write_number(w, number);
}

static void put_bool(struct doc_writer *w, const char *key, bool value)
{
    doc_write_key(w, key);
    doc_write_bool(w, value);
}

static bool is_last_of_key(const struct chain_vote *vote, size_t at)
{
    for (size_t i = at + 1; i < vote->n_facts; i++)
        if (strcmp(vote->facts[i].key, vote->facts[at].key) == 0)
            return false;
    return true;
}

/* Of several facts with one key, the last one counts. */
static void write_facts(struct doc_writer *w, const struct chain_vote *vote)
{
    doc_write_open(w, DOC_MAP);
    for (size_t i = 0; i < vote->n_facts; i++)
        if (is_last_of_key(vote, i))
            put_text(w, vote->facts[i].key, vote->facts[i].value);
    doc_write_close(w, DOC_MAP);
}

static void write_vote(struct doc_writer *w, const struct chain_vote *vote)
{
    doc_write_open(w, DOC_MAP);
    put_text(w, "voter", vote->voter);
    put_text(w, "version", vote->version);
    put_text(w, "level", vote->level);
    put_text(w, "verdict", chain_verdict_word(vote->verdict));
    put_text(w, "code", vote->code);
    put_text(w, "message", vote->message);
    put_text(w, "path", vote->path);
    put_number(w, "duration_us", (int64_t)((vote->duration_ns + 999) / 1000));
    if (vote->failed)
        put_bool(w, "failed", true);
    if (vote->n_facts) {
        doc_write_key(w, "facts");
        write_facts(w, vote);
    }
    doc_write_close(w, DOC_MAP);
}

void update_votes_write(struct doc_writer *w, const struct chain_votes *votes)
{
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < votes->n; i++)
        write_vote(w, &votes->items[i]);
    doc_write_close(w, DOC_LIST);
}

/* ---- the diff ---- */

static void put_rule(struct doc_writer *w, const char *key, const struct sluice_rule *rule)
{
    doc_write_key(w, key);
    schema_write(&policy_rule_schema, rule, w);
}

static void put_rules(struct doc_writer *w, const char *key, const struct sluice_rule *const *rules,
                      size_t n)
{
    doc_write_key(w, key);
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n; i++) {
        doc_write_open(w, DOC_MAP);
        put_text(w, "key", rules[i]->key);
        put_rule(w, "rule", rules[i]);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
}

static void put_changes(struct doc_writer *w, const struct sluice_diff *diff)
{
    doc_write_key(w, "changed");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < diff->n_changed; i++) {
        const struct sluice_rule_change *c = diff->changed[i];
        doc_write_open(w, DOC_MAP);
        put_text(w, "key", c->after->key);
        put_rule(w, "before", c->before);
        put_rule(w, "after", c->after);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
}

static void put_static(struct doc_writer *w, const struct sluice_diff *diff)
{
    doc_write_key(w, "static");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < diff->n_static_changes; i++) {
        const struct sluice_static_change *c = diff->static_changes[i];
        doc_write_open(w, DOC_MAP);
        put_text(w, "path", c->path);
        put_text(w, "before", c->before);
        put_text(w, "after", c->after);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
}

static void put_diff(struct doc_writer *w, const struct sluice_diff *diff)
{
    put_rules(w, "added", diff->added, diff->n_added);
    put_rules(w, "removed", diff->removed, diff->n_removed);
    put_changes(w, diff);
    put_static(w, diff);
}

static void write_diff(struct doc_writer *w, const struct sluice_diff *diff)
{
    doc_write_open(w, DOC_MAP);
    put_diff(w, diff);
    doc_write_close(w, DOC_MAP);
}

static void write_effect(struct doc_writer *w, const struct sluice_diff *diff)
{
    const struct policy_effect effect = {
        .relation = diff->relation, .gained = diff->gained, .n_gained = diff->n_gained,
        .lost = diff->lost, .n_lost = diff->n_lost, .note = ""};
    policy_effect_write(&effect, w);
}

/* What the diff means. */
static void put_meaning(struct doc_writer *w, const struct update_result *r)
{
    doc_write_key(w, "effect");
    write_effect(w, r->diff);
    doc_write_key(w, "findings");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < r->findings.n; i++)
        schema_write(&chain_finding_schema, r->findings.items[i], w);
    doc_write_close(w, DOC_LIST);
}

void update_recorded_diff_write(struct doc_writer *w, const struct update_result *r)
{
    doc_write_open(w, DOC_MAP);
    put_diff(w, r->diff);
    put_meaning(w, r);
    doc_write_close(w, DOC_MAP);
}

/* ---- the document ---- */

static void write_problem(struct doc_writer *w, const struct problem *p)
{
    doc_write_open(w, DOC_MAP);
    put_text(w, "path", p->path);
    put_number(w, "line", (int64_t)p->line);
    put_number(w, "column", (int64_t)p->column);
    put_text(w, "message", p->message);
    doc_write_close(w, DOC_MAP);
}

static void put_problems(struct doc_writer *w, const struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++)
        write_problem(w, &problems->items[i]);
}

void update_problems_write(struct doc_writer *w, const struct problems *problems)
{
    doc_write_open(w, DOC_LIST);
    put_problems(w, problems);
    doc_write_close(w, DOC_LIST);
}

static void write_objection(struct doc_writer *w, const struct chain_vote *v)
{
    doc_write_open(w, DOC_MAP);
    put_text(w, "path", v->path);
    put_number(w, "line", 0);
    put_number(w, "column", 0);
    put_text(w, "message", v->message);
    put_text(w, "voter", v->voter);
    put_text(w, "code", v->code);
    doc_write_close(w, DOC_MAP);
}

/* Warnings of the document: those of the pipeline and advisory objections of voters. */
static void put_warnings(struct doc_writer *w, const struct update_result *r)
{
    doc_write_key(w, "warnings");
    doc_write_open(w, DOC_LIST);
    put_problems(w, &r->warnings);
    for (size_t i = 0; i < r->votes.n; i++) {
        const struct chain_vote *v = &r->votes.items[i];
        if (strcmp(v->level, "advisory") == 0 &&
            (v->verdict == SLUICE_DENY || v->verdict == SLUICE_HOLD))
            write_objection(w, v);
    }
    doc_write_close(w, DOC_LIST);
}

static void write_document(struct doc_writer *w, const struct update_result *r)
{
    doc_write_open(w, DOC_MAP);
    put_text(w, "outcome", chain_outcome_word(r->outcome));
    put_number(w, "revision", (int64_t)r->revision);
    put_text(w, "hash", r->hash);
    put_bool(w, "changed", r->changed);
    put_text(w, "status", r->status);
    put_bool(w, "dry_run", r->dry_run);
    doc_write_key(w, "votes");
    update_votes_write(w, &r->votes);
    put_warnings(w, r);
    doc_write_key(w, "diff");
    write_diff(w, r->diff);
    put_meaning(w, r);
    put_number(w, "base_revision", (int64_t)r->base_revision);
    const char *summary = r->changed || r->asked ? r->tally.why : "nothing changes";
    if (summary)
        put_text(w, "summary", summary);
    if (r->tally.overridden)
        put_bool(w, "overridden", true);
    if (*r->decision_id)
        put_text(w, "decision", r->decision_id);
    if (*r->draft_id)
        put_text(w, "draft", r->draft_id);
    doc_write_close(w, DOC_MAP);
}

char *update_document_text(const struct update_result *result)
{
    struct buf out = {0};
    struct doc_json_writer json;
    write_document(doc_json_writer(&json, &out), result);
    return buf_take(&out);
}

/* ---- as values of jansson ---- */

json_t *update_document(const struct update_result *result)
{
    struct doc_jansson_writer json;
    write_document(doc_jansson_writer(&json), result);
    return doc_jansson_writer_end(&json);
}

json_t *update_votes_json(const struct chain_votes *votes)
{
    struct doc_jansson_writer json;
    update_votes_write(doc_jansson_writer(&json), votes);
    return doc_jansson_writer_end(&json);
}

json_t *update_diff_json(const struct sluice_diff *diff)
{
    struct doc_jansson_writer json;
    write_diff(doc_jansson_writer(&json), diff);
    return doc_jansson_writer_end(&json);
}

json_t *update_effect_json(const struct sluice_diff *diff)
{
    struct doc_jansson_writer json;
    write_effect(doc_jansson_writer(&json), diff);
    return doc_jansson_writer_end(&json);
}

json_t *update_problems_json(const struct problems *problems)
{
    struct doc_jansson_writer json;
    update_problems_write(doc_jansson_writer(&json), problems);
    return doc_jansson_writer_end(&json);
}
