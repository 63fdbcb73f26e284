/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/alloc.h"
#include "base/program.h"
#include "net/handle.h"
#include "runtime/hosts/hosts.h"
#include "runtime/observers.h"
#include "runtime/peers/peers.h"
#include "runtime/sandbox.h"
#include "runtime/services.h"
#include "runtime/supervisor/grants.h"

/* A message that another thread has encoded, queued for the loop, which sends it to the
 * supervisor. */
struct push {
    struct push *next;
    char *sandbox;                                  /* its id with a policy, else its name */
    uint64_t revision;                              /* of the policy that it is; 0: it is none */
    struct buf line;
};

struct sandbox *sandbox_find(struct runtime *all, const char *id)
{
    for (struct sandbox *s = all->list; s; s = s->next)
        if (strcmp(s->id, id) == 0)
            return s;
    return NULL;
}

struct sandbox *sandbox_by_name(struct runtime *all, const char *name)
{
    for (struct sandbox *s = all->list; s; s = s->next)
        if (strcmp(s->name, name) == 0 && !s->removing)
            return s;
    return NULL;
}

struct sandbox *sandbox_add(struct runtime *all, const struct store_sandbox *record)
{
    struct sandbox *s = alloc_zero(1, sizeof *s);
    s->all = all;
    s->id = alloc_str(record->id);
    s->name = alloc_str(record->name);
    s->holders = alloc_str(record->holders_json);
    s->home = alloc_str(record->home ? record->home : "");
    s->host = alloc_str(record->host ? record->host : "");
    s->workspace = alloc_str(record->workspace ? record->workspace : STORE_WORKSPACE);
    s->dir = alloc_printf("%s/sandboxes/%s", all->setup.state_dir, record->id);
    s->log.folder = s->dir;
    s->number = record->number;
    s->observe = record->observe;
    s->failed = strcmp(record->phase, "error") == 0;
    s->proxy = strcmp(record->network, "none") != 0;
    s->has_main = *record->main_json;
    sandbox_keep_settings(s, record);
    s->pidfd = s->uid_lock = -1;
    snprintf(s->token_hash, sizeof s->token_hash, "%s", record->token_hash);
    s->next = all->list;
    all->list = s;
    return s;
}

static void free_sandbox(struct sandbox *s)
{
    sandbox_ssh_end_all(s);
    sandbox_logs_end(s);
    log_ring_free(&s->log);
    sandbox_denials_drop(s);
    sandbox_phase_free(s->unwritten);
    if (s->uid_lock >= 0)
        close(s->uid_lock);
    json_decref(s->warnings);
    free(s->id);
    free(s->name);
    free(s->holders);
    free(s->home);
    free(s->host);
    free(s->workspace);
    free(s->labels);
    free(s->services);
    free(s->ssh_host_key);
    free(s->dir);
    free(s);
}

bool sandbox_is_gone(const struct runtime *all, const char *id)
{
    for (size_t i = 0; i < GONE_MAX; i++)
        if (strcmp(all->gone[i], id) == 0)
            return true;
    return false;
}

void sandbox_drop(struct sandbox *s)
{
    struct runtime *all = s->all;
    struct sandbox **at = &all->list;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    snprintf(all->gone[all->n_gone++ % GONE_MAX], UUID_SIZE, "%s", s->id);
    free_sandbox(s);
}

/* ---- pushes: a queue from any thread to the loop ---- */

static void add_push(struct runtime *all, struct push push)
{
    struct push *added = alloc_zero(1, sizeof *added);
    *added = push;
    uv_mutex_lock(&all->lock);
    *all->last_push = added;
    all->last_push = &added->next;
    uv_mutex_unlock(&all->lock);
    uv_async_send(&all->wake);
}

void runtime_push(struct runtime *all, const char *sandbox_id, uint64_t revision,
                  struct policy *policy, const struct policy_grants *grants)
{
    struct push push = {.sandbox = alloc_str(sandbox_id), .revision = revision};
    sandbox_encode_policy(revision, policy, grants, &push.line);
    add_push(all, push);
}

void runtime_push_line(struct runtime *all, const char *sandbox, struct buf *line)
{
    add_push(all, (struct push){.sandbox = alloc_str(sandbox), .line = *line});
}

