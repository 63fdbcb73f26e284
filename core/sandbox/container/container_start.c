/* SPDX-License-Identifier: Apache-2.0 */
/* How a container starts: who its workload is, what it is shown, and how init learns of it. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "net/handle.h"
#include "sandbox/container/container_parts.h"
#include "sandbox/container/replaced.h"
#include "sandbox/container/workload_identity.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/wire/spec.h"
#include "sandbox/wire/wire.h"

enum { WORKLOAD_ID = 1000 };

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

static uint32_t mode_of(const struct own_file *file)
{
    return file->owner_only ? 0600 : file->program ? 0555 : 0444;
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
        buf_add(body, &(struct wire_file){plan->files[i].size, mode_of(&plan->files[i]), 0},
                sizeof(struct wire_file));
    for (size_t i = 0; i < plan->n_mounts; i++)
        container_add_strings(
            body, (const char *[]){plan->mounts[i].source, plan->mounts[i].target}, 2);
    for (size_t i = 0; i < plan->guards.n; i++)
        container_add_strings(body, &plan->guards.items[i].path, 1);
}

static void add_files(struct buf *body, const struct mount_plan *plan)
{
    for (size_t i = 0; i < plan->n_files; i++)
        container_add_strings(body, &plan->files[i].path, 1);
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
    container_add_strings(&body, mounts->read_only, mounts->n_read_only);
    container_add_strings(&body, mounts->read_write, mounts->n_read_write);
    add_files(&body, mounts);
    return container_send_body(plan->container, &message, &body, plan->err);
}

/* Whatever runs in the sandbox has the entry open perhaps, so nothing less than its end helps. */
static void on_replaced(void *ctx, const char *path, const char *entry)
{
    struct container *container = ctx;
    if (container->has_why || container->launch.pid <= 0)
        return;
    container->has_why = true;
    error_set(&container->why, ERROR_STATE,
              "the sandbox was ended: the host put what the sandbox has as %s in the place of %s, "
              "which it must not change or see: start it again",
              entry, path);
    kill(container->launch.pid, SIGKILL);
}

static void watch_replaced(struct container *container, uv_loop_t *loop,
                           const struct mount_plan *plan)
{
    container->replaced = replaced_watch_new(loop, plan, on_replaced, container);
    if (!container->replaced && errno != 0)
        warn(container, "what the host puts in the place of a read-only path cannot be watched: "
                        "there is no inotify instance left (fs.inotify.max_user_instances)");
}

static void watch(struct container *container, uv_loop_t *loop)
{
    net_make_poll(loop, &container->channel, container->launch.channel);
    net_make_poll(loop, &container->complaints, container->launch.complaints);
    net_make_signal(loop, &container->child);
    container->channel.data = container->complaints.data = container->child.data = container;
    container->open_handles = 3;
    uv_signal_start(&container->child, container_on_child, SIGCHLD);
    raise(SIGCHLD);                                 /* it may have ended before that */
    uv_poll_start(&container->channel, UV_READABLE, container_on_channel);
    uv_poll_start(&container->complaints, UV_READABLE, container_on_complaints);
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
        watch_replaced(container, loop, &plan->mounts);
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
