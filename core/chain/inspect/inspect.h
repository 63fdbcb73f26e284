/* SPDX-License-Identifier: Apache-2.0 */
/* The voters of a chain that judge requests, in the process that sees the requests.
 *
 * A set of inspectors is loaded from a chain's configuration with the digests that the gateway
 * pinned, is immutable and shared by reference count.  A request is judged by exactly one set: a
 * reload makes a new set, and what is under way finishes on its own.
 *
 * Threads: one, the loop's.  Voters inside this process answer at once, within a budget; those with
 * a process of their own are asked over a socket, many at a time, and nothing waits. */
#ifndef CHAIN_INSPECT_INSPECT_H
#define CHAIN_INSPECT_INSPECT_H

#include <uv.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/problems.h"
#include "chain/config.h"
#include "chain/inspect/change.h"
#include "chain/inspect/counts.h"
#include <sluice/request.h>

struct inspectors;

/* All or nothing: NULL with every problem.  Voters without inspect are left out. */
struct inspectors *inspectors_load(const struct chain_config *config, uv_loop_t *loop,
                                   const struct log *log, struct problems *problems);
struct inspectors *inspectors_ref(struct inspectors *set);
void inspectors_unref(struct inspectors *set);

/* What each voter that was asked said, since the last call. */
typedef void inspectors_counted(void *ctx, const char *voter, const struct inspect_counts *counts);
void inspectors_count(struct inspectors *set, inspectors_counted *counted, void *ctx);

/* An entry of a policy's network_middlewares whose host patterns match, in its order. */
struct inspect_middleware {
    const char *key;                                /* its key in the policy */
    const char *voter;                              /* the name of a voter of the set */
    const char *config_json;                        /* options of its own; "{}": none */
    bool fail_open;                                 /* on_error */
};

/* What the voters of the set, and the middlewares, would look at. */
struct inspect_needs {
    bool any;                                       /* somebody is asked at all */
    bool responses;                                 /* somebody looks at answers */
    size_t body_bytes;                              /* the longest body prefix that is wanted */
    size_t stage_bytes; /* the longest body that a middleware takes; 0: none looks at bodies */
};

/* Cheap: called for each request before anything is buffered. */
void inspectors_needs(const struct inspectors *set, const char *host, const char *protocol,
                      const struct inspect_middleware *middlewares, size_t n,
                      struct inspect_needs *out);

/* A ballot that asks for a person's decision; "" where there is no text. */
struct inspect_hold {
    const char *voter, *code, *message, *middleware;
};

/* What a voter found out, whatever its verdict. */
struct inspect_fact {
    const char *voter, *key, *value;
};

/* The type of the finding that tells of them. */
#define INSPECT_FINDING_FACTS "sluice.voter.facts"

enum { INSPECT_FACTS_MAX = 32 };                    /* of all voters together; more are left out */

/* In the arena of the question. */
struct inspect_verdict {
    enum sluice_verdict verdict; /* ALLOW, DENY or HOLD: the gravest, on_error applied */
    const char *voter, *code, *message;             /* of the ballot that decided; "" */
    const char *middleware;                         /* the key of the entry; "": the chain's */
    bool failed;                                    /* it counts as that, as the voter failed */
    const struct inspect_change *changes;           /* only of middlewares, in order */
    size_t n_changes;
    const struct inspect_fact *facts;               /* in the order of answers */
    size_t n_facts;
    const struct inspect_hold *holds; /* of verdict HOLD: all of them, in the order of answers */
    size_t n_holds;
};

typedef void inspect_done(void *arg, const struct inspect_verdict *verdict);
struct inspection;

/* Asks every voter that is concerned: those of the chain first, then the middlewares in order, each
 * of which sees what the one before it changed, and sees and changes what stage.h says.  The
 * request lives until done is called.  Returns NULL if the verdict is known at once: out is filled
 * in and done is never called. */
struct inspection *inspect_begin(struct inspectors *set, const struct sluice_request *request,
                                 const struct inspect_middleware *middlewares, size_t n,
                                 struct arena *arena, inspect_done *done, void *arg,
                                 struct inspect_verdict *out);
void inspect_cancel(struct inspection *inspection); /* done is not called */

#endif