void runtime_reject(struct runtime *all, const char *sandbox, const struct store_draft *draft)
{
    struct sandbox_message message = {.type = MESSAGE_REJECTED,
                                      .rejected = {.host = "", .binary = ""}};
    struct push push = {.sandbox = alloc_str(sandbox)};
    if (draft)
        message.rejected = (struct sandbox_rejected){
            .host = draft->host, .port = draft->port, .binary = draft->binary,
            .method = draft->method, .path = draft->path, .operation = draft->operation,
            .field = draft->field, .rpc_method = draft->rpc_method, .tool = draft->tool,
            .vote = drafts_vote_of(draft)};
    sandbox_message_encode(&message, &push.line);
    add_push(all, push);
}

static void push_free(struct push *push)
{
    buf_free(&push->line);
    free(push->sandbox);
    free(push);
}

static struct push *take_pushes(struct runtime *all)
{
    uv_mutex_lock(&all->lock);
    struct push *list = all->pushes;
    all->pushes = NULL;
    all->last_push = &all->pushes;
    uv_mutex_unlock(&all->lock);
    return list;
}

void runtime_equip_all(struct runtime *all)
{
    uv_mutex_lock(&all->lock);
    all->equips_all = true;
    uv_mutex_unlock(&all->lock);
    uv_async_send(&all->wake);
}

static void equip_all(struct runtime *all)
{
    uv_mutex_lock(&all->lock);
    bool wanted = all->equips_all;
    all->equips_all = false;
    uv_mutex_unlock(&all->lock);
    for (struct sandbox *s = all->list; wanted && s; s = s->next)
        if (s->ready)
            runtime_equip(all, s->id, NULL, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct runtime *all = wake->data;
    equip_all(all);
    runtime_send_inspectors(all);
    for (struct push *push = take_pushes(all), *next; push; push = next) {
        next = push->next;
        struct sandbox *s = push->revision ? sandbox_find(all, push->sandbox)
                                           : sandbox_by_name(all, push->sandbox);
        if (s && s->ready && push->revision)
            sandbox_send_policy(s, push->revision, &push->line);
        else if (s && s->ready)
            link_send_line(s->link, &push->line);
        push_free(push);
    }
}

static void on_ping(uv_timer_t *timer)
{
    struct runtime *all = timer->data;
    for (struct sandbox *s = all->list; s; s = s->next) {
        if (s->ready)
            sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_PING});
        sandbox_write_again(s);
        sandbox_ssh_end_expired(s);
        sandbox_check_lost(s);
    }
    runtime_ping_hosts(all);
    runtime_check_grants(all);
}

/* The path of a program in the folder of the running one. */

