/* SPDX-License-Identifier: Apache-2.0 */
/* From patterns to classes of texts.  Most patterns are literals: each is a class of its own, and
 * the automaton of the wildcards says which others match it.  The classes of all other texts are
 * the sets of wildcards that some text matches and no literal is equal to. */
#include <ctype.h>
#include <string.h>

#include "base/glob.h"
#include "base/ipaddr.h"
#include "policy/effect/effect_parts.h"
#include "policy/match/match.h"

void effect_space_init(struct effect_space *space, enum effect_language language,
                       struct arena *arena, struct effect_budget *budget)
{
    *space = (struct effect_space){
        .language = language, .arena = arena, .budget = budget, .texts.arena = arena};
}

/* What policy_host_match() compares, in lower case; NULL: never equal to a canonical host. */
static const char *plain_host(struct effect_space *space, const char *pattern)
{
    char canonical[IPADDR_HOST_SIZE];
    size_t len = strlen(pattern);
    if (!strchr(pattern, '*'))
        return ipaddr_canonical_host(pattern, len, canonical) == 0 &&
                       policy_host_match(pattern, canonical)
                   ? arena_str(space->arena, canonical) : NULL;
    if (len > 1 && len <= IPADDR_HOST_SIZE && pattern[len - 1] == '.')
        len--;
    char *plain = arena_strn(space->arena, pattern, len);
    for (char *p = plain; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return plain;
}

static bool is_literal(const struct effect_space *space, const char *text)
{
    if (space->plain)
        return strcmp(text, "**") != 0;
    return space->language == EFFECT_HOSTS ? !strchr(text, '*') : !glob_has_wildcard(text);
}

uint32_t effect_pattern(struct effect_space *space, const char *pattern)
{
    const char *text = space->language == EFFECT_HOSTS ? plain_host(space, pattern) : pattern;
    if (!text)
        return EFFECT_NEVER;
    uint32_t id = effect_intern(&space->texts, text, strlen(text));
    effect_spend(space->budget, 1 + strlen(text) / 8);
    if (id < space->n)
        return id;
    space->patterns = arena_grow(space->arena, space->patterns, space->n, &space->cap,
                                  sizeof *space->patterns);
    space->patterns[space->n++] = (struct effect_pattern){
        .text = space->texts.keys[id].bytes, .literal = is_literal(space, text)};
    return id;
}

static void add_class(struct effect_space *space, const uint32_t *members, size_t n,
                      const char *example)
{
    uint32_t *copy = arena_alloc(space->arena, n * sizeof *copy);
    memcpy(copy, members, n * sizeof *copy);
    space->classes = arena_grow(space->arena, space->classes, space->n_classes,
                                 &space->cap_classes, sizeof *space->classes);
    space->classes[space->n_classes++] = (struct effect_class){copy, n, example};
    effect_spend(space->budget, n);
}

static bool any_relevant(const struct effect_space *space, const uint32_t *members, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (space->patterns[members[i]].relevant)
            return true;
    return false;
}

struct cells {
    struct effect_space *space;
    struct effect_interner seen;
};

/* Texts that are equal to a literal have their class already. */
static void add_cell(void *ctx, const uint32_t *members, size_t n, const char *example)
{
    struct cells *cells = ctx;
    struct effect_space *space = cells->space;
    if (!example || !any_relevant(space, members, n))
        return;
    for (size_t i = 0; i < n; i++)
        if (space->patterns[members[i]].literal)
            return;
    size_t known = cells->seen.n;
    if (effect_intern(&cells->seen, members, n * sizeof *members) >= known)
        add_class(space, members, n, example);
}

static struct effect_automaton *wildcards(const struct effect_space *space)
{
    struct effect_automaton *a = effect_automaton_new(space);
    for (uint32_t i = 0; i < space->n; i++)
        if (!space->patterns[i].literal)
            effect_automaton_add(a, i);
    return a;
}

/* Paths of callers and requests are what they are: a literal that no path is equal to has no
 * class. */
static bool exists(const struct effect_space *space, const char *text)
{
    if (space->language == EFFECT_WORDS)
        return *text;
    if (space->language != EFFECT_BINARIES && space->language != EFFECT_PATHS)
        return true;
    return text[0] == '/' && (space->language == EFFECT_PATHS || text[1]);
}

/* Classes of literals.  Those that an explored wildcard matches are told to the automaton that
 * explores, which so keeps clear of them. */
static void add_literals(struct effect_space *space, struct effect_automaton *explorer)
{
    struct effect_automaton *a = wildcards(space);
    uint32_t *members = arena_alloc(space->arena, (space->n + 1) * sizeof *members);
    for (uint32_t i = 0; i < space->n && !space->budget->spent; i++) {
        const struct effect_pattern *p = &space->patterns[i];
        if (!p->literal || !exists(space, p->text))
            continue;
        size_t n = effect_automaton_run(a, p->text, members);
        effect_spend(space->budget, 4 + strlen(p->text));
        bool covered = any_relevant(space, members, n);
        members[n++] = i;
        if (covered)
            effect_automaton_add(explorer, i);
        if (covered || p->relevant)
            add_class(space, members, n, p->text);
    }
}

void effect_classify(struct effect_space *space)
{
    struct effect_automaton *explorer = wildcards(space);
    struct cells cells = {.space = space, .seen.arena = space->arena};
    add_literals(space, explorer);
    effect_automaton_explore(explorer, add_cell, &cells);
}
