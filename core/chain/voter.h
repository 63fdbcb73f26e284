/* SPDX-License-Identifier: Apache-2.0 */
/* One voter inside the chain.  native/, lua/ and process/ each have an open function that makes
 * one. */
#ifndef CHAIN_VOTER_H
#define CHAIN_VOTER_H

#include "base/error.h"
#include "chain/chain.h"
#include <sluice/plugin.h>

struct voter;

/* A chain asks its voters about one transition or one request. */
struct voter_ask {
    const struct sluice_transition *transition;     /* NULL: it is a request */
    const struct sluice_request *request;
    bool may_change;                                /* the request */
    bool middleware;                                /* a policy names the voters */
    int64_t id;                                     /* unique in the chain */
    const struct encoded_request *encoded; /* the first isolated voter fills it in for all */
    struct arena *arena;                            /* where it lives */
};

struct voter_ops {
    const char *kind;                               /* "native", "lua" or "command" */
    /* Casts into the ballot of the vote, which chain_ask began with the voter's codes, and ends
     * with ballot_finish (chain/ballot.h).  Returns -1 with err when the voter itself failed:
     * crash, budget, timeout, answer that makes no sense. */
    int (*vote)(struct voter *voter, const struct sluice_transition *transition,
                struct sluice_ballot *ballot, struct error *err);
    bool unstoppable; /* whoever calls vote also calls voter_check_time */
    /* Voters inside this process that look at requests: as vote, on the thread of the traffic. */
    int (*inspect)(struct voter *voter, const struct sluice_request *request,
                   struct sluice_ballot *ballot, struct error *err);
    /* The same in two steps, in place of vote, so that all isolated voters of a chain can work at
     * once.  begin takes the voter's turn and returns what conversation_await takes; finish, on the
     * same thread, waits for the answer and gives the turn back.  Unless patient, begin returns
     * NULL where it would have to wait for the turn or for a process to start.  A thread that has a
     * turn must not be patient: others would wait for that voter.  Both or none. */
    struct conversation *(*begin)(struct voter *voter, struct voter_ask *ask, bool patient);
    int (*finish)(struct voter *voter, struct sluice_ballot *ballot, struct error *err);
    /* Isolated voters: the process, for whoever asks it about requests and nothing else. */
    struct conversation *(*conversation)(struct voter *voter);
    void (*observe)(struct voter *voter, const struct sluice_outcome *outcome); /* may be NULL */
    /* Inline Lua only: record which lines run; list them.  Both or none. */
    void (*cover)(struct voter *voter);
    size_t (*lines)(struct voter *voter, struct arena *arena, struct chain_line **out);
    void (*close)(struct voter *voter);             /* releases impl; voter_free does the rest */
    const char *(*state)(
        const struct voter *voter); /* "ready" or "quarantined"; NULL: always ready */
};

struct voter {
    const struct voter_ops *ops;
    void *impl;                                     /* of native/, lua/ or process/ */
    char *name, *version, *summary, *path, *sha256; /* owned by the voter */
    char *options;                                  /* options_json() of its options, owned */
    char *configured; /* those that the configuration sets, as JSON, owned */
    const struct sluice_code *codes; /* live as long as impl; NULL: any code may be cast */
    const struct sluice_option *option_table;       /* the same; NULL: none */
    size_t place;                                   /* of its entry in the configuration */
    enum chain_level level;
    bool deny_on_error;
    uint32_t timeout_ms;
    uint32_t inspect_ms; /* of a question about a request; less where it holds up the loop */
    uint32_t memory_mb;
    uint32_t threads;                               /* that a command may start */
    bool reads_files;                               /* isolated, but the kernel has no Landlock */
    bool votes, inspects; /* it has a vote function, an inspect function */
    bool inspects_responses;                        /* it is asked about answers too */
    struct chain_inspect_config inspect;            /* owned by the voter: which requests */
    chain_state_fn *watcher;                        /* NULL: nobody watches */
    void *watcher_ctx;
};

/* A voter without impl, with the level, limits and on_error of its configuration or the defaults.
 * An open function fills in the rest and leaves impl NULL until voter_ops.close may be called. */
struct voter *voter_new(const struct voter_ops *ops, const struct chain_config *chain,
                        const struct chain_voter_config *config);

/* Each returns NULL with err; the caller has checked nothing but the shape of the configuration.
 * ERROR_INVALID means that an option is wrong; every other kind, that the file is. */
struct voter *voter_native_open(const struct chain_config *chain,
                                const struct chain_voter_config *config, const struct log *log,
                                struct error *err);
struct voter *voter_lua_open(const struct chain_config *chain,
                             const struct chain_voter_config *config, const struct log *log,
                             struct error *err);
struct voter *voter_process_open(const struct chain_config *chain,
                                 const struct chain_voter_config *config, const struct log *log,
                                 struct error *err);
void voter_free(struct voter *voter);
/* Whether the voter is to be asked about a request to the host, by its inspect. */
bool voter_looks_at(const struct voter *voter, const char *host, const char *protocol);
/* Returns the voter, which may be NULL.  If its description is not printable or it declares a code
 * that no ballot takes, frees it and returns NULL with err. */
struct voter *voter_checked(struct voter *voter, struct error *err);

/* Nothing can stop native code in this process.  A vote that took too long is refused afterwards,
 * so that a slow voter is noticed. */
int voter_check_time(const struct voter *voter, uint64_t took_ns, struct error *err);

/* The i-th voter of a chain; lives as long as the chain. */
struct voter *chain_voter(struct chain *chain, size_t i);
/* Closes the others.  Before anybody is asked. */
void chain_keep_inspecting(struct chain *chain);

const char *voter_state(const struct voter *voter);
/* Tells the watcher that the voter's state changed. */
void voter_changed(const struct voter *voter, const char *why);

#endif
