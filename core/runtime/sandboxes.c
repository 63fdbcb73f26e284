/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/program.h"
#include "runtime/observers.h"
#include "runtime/sandbox.h"

/* A committed revision on its way from an updating thread to its supervisor. */
struct push {
    struct push *next;
    char *sandbox_id;
    uint64_t revision;
    struct policy *policy;
};

struct sandbox *sandbox_find(struct sandboxes *all, const char *id)
{
    for (struct sandbox *s = all->list; s; s = s->next)
        if (strcmp(s->id, id) == 0)
            return s;
    return NULL;
}

struct sandbox *sandbox_by_name(struct sandboxes *all, const char *name)
{
    for (struct sandbox *s = all->list; s; s = s->next)
        if (strcmp(s->name, name) == 0 && !s->removing)
            return s;
    return NULL;
}

struct sandbox *sandbox_add(struct sandboxes *all, const struct store_sandbox *record)
{
    struct sandbox *s = alloc_zero(1, sizeof *s);
    s->all = all;
    s->id = alloc_str(record->id);
    s->name = alloc_str(record->name);
    s->dir = alloc_printf("%s/sandboxes/%s", all->setup.config->state_dir, record->id);
    s->number = record->number;
    s->proxy = strcmp(record->network, "none") != 0;
    s->pidfd = s->uid_lock = -1;
    snprintf(s->token_hash, sizeof s->token_hash, "%s", record->token_hash);
    s->next = all->list;
    all->list = s;
    return s;
}

static void free_sandbox(struct sandbox *s)
{
    sandbox_logs_free(s);
    sandbox_denials_drop(s);
    sandbox_phase_free(s->unwritten);
    if (s->uid_lock >= 0)
        close(s->uid_lock);
    json_decref(s->warnings);
    free(s->id);
    free(s->name);
    free(s->dir);
    free(s);
}

void sandbox_drop(struct sandbox *s)
{
    struct sandbox **at = &s->all->list;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free_sandbox(s);
}

/* ---- pushes: any thread puts them in, the loop takes them out in the same order ---- */

void sandboxes_push(struct sandboxes *all, const char *sandbox_id, uint64_t revision,
                    struct policy *policy)
{
    struct push *push = alloc_zero(1, sizeof *push);
    *push = (struct push){NULL, alloc_str(sandbox_id), revision, policy_ref(policy)};
    uv_mutex_lock(&all->lock);
    *all->last_push = push;
    all->last_push = &push->next;
    uv_mutex_unlock(&all->lock);
    uv_async_send(&all->wake);
}

static struct push *take_pushes(struct sandboxes *all)
{
    uv_mutex_lock(&all->lock);
    struct push *list = all->pushes;
    all->pushes = NULL;
    all->last_push = &all->pushes;
    uv_mutex_unlock(&all->lock);
    return list;
}

static void on_wake(uv_async_t *wake)
{
    struct sandboxes *all = wake->data;
    for (struct push *push = take_pushes(all), *next; push; push = next) {
        next = push->next;
        struct sandbox *s = sandbox_find(all, push->sandbox_id);
        if (s && s->ready)
            sandbox_send_policy(s, push->revision, push->policy);
        policy_unref(push->policy);
        free(push->sandbox_id);
        free(push);
    }
}

static void on_ping(uv_timer_t *timer)
{
    struct sandboxes *all = timer->data;
    for (struct sandbox *s = all->list; s; s = s->next) {
        if (s->ready)
            sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_PING});
        sandbox_write_again(s);
        sandbox_check_lost(s);
    }
}

/* A program that stands beside the running one. */
static char *sibling(const char *name)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n < 0 ? 0 : n] = '\0';
    return alloc_printf("%s/%s", dirname(exe), name);
}

