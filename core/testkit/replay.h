/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a chain about earlier decisions and reports those that would now differ.
 *
 * Voters run in a forked process.  If a voter crashes, its decision counts as different and a new
 * process continues with the next one.  Results live in the arena of the caller.  One thread. */
#ifndef TESTKIT_REPLAY_H
#define TESTKIT_REPLAY_H

#include <jansson.h>

#include "policy/policy.h"
#include "testkit/stage.h"

struct replay_decision {
    const char *id, *sandbox, *at;                  /* for people */
    const char *outcome;                            /* then */
    const json_t *votes;                            /* then, as in an update document */
    bool overridden;
    enum sluice_kind kind;
    const char *reason;
    const struct sluice_sandbox *face;              /* the sandbox as the voters see it */
    const struct sluice_actor *actor;
    struct policy *baseline, *current, *candidate;  /* complete; the first two NULL on create */
    int64_t now_ms;
};

struct replay_difference {
    const struct replay_decision *decision;
    const char *outcome;                            /* now; "crashed" where there is none */
    json_t *votes;                                  /* now; NULL after a crash */
    const char *how;                                /* of a crash; "" else */
};

struct replay {
    const char *chain;                              /* a gateway's configuration */
    struct stage_settings settings;
    unsigned timeout_s;                             /* for one decision */
    const struct replay_decision *decisions;
    size_t n;
    void (*progress)(void *arg, size_t done, size_t n);     /* NULL: none */
    void (*differs)(void *arg, const struct replay_difference *difference);
    void *arg;
};

/* Calls differs in the order of the decisions.  Returns how many differ; -1 with err if the chain
 * does not load. */
int replay_run(const struct replay *replay, struct error *err);

#endif