static const char **copy_paths(const char **paths, size_t n, struct arena *arena)
{
    const char **copy = arena_alloc(arena, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_str(arena, paths[i]);
    return copy;
}

struct runtime_files runtime_files_copy(const struct runtime_files *files, struct arena *arena)
{
    return (struct runtime_files){
        copy_paths(files->hidden, files->n_hidden, arena), files->n_hidden,
        copy_paths(files->read_only, files->n_read_only, arena), files->n_read_only};
}

void runtime_protect(struct runtime *all, const struct runtime_files *files)
{
    struct arena *arena = arena_new(), *old;
    const struct runtime_files copy = runtime_files_copy(files, arena);
    uv_mutex_lock(&all->lock);
    old = all->files_arena;
    all->files = copy;
    all->files_arena = arena;
    uv_mutex_unlock(&all->lock);
    arena_free(old);
}

const char *runtime_bwrap(const struct runtime *all)
{
    return all->bwrap;
}

const char *runtime_fetcher(const struct runtime *all)
{
    return all->fetch;
}

struct runtime *runtime_new(const struct runtime_setup *setup)
{
    struct runtime *all = alloc_zero(1, sizeof *all);
    all->setup = *setup;
    if (!all->setup.gateway_id)
        all->setup.gateway_id = "";
    all->supervisor = program_beside("sluice-supervisor");
    all->init = program_beside("sluice-init");
    all->fetch = program_beside("sluice-fetch");
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
    all->inspectors = runtime_inspectors_new();
    updates_observe(setup->updates, runtime_observers, RUNTIME_OBSERVERS, all);
    runtime_watch_drafts(all);
    net_make_async(setup->loop, &all->wake, on_wake);
    uv_timer_init(setup->loop, &all->ping);
    uv_timer_init(setup->loop, &all->beat);
    all->wake.data = all->ping.data = all->beat.data = all;
    uv_timer_start(&all->ping, on_ping, SANDBOX_PING_MS, SANDBOX_PING_MS);
    uv_unref((uv_handle_t *)&all->wake);
    uv_unref((uv_handle_t *)&all->ping);
    uv_unref((uv_handle_t *)&all->beat);
    return all;
}

/* ---- shutdown ---- */

void runtime_drain(struct runtime *all)
{
    struct error err;
    all->draining = true;
    for (struct sandbox *s = all->list; s; s = s->next)
        if (s->state == SANDBOX_STARTING) {
            sandbox_too_late(s, &err);
            sandbox_tell_waiters(sandbox_take_waiters(s), &err);
        }
}

static void maybe_stopped(struct runtime *all)
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

void runtime_stop_all(struct runtime *all, void (*done)(void *ctx), void *ctx)
{
    for (struct sandbox *s = all->list, *next; s; s = next) {
        next = s->next;
        if (s->state == SANDBOX_UP || s->state == SANDBOX_STARTING)
            sandbox_stop(s, one_stopped, all);
    }
    all->on_stopped = done; /* set after all were asked, as some stop at once */
    all->stopped_ctx = ctx;
    maybe_stopped(all);
}

static void free_all(uv_handle_t *handle)
{
    struct runtime *all = handle->data;
    for (struct push *push = take_pushes(all), *next; push; push = next) {
        next = push->next;
        push_free(push);
    }
    while (all->list)
        sandbox_drop(all->list);
    for (size_t i = 0; i < RETIRED_MAX; i++)
        if (all->retired[i] > 0)
            close(all->retired[i]);
    runtime_free_hosts(all);
    uv_mutex_destroy(&all->lock);
    runtime_free_gateways(all);
    runtime_inspectors_free(all->inspectors);
    free(all->supervisor);
    free(all->fetch);
    free(all->init);
    free(all->bwrap);
    arena_free(all->files_arena);
    free(all);
}

static void ping_closed(uv_handle_t *handle)
{
    struct runtime *all = handle->data;
    uv_close((uv_handle_t *)&all->wake, free_all);
}

static void beat_closed(uv_handle_t *handle)
{
    struct runtime *all = handle->data;
    uv_close((uv_handle_t *)&all->ping, ping_closed);
}

void runtime_close(struct runtime *all)
{
    all->closing = true;
    runtime_close_hosts(all);
    peers_close(all);
    runtime_unwatch_drafts(all);
    for (struct sandbox *s = all->list; s; s = s->next)
        sandbox_forget(s);
    uv_close((uv_handle_t *)&all->beat, beat_closed);
}

const char *runtime_by_token(void *ctx, const char *token)
{
    struct runtime *all = ctx;
    char hash[DIGEST_HEX_SIZE];
    digest_of(token, strlen(token), hash);
    for (struct sandbox *s = all->list; s; s = s->next)
        if (*s->token_hash && !sandbox_is_foreign(s) &&
            CRYPTO_memcmp(s->token_hash, hash, sizeof hash) == 0)
            return s->id;
    return NULL;
}

bool runtime_find_service(struct runtime *all, const char *workspace, const char *name,
                          const char *service, struct arena *arena,
                          struct auth_sandbox *out_sandbox, struct sandbox_service *out)
{
    const struct sandbox *s = sandbox_by_name(all, name);
    if (!s || strcmp(s->workspace, workspace) != 0 ||
        !services_find(s->services, service, arena, out))
        return false;
    *out_sandbox = (struct auth_sandbox){s->id, s->holders};
    return true;
}

bool runtime_by_name(void *ctx, const char *name, struct auth_sandbox *out)
{
    const struct sandbox *s = sandbox_by_name(ctx, name);
    if (s)
        *out = (struct auth_sandbox){s->id, s->holders};
    return s;
}

json_t *runtime_warnings(struct runtime *all, const char *id)
{
    struct sandbox *s = sandbox_find(all, id);
    return s && s->warnings ? json_incref(s->warnings) : json_array();
}
