/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/container.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "sandbox/container/cgroup.h"
#include "sandbox/container/container_parts.h"
#include "sandbox/container/replaced.h"

enum { COMPLAINTS_MAX = 4096 };

/* --- what init and bubblewrap say ------------------------------------------------------------ */

static void flush_lines(struct container *container)
{
    char *end;
    while (container->said.len > 0 &&
           (end = memchr(container->said.data, '\n', container->said.len))) {
        size_t len = (size_t)(end - container->said.data);
        *end = '\0';
        container->callbacks->on_warning(container->ctx, container->said.data);
        buf_consume(&container->said, len + 1);
    }
}

static void read_complaints(struct container *container)
{
    char bytes[1024];
    ssize_t got;
    while ((got = read(container->launch.complaints, bytes, sizeof bytes)) > 0)
        if (container->said.len + (size_t)got <= COMPLAINTS_MAX)
            buf_add(&container->said, bytes, (size_t)got);
    if (got == 0)
        uv_poll_stop(&container->complaints);
    if (container->state == CONTAINER_READY)
        flush_lines(container);
}

void container_on_complaints(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    read_complaints(poll->data);
}

/* The start fails by container->why. */
static void fail_start(struct container *container, struct wire_packet *packet)
{
    container->has_why = true;
    sandbox_wire_drop_fds(packet);
    kill(container->launch.pid, SIGKILL);
}

/* Init goes on meanwhile, as the kernel takes its time to move a process. */
static void take_begun(struct container *container, struct wire_packet *packet)
{
    const char *cgroups = container->cgroups;
    container->cgroups = NULL;
    if (cgroups && cgroup_enter(cgroups, packet->sender, &container->why) != 0)
        fail_start(container, packet);
}

/* The mounts are made and nothing runs in them yet: the last moment to find that a file of the
 * gateway's own was moved to where they show it. */
static void take_ready(struct container *container, struct wire_packet *packet)
{
    if (container->cgroups)
        error_set(&container->why, ERROR_INTERNAL, "init is not in the sandbox's cgroups");
    if (container->cgroups || mount_guards_unmoved(&container->guards, &container->why) != 0) {
        fail_start(container, packet);
        return;
    }
    container->state = CONTAINER_READY;
    flush_lines(container);
    struct container_ready ready = {.init_pid = packet->sender,
                                    .network = packet->n_fds == NETWORK_FDS};
    if (ready.network)
        memcpy(ready.fds, packet->fds, sizeof ready.fds);
    container->callbacks->on_ready(container->ctx, &ready);
    if (container->replaced)
        replaced_watch_begin(container->replaced, packet->sender);
}

static void take_packet(struct container *container, struct wire_packet *packet)
{
    const struct init_message *m = &packet->message;
    switch (m->type) {
    case INIT_BEGUN:
        take_begun(container, packet);
        break;
    case INIT_READY:
        take_ready(container, packet);
        break;
    case INIT_STARTED:
        container->callbacks->on_started(container->ctx, m->id, m->value, packet->fds,
                                         packet->n_fds);
        break;
    case INIT_EXITED:
        container->callbacks->on_exited(container->ctx, m->id, m->value, m->text);
        break;
    case INIT_WARNING:
        container->callbacks->on_warning(container->ctx, m->text);
        break;
    case INIT_FAILED:
        error_set(&container->why, ERROR_UNSUPPORTED, "no sandbox can be made: %s", m->text);
        container->has_why = true;
        break;
    default:
        sandbox_wire_drop_fds(packet);
        break;
    }
}

void container_on_channel(uv_poll_t *poll, int status, int events)
{
    struct container *container = poll->data;
    struct wire_packet packet;
    int rc = -1;
    (void)status;
    (void)events;
    while (uv_is_active((uv_handle_t *)poll) &&
           (rc = sandbox_wire_receive(container->launch.channel, &packet)) == 1)
        take_packet(container, &packet);
    /* The end of the channel is not the end of the story: bubblewrap ends next, and says why. */
    if (rc == 0)
        uv_poll_stop(poll);
}

/* --- the end --------------------------------------------------------------------------------- */

static void explain(struct container *container)
{
    if (container->has_why)
        return;
    container->has_why = true;
    if (container->state != CONTAINER_STARTING) {
        error_set(&container->why, ERROR_UPSTREAM,
                  "the sandbox has ended: its first process was killed");
        return;
    }
    while (container->said.len > 0 && container->said.data[container->said.len - 1] == '\n')
        container->said.data[--container->said.len] = '\0';
    sandbox_launch_explain(buf_str(&container->said), &container->why);
}

