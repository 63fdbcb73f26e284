/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/learn/learn.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "policy/check/check.h"
#include "policy/learn/learn_parts.h"

/* What one program may do. */
struct program {
    const char *path, *key;
    struct learn_endpoints endpoints;
};

struct programs {
    struct program *items;
    size_t n, room;
};

/* ---- programs ---- */

/* The name of its file, as far as it has letters and digits. */
static char *plain_name(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path;
    char *name = arena_str(arena, from), *end = name;
    for (const char *p = from; *p; p++) {
        if (isalnum((unsigned char)*p))
            *end++ = (char)tolower((unsigned char)*p);
        else if (end > name && end[-1] != '_')
            *end++ = '_';
    }
    while (end > name && end[-1] == '_')
        end--;
    *end = '\0';
    return *name ? name : arena_str(arena, "program");
}

static bool is_taken(const struct programs *programs, const char *key)
{
    for (size_t i = 0; i < programs->n; i++)
        if (strcmp(programs->items[i].key, key) == 0)
            return true;
    return false;
}

static const char *find_key(const struct programs *programs, const char *path, struct arena *arena)
{
    enum { KEY_MAX = 64 };
    char *name = plain_name(path, arena);
    const char *key = name;
    if (strlen(name) > KEY_MAX)
        name[KEY_MAX] = '\0';
    for (unsigned i = 2; is_taken(programs, key); i++)
        key = arena_printf(arena, "%s_%u", name, i);
    return key;
}

static struct program *program_of(struct programs *programs, const char *path, struct arena *arena)
{
    if (programs->n && strcmp(programs->items[programs->n - 1].path, path) == 0)
        return &programs->items[programs->n - 1];
    programs->items = arena_grow(arena, programs->items, programs->n, &programs->room,
                                 sizeof *programs->items);
    programs->items[programs->n] =
        (struct program){.path = path, .key = find_key(programs, path, arena)};
    return &programs->items[programs->n++];
}

static void find_slashed(struct learn_run *run, const struct learn_places *places)
{
    run->slashed = arena_alloc(run->arena, (places->n + 1) * sizeof *run->slashed);
    for (size_t i = 0; i < places->n; i++) {
        const struct learn_place *place = &places->items[i];
        size_t at = 0;
        while (at < place->n && !strstr(place->items[at].seen->path, "%2F"))
            at++;
        if (at < place->n)
            run->slashed[run->n_slashed++] = place->items[at].seen;
    }
}

static int learn_programs(struct learn_run *run, const struct learn_places *places,
                          struct programs *out, struct error *err)
{
    for (size_t i = 0; i < places->n; i++) {
        struct learn_place *place = &places->items[i];
        struct program *program = program_of(out, place->connection.binary, run->arena);
        if (learn_endpoints_of(run, place, &program->endpoints, err) != 0)
            return -1;
        if (!program->endpoints.n)
            out->n--;
    }
    return 0;
}

static int by_key(const void *left, const void *right)
{
    const struct program *a = left, *b = right;
    return strcmp(a->key, b->key);
}

/* ---- the policy ---- */

static const struct sluice_rule *make_rule(const struct program *program, struct arena *arena)
{
    struct sluice_rule *rule = arena_zalloc(arena, sizeof *rule);
    struct sluice_binary *binary = arena_zalloc(arena, sizeof *binary);
    const struct sluice_binary **binaries = arena_alloc(arena, sizeof *binaries);
    const struct sluice_endpoint **endpoints =
        arena_alloc(arena, program->endpoints.n * sizeof *endpoints);
    *binary = (struct sluice_binary){.size = sizeof *binary, .path = program->path, .doc_path = ""};
    binaries[0] = binary;
    for (size_t i = 0; i < program->endpoints.n; i++)
        endpoints[i] = program->endpoints.items[i].endpoint;
    *rule = (struct sluice_rule){
        .size = sizeof *rule, .key = program->key, .name = program->key, .doc_path = "",
        .endpoints = endpoints, .n_endpoints = program->endpoints.n,
        .binaries = binaries, .n_binaries = 1};
    return rule;
}

static struct policy *make_policy(const struct sluice_policy *ceiling,
                                  const struct programs *programs, struct arena *arena,
                                  struct problems *problems)
{
    const struct sluice_rule **rules = arena_alloc(arena, (programs->n + 1) * sizeof *rules);
    struct sluice_policy model = *ceiling;
    for (size_t i = 0; i < programs->n; i++)
        rules[i] = make_rule(&programs->items[i], arena);
    model.version = 1;
    model.rules = rules;
    model.n_rules = programs->n;
    return policy_rebuild(&model, problems);
}

