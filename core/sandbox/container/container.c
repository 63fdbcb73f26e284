/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/container.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "sandbox/container/cgroup.h"
#include "sandbox/container/workload_identity.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/wire/spec.h"
#include "sandbox/wire/wire.h"

enum { COMPLAINTS_MAX = 4096, WORKLOAD_ID = 1000 };

enum container_state { CONTAINER_STARTING, CONTAINER_READY, CONTAINER_STOPPING, CONTAINER_GONE };

struct container {
    const struct container_callbacks *callbacks;
    void *ctx;
    struct launch launch;
    enum container_state state;
    struct arena *arena;                            /* of the guards */
    struct mount_guards guards;
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

static void on_complaints(uv_poll_t *poll, int status, int events)
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

static void on_channel(uv_poll_t *poll, int status, int events)
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

static void on_child(uv_signal_t *handle, int signum)
{
    struct container *container = handle->data;
    (void)signum;
    if (waitpid(container->launch.pid, NULL, WNOHANG) != container->launch.pid)
        return;
    container->launch.pid = 0;
    uv_signal_stop(handle);
    if (uv_is_active((uv_handle_t *)&container->channel))
        on_channel(&container->channel, 0, UV_READABLE);
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
    uv_close((uv_handle_t *)&container->channel, on_handle_closed);
    uv_close((uv_handle_t *)&container->complaints, on_handle_closed);
    uv_close((uv_handle_t *)&container->child, on_handle_closed);
}

/* --- what is asked of init ------------------------------------------------------------------- */

/* The bodies' strings, each with its NUL. */
static void add_strings(struct buf *body, const char *const *strings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add(body, strings[i], strlen(strings[i]) + 1);
}

/* A full channel means that init has hung: it takes messages faster than commands can come. */
static int send_body(const struct container *container, struct init_message *message,
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
    add_strings(&body, command->argv, command->n_argv);
    add_strings(&body, command->env, command->n_env);
    add_strings(&body, &command->folder, 1);
    return send_body(container, &message, &body, err);
}

int container_open_sockets(struct container *container, uint32_t id, struct error *err)
{
    const struct init_message message = {
        .version = WIRE_VERSION, .type = INIT_SOCKETS, .id = id};
    if (container->state != CONTAINER_READY)
        return error_set(err, ERROR_STATE, "the sandbox is not ready");
    if (sandbox_wire_send(container->launch.channel, &message, NULL, 0) == 0)
        return 0;
    return error_set(err, ERROR_INTERNAL, "cannot ask init for a socket: %s", strerror(errno));
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

/* --- the start ------------------------------------------------------------------------------- */

struct plan {
    const struct container_request *request;
    struct container *container;
    struct mount_plan mounts;
    struct mount_guards guards;
    struct container_files files;
    struct planned_mount work;
    char workdir[PATH_MAX];
    struct sandbox_spec spec;                       /* with the work folder resolved */
    uint32_t host_uid, uid, gid;
    struct error *err;
};

static void warn(void *ctx, const char *text)
{
    struct container *container = ctx;
    container->callbacks->on_warning(container->ctx, text);
}

/* As the host uid of the workload, so that what it cannot reach is left out and named. */
static int plan_mounts(void *ctx)
{
    struct plan *plan = ctx;
    struct mount_plan_request request = {
        .policy = plan->request->policy, .guards = &plan->guards, .workdir = plan->work,
        .own = plan->files.items, .n_own = plan->files.n,
        .warn = warn, .ctx = plan->container};
    return mount_plan_make(&request, plan->container->arena, &plan->mounts, plan->err);
}

/* "sandbox" or a number, as the policy's check has seen to. */
static uint32_t workload_id(const char *text)
{
    char *end;
    unsigned long number = text ? strtoul(text, &end, 10) : 0;
    return number > 0 && *end == '\0' && number < UINT32_MAX ? (uint32_t)number : WORKLOAD_ID;
}

/* Who the workload is and where it works: all that bubblewrap has to know. */
static int choose_identity(struct plan *plan)
{
    const struct sluice_process *process = plan->request->policy->process;
    plan->spec = *plan->request->spec;
    plan->uid = workload_id(process ? process->run_as_user : NULL);
    plan->gid = workload_id(process ? process->run_as_group : NULL);
    if (!realpath(plan->spec.workdir, plan->workdir))
        return error_errno(plan->err, ERROR_INTERNAL, "cannot find the work folder %s",
                           plan->spec.workdir);
    plan->spec.workdir = plan->workdir;
    if (workload_identity_choose(plan->spec.uid, &plan->host_uid, plan->err) != 0)
        return -1;
    return workload_identity_own_folder(plan->workdir, plan->host_uid, plan->err);
}

/* What the sandbox is to be shown. */
static int make_plan(struct plan *plan)
{
    const struct container_request *request = plan->request;
    if (request->make_files &&
        request->make_files(plan->container->ctx, &plan->files, plan->err) != 0)
        return -1;
    plan->work.source = plan->workdir;
    if (mount_identify(plan->workdir, &plan->work.device, &plan->work.inode) != 0)
        return error_errno(plan->err, ERROR_INTERNAL, "cannot open the work folder %s",
                           plan->workdir);
    if (mount_guards_make(&plan->spec, plan->container->arena, &plan->guards, plan->err) != 0)
        return -1;
    error_set(plan->err, ERROR_INTERNAL, "cannot act as uid %u for a moment", plan->host_uid);
    return workload_identity_call(plan->host_uid, plan_mounts, plan);
}

/* First all records, then all strings, as wire.h has it. */
static void add_plan(struct buf *body, const struct mount_plan *plan)
{
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const struct planned_mount *m = &plan->mounts[i];
        buf_add(body, &(struct wire_mount){m->device, m->inode, m->kind, 0},
                sizeof(struct wire_mount));
    }
    for (size_t i = 0; i < plan->guards.n; i++) {
        const struct mount_guard *g = &plan->guards.items[i];
        buf_add(body, &(struct wire_guard){g->device, g->inode, g->kind, g->pattern},
                sizeof(struct wire_guard));
    }
    for (size_t i = 0; i < plan->n_files; i++)
        buf_add(body, &(struct wire_file){plan->files[i].size, plan->files[i].owner_only, 0},
                sizeof(struct wire_file));
    for (size_t i = 0; i < plan->n_mounts; i++)
        add_strings(body, (const char *[]){plan->mounts[i].source, plan->mounts[i].target}, 2);
    for (size_t i = 0; i < plan->guards.n; i++)
        add_strings(body, &plan->guards.items[i].path, 1);
}

static void add_files(struct buf *body, const struct mount_plan *plan)
{
    for (size_t i = 0; i < plan->n_files; i++)
        add_strings(body, &plan->files[i].path, 1);
    for (size_t i = 0; i < plan->n_files; i++)
        buf_add(body, plan->files[i].bytes, plan->files[i].size);
    buf_putc(body, '\0');
}

static int send_setup(const struct plan *plan)
{
    const struct mount_plan *mounts = &plan->mounts;
    struct init_message message = {.type = INIT_SETUP};
    struct setup_body fixed = {
        .flags = (plan->spec.proxy ? SETUP_NETWORK : 0) | (mounts->strict ? SETUP_STRICT : 0),
        .uid = plan->uid, .gid = plan->gid, .n_mounts = (uint32_t)mounts->n_mounts,
        .n_guards = (uint32_t)mounts->guards.n, .n_read_only = (uint32_t)mounts->n_read_only,
        .n_read_write = (uint32_t)mounts->n_read_write, .n_files = (uint32_t)mounts->n_files};
    struct buf body = {0};
    buf_add(&body, &fixed, sizeof fixed);
    add_plan(&body, mounts);
    add_strings(&body, mounts->read_only, mounts->n_read_only);
    add_strings(&body, mounts->read_write, mounts->n_read_write);
    add_files(&body, mounts);
    return send_body(plan->container, &message, &body, plan->err);
}

static void watch(struct container *container, uv_loop_t *loop)
{
    uv_poll_init(loop, &container->channel, container->launch.channel);
    uv_poll_init(loop, &container->complaints, container->launch.complaints);
    uv_signal_init(loop, &container->child);
    container->channel.data = container->complaints.data = container->child.data = container;
    container->open_handles = 3;
    uv_signal_start(&container->child, on_child, SIGCHLD);
    uv_poll_start(&container->channel, UV_READABLE, on_channel);
    uv_poll_start(&container->complaints, UV_READABLE, on_complaints);
}

static int launch(struct plan *plan)
{
    struct launch_request request = {.spec = &plan->spec, .host_uid = plan->host_uid};
    return sandbox_launch(&request, &plan->container->launch, plan->err);
}

static void abandon(const struct launch *launch)
{
    kill(launch->pid, SIGKILL);
    waitpid(launch->pid, NULL, 0);
    close(launch->channel);
    close(launch->complaints);
}

struct container *container_start(uv_loop_t *loop, const struct container_request *request,
                                  const struct container_callbacks *callbacks, void *ctx,
                                  struct error *err)
{
    struct plan *plan = alloc_zero(1, sizeof *plan);
    struct container *container = alloc_zero(1, sizeof *container);
    container->callbacks = callbacks;
    container->ctx = ctx;
    plan->request = request;
    plan->container = container;
    plan->err = err;
    container->arena = arena_new();
    container->cgroups = arena_str(container->arena, request->spec->cgroups);
    int rc = choose_identity(plan);
    if (rc == 0 && (rc = launch(plan)) == 0 && (rc = make_plan(plan)) != 0)
        abandon(&container->launch);
    if (rc == 0) {
        watch(container, loop);
        /* Bubblewrap may have failed already; then the reason comes from it. */
        send_setup(plan);
    }
    container->guards = plan->mounts.guards;
    free(plan);
    if (rc == 0)
        return container;
    arena_free(container->arena);
    free(container);
    return NULL;
}
