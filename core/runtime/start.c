/* SPDX-License-Identifier: Apache-2.0 */
/* How a sandbox comes up: its record is read, its folder and spec are written, its supervisor started. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"
#include "sandbox/supervisor/idmap.h"

struct start {
    struct sandboxes *all;
    char *id;
    api_done *done;
    void *arg;
    struct arena *arena;
    struct store_sandbox record;
    struct store_revision revision;
    char token[DIGEST_HEX_SIZE], token_hash[DIGEST_HEX_SIZE];
    char *dir;
    uint32_t uid;
    int uid_lock;                                   /* -1: to be claimed; the sandbox's own until then */
    bool claimed;                                   /* here, for the sandbox to take */
    struct error err;
    int rc;
};

static size_t read_pairs(struct arena *arena, const char *json_text, struct spec_pair **out)
{
    json_t *json = json_loads(json_text, 0, NULL);
    const char *key;
    json_t *value;
    size_t n = 0;
    *out = arena_zalloc(arena, (json_object_size(json) + 1) * sizeof **out);
    json_object_foreach(json, key, value)
        (*out)[n++] = (struct spec_pair){arena_str(arena, key), arena_str(arena, json_string_value(value))};
    json_decref(json);
    return n;
}

static int make_folders(struct start *st)
{
    char *parent = alloc_printf("%s/sandboxes", st->all->setup.config->state_dir);
    char *work = alloc_printf("%s/work", st->dir);
    int rc = 0;
    const char *const folders[] = {parent, st->dir, work};
    for (size_t i = 0; i < 3 && rc == 0; i++)
        if (mkdir(folders[i], 0700) != 0 && errno != EEXIST)
            rc = error_errno(&st->err, ERROR_IO, "cannot make the folder %s", folders[i]);
    free(parent);
    free(work);
    return rc;
}

/* Of all of them, where a sandbox asks for nothing else. */
static uint64_t default_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) / 4 * 3 * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A limit that was asked for and cannot be set any more ends the start. */
static int make_cgroups(struct start *st)
{
    enum { PIDS_DEFAULT = 2048 };
    const struct cgroup_home *home = &st->all->cgroups;
    const struct store_sandbox *r = &st->record;
    const struct { int64_t wanted; enum cgroup_controller by; const char *what; } wants[] = {
        {r->memory_bytes, CGROUP_MEMORY, "memory"}, {r->cpu_millis, CGROUP_CPU, "cpus"}, {r->pids, CGROUP_PIDS, "pids"}};
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        if (wants[i].wanted && !*home->parent[wants[i].by])
            return error_set(&st->err, ERROR_UNSUPPORTED, "sandbox '%s' has a limit of %s, which cannot be enforced on this host: %s",
                             r->name, wants[i].what, home->why);
    const struct cgroup_limits limits = {
        .memory = r->memory_bytes ? (uint64_t)r->memory_bytes : default_memory(),
        .cpu_millis = (uint64_t)r->cpu_millis, .pids = r->pids ? (uint64_t)r->pids : PIDS_DEFAULT};
    return cgroup_make(home, arena_printf(st->arena, "sluice-%s", st->id), &limits,
                       arena_printf(st->arena, "%s/cgroups", st->dir), &st->err);
}

/* Hands over what a sandbox has written under a uid that another gateway has taken meanwhile. */
static int give_work(struct start *st, const char *work, uint32_t old)
{
    int status = -1;
    pid_t pid;
    char *args[] = {(char *)"chown", (char *)"-Rh", arena_printf(st->arena, "--from=%u", old),
                    arena_printf(st->arena, "%u:%u", st->uid, st->uid), (char *)"--", (char *)work, NULL};
    char *env[] = {NULL};
    int rc = posix_spawn(&pid, "/bin/chown", NULL, NULL, args, env);
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc == 0 && status == 0)
        return 0;
    return error_set(&st->err, ERROR_IO, "cannot give %s from uid %u to uid %u", work, old, st->uid);
}

/* The uid that the work folder has, else the one of its number, else the next that is free. */
static int take_uid(struct start *st)
{
    struct stat st_work;
    const struct uid_range *uids = &st->all->uids;
    const char *work = arena_printf(st->arena, "%s/work", st->dir);
    if (!uids->count || st->uid_lock >= 0)
        return 0;
    bool had = lstat(work, &st_work) == 0 && uid_in_range(uids, st_work.st_uid);
    uint32_t wanted = had ? st_work.st_uid : uid_of_number(uids, st->record.number);
    st->uid = wanted;
    if (had)
        st->uid_lock = uid_claim(uids, wanted, &st->err);
    if (!had || (st->uid_lock < 0 && *st->err.text && !uids->subordinate))
        st->uid_lock = uid_claim_new(uids, wanted, st->all->setup.config->state_dir, &st->uid, &st->err);
    st->claimed = st->uid_lock >= 0;
    if (st->uid_lock < 0 && *st->err.text)
        return -1;
    return had && wanted != st->uid ? give_work(st, work, wanted) : 0;
}

