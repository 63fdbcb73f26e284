/* SPDX-License-Identifier: Apache-2.0 */
/* Whether some query passes on one side and not on the other.
 *
 * A query gives each key a set of values.  A matcher of an allow rule wants a set that is not empty
 * and within its globs, one of a deny rule a set that meets them.  Values are told apart only as
 * far as globs do, so a set of values is a set of classes.  What is asked for is found by trying,
 * for each rule that must not apply, which of its matchers fails. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "policy/effect/requests_parts.h"

enum { KEYS_MAX = 16, CLASSES_MAX = 63, HITS_MAX = 32, TRIES_MAX = 4096 };

struct key {
    const char *name;
    struct effect_space values;
};

/* What is known of one key's values on the way to an example. */
struct bounds {
    uint64_t within;                                /* classes that its values may have */
    uint64_t hits[HITS_MAX];                        /* of each of these one value at least */
    size_t n_hits;
    bool present, absent;
};

/* A matcher of a rule: its key, and the classes that it matches. */
struct matcher {
    size_t key;
    uint64_t mask;
};

struct rule {
    struct effect_entry *entry;
    struct matcher *matchers;
    size_t n;
};

struct rules {
    struct rule *items;
    size_t n;
};

struct question {
    struct effect_requests *q;
    const struct effect_method *m;
    struct rules allow[2], deny[2];                 /* of where it passes, and where it does not */
    struct key keys[KEYS_MAX];
    size_t n_keys;
    unsigned tries;
    bool too_large, unknown;                        /* the question; one answer to it */
};

struct answer {
    struct bounds keys[KEYS_MAX];
};

/* ---- keys and classes of values ---- */

static struct key *find_key(struct question *qu, const char *name)
{
    for (size_t i = 0; i < qu->n_keys; i++)
        if (strcmp(qu->keys[i].name, name) == 0)
            return &qu->keys[i];
    if (qu->n_keys == KEYS_MAX) {
        qu->too_large = true;
        return NULL;
    }
    struct key *key = &qu->keys[qu->n_keys++];
    key->name = name;
    effect_space_init(&key->values, EFFECT_TEXTS, qu->q->arena, qu->q->t->budget);
    uint32_t any = effect_pattern(&key->values, "**");
    key->values.patterns[any].relevant = true;
    return key;
}

static void add_matchers(struct question *qu, struct effect_entry *const *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sluice_l7_rule *r = entries[i]->rule;
        for (size_t j = 0; r && j < r->n_query; j++) {
            struct key *key = find_key(qu, r->query[j]->key);
            for (size_t k = 0; key && k < r->query[j]->n_any; k++)
                if (*r->query[j]->any[k])
                    effect_pattern(&key->values, r->query[j]->any[k]);
        }
    }
}

static void classify(struct question *qu)
{
    for (size_t i = 0; i < qu->n_keys; i++) {
        effect_classify(&qu->keys[i].values);
        qu->too_large |= qu->keys[i].values.n_classes > CLASSES_MAX;
    }
}

static uint64_t all_of(const struct key *key)
{
    return ((uint64_t)1 << key->values.n_classes) - 1;
}

/* The classes that one of the matcher's globs matches. */
static uint64_t mask_of(struct key *key, const struct sluice_matcher *m)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < m->n_any; i++) {
        uint32_t pattern =
            *m->any[i] ? effect_pattern(&key->values, m->any[i]) : (uint32_t)EFFECT_NEVER;
        for (size_t c = 0; c < key->values.n_classes; c++)
            for (size_t j = 0; j < key->values.classes[c].n; j++)
                if (key->values.classes[c].members[j] == pattern)
                    mask |= (uint64_t)1 << c;
    }
    return mask;
}

