/* SPDX-License-Identifier: Apache-2.0 */
/* One comparison, and what its parts do for it.  Internal to core/policy/effect/. */
#ifndef POLICY_EFFECT_RUN_H
#define POLICY_EFFECT_RUN_H

#include "policy/effect/effect_parts.h"

enum { FROM, TO, SIDES };
enum { ANY_HOST = UINT32_MAX - 1 };                 /* of items without a host */

struct item {
    const struct sluice_endpoint *endpoint;
    uint32_t host, binaries, treatment, content;
    unsigned side;
    bool changed;
};

struct list {
    uint32_t *items;
    size_t n, cap;
};

/* The classes that a set of binary patterns lets through, and by which pattern each. */
struct binaries {
    struct list classes, patterns;
};

/* The first item of a side that lets a class through, and by which pattern. */
struct opener {
    uint32_t item, pattern;
};

/* What some binaries gain or lose at a host and port: which item opens it, by which pattern. */
struct difference {
    unsigned side;
    uint32_t at;                                    /* among the items of its side */
    uint32_t pattern, class;
    const struct effect_line *line;
};

struct differences {
    struct difference *items;
    size_t n, cap;
};

/* The items of both sides that match a host and port. */
struct meeting {
    const struct item **items[SIDES];
    size_t n[SIDES];
};

struct effect_finder;                               /* findings.c */

struct effect_run {
    struct arena *arena, *result;
    struct effect_budget budget;
    struct effect_space hosts, paths;
    struct effect_treatments treatments;
    struct effect_interner binary_sets, contents, meetings, shown[SIDES];
    struct item *items;                             /* in the order of the policies, from and to */
    size_t n_items, cap_items;
    unsigned *sides;                                /* of each content: a bit for each side */
    struct list *by_host, any_host;                 /* items by host pattern */
    struct binaries *binaries;
    struct differences *met;                        /* by meeting */
    size_t cap_met;
    uint32_t *chains[SIDES];                        /* by class of binaries */
    struct opener *openers[SIDES];
    struct sluice_reach const **reach[SIDES];       /* SIDES: lost, gained */
    size_t n_reach[SIDES], cap_reach[SIDES], reach_bytes[SIDES];
    bool full[SIDES];
    bool differs[SIDES];
    struct effect_finder *finder; /* NULL: reach is listed.  Else it gets to see each meeting */
};

void effect_run_init(struct effect_run *run, struct arena *scratch, struct arena *result);
/* All of it; false: it was too much. */
bool effect_run_policies(struct effect_run *run, const struct sluice_policy *from,
                         const struct sluice_policy *to);
/* Which treatments each class of binaries meets on one side: chains and openers, by class.  Adds
 * the classes to touched. */
void effect_meet(struct effect_run *run, const struct meeting *m, unsigned side,
                 struct list *touched);

void effect_push(struct effect_run *run, struct list *list, uint32_t item);

/* Makes items of a policy. */
void effect_add_items(struct effect_run *run, unsigned side, const struct sluice_policy *policy);
/* Marks what changed, and the patterns that matter to it; false: nothing did. */
bool effect_find_changes(struct effect_run *run);

/* Lists what is gained or lost: each pattern of hosts, port, pattern of binaries and kind once. */
void effect_show(struct effect_run *run, const struct difference *d, const struct item *item,
                 const struct effect_place *place);
/* An entry that stands for everything. */
void effect_show_all(struct effect_run *run, unsigned side, const char *why);

/* ---- findings.c ---- */

/* Makes the classes as fine as findings need them. */
void effect_add_marks(struct effect_run *run);
void effect_weigh(struct effect_run *run, const struct meeting *m,
                  const struct effect_place *place);

#endif
