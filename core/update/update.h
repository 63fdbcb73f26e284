/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline: every change of a policy is an update of some kind, and goes through
 *
 *     candidate -> check -> diff -> vote -> tally -> commit
 *
 * and update_run is the only function that commits a revision.  A grant that ended (EXPIRE) is not
 * voted on: no voter can keep open what was approved for a while.  It is plain synchronous code and
 * blocks (votes, store): call it on a worker thread.  Any number of threads may call it at once;
 * two updates of one sandbox are re-run on each other's result, at most UPDATE_ATTEMPTS times, on
 * a store of several gateways for up to 3 s.
 *
 * Ownership: what a request points to is borrowed until update_run returns; what the result points
 * to lives in the arena that was given. */
#ifndef UPDATE_UPDATE_H
#define UPDATE_UPDATE_H

#include <jansson.h>

#include "chain/chain.h"
#include "policy/effect/findings.h"
#include "policy/grant.h"
#include "policy/merge/merge.h"
#include "policy/policy.h"
#include "store/store.h"

enum { UPDATE_ATTEMPTS = 5, UPDATE_REASON_MAX = 1024 };

struct updates;
struct update_request;
struct update_result;

/* Hears of each update that was decided and committed, also of one that changed nothing; never of a
 * dry run.  Called on the updating thread.  It cannot fail: the decision is on record. */
struct update_observer {
    const char *name;
    void (*decided)(void *ctx, const struct update_request *request,
                    const struct update_result *result);
    bool ahead;                                     /* also of the request's committed */
};

/* Borrows the store and the log, takes a reference to the chain. */
struct updates *updates_new(struct store *store, struct chain *chain, const struct log *log);
void updates_free(struct updates *updates);
/* The observers of every update, called in this order, those ahead first.  Before the first update;
 * borrows the list. */
void updates_observe(struct updates *updates, const struct update_observer *observers, size_t n,
                     void *ctx);

/* A reload.  Updates under way finish on the chain they started on. */
void updates_set_chain(struct updates *updates, struct chain *chain);
/* A new reference, which updates_leave_chain gives back without waiting for a replaced chain's
 * end. */
struct chain *updates_chain(struct updates *updates);
void updates_leave_chain(struct updates *updates, struct chain *chain);
struct store *updates_store(struct updates *updates);

/* A revision's policy, which the arena drops; number 0: the newest. */
struct policy *updates_policy_at(struct updates *updates, const char *sandbox_id, uint64_t number,
                                 struct arena *arena, struct store_revision *out,
                                 struct error *err);

/* What policies must lie within.  selector: "KEY=VALUE", a label; "": every sandbox; NULL: this
 * one, which is observed. */
struct update_ceiling {
    const char *selector;
    const struct sluice_policy *policy;
};

struct update_request {
    enum sluice_kind kind;
    const char *sandbox;                            /* its name; on create that of the new one */
    struct sluice_actor actor;
    const char *account; /* which the actor called from; NULL: not known */
    const char *reason;                             /* NULL counts as "" */
    bool dry_run;
    bool override; /* the caller may and wants to override, and gives a reason */
    uint64_t if_revision; /* ERROR_MOVED unless this is the newest revision; 0: any */

    /* What is asked for; which of them counts depends on the kind. */
    const struct doc_node *document; /* CREATE (NULL: the restrictive default), REPLACE */
    const char *document_path; /* the member of its body that it is, "" for a document of its own */
    const struct policy_operations *operations;     /* MERGE, APPROVE, UNDO */
    struct policy *policy; /* APPROVE of a held update, UNDO: the candidate itself */
    uint64_t to_revision;                           /* ROLLBACK */
    bool tighten; /* GLOBAL: the candidate is the part of the policy within its ceilings */
    const char *signature; /* of the document (policy/signature.h); NULL: it has none */
    const struct update_ceiling *trial; /* counts as set, for a dry run; NULL: none */
    struct store_sandbox *create;                   /* CREATE: the record to insert */
    const struct sluice_draft *draft;               /* APPROVE */
    const char *draft_id; /* APPROVE, UNDO: noted in the decision; NULL: none.  EXPIRE: the chunk
                           * whose grant has ended */
    const struct policy_grant *grant;               /* APPROVE: it ends; NULL: it stays */
    bool of_request; /* APPROVE, UNDO: it is about a request that a voter holds.  The policy stays
                      * as it is, and the voters are asked all the same */
    /* APPROVE: the digest the reviewer saw, of the revision the approval would replace and so on;
     * asked about every attempt.  Returns -1 with err to refuse.  NULL: nothing to ask. */
    int (*review)(void *arg, const struct update_result *seen, struct error *err);
    /* Runs in the transaction of the commit (also when nothing changed).  NULL: nothing more. */
    int (*also)(struct store_tx *tx, void *arg, const struct update_result *result,
                struct error *err);
    /* Called after the commit, before the observers that are not ahead.  NULL: nothing more. */
    void (*committed)(void *arg, const struct update_result *result);
    void *arg;                                      /* of review, also and committed */
};

