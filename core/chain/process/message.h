/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between the gateway and a voter's process (include/WIRE.md), each a struct with a
 * schema table, so that both sides read and write them by the same rows.
 *
 * Ownership: what is decoded lives in the arena; what is encoded is borrowed.  Any thread. */
#ifndef CHAIN_PROCESS_MESSAGE_H
#define CHAIN_PROCESS_MESSAGE_H

#include "base/error.h"
#include "chain/config.h"
#include "chain/inspect/change.h"
#include "chain/request.h"
#include "chain/transition.h"

enum { MESSAGE_PROTOCOL = 1 };

#define MESSAGES(X)                                                                       \
    X(OPEN,    "open",    open)     /* to the voter, first: what it is and its options */  \
    X(POLICY,  "policy",  policy)   /* to the voter: one of the policies of what follows */ \
    X(VOTE,    "vote",    vote)     /* to the voter: a transition to vote on */            \
    X(INSPECT, "inspect", inspect)  /* to the voter: a request to judge */                 \
    X(OBSERVE, "observe", observe)  /* to the voter: what came of a transition */          \
    X(OPENED,  "opened",  opened)   /* from the voter: what it says about itself */           \
    X(REFUSED, "refused", refused)  /* from the voter: it cannot be opened */              \
    X(VOTED,   "voted",   voted)    /* from the voter: its ballot */                       \
    X(FAILED,  "failed",  failed)   /* from the voter: it has none */

enum message_type {
#define X(id, word, member) MESSAGE_##id,
    MESSAGES(X)
#undef X
    MESSAGE_TYPES
};

struct message_open {
    uint32_t protocol;
    const char *const *plugin_dirs;
    size_t n_plugin_dirs;
    const char *base_dir;
    const struct chain_voter_config *voter;
};

#define MESSAGE_ROLES(X)                    \
    X(BASELINE,  "baseline",  baseline)     \
    X(CURRENT,   "current",   current)      \
    X(CANDIDATE, "candidate", candidate)

enum message_role {
#define X(id, word, member) ROLE_##id,
    MESSAGE_ROLES(X)
#undef X
    MESSAGE_ROLES_COUNT
};

struct message_policy {                             /* stands until another of its role comes */
    const char *role;
    const struct sluice_policy *policy;             /* NULL: there is none */
};

struct message_diff {                               /* rules by their keys */
    const char *relation;
    const struct sluice_reach *const *gained, *const *lost;
    size_t n_gained, n_lost;
    const char *const *added, *const *removed, *const *changed;
    size_t n_added, n_removed, n_changed;
    const struct sluice_static_change *const *static_changes;
    size_t n_static_changes;
};

struct message_vote {
    int64_t id;
    const struct sluice_transition *transition;     /* without its policies and diff */
    const struct message_diff *diff;
};

struct message_observe {
    const struct sluice_transition *transition;
    const struct message_diff *diff;
    const char *outcome;
    int64_t revision;
};

struct message_inspect {
    int64_t id;
    const struct sluice_request *request;
    bool may_change;                                /* the answer may change the request */
};

struct message_code {
    const char *code, *help;
};

struct message_option {
    const char *name, *type, *fallback, *help;
    bool has_fallback;
};

struct message_opened {
    uint32_t protocol;
    const char *name, *version, *summary, *path, *sha256;
    const char *options;                            /* JSON: as configured, with defaults */
    bool any_code, observes, votes, inspects, inspects_responses;
    const struct message_code *const *codes;
    size_t n_codes;
    const struct message_option *const *option_table;
    size_t n_option_table;
};

struct message_refused {
    const char *text;
    bool options;                                   /* what is wrong is an option */
};

struct message_fact {
    const char *key, *value;
};

struct message_header {
    const char *name, *value;
};

struct message_voted {
    int64_t id;
    const char *verdict, *code, *path, *message;
    const struct message_fact *const *facts;
    size_t n_facts;
    const struct message_header *const *set_headers;
    size_t n_set_headers;
    const char *const *remove_headers;
    size_t n_remove_headers;
    const char *body;                               /* base64; NULL: it stays */
};

struct message_failed {
    int64_t id;
    const char *text;
};

struct message {
    enum message_type type;
    union {
        const void *record;
#define X(id, word, member) const struct message_##member *member;
        MESSAGES(X)
#undef X
    };
};

/* Appends a frame with {"type": …, …}. */
void message_encode(enum message_type type, const void *record, struct buf *out);
int message_decode(const char *json, size_t len, struct arena *arena, struct message *out,
                   struct error *err);

/* The diff by keys, and back: -1 when a key names no rule of the policies, or the relation is no
 * word for one. */
const struct message_diff *message_diff_of(const struct sluice_diff *diff, struct arena *arena);
int message_diff_resolve(const struct message_diff *diff, struct sluice_transition *t,
                         struct arena *arena, struct error *err);

/* Which verdict a word is; -1: none. */
int message_verdict(const char *word);
int message_role(const char *word);

#endif
