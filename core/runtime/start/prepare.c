/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/start/start.h"
#include "runtime/supervisor/grants.h"
#include "sandbox/container/idmap.h"

static size_t read_pairs(struct arena *arena, const char *json_text, struct spec_pair **out)
{
    json_t *json = json_loads(json_text, 0, NULL);
    const char *key;
    json_t *value;
    size_t n = 0;
    *out = arena_zalloc(arena, (json_object_size(json) + 1) * sizeof **out);
    json_object_foreach(json, key, value)
        (*out)[n++] =
            (struct spec_pair){arena_str(arena, key), arena_str(arena, json_string_value(value))};
    json_decref(json);
    return n;
}

static int make_folders(struct start *st)
{
    char *parent = alloc_printf("%s/sandboxes", st->all->setup.state_dir);
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

/* The limit of a sandbox that asks for none: three quarters of the host's memory. */
static uint64_t default_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) / 4 * 3 * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Fails if a limit was asked for that this host can no longer enforce. */
static int make_cgroups(struct start *st)
{
    enum { PIDS_DEFAULT = 2048 };
    const struct cgroup_home *home = &st->all->cgroups;
    const struct store_sandbox *r = &st->record;
    const struct { int64_t wanted; enum cgroup_controller by; const char *what;
    } wants[] = {{r->memory_bytes, CGROUP_MEMORY, "memory"},
                 {r->cpu_millis, CGROUP_CPU, "cpus"},
                 {r->pids, CGROUP_PIDS, "pids"}};
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        if (wants[i].wanted && !*home->parent[wants[i].by])
            return error_set(
                &st->err, ERROR_UNSUPPORTED,
                "sandbox '%s' has a limit of %s, which cannot be enforced on this host: %s",
                r->name, wants[i].what, home->why);
    const struct cgroup_limits limits = {
        .memory = r->memory_bytes ? (uint64_t)r->memory_bytes : default_memory(),
        .cpu_millis = (uint64_t)r->cpu_millis, .pids = r->pids ? (uint64_t)r->pids : PIDS_DEFAULT};
    return cgroup_make(home, arena_printf(st->arena, "sluice-%s", st->id), &limits,
                       arena_printf(st->arena, "%s/cgroups", st->dir), &st->err);
}

/* Changes the owner of the work folder after another gateway has taken the sandbox's old uid. */
static int give_work(struct start *st, const char *work, uint32_t old)
{
    int status = -1;
    pid_t pid;
    char *args[] = {(char *)"chown",
                    (char *)"-Rh",
                    arena_printf(st->arena, "--from=%u", old),
                    arena_printf(st->arena, "%u:%u", st->uid, st->uid),
                    (char *)"--",
                    (char *)work,
                    NULL};
    char *env[] = {NULL};
    int rc = posix_spawn(&pid, "/bin/chown", NULL, NULL, args, env);
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc == 0 && status == 0)
        return 0;
    return error_set(&st->err, ERROR_IO, "cannot give %s from uid %u to uid %u", work, old,
                     st->uid);
}

/* Claims the uid of the work folder, else the one of the sandbox's number, else the next free
 * one. */
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
        st->uid_lock = uid_claim_new(uids, wanted, st->all->setup.state_dir, &st->uid, &st->err);
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
    const struct runtime_setup *setup = &st->all->setup;
    uv_mutex_lock(&st->all->lock);
    const struct runtime_files files = runtime_files_copy(&st->all->files, st->arena);
    uv_mutex_unlock(&st->all->lock);
    const struct uid_range *uids = &st->all->uids;
    const struct policy_grants grants =
        grants_of_revision(setup->store, &st->revision, st->arena);
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
        .cgroups = st->all->cgroups.kind == CGROUP_NONE
                       ? NULL
                       : arena_printf(st->arena, "%s/cgroups", st->dir),
        .policy = st->revision.policy_json,
        .revision = st->revision.revision,
        .hash = st->revision.hash,
        .grants = grants.items,
        .n_grants = grants.n,
        .hosts = setup->hosts,
        .n_hosts = setup->n_hosts,
        .extra_ca = setup->extra_ca,
        .inspect_when_needed = setup->inspect_when_needed,
        .settings = sandbox_settings_of(&st->record),
        .log_level = log_level_word(setup->log_level),
        .log_json = setup->log_json,
        .init = st->all->init,
        .lock = arena_printf(st->arena, "%s/lock", st->dir),
        .uses = start_uses_path(st),
        .bwrap = st->all->bwrap,
        .hidden = files.hidden,
        .n_hidden = files.n_hidden,
        .read_only = files.read_only,
        .n_read_only = files.n_read_only,
    };
    struct sandbox_inspectors inspectors;
    if (spec.proxy && inspectors_of_runtime(st->all, st->arena, &inspectors))
        spec.inspectors = &inspectors;
    struct sandbox_exec main;
    if (*st->record.main_json) {
        if (sandbox_exec_decode(st->record.main_json, st->arena, &main, &st->err) != 0)
            return error_prefix(&st->err, "the main process on record");
        spec.main = &main;
        spec.main_waits = !main.detach && !st->record.loaded_revision;
    }
    spec.n_env = read_pairs(st->arena, st->record.env_json, &spec.env);
    return sandbox_spec_write(&spec, arena_printf(st->arena, "%s/spec.json", st->dir), &st->err);
}

static int write_start(struct store_tx *tx, void *arg, struct error *err)
{
    struct start *st = arg;
    const struct store_sandbox fresh = {.id = st->id, .main_error = ""};
    if (store_tx_sandbox_token(tx, st->id, st->token_hash, err) != 0 ||
        store_tx_sandbox_main(tx, &fresh, err) != 0)
        return -1;
    return store_tx_sandbox_phase(
        tx, st->id, st->record.loaded_revision ? "starting" : "provisioning", "", err);
}

void start_prepare(struct start *st)
{
    struct store *store = st->all->setup.store;
    digest_secret(st->token);
    digest_of(st->token, strlen(st->token), st->token_hash);
    st->rc = -1;
    if (store_sandbox_by_id(store, st->id, st->arena, &st->record, &st->err) != 0 ||
        store_revision_get(store, st->id, 0, st->arena, &st->revision, &st->err) != 0)
        return;
    st->dir = arena_printf(st->arena, "%s/sandboxes/%s", st->all->setup.state_dir, st->id);
    if (start_check_grants(st) != 0 || make_folders(st) != 0 || take_uid(st) != 0 ||
        make_cgroups(st) != 0 || write_spec(st) != 0 ||
        store_write(store, write_start, st, &st->err) != 0)
        return;
    st->rc = 0;
}
