/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with the process of one voter: it is started with the voter's configuration, told
 * what it does not know yet, and ended when it can no longer be trusted.  Whatever goes wrong ends
 * the process and fails the vote: a crash, silence beyond the time limit, an answer too long or
 * without sense.  It is started again for the next vote (health.h).
 *
 * Ownership: session_begin fills a struct that session_close empties; it borrows voter and log.
 * One thread at a time. */
#ifndef CHAIN_PROCESS_SESSION_H
#define CHAIN_PROCESS_SESSION_H

#include "chain/process/child.h"
#include "chain/process/exchange.h"
#include "chain/process/health.h"
#include "chain/process/told.h"
#include "chain/voter.h"

struct session {
    struct arena *arena;                            /* of what is kept for later starts */
    struct chain_config chain;
    struct chain_voter_config config;               /* with its defaults filled in */
    const struct voter *voter;
    const char *name, *sha256;                      /* of the code that was opened first */
    bool external;                                  /* it is a command */
    const struct log *log;
    struct child child;
    struct health health;
    struct buf sent[MESSAGE_ROLES_COUNT];           /* the policies that the process has */
};

/* No process is started. */
void session_begin(struct session *s, const struct voter *voter, const struct chain_config *chain,
                   const struct chain_voter_config *config, const struct log *log);
/* Lets the process end in order, and waits for it. */
void session_close(struct session *s);

/* The first start.  What the voter says about itself lives in the arena.  On failure no process is
 * left. */
int session_open(struct session *s, struct arena *arena, const struct message_opened **opened,
                 struct error *err);
/* Starts the process again if it ended, unless its health forbids. */
int session_ensure(struct session *s, struct error *err);

/* Tells the process what it does not know yet.  A failure ends it; request: the verb for messages. */
int session_tell(struct session *s, const struct told *told, uint32_t limit_ms,
                 const char *request, struct error *err);
/* The same for a vote, without waiting; exchange_await tells when the answer is there to be taken.
 * A failure on the way ends the process when it is taken.  SESSION_LEFT: at the first asking, it ended
 * in order instead of answering. */
enum { SESSION_LEFT = 1 };
void session_ask(struct session *s, const struct told *told, uint32_t limit_ms,
                 struct exchange *x);
int session_take_vote(struct session *s, const struct exchange *x, int64_t id, bool first,
                      struct arena *arena, struct message *out, struct error *err);

#endif
