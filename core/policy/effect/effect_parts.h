/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of policy_effect().  Internal to core/policy/effect/.
 *
 * Everything lives in the arena of the comparison.  Work is counted, not timed, so that the same
 * pair of policies has the same answer everywhere. */
#ifndef POLICY_EFFECT_PARTS_H
#define POLICY_EFFECT_PARTS_H

#include "base/arena.h"
#include <sluice/transition.h>

/* Steps left.  Each part stops early when there are none; the answer is then not used. */
struct effect_budget {
    size_t left;
    bool spent;
};

static inline bool effect_spend(struct effect_budget *budget, size_t steps)
{
    if (budget->left < steps)
        budget->spent = true;
    else
        budget->left -= steps;
    return !budget->spent;
}

/* ---- equal bytes, one number ---- */

struct effect_key {
    const void *bytes;
    size_t len;
    uint64_t hash;
};

struct effect_interner {
    struct arena *arena;
    struct effect_key *keys;                        /* by number, counted from 0 */
    size_t n, cap;
    uint32_t *slots;                                /* number + 1 */
    size_t n_slots;
};

uint32_t effect_intern(struct effect_interner *in, const void *bytes, size_t len);

/* ---- patterns, and the classes of texts that they tell apart ---- */

enum effect_language {
    EFFECT_HOSTS,
    EFFECT_BINARIES,
    EFFECT_PATHS,                                   /* of requests */
    EFFECT_TEXTS,                                   /* any, in segments between dots */
    EFFECT_WORDS,                                   /* the same, but not empty */
};

struct effect_pattern {
    const char *text;                               /* as it is compared */
    bool literal, relevant;
};

/* All texts that match the same patterns. */
struct effect_class {
    const uint32_t *members;                        /* patterns, in order */
    size_t n;
    const char *example;
};

struct effect_space {
    enum effect_language language;
    bool plain;                                     /* no pattern but ** has wildcards */
    struct arena *arena;
    struct effect_budget *budget;
    struct effect_interner texts;
    struct effect_pattern *patterns;
    size_t n, cap;
    struct effect_class *classes;
    size_t n_classes, cap_classes;
};

enum { EFFECT_NEVER = UINT32_MAX };                 /* a pattern that no text can match */

void effect_space_init(struct effect_space *space, enum effect_language language,
                       struct arena *arena, struct effect_budget *budget);
uint32_t effect_pattern(struct effect_space *space, const char *pattern);
/* Fills classes with those that some relevant pattern matches. */
void effect_classify(struct effect_space *space);

/* ---- shapes: which texts can exist at all ---- */

/* A shape is a number; those of hosts, binaries and paths are told apart in effect_shape.c. */
enum {
    EFFECT_SHAPE_DEAD, /* of texts that no continuation makes possible */
    EFFECT_SHAPE_START,                             /* of the empty text */
};

/* One symbol further; hosts are read from their end. */
uint32_t effect_shape_after(enum effect_language language, uint32_t shape, uint32_t symbol);
/* A text may end in this shape. */
bool effect_shape_accepts(enum effect_language language, uint32_t shape);

/* ---- automata ---- */

/* Runs all its patterns at once over a text; states are made as they are needed.  Hosts are read
 * from their end, where most of them differ from each other. */
struct effect_automaton;

struct effect_automaton *effect_automaton_new(const struct effect_space *space);
void effect_automaton_add(struct effect_automaton *a, uint32_t pattern);
/* The patterns that match the text, in order; their number. */
size_t effect_automaton_run(struct effect_automaton *a, const char *text, uint32_t *members);
/* Calls found for texts that stand for all that relevant patterns match: the shortest text of each
 * state, shortest first.  The example is NULL when texts like this do not exist. */
typedef void effect_found(void *ctx, const uint32_t *members, size_t n, const char *example);
void effect_automaton_explore(struct effect_automaton *a, effect_found *found, void *ctx);

/* ---- what an endpoint does with those it matches ---- */

struct effect_treatment {
    const struct sluice_endpoint *endpoint;         /* one that has it */
    bool exact;                                     /* it names the host itself */
    bool asks_more, inspected;
    uint32_t opaque;                                /* what cannot be compared, as a number */
    bool credentials;
};

struct effect_treatments {
    struct arena *arena;
    struct effect_budget *budget;
    struct effect_interner keys, opaque, chains, places, verdicts;
    struct effect_interner orders;                  /* two or more: their order matters */
    struct effect_treatment *items;
    size_t cap;
    struct effect_verdict **by_verdict;
    size_t cap_verdicts;
};

enum effect_kind {
    EFFECT_WHOLE,                                   /* the connection */
    EFFECT_ADDRESSES,                               /* addresses that the name may stand for */
    EFFECT_REQUEST,                                 /* some requests */
    EFFECT_ANYTHING,                                /* what is not looked at */
    EFFECT_UNKNOWN,                                 /* cannot be compared */
};

/* A request, and the call in it where there is one. */
struct effect_sent {
    const char *method, *path;
    const char *operation, *field;                  /* GraphQL */
    const char *rpc_method, *tool;
};

#define EFFECT_SENT_NOTHING ((struct effect_sent){"", "", "", "", "", ""})

/* One thing that is reached on one side alone. */
struct effect_line {
    enum effect_kind kind;
    struct effect_sent what;                        /* patterns; "" where nobody looks at them */
    struct effect_sent example;
};

struct effect_lines {
    struct effect_line *items;
    size_t n, cap;
};

struct effect_verdict {
    struct effect_lines gained, lost;
};

void effect_treatments_init(struct effect_treatments *t, struct arena *arena,
                            struct effect_budget *budget);
uint32_t effect_treatment(struct effect_treatments *t, const struct sluice_endpoint *e);

/* Treatments that apply to one request, in the order of the policy: each once, but for inspected
 * ones, of which the last may count and not the first.  0: none. */
uint32_t effect_chain(struct effect_treatments *t, uint32_t chain, uint32_t treatment);

/* Where a request goes: what decides beside its treatments.  */
struct effect_place {
    const char *host;
    uint16_t port;
};

/* Equal for places where the answer is the same. */
uint32_t effect_place_number(struct effect_treatments *t, const struct effect_place *place);

const struct effect_verdict *effect_compare(struct effect_treatments *t, uint32_t from, uint32_t to,
                                            const struct effect_place *place);

/* The endpoints of a chain, in the policy's order: each stands for those
 * that treat a connection equally. */
size_t effect_chain_endpoints(struct effect_treatments *t, uint32_t chain,
                              const struct sluice_endpoint *const **out);
/* The methods that some request may have by `to`, and none by `from`; "*": any unusual one. */
size_t effect_chain_methods(struct effect_treatments *t, uint32_t from, uint32_t to,
                            const char ***out);

/* ---- requests of inspected endpoints ---- */

void effect_compare_requests(struct effect_treatments *t, const uint32_t *from, size_t n_from,
                             const uint32_t *to, size_t n_to, struct effect_verdict *out);

/* Treatments that apply together; not inspected: anything passes. */
struct effect_side {
    const uint32_t *ids;
    size_t n;
    bool inspected;
};

size_t effect_gained_methods(struct effect_treatments *t, const struct effect_side *from,
                             const struct effect_side *to, const char ***out);

void effect_add_line(struct arena *arena, struct effect_lines *lines, struct effect_line line);

#endif