/* A document that nobody could set is no success. */
static int check_policy(const struct policy *policy, struct problems *problems)
{
    struct problems warnings = {0};
    int rc = policy ? policy_check(policy, problems, &warnings) : -1;
    problems_free(&warnings);
    return rc;
}

static int fail(const struct problems *problems, struct error *err)
{
    const struct problem *p = &problems->items[0];
    bool too_large = !*p->path;
    return error_set(err, ERROR_INVALID, "what was learned is no policy: %s%s%s%s", p->path,
                     *p->path ? ": " : "", p->message,
                     too_large ? "; fewer paths (--max-paths), or less time (--from, --to), make "
                                 "it smaller"
                               : "");
}

/* ---- its evidence ---- */

static void add_part(struct policy_learned *out, size_t *room, const char *path,
                     const struct policy_evidence *evidence, struct arena *arena)
{
    struct policy_learned_part *parts = arena_grow(
        arena, (struct policy_learned_part *)(uintptr_t)out->parts, out->n_parts, room,
        sizeof *parts);
    parts[out->n_parts++] = (struct policy_learned_part){path, *evidence};
    out->parts = parts;
}

static void add_endpoint(struct policy_learned *out, size_t *room,
                         const struct learn_endpoint *learned, const struct sluice_endpoint *e,
                         struct arena *arena)
{
    add_part(out, room, e->doc_path, &learned->evidence, arena);
    for (size_t i = 0; i < e->n_rules; i++)
        add_part(out, room, e->rules[i]->doc_path, &learned->entries[i], arena);
}

/* The policy has the programs' rules in their order. */
static void add_evidence(struct policy_learned *out, const struct programs *programs,
                         const struct sluice_policy *policy, struct arena *arena)
{
    size_t room = 0;
    for (size_t i = 0; i < programs->n; i++) {
        const struct learn_endpoints *endpoints = &programs->items[i].endpoints;
        const struct sluice_rule *rule = policy->rules[i];
        struct policy_evidence all = {0};
        for (size_t j = 0; j < endpoints->n; j++)
            learn_count(&all, &endpoints->items[j].evidence);
        out->count += all.count;
        add_part(out, &room, rule->doc_path, &all, arena);
        for (size_t j = 0; j < endpoints->n; j++)
            add_endpoint(out, &room, &endpoints->items[j], rule->endpoints[j], arena);
    }
}

static int learn(struct learn_run *run, struct policy_learned *out, struct error *err)
{
    const struct policy_learning *learning = run->learning;
    struct arena *arena = run->arena;
    struct programs programs = {0};
    struct problems problems = {0};
    size_t n;
    run->left_out = arena_alloc(arena, (learning->n + 1) * sizeof *run->left_out);
    struct learn_item *items = learn_items(learning, arena, &n, run->left_out, &run->n_left_out);
    struct learn_places places = learn_places_of(items, n, arena);
    find_slashed(run, &places);
    if (learn_programs(run, &places, &programs, err) != 0)
        return -1;
    if (programs.n)
        qsort(programs.items, programs.n, sizeof *programs.items, by_key);
    struct policy *policy =
        policy_keep(make_policy(learning->ceiling, &programs, arena, &problems), arena);
    int rc = check_policy(policy, &problems) == 0 ? 0 : fail(&problems, err);
    problems_free(&problems);
    if (rc != 0 || learn_prove(learning, policy_model(policy), &places, arena, err) != 0)
        return -1;
    *out = (struct policy_learned){.policy = policy, .left_out = run->left_out,
                                   .n_left_out = run->n_left_out};
    add_evidence(out, &programs, policy_model(policy), arena);
    return 0;
}

/* A ceiling may name the very path that only this sandbox has. */
int policy_learn(const struct policy_learning *learning, struct arena *arena,
                 struct policy_learned *out, struct error *err)
{
    struct learn_run run = {.learning = learning, .arena = arena};
    struct learn_run literal = {.learning = learning, .arena = arena, .literal = true};
    struct error ignored;
    if (learn(&run, out, err) == 0)
        return 0;
    return run.generalised ? learn(&literal, out, &ignored) : -1;
}