static struct rules read_rules(struct question *qu, struct effect_entry *const *entries, size_t n)
{
    struct arena *arena = qu->q->arena;
    struct rules rules = {arena_alloc(arena, (n + 1) * sizeof *rules.items), n};
    for (size_t i = 0; i < n; i++) {
        const struct sluice_l7_rule *r = entries[i]->rule;
        struct rule *rule = &rules.items[i];
        *rule = (struct rule){.entry = entries[i], .n = r ? r->n_query : 0};
        rule->matchers = arena_alloc(arena, (rule->n + 1) * sizeof *rule->matchers);
        for (size_t j = 0; j < rule->n; j++) {
            struct key *key = find_key(qu, r->query[j]->key);
            rule->matchers[j] = (struct matcher){(size_t)(key - qu->keys),
                                                 mask_of(key, r->query[j])};
        }
    }
    return rules;
}

/* ---- bounds ---- */

static bool possible(const struct bounds *b)
{
    if (b->absent)
        return !b->present && !b->n_hits;
    for (size_t i = 0; i < b->n_hits; i++)
        if (!(b->hits[i] & b->within))
            return false;
    return !b->present || b->within;
}

static bool hit(struct question *qu, struct bounds *b, uint64_t mask)
{
    if (b->n_hits == HITS_MAX) {
        qu->unknown = true;
        return false;
    }
    b->hits[b->n_hits++] = mask;
    return possible(b);
}

static bool try(struct question *qu)
{
    qu->unknown |= ++qu->tries > TRIES_MAX;
    return !qu->unknown && effect_spend(qu->q->t->budget, 4);
}

/* Where it must not pass, a rule denies it: all its matchers apply. */
static bool applies(struct question *qu, const struct rule *rule, struct answer *out)
{
    for (size_t i = 0; i < rule->n; i++)
        if (!hit(qu, &out->keys[rule->matchers[i].key], rule->matchers[i].mask))
            return false;
    return true;
}

/* Where it must not pass, no allow rule from this one on applies. */
static bool none_allows(struct question *qu, size_t from, struct answer *out)
{
    if (from == qu->allow[1].n)
        return true;
    const struct rule *rule = &qu->allow[1].items[from];
    for (size_t i = 0; i < rule->n && try(qu); i++) {
        const struct matcher *m = &rule->matchers[i];
        struct answer without = *out, outside = *out;
        without.keys[m->key].absent = true;
        if (possible(&without.keys[m->key]) && none_allows(qu, from + 1, &without)) {
            *out = without;
            return true;
        }
        if (hit(qu, &outside.keys[m->key], all_of(&qu->keys[m->key]) & ~m->mask) &&
            none_allows(qu, from + 1, &outside)) {
            *out = outside;
            return true;
        }
    }
    return false;
}

static bool does_not_pass(struct question *qu, struct answer *out)
{
    struct answer tried = *out;
    bool found = none_allows(qu, 0, &tried);
    for (size_t i = 0; i < qu->deny[1].n && !found && try(qu); i++) {
        tried = *out;
        found = applies(qu, &qu->deny[1].items[i], &tried);
    }
    *out = tried;
    return found;
}

/* Where it passes, no deny rule from this one on applies; and then the other side. */
static bool none_denies(struct question *qu, size_t from, struct answer *out)
{
    if (from == qu->deny[0].n)
        return does_not_pass(qu, out);
    const struct rule *rule = &qu->deny[0].items[from];
    for (size_t i = 0; i < rule->n && try(qu); i++) {
        const struct matcher *m = &rule->matchers[i];
        struct answer tried = *out;
        tried.keys[m->key].within &= ~m->mask;
        if (possible(&tried.keys[m->key]) && none_denies(qu, from + 1, &tried)) {
            *out = tried;
            return true;
        }
    }
    return false;
}

/* A query that the rule allows where it passes, and that does not pass on the other side. */
static bool find_example(struct question *qu, const struct rule *rule, struct answer *out)
{
    *out = (struct answer){0};
    for (size_t k = 0; k < qu->n_keys; k++)
        out->keys[k].within = all_of(&qu->keys[k]);
    for (size_t i = 0; i < rule->n; i++) {
        struct bounds *b = &out->keys[rule->matchers[i].key];
        b->within &= rule->matchers[i].mask;
        b->present = true;
        if (!possible(b))
            return false;
    }
    return none_denies(qu, 0, out);
}

