/* SPDX-License-Identifier: Apache-2.0 */
/* The process of one voter, seen from the gateway: started, spoken to over a socket pair, killed.
 *
 * Ownership: child_start fills a struct that child_end empties again; {.socket = -1} is a child
 * that does not run.  One thread at a time.  The process has an empty environment, no descriptors
 * but its socket (3) and a pipe as stderr, and a session of its own; it confines itself further
 * before it loads any code (confine.h). */
#ifndef CHAIN_PROCESS_CHILD_H
#define CHAIN_PROCESS_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "chain/process/command.h"

enum { CHILD_SOCKET = 3, CHILD_LOG_LINES = 20, CHILD_LOG_BYTES = 1024, CHILD_FINI_MS = 500 };

struct child {
    pid_t pid;
    int socket;                                     /* -1: not running */
    int messages;                                   /* its stderr */
    char said[256];                                 /* the last line of it that was passed on */
};

#define CHILD_NONE {.socket = -1, .messages = -1}

/* command: NULL, or what it becomes after confining itself. */
int child_start(struct child *child, const struct command *command, struct error *err);
/* Whether it runs and has sent nothing, as between two requests. */
bool child_is_idle(const struct child *child);
/* Logs lines of its stderr, at most CHILD_LOG_LINES of CHILD_LOG_BYTES, and drops what else is
 * there, as much as a pipe holds. */
void child_pass_messages(struct child *child, const char *voter, const struct log *log);
/* Closes the sending side and gives the process CHILD_FINI_MS to end by itself. */
void child_finish(const struct child *child);
/* Kills it unless it ended by itself, and waits for it.  Appends how it ended to how, such as
 * "it was killed by signal 11 (Segmentation fault)"; how may be NULL.  True: by itself, in order.
 */
bool child_end(struct child *child, struct buf *how);

#endif
