/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in the sandbox, each with a tunnel of its own to the gateway.
 *
 * Ownership: the table borrows what it is made with; a session lives until both its command and its
 * tunnel have ended.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_EXEC_H
#define SANDBOX_SUPERVISOR_PROCESS_EXEC_H

#include <sys/types.h>
#include <uv.h>

#include "sandbox/wire/protocol.h"

struct arena;
struct container;
struct exec_table;
struct log;
struct secret_credentials;

enum {
    /* More are refused; init's channel is sized for them.  One that has finished and whose client
     * does not read what it said gives way, the oldest first. */
    EXEC_SESSIONS_MAX = 32,
    EXEC_CONNECTIONS_MAX = 128,                     /* to ports of the sandbox */
    EXEC_KILL_GRACE_MS = 100,                       /* between SIGTERM and SIGKILL */
    EXEC_LINGER_MS = 200,                         /* for the output of what a command left behind */
    EXEC_TIMEOUT_CODE = 124,
    EXEC_CANNOT_RUN_CODE = 126, EXEC_NOT_FOUND_CODE = 127,
};

#define EXEC_NO_ROOM                                                                              \
    "the sandbox's supervisor has no room for more open files (RLIMIT_NOFILE): end other "        \
    "commands first"

struct exec_table_request {
    uv_loop_t *loop;
    struct container *container;
    const struct sandbox_spec *spec;
    const struct log *log;
    /* What became of a detached command. */
    void (*tell)(void *ctx, const struct sandbox_detached *detached);
    void *ctx;
};
struct exec_table *sandbox_execs_new(const struct exec_table_request *request);
/* Commands that begin from now on have their placeholders; borrowed until others take their
 * place. */
void sandbox_execs_set_credentials(struct exec_table *table,
                                   const struct secret_credentials *credentials);
/* All must have ended: see sandbox_execs_end. */
void sandbox_execs_free(struct exec_table *table);

/* Dials the gateway, unless it is detached, and runs the command; copies exec and takes the arena
 * of what it points to. */
void sandbox_execs_begin(struct exec_table *table, const struct sandbox_exec *exec,
                         struct arena *arena);

/* Events of the container.  Unknown ids are ignored and their descriptors closed. */
void sandbox_execs_started(struct exec_table *table, uint32_t id, pid_t pid, const int *fds,
                           size_t n_fds);
void sandbox_execs_exited(struct exec_table *table, uint32_t id, int code, const char *error);
/* The sandbox is gone: every session gets the reason and ends.  Calls on_ended when none is left,
 * possibly before this returns. */
void sandbox_execs_end(struct exec_table *table, const char *why, void (*on_ended)(void *ctx),
                       void *ctx);

#endif
