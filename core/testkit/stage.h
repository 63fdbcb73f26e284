/* SPDX-License-Identifier: Apache-2.0 */
/* Prepares one test: the voter or chain, and its transition.
 * Any thread; loading blocks and runs the voter's code. */
#ifndef TESTKIT_STAGE_H
#define TESTKIT_STAGE_H

#include "chain/chain.h"
#include "testkit/suite.h"

struct stage_settings {
    const char *const *plugin_dirs;
    size_t n_plugin_dirs;
    bool usual_dirs;                                /* nobody named them */
    /* NULL: native code of a case file in a process of its own, all else as configured. */
    const char *isolation;
    uint32_t vote_timeout_ms; /* of every voter of a chain; 0: as configured */
};

/* NULL with the reasons, joined by "; ", in the arena.  The reasons of a chain begin with the path
 * in its configuration. */
struct chain *stage_load(const struct test *test, const struct stage_settings *settings,
                         const struct log *log, struct arena *arena, const char **why);

/* The same from a gateway's configuration alone. */
struct chain *stage_load_chain(const char *path, const struct stage_settings *settings,
                               const struct log *log, struct arena *arena, const char **why);

/* What update_run would build of the case: static sections complete, the diff against current.
 * NULL: the case is about a request. */
const struct sluice_transition *stage_transition(const struct test *test, struct arena *arena);

/* NULL: the case is about a change. */
const struct sluice_request *stage_request(const struct test *test, struct arena *arena);

/* Asks the chain what the case is about; transition: NULL of a request. */
void stage_ask(struct chain *chain, const struct test *test,
               const struct sluice_transition *transition, struct arena *arena,
               struct chain_votes *out);

#endif
