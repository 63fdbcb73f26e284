/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/update: the pipeline's own state and its steps, in the order in which they run. */
#ifndef UPDATE_UPDATES_H
#define UPDATE_UPDATES_H

#include <pthread.h>

#include "update/closer.h"
#include "update/stored.h"
#include "update/update.h"

struct updates {
    struct store *store;
    struct stored_policies *stored;
    const struct log *log;
    const struct update_observer *observers;        /* constant from the first update on */
    size_t n_observers;
    void *observers_ctx;
    pthread_mutex_t lock;                           /* guards chain */
    struct chain *chain;
    struct closer *closer;                          /* of chains that were replaced */
};

/* One run of the pipeline.  Lives in the arena of the update. */
struct update {
    struct updates *updates;
    const struct update_request *request;
    struct arena *arena;
    struct update_result *result;
    struct problems *problems;
    struct error *err;

    struct chain *chain;
    struct store_sandbox sandbox;
    const struct store_attachment *attachments;     /* of the sandbox; a new one has none */
    size_t n_attachments;
    struct policy *baseline;                        /* NULL on create */
    struct policy_grants running;                   /* with the current policy */
    struct update_ceiling *ceilings;                /* of the sandbox, by its labels */
    size_t n_ceilings;
    uint64_t ceilings_newest;                       /* the number of the latest of all; 0: none */

    /* What the commit writes. */
    struct store_decision *decision;                /* NULL: nothing changed, nothing to record */
    struct store_revision *revision;                /* NULL: not allowed */
    struct store_draft *held; /* NULL: not held, or its chunk is there already */
};

/* candidate.c: the sandbox, its baseline and current policy, and what the request makes of them. */
int update_load(struct update *u);
int update_candidate(struct update *u);
/* Line and column of problems and warnings, where a document was sent. */
void update_locate(struct update *u);

/* middlewares.c: a problem for each new middleware that is no voter of the chain. */
void update_check_middlewares(struct update *u, const struct policy *candidate);

/* grants.c: grants with an end (policy/grant.h). */
/* An earlier policy without the rules of grants that have ended since. */
struct policy *update_rolled_back(struct update *u, struct policy *policy,
                                  const struct store_revision *revision);
/* The current policy without the rule of the grant that ends. */
struct policy *update_expired(struct update *u);
/* Those that run with the candidate: those that ran, where their rule is still there, and the new
 * one. */
int update_choose_grants(struct update *u);
/* What the change is measured on: both policies without what is granted for a while in both. */
int update_without_grants(struct update *u, const struct sluice_policy **before,
                          const struct sluice_policy **after);
void update_find_ended(struct update *u);
int update_write_ended(struct store_tx *tx, const struct update *u, struct error *err);

/* ceilings.c: the ceilings of the sandbox, the ballot of the voter `ceiling`, and the part of the
 * current policy that lies within them. */
int update_load_ceilings(struct update *u);
void update_vote_ceilings(struct update *u);
struct policy *update_tightened(struct update *u);
void update_add_vote(struct update *u, struct chain_vote vote);

/* signatures.c: the ballot of the voter `signed_only`, where the chain has keys.  -1: err. */
int update_vote_signature(struct update *u);

/* bindings.c: warnings about providers that the candidate names. */
void update_warn_of_bindings(struct update *u);
/* findings.c: what of it a person may want to weigh, after the diff. */
void update_find(struct update *u, const struct sluice_policy *before,
                 const struct sluice_policy *after);

/* transition.c: what the voters see. */
const struct sluice_transition *update_transition(struct update *u);

/* held.c: the chunk in which a held update waits; its id is known before the decision is made. */
void update_hold(struct update *u);
int update_write_held(struct store_tx *tx, const struct update *u, struct error *err);

/* encode.c: parts of the record, that of the diff with its effect and findings. */
void update_votes_write(struct doc_writer *w, const struct chain_votes *votes);
void update_recorded_diff_write(struct doc_writer *w, const struct update_result *r);
void update_problems_write(struct doc_writer *w, const struct problems *problems);

/* commit.c: writes revision, ballots, audit record and the caller's own rows in one transaction. */
int update_commit(struct update *u);
const char *update_new_id(struct update *u);

#endif
