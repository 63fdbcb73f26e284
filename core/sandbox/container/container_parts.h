/* SPDX-License-Identifier: Apache-2.0 */
/* What container.c, a container that runs, and container_start.c share. */
#ifndef SANDBOX_CONTAINER_CONTAINER_PARTS_H
#define SANDBOX_CONTAINER_CONTAINER_PARTS_H

#include "base/buf.h"
#include "base/error.h"
#include "sandbox/container/container.h"
#include "sandbox/mounts/mount_guard.h"

struct arena;
struct replaced_watch;

enum container_state { CONTAINER_STARTING, CONTAINER_READY, CONTAINER_STOPPING, CONTAINER_GONE };

struct container {
    const struct container_callbacks *callbacks;
    void *ctx;
    struct launch launch;
    enum container_state state;
    struct arena *arena;                            /* of the guards */
    struct mount_guards guards;
    struct replaced_watch *replaced;                /* NULL: there is nothing to watch */
    const char *cgroups;                            /* that init is still to enter; NULL: none */
    uv_poll_t channel, complaints;
    uv_signal_t child;
    struct buf said;                                /* the line begun; before ready, all of it */
    struct error why;                               /* valid with has_why: what init said */
    bool has_why;
    int open_handles;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* The strings of a message's body, each with its NUL. */
void container_add_strings(struct buf *body, const char *const *strings, size_t n);
/* Takes the body.  A full channel means that init has hung: it takes messages faster than commands
 * can come. */
int container_send_body(const struct container *container, struct init_message *message,
                        struct buf *body, struct error *err);

void container_on_channel(uv_poll_t *poll, int status, int events);
void container_on_complaints(uv_poll_t *poll, int status, int events);
void container_on_child(uv_signal_t *handle, int signum);

#endif
