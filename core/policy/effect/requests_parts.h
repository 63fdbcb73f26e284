/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that inspected endpoints let through, compared class by class of their paths.  Internal
 * to core/policy/effect/: ways.c takes the endpoints apart, requests.c says what is in force for a
 * class of paths, queries.c, calls.c and websocket.c compare what is left to be said there. */
#ifndef POLICY_EFFECT_REQUESTS_PARTS_H
#define POLICY_EFFECT_REQUESTS_PARTS_H

#include "policy/effect/effect_parts.h"

enum { EFFECT_FROM, EFFECT_TO, EFFECT_SIDES };

/* What allows or denies requests: a rule, or what an endpoint says beside its rules. */
struct effect_entry {
    const struct sluice_endpoint *endpoint;
    const struct sluice_l7_rule *rule;              /* NULL: a preset or an option */
    const char *method, *path;                      /* patterns */
    uint32_t pattern, content;                      /* of the path; equal for equal entries */
    unsigned side;
    bool deny, audit, changed, shown;                /* audit: it stands for everything */
};

/* An endpoint: which paths select it, and its entries. */
struct effect_way {
    const struct sluice_endpoint *endpoint;
    uint32_t selector, top;                         /* patterns; EFFECT_NEVER: none */
    size_t specificity;
    uint32_t content;                               /* equal for ways that differ in entries only */
    size_t first, n;                                /* entries */
};

struct effect_requests {
    struct effect_treatments *t;
    struct arena *arena;
    struct effect_space paths;
    struct effect_interner contents;
    struct effect_entry *entries;
    size_t n_entries, cap_entries;
    struct effect_way *ways[EFFECT_SIDES];
    size_t n_ways[EFFECT_SIDES];
    uint32_t slashes[2];                            /* patterns of paths with an encoded slash */
    bool slashes_matter;
    bool *in;                                       /* patterns that match the present class */
    const char *path;                               /* one of its paths */
    struct effect_verdict *out;
    struct effect_methods *methods; /* NULL: out is filled.  Else only what passes is noted there */
};

/* What one side says of the present class of paths. */
struct effect_force {
    unsigned side;
    const struct effect_way *way;                   /* the route; NULL: nothing passes */
    const char *protocol;                           /* of the route, or "" */
    bool all;                                       /* nothing is refused: audit */
    struct effect_entry **allow, **deny;
    size_t n_allow, n_deny;
};

/* Its rules are about method, path and query. */
bool effect_has_requests(const char *protocol);
/* Nothing is refused there. */
bool effect_is_audited(const struct sluice_endpoint *e);

/* ---- ways.c ---- */

/* The inspected ones of the treatments, in the policy's order. */
void effect_add_side(struct effect_requests *q, unsigned side, const uint32_t *ids, size_t n);
/* Makes relevant the patterns of paths that may be treated in another way. */
void effect_find_changed_paths(struct effect_requests *q);

/* ---- requests.c ---- */

/* Paths with an encoded slash are a class of their own, where that matters. */
void effect_add_slashes(struct effect_requests *q);
/* What follows is about this class of paths. */
void effect_enter_class(struct effect_requests *q, const struct effect_class *class);
void effect_leave_class(struct effect_requests *q, const struct effect_class *class);
struct effect_force effect_find_force(struct effect_requests *q, unsigned side);
/* In capitals, in the arena. */
const char *effect_upper(struct arena *arena, const char *method);

/* The entry allows, on its side alone, a request such as the example. */
void effect_tell(struct effect_requests *q, struct effect_entry *entry,
                 const struct effect_sent *example);
/* What the entry lets through, or denies, cannot be told: it may be gained, or lost. */
void effect_tell_unknown(struct effect_requests *q, struct effect_entry *entry);

/* Tells which requests of the method, or messages of that name, one side alone lets through. */
void effect_compare_method(struct effect_requests *q, const struct effect_force force[EFFECT_SIDES],
                           const char *method);
/* Whether every request of the method passes, whatever its query and body. */
bool effect_lets_method_through(const struct effect_force *force, const char *method);

/* ---- queries.c: requests of one method ---- */

/* What both sides say of one method. */
struct effect_method {
    const char *method;
    struct effect_entry **allow[EFFECT_SIDES], **deny[EFFECT_SIDES];
    size_t n_allow[EFFECT_SIDES], n_deny[EFFECT_SIDES];
};

/* Tells what side `a` lets through and the other does not, by their query matchers. */
void effect_compare_queries(struct effect_requests *q, const struct effect_method *m, unsigned a);

/* ---- calls.c: calls of one protocol ---- */

/* Tells what one side lets through and the other does not.  Both have the protocol, or one has no
 * route. */
void effect_compare_calls(struct effect_requests *q, const struct effect_force force[EFFECT_SIDES],
                          const char *protocol);

/* ---- websocket.c: upgrades, and what they let a client send ---- */

void effect_compare_websocket(struct effect_requests *q,
                              const struct effect_force force[EFFECT_SIDES]);

/* ---- methods.c: which methods pass at all ---- */

void effect_note_passing(struct effect_requests *q, unsigned side, const struct effect_sent *sent);
void effect_note_unknown(struct effect_requests *q, const struct effect_entry *entry);

#endif
