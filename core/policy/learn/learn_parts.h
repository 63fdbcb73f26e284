/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef POLICY_LEARN_PARTS_H
#define POLICY_LEARN_PARTS_H

#include "base/arena.h"
#include "policy/learn/seen.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

struct error;

enum learn_kind { LEARN_CONNECTION, LEARN_BYTES, LEARN_REQUEST };

/* A request on record that a rule can say. */
struct learn_item {
    const struct policy_seen *seen;
    enum learn_kind kind;
    const char *method;                             /* in upper case */
    bool has_call;
    struct policy_call call;
    const struct sluice_endpoint *model; /* of the ceiling: how it is treated */
};

/* The items of one program, host and port. */
struct learn_place {
    struct learn_item *items;
    size_t n;
    struct policy_request connection;
};

struct learn_places {
    struct learn_place *items;
    size_t n, room;
};

/* ---- item.c ---- */
/* The items in the order of program, host, port, path, method and call, and what is left out. */
struct learn_item *learn_items(const struct policy_learning *learning, struct arena *arena,
                               size_t *n, struct policy_left_out *left_out, size_t *n_left_out);
/* All of it, also what no rule can say. */
struct learn_item *learn_all_items(const struct policy_seen *seen, size_t n, struct arena *arena,
                                   size_t *n_items);
struct learn_places learn_places_of(struct learn_item *items, size_t n, struct arena *arena);
/* HEAD comes right behind GET, whose rules take it too. */
int learn_method_order(const char *a, const char *b);
void learn_count(struct policy_evidence *evidence, const struct policy_evidence *more);

/* ---- ask.c ---- */
/* The decision about an item of REQUEST by these endpoints. */
struct policy_http_decision learn_decide(const struct policy_candidates *candidates,
                                         const struct learn_item *item);

/* ---- paths.c ---- */
/* patterns[i] takes paths[i], which are in order; there are at most max of them.  0: the paths. */
void learn_generalise(const char *const *paths, size_t n, size_t max, struct arena *arena,
                      const char **patterns);

/* ---- endpoint.c ---- */
/* Appends the endpoints of a place, and the evidence of each and of its entries, to the lists.
 * -1: err says what the ceiling refuses. */
struct learn_endpoint {
    struct sluice_endpoint *endpoint;
    struct policy_evidence evidence, *entries;      /* of each of endpoint->rules */
};

struct learn_endpoints {
    struct learn_endpoint *items;
    size_t n, room;
};

struct learn_run {
    const struct policy_learning *learning;
    struct arena *arena;
    struct policy_left_out *left_out;
    size_t n_left_out;
    bool literal;                                   /* learning->general is not asked */
    bool generalised;                               /* and has made a pattern */
    const struct policy_seen **slashed;             /* of hosts with an encoded slash in a path */
    size_t n_slashed;
};

int learn_endpoints_of(struct learn_run *run, struct learn_place *place,
                       struct learn_endpoints *out, struct error *err);

/* ---- prove.c ---- */
int learn_prove(const struct policy_learning *learning, const struct sluice_policy *learned,
                const struct learn_places *places, struct arena *arena, struct error *err);

#endif