/* ---- what is told ---- */

static void print_text(const char *text, struct buf *out)
{
    for (const char *p = text; *p; p++)
        if (isalnum((unsigned char)*p) || strchr("-._~/:", *p))
            buf_putc(out, *p);
        else
            buf_printf(out, "%%%02X", (unsigned char)*p);
}

static void print_value(const struct key *key, uint64_t classes, uint64_t *done, struct buf *out)
{
    size_t c = 0;
    while (!(classes >> c & 1))
        c++;
    if (*done >> c & 1)
        return;
    *done |= (uint64_t)1 << c;
    buf_putc(out, strchr(buf_str(out), '?') ? '&' : '?');
    print_text(key->name, out);
    buf_putc(out, '=');
    print_text(key->values.classes[c].example, out);
}

static void print_example(const struct question *qu, const struct answer *answer, struct buf *out)
{
    buf_puts(out, qu->q->path);
    for (size_t k = 0; k < qu->n_keys; k++) {
        const struct bounds *b = &answer->keys[k];
        uint64_t done = 0;
        for (size_t i = 0; i < b->n_hits; i++)
            print_value(&qu->keys[k], b->hits[i] & b->within, &done, out);
        if (b->present && !b->n_hits)
            print_value(&qu->keys[k], b->within, &done, out);
    }
}

static void compare_rule(struct question *qu, const struct rule *rule)
{
    struct answer answer;
    struct buf path = {0};
    struct effect_sent example = EFFECT_SENT_NOTHING;
    qu->tries = 0;
    qu->unknown = false;
    bool found = find_example(qu, rule, &answer);
    if (qu->unknown) {
        effect_tell_unknown(qu->q, rule->entry);
    } else if (found) {
        print_example(qu, &answer, &path);
        example.method = qu->m->method;
        example.path = buf_str(&path);
        effect_tell(qu->q, rule->entry, &example);
    }
    buf_free(&path);
}

static bool have_queries(struct effect_entry *const *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (entries[i]->rule && entries[i]->rule->n_query)
            return true;
    return false;
}

static void compare_methods(struct effect_requests *q, const struct effect_method *m, unsigned a)
{
    struct effect_sent example = EFFECT_SENT_NOTHING;
    bool here = m->n_allow[a] && !m->n_deny[a], there = m->n_allow[!a] && !m->n_deny[!a];
    example.method = m->method;
    example.path = q->path;
    if (here && !there)
        effect_tell(q, m->allow[a][0], &example);
}

void effect_compare_queries(struct effect_requests *q, const struct effect_method *m, unsigned a)
{
    struct question qu = {.q = q, .m = m};
    bool any = false;
    for (unsigned side = 0; side < EFFECT_SIDES; side++)
        any |= have_queries(m->allow[side], m->n_allow[side]) ||
               have_queries(m->deny[side], m->n_deny[side]);
    if (!any) {
        compare_methods(q, m, a);
        return;
    }
    for (unsigned side = 0; side < EFFECT_SIDES; side++) {
        add_matchers(&qu, m->allow[side], m->n_allow[side]);
        add_matchers(&qu, m->deny[side], m->n_deny[side]);
    }
    classify(&qu);
    for (unsigned i = 0; i < 2 && !qu.too_large; i++) {
        unsigned side = i ? !a : a;
        qu.allow[i] = read_rules(&qu, m->allow[side], m->n_allow[side]);
        qu.deny[i] = read_rules(&qu, m->deny[side], m->n_deny[side]);
    }
    for (size_t i = 0; i < m->n_allow[a] && qu.too_large; i++)
        effect_tell_unknown(q, m->allow[a][i]);
    for (size_t i = 0; i < qu.allow[0].n && !qu.too_large; i++)
        compare_rule(&qu, &qu.allow[0].items[i]);
}
