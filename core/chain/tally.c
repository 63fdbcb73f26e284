/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "chain/chain.h"

static const char *const verdict_words[] = {
#define X(id, word, meaning) [SLUICE_##id] = word,
    SLUICE_VERDICTS(X)
#undef X
};

static const char *const level_words[] = {
#define X(id, word, meaning) [CHAIN_##id] = word,
    CHAIN_LEVELS(X)
#undef X
};

static const char *const outcome_words[] = {
#define X(id, word) [CHAIN_##id] = word,
    CHAIN_OUTCOMES(X)
#undef X
};

static const char *const kind_words[] = {
#define X(id, word, meaning) [SLUICE_##id] = word,
    SLUICE_KINDS(X)
#undef X
};

const char *chain_verdict_word(enum sluice_verdict verdict)
{
    return (unsigned)verdict < SLUICE_VERDICT_COUNT ? verdict_words[verdict] : "unknown";
}

const char *chain_level_word(enum chain_level level)
{
    return (unsigned)level < CHAIN_LEVEL_COUNT ? level_words[level] : "unknown";
}

const char *chain_outcome_word(enum chain_outcome outcome)
{
    return (unsigned)outcome <= CHAIN_HELD ? outcome_words[outcome] : "unknown";
}

const char *chain_kind_word(enum sluice_kind kind)
{
    return (unsigned)kind < SLUICE_KIND_COUNT ? kind_words[kind] : "unknown";
}

struct count {
    size_t denies, yielded, holds, allows;
};

static void count_vote(const struct chain_vote *vote, bool override, struct count *count)
{
    if (strcmp(vote->level, level_words[CHAIN_ADVISORY]) == 0)
        return;
    switch (vote->verdict) {
    case SLUICE_DENY:
        if (override && strcmp(vote->level, level_words[CHAIN_OVERRIDABLE]) == 0)
            count->yielded++;
        else
            count->denies++;
        break;
    case SLUICE_HOLD:
        count->holds++;
        break;
    case SLUICE_ALLOW:
        count->allows++;
        break;
    default:
        break;
    }
}

void chain_tally(const struct chain_votes *votes, bool override, struct arena *arena,
                 struct chain_tally *out)
{
    struct count c = {0};
    for (size_t i = 0; i < votes->n; i++)
        count_vote(&votes->items[i], override, &c);

    *out = (struct chain_tally){.outcome = CHAIN_DENIED};
    const char *voters = votes->n == 1 ? "voter" : "voters";
    if (c.denies) {
        out->against = c.denies;
        out->why = arena_printf(arena, "refused by %zu of %zu %s", c.denies, votes->n, voters);
        return;
    }
    out->overridden = c.yielded > 0;
    if (c.holds) {
        out->outcome = CHAIN_HELD;
        out->against = c.holds;
        out->why = arena_printf(arena, "held by %zu of %zu %s", c.holds, votes->n, voters);
    } else if (c.allows + c.yielded) {
        out->outcome = CHAIN_ALLOWED;
        out->why =
            c.yielded ? arena_printf(arena, "allowed by %zu of %zu %s, %zu overridden", c.allows,
                                     votes->n, voters, c.yielded)
                      : arena_printf(arena, "allowed by %zu of %zu %s", c.allows, votes->n, voters);
    } else {
        out->why = arena_printf(arena, "refused: none of %zu %s allowed it", votes->n, voters);
    }
}