void container_on_child(uv_signal_t *handle, int signum)
{
    struct container *container = handle->data;
    (void)signum;
    if (waitpid(container->launch.pid, NULL, WNOHANG) != container->launch.pid)
        return;
    container->launch.pid = 0;
    uv_signal_stop(handle);
    if (uv_is_active((uv_handle_t *)&container->channel))
        container_on_channel(&container->channel, 0, UV_READABLE);
    read_complaints(container);
    bool told = container->state == CONTAINER_STOPPING;
    if (!told)
        explain(container);
    container->state = CONTAINER_GONE;
    container->callbacks->on_gone(container->ctx, told ? NULL : &container->why);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct container *container = handle->data;
    if (--container->open_handles > 0)
        return;
    close(container->launch.channel);
    close(container->launch.complaints);
    buf_free(&container->said);
    arena_free(container->arena);
    void (*on_closed)(void *ctx) = container->on_closed;
    void *ctx = container->closed_ctx;
    free(container);
    if (on_closed)
        on_closed(ctx);
}

void container_close(struct container *container, void (*on_closed)(void *ctx), void *ctx)
{
    container->on_closed = on_closed;
    container->closed_ctx = ctx;
    if (container->launch.pid > 0) {
        kill(container->launch.pid, SIGKILL);
        waitpid(container->launch.pid, NULL, 0);
    }
    replaced_watch_free(container->replaced);
    uv_close((uv_handle_t *)&container->channel, on_handle_closed);
    uv_close((uv_handle_t *)&container->complaints, on_handle_closed);
    uv_close((uv_handle_t *)&container->child, on_handle_closed);
}

/* --- what is asked of init ------------------------------------------------------------------- */

void container_add_strings(struct buf *body, const char *const *strings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add(body, strings[i], strlen(strings[i]) + 1);
}

int container_send_body(const struct container *container, struct init_message *message,
                     struct buf *body, struct error *err)
{
    message->version = WIRE_VERSION;
    int fd = sandbox_wire_body(body->data, body->len);
    int rc = fd < 0 ? -1 : sandbox_wire_send(container->launch.channel, message, &fd, 1);
    if (rc != 0)
        error_errno(err, ERROR_UPSTREAM, "the sandbox's init does not take orders");
    if (fd >= 0)
        close(fd);
    buf_free(body);
    return rc;
}

static void send_plain(const struct container *container, enum init_message_type type, uint32_t id,
                       int32_t value)
{
    struct init_message message = {.version = WIRE_VERSION, .type = type, .id = id, .value = value};
    if (container->launch.pid <= 0 ||
        sandbox_wire_send(container->launch.channel, &message, NULL, 0) == 0)
        return;
    if (type == INIT_STOP)
        kill(container->launch.pid, SIGKILL);
    else
        container->callbacks->on_warning(container->ctx,
                                         "a signal for a command could not be sent to init");
}

int container_run(struct container *container, uint32_t id, const struct container_command *command,
                  struct error *err)
{
    struct init_message message = {.type = INIT_EXEC, .id = id};
    struct exec_body fixed = {
        .n_argv = (uint32_t)command->n_argv, .n_env = (uint32_t)command->n_env,
        .streams = command->streams,
        .cols = command->cols ? command->cols : 80, .rows = command->rows ? command->rows : 24};
    struct buf body = {0};
    if (container->state != CONTAINER_READY)
        return error_set(err, ERROR_STATE, "the sandbox is not ready");
    buf_add(&body, &fixed, sizeof fixed);
    container_add_strings(&body, command->argv, command->n_argv);
    container_add_strings(&body, command->env, command->n_env);
    container_add_strings(&body, &command->folder, 1);
    return container_send_body(container, &message, &body, err);
}

static int ask_for_sockets(struct container *container, enum init_message_type type, uint32_t id,
                           struct error *err)
{
    const struct init_message message = {.version = WIRE_VERSION, .type = type, .id = id};
    if (container->state != CONTAINER_READY)
        return error_set(err, ERROR_STATE, "the sandbox is not ready");
    if (sandbox_wire_send(container->launch.channel, &message, NULL, 0) == 0)
        return 0;
    return error_set(err, ERROR_INTERNAL, "cannot ask init for a socket: %s", strerror(errno));
}

int container_open_sockets(struct container *container, uint32_t id, struct error *err)
{
    return ask_for_sockets(container, INIT_SOCKETS, id, err);
}

int container_listen(struct container *container, uint32_t id, struct error *err)
{
    return ask_for_sockets(container, INIT_LISTEN, id, err);
}

void container_kill(struct container *container, uint32_t id, int signal)
{
    if (container->state == CONTAINER_READY)
        send_plain(container, INIT_KILL, id, signal);
}

void container_stop(struct container *container, uint32_t grace_ms)
{
    if (container->state == CONTAINER_STARTING ||
        (container->state == CONTAINER_STOPPING && grace_ms == 0))
        kill(container->launch.pid, SIGKILL);
    else if (container->state == CONTAINER_READY)
        send_plain(container, INIT_STOP, 0, (int32_t)grace_ms);
    if (container->state != CONTAINER_GONE)
        container->state = CONTAINER_STOPPING;
}
