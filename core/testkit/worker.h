/* SPDX-License-Identifier: Apache-2.0 */
/* A process that runs voters, so that no voter can crash the runner.
 *
 * The child has a process group of its own, which ends when the worker is closed and when the
 * runner dies.  It sends one JSON object per line on a pipe; what the voter prints goes to an
 * unnamed file.
 *
 * Ownership: worker_start fills a worker that worker_close releases.  One thread, and the caller
 * has no other one: the child is a fork that goes on running. */
#ifndef TESTKIT_WORKER_H
#define TESTKIT_WORKER_H

#include <jansson.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct worker {
    pid_t pid;                                      /* 0: not running */
    int from, output;                               /* pipe, and file of what was printed */
    struct buf text;                                /* read and not yet handed out */
};

/* The child's work.  It talks through worker_say and returns.  It runs without the
 * runner's standard streams: stdin is empty, what it prints is kept. */
typedef void (*worker_fn)(int to, void *arg);

int worker_start(struct worker *worker, worker_fn fn, void *arg, struct error *err);
void worker_say(int to, json_t *message);           /* takes the message */

/* Reads what is there after poll reported input.  0: the pipe has ended. */
int worker_read(struct worker *worker);
/* A whole message, which the caller owns; NULL: none yet. */
json_t *worker_next(struct worker *worker);

/* Waits for the end of a child whose pipe has ended, kills what it left behind and says in words
 * how it ended: the caller frees the text, which is NULL after a clean end. */
char *worker_end(struct worker *worker);
void worker_kill(struct worker *worker);            /* worker_end is still to be called */
/* The last bytes of what it printed; the caller frees them. */
char *worker_output(const struct worker *worker, size_t max);
void worker_close(struct worker *worker);

#endif
