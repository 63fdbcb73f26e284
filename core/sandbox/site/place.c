/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/site/place.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sandbox/container/idmap.h"
#include "sandbox/site/tree.h"

static int make_folders(const struct site_place *p, struct error *err)
{
    const char *const folders[] = {arena_printf(p->arena, "%s/sandboxes", p->state_dir), p->dir,
                                   arena_printf(p->arena, "%s/work", p->dir)};
    for (size_t i = 0; i < 3; i++)
        if (mkdir(folders[i], 0700) != 0 && errno != EEXIST)
            return error_errno(err, ERROR_IO, "cannot make the folder %s", folders[i]);
    return 0;
}

/* The limit of a sandbox that asks for none: three quarters of the host's memory. */
static uint64_t default_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) / 4 * 3 * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int make_cgroups(const struct site_place *p, struct error *err)
{
    enum { PIDS_DEFAULT = 2048 };
    const struct cgroup_home *home = p->cgroups;
    const struct site_limits *l = &p->limits;
    const struct { int64_t wanted; enum cgroup_controller by; const char *what;
    } wants[] = {{l->memory_bytes, CGROUP_MEMORY, "memory"},
                 {l->cpu_millis, CGROUP_CPU, "cpus"},
                 {l->pids, CGROUP_PIDS, "pids"}};
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        if (wants[i].wanted && !*home->parent[wants[i].by])
            return error_set(
                err, ERROR_UNSUPPORTED,
                "sandbox '%s' has a limit of %s, which cannot be enforced on this host: %s",
                p->name, wants[i].what, home->why);
    const struct cgroup_limits limits = {
        .memory = l->memory_bytes ? (uint64_t)l->memory_bytes : default_memory(),
        .cpu_millis = (uint64_t)l->cpu_millis, .pids = l->pids ? (uint64_t)l->pids : PIDS_DEFAULT};
    return cgroup_make(home, arena_printf(p->arena, "sluice-%s", p->id), &limits,
                       arena_printf(p->arena, "%s/cgroups", p->dir), err);
}

static int run(const char *program, char *const *args)
{
    int status = -1;
    pid_t pid;
    char *env[] = {NULL};
    int rc = posix_spawn(&pid, program, NULL, NULL, args, env);
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return rc == 0 && status == 0 ? 0 : -1;
}

/* Changes the owner of the work folder after another gateway has taken the sandbox's old uid. */
static int give_work(const struct site_place *p, const char *work, uint32_t old, struct error *err)
{
    char *args[] = {(char *)"chown",
                    (char *)"-Rh",
                    arena_printf(p->arena, "--from=%u", old),
                    arena_printf(p->arena, "%u:%u", p->uid, p->uid),
                    (char *)"--",
                    (char *)work,
                    NULL};
    if (run("/bin/chown", args) == 0)
        return 0;
    return error_set(err, ERROR_IO, "cannot give %s from uid %u to uid %u", work, old, p->uid);
}

/* Claims the uid of the work folder, else the one of the sandbox's number, else the next free
 * one. */
static int take_uid(struct site_place *p, struct error *err)
{
    struct stat st_work;
    const struct uid_range *uids = p->uids;
    const char *work = arena_printf(p->arena, "%s/work", p->dir);
    if (!uids->count || p->uid_lock >= 0)
        return 0;
    bool had = lstat(work, &st_work) == 0 && uid_in_range(uids, st_work.st_uid);
    uint32_t wanted = had ? st_work.st_uid : uid_of_number(uids, p->number);
    p->uid = wanted;
    *err = (struct error){0};
    if (had)
        p->uid_lock = uid_claim(uids, wanted, err);
    if (!had || (p->uid_lock < 0 && *err->text && !uids->subordinate))
        p->uid_lock = uid_claim_new(uids, wanted, p->state_dir, &p->uid, err);
    p->claimed = p->uid_lock >= 0;
    if (p->uid_lock < 0 && *err->text)
        return -1;
    return had && wanted != p->uid ? give_work(p, work, wanted, err) : 0;
}

int site_make_folder(const struct site_place *p, struct error *err)
{
    return make_folders(p, err);
}

int site_make(struct site_place *p, struct error *err)
{
    return make_folders(p, err) != 0 || take_uid(p, err) != 0 || make_cgroups(p, err) != 0 ? -1 : 0;
}

void site_fill_spec(const struct site_place *p, struct sandbox_spec *spec)
{
    const struct uid_range *uids = p->uids;
    bool sub = uids->subordinate && uids->count;
    spec->workdir = arena_printf(p->arena, "%s/work", p->dir);
    spec->uid = sub ? SANDBOX_SUB_ID : p->uid;
    spec->sub_uid = sub ? p->uid : 0;
    spec->sub_gid = sub ? uids->first_gid + (p->uid - uids->first) : 0;
    spec->cgroups = p->cgroups->kind == CGROUP_NONE ? NULL
                                                    : arena_printf(p->arena, "%s/cgroups", p->dir);
    spec->lock = arena_printf(p->arena, "%s/lock", p->dir);
    spec->uses = arena_printf(p->arena, "%s/uses", p->dir);
}

/* ---- the lock ---- */

bool site_lock_held(const char *dir)
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

pid_t site_lock_pid(const char *dir)
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

/* ---- its end ---- */

/* The control groups become empty shortly after the processes end. */
static void leave_cgroups(const char *list)
{
    enum { TRIES = 100, PAUSE_US = 20000 };
    for (int i = 0; i < TRIES && !cgroup_remove(list); i++)
        usleep(PAUSE_US);
}

/* Files of a subordinate uid can only be deleted from within its user namespace: the supervisor
 * does it. */
static void delete_work(const char *dir, const char *supervisor)
{
    char *spec = alloc_printf("%s/spec.json", dir);
    char *args[] = {(char *)supervisor, (char *)"--spec", spec, (char *)"--delete-work", NULL};
    if (access(spec, R_OK) == 0)
        run(supervisor, args);
    free(spec);
}

int site_remove(const char *dir, const struct uid_range *uids, const char *supervisor,
                struct error *err)
{
    char *cgroups = alloc_printf("%s/cgroups", dir);
    leave_cgroups(cgroups);
    free(cgroups);
    if (uids->subordinate)
        delete_work(dir, supervisor);
    return tree_delete(dir, err);
}
