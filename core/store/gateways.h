/* SPDX-License-Identifier: Apache-2.0 */
/* Several gateways on one store: who they are, and how each learns what the others wrote.
 *
 * A write that others have to learn of tells so in its own transaction (store/backend.h).  A
 * gateway that follows the store hears of all of it, its own writes too, in the order in which it
 * was committed, and at least once.  It hears of none while it cannot reach the store, and of the
 * rest when it can again; where that is too much, it hears STORE_TOPIC_ALL instead.
 *
 * A store that is not shared has one gateway, which hears of nothing. */
#ifndef STORE_GATEWAYS_H
#define STORE_GATEWAYS_H

#include "store/store.h"

struct store_gateway {
    const char *id;                                 /* which its state folder keeps */
    const char *name;                               /* for people: its host and address */
    /* Where other gateways ask it (runtime/peers), and the SHA-256 of its certificate; "": not. */
    const char *peer_address, *peer_digest;
    int64_t number;                                 /* 1, 2, 3…, which the store gives */
    int64_t started_at_ms, seen_at_ms;              /* by the store's clock */
    bool alive;                                     /* it was seen in the last STORE_SILENT_MS */
};

enum {
    STORE_BEAT_MS = 5000,                           /* how often a gateway says that it lives */
    STORE_SILENT_MS = 15000,
};

bool store_is_shared(const struct store *store);
/* Makes this process the gateway me until it closes the store, and fills its number: one of several
 * in a shared store, else the only one.  ERROR_EXISTS if it cannot be. */
int store_join(struct store *store, struct store_gateway *me, struct error *err);
/* Whether this gateway may run the sandbox: it is its home, or the sandbox has none yet. */
bool store_at_home(const struct store *store, const struct store_sandbox *sandbox);
/* By number; none in a store that is not shared. */
int store_gateway_list(struct store *store, struct arena *arena, struct store_gateway **out,
                       size_t *n, struct error *err);

/* X(id, word): what was written.  The subject of a change is the id of a sandbox, but of a token
 * for TOKEN. */
#define STORE_TOPICS(X)                                                                            \
    X(SANDBOX,  "sandbox")  /* its record: made, other settings, another home, deleted */          \
    X(POLICY,   "policy")   /* a revision: number */                                               \
    X(DRAFT,    "draft")    /* a chunk: part is its id */                                          \
    X(TOKEN,    "token")    /* made or revoked */                                                  \
    X(PROVIDER, "provider") /* credentials, or who uses them */                                    \
    X(EVENT,    "event")    /* number is its id */                                                 \
    X(ALL,      "all")      /* anything: changes were missed */

enum store_topic {
#define X(id, word) STORE_TOPIC_##id,
    STORE_TOPICS(X)
#undef X
    STORE_TOPIC_COUNT
};

const char *store_topic_word(enum store_topic topic);

struct store_change {
    enum store_topic topic;
    bool own;                                       /* this gateway wrote it */
    const char *subject, *part;                     /* "": none */
    uint64_t number;
    const char *event_type; /* of another gateway's EVENT that is still on record; else NULL */
    const char *event_sandbox, *event_json;
};

/* On a thread of the store, which it must not block.  The changes live until it returns. */
typedef void store_heard_fn(void *ctx, const struct store_change *changes, size_t n);

/* What is written after store_join.  Once for each store; nothing in one that is not shared. */
int store_follow(struct store *store, store_heard_fn *heard, void *ctx, struct error *err);
void store_unfollow(struct store *store);           /* no call comes after this */

#endif
