/* SPDX-License-Identifier: Apache-2.0 */
/* A running sandbox: bubblewrap, init and the commands in it.
 *
 * Made in the main thread before the loop runs and before any other thread exists.  Its callbacks
 * come from the loop, never from inside one of these functions (on_warning may, from the start).
 * The container ends by itself (stop, failure, a killed init) and says so once, through on_gone.
 * container_close frees it; after that no callback comes but on_closed.  Loop thread only. */
#ifndef SANDBOX_CONTAINER_CONTAINER_H
#define SANDBOX_CONTAINER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "sandbox/container/launch.h"
#include "sandbox/wire/wire.h"

struct container;
struct error;
struct own_file;
struct sandbox_exec;
struct sandbox_spec;
struct sluice_policy;

struct container_ready {
    pid_t init_pid;                                 /* on the host */
    bool network;
    int fds[NETWORK_FDS];                           /* with a network; the receiver's */
};

struct container_callbacks {
    void (*on_ready)(void *ctx, const struct container_ready *ready);
    /* The command runs, as process pid of the sandbox.  The receiver owns the descriptors: a
     * terminal's master, or the far ends of stdin, stdout and stderr, or none without streams. */
    void (*on_started)(void *ctx, uint32_t id, pid_t pid, const int *fds, size_t n_fds);
    /* error is "" unless the command could not be run; then on_started may not have come. */
    void (*on_exited)(void *ctx, uint32_t id, int code, const char *error);
    void (*on_warning)(void *ctx, const char *text);
    /* why is NULL when the container was told to stop. */
    void (*on_gone)(void *ctx, const struct error *why);
};

/* Files of the sandbox's own (mount_plan.h), needed until container_start returns. */
struct container_files {
    const struct own_file *items;
    size_t n;
};

struct container_request {
    const struct sandbox_spec *spec;
    const struct sluice_policy *policy;
    /* Called while bubblewrap makes the namespaces, as making the files takes as long.  -1 with
     * err.  NULL: there are none. */
    int (*make_files)(void *ctx, struct container_files *out, struct error *err);
};

/* NULL with err when nothing runs.  The request is needed until it returns. */
struct container *container_start(uv_loop_t *loop, const struct container_request *request,
                                const struct container_callbacks *callbacks, void *ctx,
                                struct error *err);

/* Runs argv with env in folder; both lists end in NULL.  The id is the caller's, unique among the
 * running ones.  -1 with err when init could not be asked. */
struct container_command {
    const char *const *argv, *const *env;
    size_t n_argv, n_env;
    const char *folder;
    enum exec_streams streams;
    uint16_t cols, rows;
};
int container_run(struct container *container, uint32_t id, const struct container_command *command,
                  struct error *err);
/* Asks for sockets of the sandbox's network, which on_started brings under this id: one of IPv4 and
 * perhaps one of IPv6.  -1 with err when init could not be asked. */
int container_open_sockets(struct container *container, uint32_t id, struct error *err);
/* The same of the socket that listens at WIRE_MAIN_SOCKET, before any command is run; none comes if
 * it cannot be had. */
int container_listen(struct container *container, uint32_t id, struct error *err);
/* The process group of a command. */
void container_kill(struct container *container, uint32_t id, int signal);
/* SIGTERM to everybody, the end after the grace at most; on_gone follows.  A second time only a
 * grace of 0 counts, which is the end at once. */
void container_stop(struct container *container, uint32_t grace_ms);
/* Ends what still runs, at once. */
void container_close(struct container *container, void (*on_closed)(void *ctx), void *ctx);

#endif