struct update_result {
    enum chain_outcome outcome;
    bool dry_run;
    bool changed; /* the candidate is another policy than the current one */
    bool asked;                                     /* the voters were */
    uint64_t base_revision; /* what the candidate was made from; 0 on create */
    uint64_t revision;                              /* the newest revision after the update */
    const char *hash;                               /* of the candidate */
    const char *base_hash;                          /* of the current policy; "" on create */
    const char *status; /* of that revision: pending, loaded, …; "" if there is none */
    struct chain_votes votes; /* empty when nothing changed: there is nothing to decide */
    struct chain_tally tally;
    const char *chain_digest;
    struct problems warnings;
    const struct sluice_diff *diff;
    struct policy_findings findings; /* of what is gained, before anybody is asked */
    struct policy *candidate, *current;             /* current: NULL on create */
    struct policy_grants grants;                    /* that run with the candidate */
    struct policy_grants ended;                     /* with this update, once it is committed */
    const char *sandbox_id;
    const char *decision_id;                        /* "" for a dry run or when nothing changed */
    int64_t signed_at_ms; /* when the document was signed; 0: no signature was asked for */
    const char *draft_id; /* outcome held: the chunk that waits; "" otherwise */
    int64_t at_ms;
};

/* Returns 0 when the update was decided, whatever the outcome.  -1: it could not be; problems holds
 * the details when err->kind is ERROR_INVALID.  No revision without an audit record. */
int update_run(struct updates *updates, const struct update_request *request, struct arena *arena,
               struct update_result *out, struct problems *problems, struct error *err);

/* What a person gives as the reason of a change or decision, by whichever door: at most
 * UPDATE_REASON_MAX bytes, without characters that doc/safe.h has.  what: how the client calls it.
 * -1 with err, which names what and why.  Any thread. */
int update_check_reason(const char *what, const char *reason, struct error *err);

/* Brings policies within their ceilings, each by an update of kind GLOBAL. */
struct update_tightening {
    struct sluice_actor actor;
    const char *account, *reason;
    const char *selector; /* only the sandboxes that it applies to; NULL: all */
    bool dry_run;
    const char *signature; /* of the document (policy/signature.h); NULL: it has none */
    const struct update_ceiling *trial;             /* see update_request */
    /* For each sandbox that changed, and for each that failed (result NULL). */
    void (*each)(void *ctx, const char *sandbox, const struct update_result *result,
                 const struct error *err);
    void *ctx;
};

/* All sandboxes.  -1: they could not be listed. */
int updates_tighten(struct updates *updates, const struct update_tightening *t, struct error *err);
/* One.  result->changed says whether it was outside. */
int updates_tighten_one(struct updates *updates, const char *sandbox,
                        const struct update_tightening *t, struct arena *arena,
                        struct update_result *out, struct error *err);
bool update_ceiling_applies(const char *selector, const char *labels_json);

/* The policy that a document at path makes of base (NULL: of nothing, for a new sandbox), as an
 * update reads it.  A new reference; NULL when there are problems, which are then all that an
 * update would find.  Line and column are those of the document's own tree. */
struct policy *update_read_document(const struct doc_node *document, const char *path,
                                    const struct policy *base, struct problems *problems,
                                    struct problems *warnings);

/* What every change is answered with, as compact JSON or as a value, and its parts.  The caller
 * owns the result. */
char *update_document_text(const struct update_result *result);
json_t *update_document(const struct update_result *result);
json_t *update_votes_json(const struct chain_votes *votes);
json_t *update_diff_json(const struct sluice_diff *diff);
json_t *update_effect_json(const struct sluice_diff *diff);
json_t *update_problems_json(const struct problems *problems);

/* "prover: no new findings", or "prover: N new finding(s)" and a line for each, as OpenShell's
 * clients read it. */
const char *update_findings_text(const struct policy_findings *findings, struct arena *arena);

#endif
