/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/rules.h"

#include <stdlib.h>
#include <string.h>

#include "doc/writer.h"
#include "policy/rule.h"

/* ---- one rule ---- */

static int first_problem(struct problems *problems, const char *what, struct error *err)
{
    error_set(err, ERROR_INTERNAL, "the store's %s cannot be read: %s", what,
              problems->n ? problems->items[0].message : "unknown reason");
    problems_free(problems);
    return -1;
}

const struct sluice_rule *drafts_rule_decode(const char *json, struct arena *arena,
                                             struct error *err)
{
    struct problems problems = {0};
    const struct sluice_rule *rule = policy_rule_parse(json, arena, &problems);
    if (!rule)
        first_problem(&problems, "rule", err);
    return rule;
}

static const char *encode(const struct schema *schema, const void *record, struct arena *arena)
{
    struct buf json = {0};
    schema_encode_json(schema, record, &json);
    const char *text = arena_strn(arena, buf_str(&json), json.len);
    buf_free(&json);
    return text;
}

const char *drafts_rule_encode(const struct sluice_rule *rule, struct arena *arena)
{
    return encode(&policy_rule_schema, rule, arena);
}

bool drafts_same(const struct schema *schema, const void *a, const void *b)
{
    struct buf x = {0}, y = {0};
    schema_encode_json(schema, a, &x);
    schema_encode_json(schema, b, &y);
    bool equal = strcmp(buf_str(&x), buf_str(&y)) == 0;
    buf_free(&x);
    buf_free(&y);
    return equal;
}

/* ---- rules of a policy ---- */

struct policy *drafts_with_rules(const struct sluice_policy *policy,
                                 const struct sluice_rule *const *rules, size_t n,
                                 struct error *err)
{
    struct sluice_policy model = *policy;
    struct problems problems = {0};
    model.rules = rules;
    model.n_rules = n;
    struct policy *result = policy_rebuild(&model, &problems);
    if (!result)
        error_set(err, ERROR_INTERNAL, "what would remain is no policy: %s",
                  problems.n ? problems.items[0].message : "unknown reason");
    problems_free(&problems);
    return result;
}

bool drafts_same_but_rules(const struct policy *a, const struct policy *b)
{
    struct sluice_policy x = *policy_model(a), y = *policy_model(b);
    x.n_rules = y.n_rules = 0;
    return drafts_same(&policy_schema, &x, &y);
}

/* ---- what an approval changed: two small policies with just those rules ---- */

static int by_key(const void *a, const void *b)
{
    const struct sluice_rule *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

/* The rules of a change as they were (or are), with those of the list that have no other side. */
static void write_side(struct doc_writer *w, const struct sluice_diff *diff, bool after,
                       struct arena *arena)
{
    const struct sluice_rule *const *list = after ? diff->added : diff->removed;
    size_t n = after ? diff->n_added : diff->n_removed;
    const struct sluice_rule **rules =
        arena_alloc(arena, (n + diff->n_changed + 1) * sizeof *rules);
    struct sluice_policy side = {.size = sizeof side, .version = 1, .rules = rules};
    for (size_t i = 0; i < n; i++)
        rules[side.n_rules++] = list[i];
    for (size_t i = 0; i < diff->n_changed; i++)
        rules[side.n_rules++] = after ? diff->changed[i]->after : diff->changed[i]->before;
    qsort(rules, side.n_rules, sizeof *rules, by_key);
    doc_write_key(w, after ? "after" : "before");
    schema_write(&policy_schema, &side, w);
}

const char *drafts_change_encode(const struct sluice_diff *diff, uint64_t base_revision,
                                 const char *hash, bool whole, struct arena *arena)
{
    struct buf json = {0};
    struct doc_json_writer writer;
    struct doc_writer *w = doc_json_writer(&writer, &json);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "base_revision");
    doc_write_number(w, (int64_t)base_revision);
    doc_write_key(w, "hash");
    doc_write_text(w, hash);
    doc_write_key(w, "whole");
    doc_write_bool(w, whole);
    write_side(w, diff, false, arena);
    write_side(w, diff, true, arena);
    doc_write_close(w, DOC_MAP);
    const char *text = arena_strn(arena, buf_str(&json), json.len);
    buf_free(&json);
    return text;
}

static int decode_side(const struct doc_node *root, const char *key, struct arena *arena,
                       struct policy **out, struct error *err)
{
    static const struct doc_node nothing = {.kind = DOC_NULL, .text = ""};
    struct problems problems = {0};
    const struct doc_node *node = doc_get(root, key);
    *out = policy_keep(policy_decode(node ? node : &nothing, "", &problems), arena);
    return *out ? 0 : first_problem(&problems, "undo record", err);
}

static const char *text_at(const struct doc_node *root, const char *key)
{
    const struct doc_node *node = doc_get(root, key);
    return node ? node->text : "";
}

int drafts_change_decode(const char *json, struct arena *arena, struct drafts_change *out,
                         struct error *err)
{
    struct problems problems = {0};
    struct doc_node *root;
    /* Two sides, each as large as a policy at most. */
    if (doc_parse(json, strlen(json), DOC_JSON, 3 * POLICY_BYTES_MAX, arena, &root, &problems))
        return first_problem(&problems, "undo record", err);
    out->base_revision = strtoull(text_at(root, "base_revision"), NULL, 10);
    out->hash = text_at(root, "hash");
    out->whole = strcmp(text_at(root, "whole"), "true") == 0;
    return decode_side(root, "before", arena, &out->before, err) ||
                   decode_side(root, "after", arena, &out->after, err) ? -1 : 0;
}