void sandboxes_configure(struct sandboxes *all, const struct gateway_config *config)
{
    struct arena *arena = arena_new(), *old;
    struct own_files own;
    own_files_list(config, all->setup.flags, all->bwrap, arena, &own);
    uv_mutex_lock(&all->lock);
    old = all->own_arena;
    all->own = own;
    all->own_arena = arena;
    uv_mutex_unlock(&all->lock);
    arena_free(old);
}

struct sandboxes *sandboxes_new(const struct sandboxes_setup *setup)
{
    struct sandboxes *all = alloc_zero(1, sizeof *all);
    all->setup = *setup;
    all->supervisor = sibling("sluice-supervisor");
    all->init = sibling("sluice-init");
    all->bwrap = program_find("bwrap", &all->no_bwrap);
    if (!all->bwrap)
        log_warn(setup->log, "no sandbox can be made: %s", all->no_bwrap.text);
    uid_range_find(&all->uids);
    cgroup_find(&all->cgroups);
    if (!all->uids.count)
        log_warn(setup->log, "sandboxes share the uid of this gateway: %s", all->uids.why);
    if (*all->cgroups.why)
        log_warn(setup->log, "sandboxes have no cgroup for each limit: %s", all->cgroups.why);
    all->last_push = &all->pushes;
    uv_mutex_init(&all->lock);
    sandboxes_configure(all, setup->config);
    updates_observe(setup->updates, sandboxes_observers, SANDBOXES_OBSERVERS, all);
    uv_async_init(setup->loop, &all->wake, on_wake);
    uv_timer_init(setup->loop, &all->ping);
    all->wake.data = all->ping.data = all;
    uv_timer_start(&all->ping, on_ping, SANDBOX_PING_MS, SANDBOX_PING_MS);
    uv_unref((uv_handle_t *)&all->wake);
    uv_unref((uv_handle_t *)&all->ping);
    return all;
}

