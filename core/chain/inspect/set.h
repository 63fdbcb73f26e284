/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a set of inspectors.  The loop's thread, but for inspectors_load. */
#ifndef CHAIN_INSPECT_SET_H
#define CHAIN_INSPECT_SET_H

#include "chain/inspect/inspect.h"
#include "chain/inspect/questions.h"
#include "chain/voter.h"

struct inspector {
    struct voter *voter;
    struct inspect_counts counts;                   /* since the last report */
    bool quarantined;                               /* when it was reported last */
    struct questions *questions;                    /* NULL: the voter is inline */
};

/* A chain whose voters all inspect. */
struct lot {
    struct inspectors *set;
    struct chain *chain;
    struct inspector *items;                        /* in the order of the chain */
    size_t n;
    size_t open;                                    /* of lot_close: questions not yet closed */
    uv_work_t work;                                 /* the same */
};

struct instance;

struct inspectors {
    size_t references;
    uv_loop_t *loop;
    const struct log *log;
    struct arena *arena;                            /* of the configuration */
    struct chain_config config;                     /* a copy, to open voters with other options */
    struct lot *lot;                                /* NULL: it has no voter */
    struct instance *instances; /* voters with the options of a middleware; used last: first */
    size_t n_instances;
    size_t lots;                                    /* that are not closed yet */
    uint64_t reported_ms;                           /* when a failure was logged */
};

/* NULL with problems.  Blocks; any thread. */
struct lot *lot_open(struct inspectors *set, const struct chain_config *config,
                     struct problems *problems);
/* Frees it once nothing of it runs any more, and the set with its last lot. */
void lot_close(struct lot *lot);

/* Closes all of them. */
void instances_close(struct inspectors *set);

enum inspectors_found { INSPECTORS_FOUND, INSPECTORS_OPENING, INSPECTORS_NONE };

/* inspector: NULL with why. */
typedef void inspectors_opened(void *arg, struct inspector *inspector, const char *why);

/* The voter of a middleware, with its options.  NONE: why says why there is none.  OPENING: opened
 * is called later, unless inspectors_forget is called with its arg. */
enum inspectors_found inspectors_find(struct inspectors *set,
                                      const struct inspect_middleware *middleware,
                                      struct arena *arena, inspectors_opened *opened, void *arg,
                                      struct inspector **out, const char **why);
struct inspector *inspectors_named(const struct inspectors *set, const char *name);
void inspectors_forget(struct inspectors *set, void *arg);
/* Logs a failure of a voter, at most one in a second. */
void inspectors_report(struct inspectors *set, const char *voter, const char *why);

#endif
