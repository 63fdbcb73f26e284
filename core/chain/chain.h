/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of voters: loaded once, immutable, shared by reference count.
 *
 * A reload makes a new chain.  Running votes finish on the chain they started on; old code stays
 * mapped until its last reference is gone.  Any thread; chain_ask blocks its caller. */
#ifndef CHAIN_CHAIN_H
#define CHAIN_CHAIN_H

#include "base/arena.h"
#include "base/log.h"
#include "base/problems.h"
#include "base/signature.h"
#include "chain/config.h"
#include "chain/inspect/change.h"
#include <sluice/plugin.h>

struct chain;

struct chain_fact {
    const char *key, *value;
};

/* One voter's ballot, in the arena of the update. */
struct chain_vote {
    const char *voter, *version, *level;            /* level: a word of CHAIN_LEVELS */
    enum sluice_verdict verdict;                    /* as counted: on_error already applied */
    const char *code, *message, *path;              /* "" where there is none */
    bool failed;                                    /* the voter itself failed; message says how */
    bool died;                                      /* its process ended during this vote */
    uint64_t duration_ns;
    const struct chain_fact *facts;
    size_t n_facts;
    const struct inspect_change *changes;           /* of a request, as a middleware */
    size_t n_changes;
};

struct chain_votes {
    const struct chain_vote *items;
    size_t n;
};

#define CHAIN_LEVELS(X)                                                             \
    X(MANDATORY,   "mandatory",   "its deny is final")                              \
    X(OVERRIDABLE, "overridable", "its deny yields to an override with a reason")   \
    X(ADVISORY,    "advisory",    "it is shown and never decides")

enum chain_level {
#define X(id, word, meaning) CHAIN_##id,
    CHAIN_LEVELS(X)
#undef X
    CHAIN_LEVEL_COUNT
};

#define CHAIN_OUTCOMES(X) X(ALLOWED, "allowed") X(DENIED, "denied") X(HELD, "held")

enum chain_outcome {
#define X(id, word) CHAIN_##id,
    CHAIN_OUTCOMES(X)
#undef X
};

const char *chain_outcome_word(enum chain_outcome outcome);
const char *chain_verdict_word(enum sluice_verdict verdict);
const char *chain_level_word(enum chain_level level);
const char *chain_kind_word(enum sluice_kind kind);

/* All or nothing: NULL with every problem of every voter (paths such as chain.voters[1].plugin). */
struct chain *chain_load(const struct chain_config *config, const struct log *log,
                         struct problems *problems);
struct chain *chain_ref(struct chain *chain);
void chain_unref(struct chain *chain);              /* the last one blocks until all voters ended */
/* The same in two steps: true for the last one, who must close it. */
bool chain_leave(struct chain *chain);
void chain_close(struct chain *chain);

/* Called when a voter's state changes, on the thread of the vote that changed it; why: the last
 * failure.  Set before the first vote; ctx outlives the chain. */
typedef void chain_state_fn(void *ctx, const char *voter, const char *state, const char *why);
void chain_watch(struct chain *chain, chain_state_fn *fn, void *ctx);

/* A digest of the set of voters with their code and configuration: part of the review token. */
const char *chain_digest(const struct chain *chain);
size_t chain_size(const struct chain *chain);
/* The keys of signed_only, NULL at the end; NULL: policies need no signature. */
const struct signature_key *const *chain_signers(const struct chain *chain);
/* Whether a signature has to name the sandbox that it is for. */
bool chain_signers_name_sandbox(const struct chain *chain);

/* Asks every voter; none is skipped.  A voter that fails counts as its on_error, with the code
 * VOTER_ERROR.  out does not depend on the chain. */
void chain_ask(struct chain *chain, const struct sluice_transition *transition,
               struct arena *arena, struct chain_votes *out);

/* Asks every voter about a request, as the test kit does; one that does not look at requests, or
 * at those of this host or protocol, abstains.  middleware: as one that a policy names. */
void chain_ask_request(struct chain *chain, const struct sluice_request *request, bool middleware,
                       struct arena *arena, struct chain_votes *out);

struct chain_tally {
    enum chain_outcome outcome;
    bool overridden;                                /* a deny yielded to the override */
    size_t against;                                 /* voters whose deny or hold decided */
    const char *why; /* one sentence, such as "refused by 1 of 3 voters" */
};

/* A deny of a mandatory voter denies; so does one of an overridable voter unless override is set.
 * Otherwise a hold holds.  Otherwise the outcome is allowed if a voter that is not advisory
 * allowed, or if a deny yielded to the override. */
void chain_tally(const struct chain_votes *votes, bool override, struct arena *arena,
                 struct chain_tally *out);

/* Of a request: it passes unless a voter that is not advisory denies or holds it. */
enum chain_outcome chain_tally_request(const struct chain_votes *votes);

/* Passes the outcome to every voter that observes. */
void chain_observe(struct chain *chain, const struct sluice_outcome *outcome);

struct chain_voter_info {
    const char *name, *version, *kind, *level, *isolation, *path, *sha256, *state, *summary;
    uint64_t votes, denials, errors, p50_us, p99_us;
    bool reads_files; /* isolated, but this kernel cannot keep it from files */
    bool inspects;                                  /* it looks at requests */
    const struct sluice_code *codes;                /* NULL: any code may be cast */
    const struct sluice_option *options;            /* the table; NULL: none */
    const char *configured; /* options that the configuration sets, as JSON; NULL: none */
};

/* In chain order; the texts live as long as the chain. */
void chain_describe(struct chain *chain, size_t i, struct chain_voter_info *out);

/* Coverage for test runs: the lines with code of the inline Lua voters, and which of them ran since
 * chain_cover.  Call chain_cover before the first vote. */
struct chain_line {
    unsigned number;
    bool ran;
};

void chain_cover(struct chain *chain);
size_t chain_lines(struct chain *chain, size_t i, struct arena *arena, struct chain_line **out);

#endif