bool sandbox_lock_held(const char *dir)
{
    char *path = alloc_printf("%s/lock", dir);
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

pid_t sandbox_lock_pid(const char *dir)
{
    char *path = alloc_printf("%s/lock", dir);
    FILE *file = fopen(path, "re");
    int pid = 0;
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    free(path);
    return pid;
}

/* Its supervisor went while no gateway looked: what it had not loaded it never will. */
static int mark_stopped(struct store_tx *tx, void *arg, struct error *err)
{
    const struct store_sandbox *record = arg;
    return store_tx_sandbox_phase(tx, record->id, "stopped", "", err);
}

static int adopt(struct sandboxes *all, const struct store_sandbox *record, struct error *err)
{
    struct sandbox *s = sandbox_add(all, record);
    sandbox_logs_load(s);
    if (sandbox_lock_held(s->dir)) {
        s->state = SANDBOX_UP;
        log_info(all->setup.log, "sandbox %s is running: waiting for its supervisor to come back", s->name);
        return 0;
    }
    s->state = SANDBOX_DOWN;
    sandbox_claim_again(s);
    sandbox_leave_cgroups(s->dir);
    if (strcmp(record->phase, "stopped") == 0 || strcmp(record->phase, "error") == 0)
        return 0;
    log_warn(all->setup.log, "sandbox %s ended while no gateway ran: it is stopped now", s->name);
    return store_write(all->setup.store, mark_stopped, (void *)record, err);
}

int sandboxes_adopt(struct sandboxes *all, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_sandbox *records;
    size_t n;
    int rc = store_sandbox_list(all->setup.store, arena, &records, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = adopt(all, &records[i], err);
    arena_free(arena);
    return rc;
}

/* ---- ends ---- */

void sandboxes_drain(struct sandboxes *all)
{
    struct error err;
    all->draining = true;
    for (struct sandbox *s = all->list; s; s = s->next)
        if (s->state == SANDBOX_STARTING) {
            sandbox_too_late(s, &err);
            sandbox_tell_waiters(sandbox_take_waiters(s), &err);
        }
}

static void maybe_stopped(struct sandboxes *all)
{
    if (!all->on_stopped)
        return;
    for (struct sandbox *s = all->list; s; s = s->next)
        if (s->state == SANDBOX_STOPPING)
            return;
    void (*fn)(void *) = all->on_stopped;
    all->on_stopped = NULL;
    fn(all->stopped_ctx);
}

static void one_stopped(void *arg, const struct error *err)
{
    (void)err;
    maybe_stopped(arg);
}

void sandboxes_stop_all(struct sandboxes *all, void (*done)(void *ctx), void *ctx)
{
    for (struct sandbox *s = all->list, *next; s; s = next) {
        next = s->next;
        if (s->state == SANDBOX_UP || s->state == SANDBOX_STARTING)
            sandbox_stop(s, one_stopped, all);
    }
    all->on_stopped = done;                         /* not before all were asked */
    all->stopped_ctx = ctx;
    maybe_stopped(all);
}

static void free_all(uv_handle_t *handle)
{
    struct sandboxes *all = handle->data;
    for (struct push *push = take_pushes(all), *next; push; push = next) {
        next = push->next;
        policy_unref(push->policy);
        free(push->sandbox_id);
        free(push);
    }
    while (all->list)
        sandbox_drop(all->list);
    for (size_t i = 0; i < RETIRED_MAX; i++)
        if (all->retired[i] > 0)
            close(all->retired[i]);
    uv_mutex_destroy(&all->lock);
    free(all->supervisor);
    free(all->init);
    free(all->bwrap);
    arena_free(all->own_arena);
    free(all);
}

static void ping_closed(uv_handle_t *handle)
{
    struct sandboxes *all = handle->data;
    uv_close((uv_handle_t *)&all->wake, free_all);
}

void sandboxes_close(struct sandboxes *all)
{
    all->closing = true;
    for (struct sandbox *s = all->list; s; s = s->next)
        sandbox_forget(s);
    uv_close((uv_handle_t *)&all->ping, ping_closed);
}

/* ---- what the API asks for ---- */

static void api_stop(void *ctx, const char *id, api_done *done, void *arg)
{
    struct sandbox *s = sandbox_find(ctx, id);
    if (s)
        sandbox_stop(s, done, arg);
    else
        done(arg, NULL);
}

static void api_remove(void *ctx, const char *id, api_done *done, void *arg)
{
    sandbox_remove(ctx, id, done, arg);
}

static void api_start(void *ctx, const char *id, api_done *done, void *arg)
{
    sandbox_load_and_start(ctx, id, done, arg);
}

static void api_exec(void *ctx, struct http_request *req, const char *name)
{
    sandbox_exec_request(ctx, req, name);
}

static void api_logs(void *ctx, struct http_request *req, const char *name)
{
    sandbox_logs_request(ctx, req, name);
}

static void api_supervisor_stream(void *ctx, struct http_request *req, const char *id)
{
    sandbox_accept_stream(sandbox_find(ctx, id), req);
}

static void api_supervisor_exec(void *ctx, struct http_request *req, const char *id, const char *exec_id)
{
    sandbox_exec_answer(sandbox_find(ctx, id), req, exec_id);
}

const char *sandboxes_by_token(void *ctx, const char *token)
{
    struct sandboxes *all = ctx;
    char hash[DIGEST_HEX_SIZE];
    digest_of(token, strlen(token), hash);
    for (struct sandbox *s = all->list; s; s = s->next)
        if (*s->token_hash && CRYPTO_memcmp(s->token_hash, hash, sizeof hash) == 0)
            return s->id;
    return NULL;
}

static json_t *api_warnings(void *ctx, const char *id)
{
    struct sandbox *s = sandbox_find(ctx, id);
    return s && s->warnings ? json_incref(s->warnings) : json_array();
}

const struct api_sandboxes sandboxes_api = {
    .start = api_start,
    .stop = api_stop,
    .remove = api_remove,
    .exec = api_exec,
    .logs = api_logs,
    .supervisor_stream = api_supervisor_stream,
    .supervisor_exec = api_supervisor_exec,
    .warnings = api_warnings,
};