static int write_spec(struct start *st)
{
    if (!st->all->bwrap)
        return error_set(&st->err, ERROR_UNSUPPORTED,
                         "no sandbox can be made: %s: install bubblewrap and restart the gateway",
                         st->all->no_bwrap.text);
    const struct sandboxes_setup *setup = &st->all->setup;
    uv_mutex_lock(&st->all->lock);
    const struct own_files own = own_files_copy(&st->all->own, st->arena);
    uv_mutex_unlock(&st->all->lock);
    const struct uid_range *uids = &st->all->uids;
    struct sandbox_spec spec = {
        .id = st->record.id,
        .name = st->record.name,
        .token = st->token,
        .gateway = setup->gateway_address,
        .proxy = strcmp(st->record.network, "none") != 0,
        .workdir = arena_printf(st->arena, "%s/work", st->dir),
        .uid = uids->subordinate && uids->count ? SANDBOX_SUB_ID : st->uid,
        .sub_uid = uids->subordinate && uids->count ? st->uid : 0,
        .sub_gid = uids->subordinate && uids->count ? uids->first_gid + (st->uid - uids->first) : 0,
        .cgroups = st->all->cgroups.kind == CGROUP_NONE ? NULL : arena_printf(st->arena, "%s/cgroups", st->dir),
        .policy = st->revision.policy_json,
        .revision = st->revision.revision,
        .hash = st->revision.hash,
        .hosts = setup->config->egress->hosts,
        .n_hosts = setup->config->egress->n_hosts,
        .resolve_denied = strcmp(st->record.approval_mode, "auto") == 0,
        .log_level = log_level_word(setup->flags->log_level),
        .log_json = setup->flags->log_json,
        .init = st->all->init,
        .lock = arena_printf(st->arena, "%s/lock", st->dir),
        .bwrap = st->all->bwrap,
        .hidden = own.hidden,
        .n_hidden = own.n_hidden,
        .read_only = own.read_only,
        .n_read_only = own.n_read_only,
    };
    spec.n_env = read_pairs(st->arena, st->record.env_json, &spec.env);
    return sandbox_spec_write(&spec, arena_printf(st->arena, "%s/spec.json", st->dir), &st->err);
}

static int write_start(struct store_tx *tx, void *arg, struct error *err)
{
    struct start *st = arg;
    if (store_tx_sandbox_token(tx, st->id, st->token_hash, err) != 0)
        return -1;
    return store_tx_sandbox_phase(tx, st->id, st->record.loaded_revision ? "starting" : "provisioning", "", err);
}

static void start_prepare(void *arg)
{
    struct start *st = arg;
    struct store *store = st->all->setup.store;
    digest_secret(st->token);
    digest_of(st->token, strlen(st->token), st->token_hash);
    st->rc = -1;
    if (store_sandbox_by_id(store, st->id, st->arena, &st->record, &st->err) != 0 ||
        store_revision_get(store, st->id, 0, st->arena, &st->revision, &st->err) != 0)
        return;
    st->dir = arena_printf(st->arena, "%s/sandboxes/%s", st->all->setup.config->state_dir, st->id);
    if (make_folders(st) != 0 || take_uid(st) != 0 || make_cgroups(st) != 0 || write_spec(st) != 0 ||
        store_write(store, write_start, st, &st->err) != 0)
        return;
    st->rc = 0;
}

static void start_end(struct start *st, const struct error *err)
{
    st->done(st->arg, err);
    if (st->claimed)
        close(st->uid_lock);
    arena_free(st->arena);
    free(st->id);
    free(st);
}

static void start_timeout(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    error_set(&s->start_error, ERROR_TIMEOUT, "sandbox '%s' was not ready within %d s", s->name,
              START_TIMEOUT_MS / 1000);
    sandbox_kill(s);
}

