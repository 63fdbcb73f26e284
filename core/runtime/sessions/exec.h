/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in sandboxes, and clients of main processes.  Either is handed to the supervisor, which
 * connects back with a session, on which the frames of sandbox/wire/frame.h go both ways.
 *
 * A sandbox is given by the id that the right to it was judged by: its name may have become
 * another one's since.  One that another gateway has is asked of that gateway (runtime/peers),
 * which is told who asks; who may be NULL.
 *
 * Ownership: a wait belongs to the runtime until its session has come or its done was called.
 * Threads: the loop's thread only.  Errors: NOT_FOUND, STATE; of done also UPSTREAM and TIMEOUT. */
#ifndef RUNTIME_SESSIONS_EXEC_H
#define RUNTIME_SESSIONS_EXEC_H

#include "auth/auth.h"
#include "runtime/runtime.h"
#include "sandbox/wire/protocol.h"

struct exec_wait;

/* Called once, not from within runtime_exec: with the session, which the callee owns from then on,
 * or with err and without one. */
typedef void runtime_exec_fn(void *arg, struct net_stream *session, const struct error *err);

/* Records that somebody runs a command.  Worker thread: it blocks. */
int runtime_exec_note(struct store *store, const char *sandbox_id, const struct store_user *user,
                      struct error *err);
/* Whether the sandbox could run a command now. */
int runtime_exec_check(struct runtime *runtime, const char *sandbox_id, struct error *err);
/* Runs a command that was checked by sandbox_exec_check; its id is made here.  -1: done is not
 * called. */
int runtime_exec(struct runtime *runtime, const char *sandbox_id, const struct auth_principal *who,
                 const struct sandbox_exec *command, runtime_exec_fn *done, void *arg,
                 struct error *err);
/* Called once, not from within runtime_detach; pid: of the command, in the sandbox. */
typedef void runtime_detach_fn(void *arg, int64_t pid, const struct error *err);
/* The same for a command that runs without streams.  done: its program runs. */
int runtime_detach(struct runtime *runtime, const char *sandbox_id,
                   const struct auth_principal *who, const struct sandbox_exec *command,
                   runtime_detach_fn *done, void *arg, struct error *err);
/* A session with the main process: what it printed, what it prints, its exit.  Its id is made
 * here. */
int runtime_attach(struct runtime *runtime, const char *sandbox_id,
                   const struct auth_principal *who, const struct sandbox_attach *client,
                   runtime_exec_fn *done, void *arg, struct error *err);
/* Why there is no main process to attach to or to wait for. */
int runtime_no_main(const char *sandbox, struct error *err);
/* The command that a supervisor connects back for, NULL: none waits under this id. */
struct exec_wait *runtime_exec_find(struct runtime *runtime, const char *sandbox_id,
                                    const char *exec_id);
/* Takes the session. */
void runtime_exec_connect(struct exec_wait *wait, struct net_stream *session);

#endif
