/* SPDX-License-Identifier: Apache-2.0 */
/* The questions about requests that wait for one isolated voter.
 *
 * Many are sent ahead, as far as the socket takes them; the process answers in order.  The question
 * whose turn it is when the process crashes, keeps silent beyond the voter's limit or answers
 * nonsense fails; those behind it are asked again of the next process.  A process is ended and
 * started on a worker thread, after the pauses of health.h.
 *
 * Ownership: questions_new borrows the voter, which outlives it; nobody else talks to its process.
 * The loop's thread. */
#ifndef CHAIN_INSPECT_QUESTIONS_H
#define CHAIN_INSPECT_QUESTIONS_H

#include <uv.h>

#include "chain/ballot.h"
#include "chain/voter.h"

enum {
    QUESTIONS_MAX = 4096, /* that wait for one voter */
    QUESTIONS_PATIENCE = 10, /* how many times its limit a question waits in all */
};

struct questions;
struct question;

/* ballot: NULL with err that says why the voter has none. */
typedef void question_answered(void *arg, const struct ballot *ballot, const struct error *err);

struct questions *questions_new(struct voter *voter, uv_loop_t *loop);
/* The request lives until answered is called, which is never before this returns; the ballot's
 * facts and changes live in the arena.  NULL with err: nothing was asked. */
struct question *questions_ask(struct questions *questions, const struct sluice_request *request,
                               bool may_change, struct arena *arena, question_answered *answered,
                               void *arg, struct error *err);
bool questions_idle(const struct questions *questions);     /* nothing waits, no worker is busy */
void question_cancel(struct question *question);    /* answered is not called */
/* Frees it once the loop has let go of it, then calls closed.  No question is under way. */
void questions_close(struct questions *questions, void (*closed)(void *arg), void *arg);

#endif