static int spawn(struct sandbox *s, struct error *err)
{
    char *log = alloc_printf("%s/supervisor.log", s->dir);
    int log_fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = log_fd < 0 ? error_errno(err, ERROR_IO, "cannot open %s", log) : 0;
    free(log);
    if (rc != 0)
        return rc;
    char *spec = alloc_printf("%s/spec.json", s->dir);
    char *args[] = {s->all->supervisor, (char *)"--spec", spec, NULL};
    /* The claim of its uid lasts as long as the supervisor, whatever becomes of the gateway. */
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = log_fd},
                                    {.flags = UV_INHERIT_FD, .data.fd = s->uid_lock}};
    uv_process_options_t options = {
        .exit_cb = sandbox_reaped, .file = s->all->supervisor, .args = args,
        .flags = UV_PROCESS_DETACHED, .stdio_count = s->uid_lock >= 0 ? 4 : 3, .stdio = stdio,
    };
    s->process = alloc_zero(1, sizeof *s->process);
    s->process->data = s;
    rc = uv_spawn(s->all->setup.loop, s->process, &options);
    close(log_fd);
    free(spec);
    if (rc == 0) {
        uv_unref((uv_handle_t *)s->process);
        return 0;
    }
    uv_close((uv_handle_t *)s->process, sandbox_free_handle);
    s->process = NULL;
    return error_set(err, ERROR_INTERNAL, "cannot start %s: %s", s->all->supervisor, uv_strerror(rc));
}

int sandbox_too_late(const struct sandbox *s, struct error *err)
{
    return error_set(err, ERROR_DRAINING, "sandbox '%s' was not up before the gateway was stopped", s->name);
}

static int start_process(struct start *st, struct sandbox *s)
{
    if (s->state != SANDBOX_STARTING)
        return error_set(&st->err, ERROR_STATE, "sandbox '%s' was stopped before it was up", s->name);
    if (s->all->draining)
        return sandbox_too_late(s, &st->err);
    memcpy(s->token_hash, st->token_hash, sizeof s->token_hash);
    s->start_error = (struct error){0};
    s->sent_revision = 0;
    return spawn(s, &st->err);
}

static void start_failed(struct start *st, struct sandbox *s)
{
    bool deleted = st->err.kind == ERROR_NOT_FOUND;
    s->start_error = st->err;
    if (deleted)
        s->state = SANDBOX_STOPPING;                /* nothing of it is left that could have failed */
    sandbox_ended(s);
    start_end(st, &st->err);
    if (deleted && !s->removing) {
        sandbox_forget(s);
        sandbox_drop(s);
    }
}

static void start_prepared(void *arg)
{
    struct start *st = arg;
    struct sandbox *s = sandbox_find(st->all, st->id);
    if (!s) {
        error_set(&st->err, ERROR_NOT_FOUND, "sandbox '%s' was deleted", st->record.name);
        start_end(st, &st->err);
        return;
    }
    s->preparing = false;
    if (st->claimed) {
        s->uid_lock = st->uid_lock;
        s->uid = st->uid;
        st->claimed = false;
    }
    if (st->rc == 0)
        st->rc = start_process(st, s);
    if (st->rc != 0) {
        start_failed(st, s);
        return;
    }
    sandbox_watch(s, s->process->pid);
    sandbox_set_timer(s, start_timeout, START_TIMEOUT_MS);
    sandbox_add_waiter(s, st->done, st->arg);
    arena_free(st->arena);
    free(st->id);
    free(st);
}

static void start_loaded(void *arg)
{
    struct start *st = arg;
    if (st->rc != 0) {
        start_end(st, &st->err);
        return;
    }
    struct sandbox *s = sandbox_find(st->all, st->id);
    if (!s)
        s = sandbox_add(st->all, &st->record);
    sandbox_check_lost(s);
    if (s->removing) {
        error_set(&st->err, ERROR_STATE, "sandbox '%s' is being deleted", s->name);
        start_end(st, &st->err);
        return;
    }
    if (s->state == SANDBOX_UP) {
        start_end(st, NULL);
        return;
    }
    if (s->state != SANDBOX_DOWN) {
        error_set(&st->err, ERROR_STATE, "sandbox '%s' is already starting or stopping: wait for it", s->name);
        start_end(st, &st->err);
        return;
    }
    s->state = SANDBOX_STARTING;
    s->preparing = true;
    st->uid_lock = s->uid_lock;
    st->uid = s->uid;
    jobs_run(st->all->setup.jobs, NULL, start_prepare, start_prepared, st);
}

static void start_load(void *arg)
{
    struct start *st = arg;
    st->rc = store_sandbox_by_id(st->all->setup.store, st->id, st->arena, &st->record, &st->err);
}

void sandbox_load_and_start(struct sandboxes *all, const char *id, api_done *done, void *arg)
{
    struct start *st = alloc_zero(1, sizeof *st);
    *st = (struct start){.all = all, .id = alloc_str(id), .done = done, .arg = arg, .arena = arena_new(), .uid_lock = -1};
    jobs_run(all->setup.jobs, NULL, start_load, start_loaded, st);
}
