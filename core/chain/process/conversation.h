/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with the process of one voter.  The process is started with the voter's
 * configuration, gets the policies that it does not have yet, and is asked one question at a time.
 * A crash, silence beyond the time limit, or an answer that is too long or makes no sense fails the
 * vote and ends the process; the next question starts it again (health.h).
 *
 * Ownership: conversation_init fills a struct that conversation_close empties; it borrows voter and
 * log.  From conversation_ask to conversation_take the question borrows its request; the buffers of
 * the question belong to the conversation.  One thread at a time. */
#ifndef CHAIN_PROCESS_CONVERSATION_H
#define CHAIN_PROCESS_CONVERSATION_H

#include "chain/process/child.h"
#include "chain/process/encoded_request.h"
#include "chain/process/health.h"
#include "chain/voter.h"

/* A question under way: sent and answered as far as the socket allows, so that one thread can have
 * several of them under way and take each answer as it arrives. */
struct conversation_question {
    const struct encoded_request *request;
    uint32_t limit_ms;
    uint64_t left_ns; /* of the limit: conversation_await counts down */
    struct buf out, in;
    size_t sent;
    bool ended;                                     /* answered, or failed */
    bool failed;                                    /* err says why, with the kinds of frame.h */
    bool unasked;                                   /* failed because there is no process to ask */
    struct error err;
};

struct conversation {
    struct arena *arena;                            /* of what later starts need */
    struct chain_config chain;
    struct chain_voter_config config;               /* with its defaults filled in */
    const struct voter *voter;
    const char *name, *sha256;                      /* of the code that was opened first */
    bool external;                                  /* the voter is a command */
    const struct log *log;
    struct child child;
    struct health health;
    struct buf known[MESSAGE_ROLES_COUNT];          /* the policies that the process has, encoded */
    struct conversation_question question;
};

/* Starts no process. */
void conversation_init(struct conversation *c, const struct voter *voter,
                       const struct chain_config *chain, const struct chain_voter_config *config,
                       const struct log *log);
/* Lets the process end in order, and waits for it. */
void conversation_close(struct conversation *c);

/* The first start.  What the voter says about itself lives in the arena.  On failure no process is
 * left. */
int conversation_open(struct conversation *c, struct arena *arena,
                      const struct message_opened **opened, struct error *err);
/* Sends a request that has no answer; waits until it is sent. */
void conversation_tell(struct conversation *c, const struct encoded_request *request,
                       uint32_t limit_ms);

/* Asks for a vote: starts the process if it ended, and sends what fits at once.  Never waits for an
 * answer and reports no failure: conversation_take does. */
void conversation_ask(struct conversation *c, const struct encoded_request *request,
                      uint32_t limit_ms);
/* Returns the index of the conversation whose question is answered first.  Questions that failed or
 * are out of time come when no other is left, because ending a process takes a while.  Only time
 * that passes in here counts against a limit: a process may have waited for this side.  NULL items
 * do not count; at least one item is not NULL.  Blocks. */
size_t conversation_await(struct conversation *const *list, size_t n);
/* Ends the question: waits for the answer, which is a ballot or a failure (MESSAGE_VOTED or
 * MESSAGE_FAILED) of that vote.  A process may end in order between two votes, and so just before a
 * question reaches it: then it is started again and asked once more. */
int conversation_take(struct conversation *c, struct arena *arena, struct message *out,
                      struct error *err);

/* Casts what the process said into the gateway's ballot, which checks it once more. */
int conversation_cast(const struct message_voted *voted, struct sluice_ballot *ballot,
                      struct error *err);

/* For whoever asks the process without waiting (inspect/): starts it again if it ended, unless its
 * health forbids. */
int conversation_ensure(struct conversation *c, struct error *err);
/* Ends the process because of err, of the kinds of frame.h, and says in err what came of it, as for
 * a vote.  False: it had ended in order and may.  Blocks until it is gone. */
bool conversation_fail(struct conversation *c, const char *verb, bool may_end, struct error *err);

#endif
