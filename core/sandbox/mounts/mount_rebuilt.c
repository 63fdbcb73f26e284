/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "sandbox/mounts/mount_plan_parts.h"

bool plan_is_host_kind(enum mount_kind kind)
{
    return kind == MOUNT_READ_ONLY || kind == MOUNT_READ_WRITE;
}

static void guard_below_writable(struct maker *m, const char *path)
{
    const struct mount_plan *plan = m->plan;
    const struct planned_mount *above = NULL;
    for (size_t i = 0; i < plan->n_mounts; i++)
        if (plan_is_host_kind(plan->mounts[i].kind) && strcmp(plan->mounts[i].target, path) != 0 &&
            sandbox_path_within(path, plan->mounts[i].target))
            above = &plan->mounts[i];
    if (above && above->kind == MOUNT_READ_WRITE)
        *mount_guards_append(&m->plan->guards, m->arena) =
            (struct mount_guard){GUARD_LISTED, false, path, 0, 0};
}

/* What is listed read-only in a folder that is listed read-write stays so: init rebuilds the folder
 * around it, because a mount in the folder would fall off when the host replaces what is below it.
 * Also where there is nothing to show now, or a link: it may become a file. */
void plan_guard_read_only(struct maker *m)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    struct path_walk walk;
    for (size_t i = 0; fs && i < fs->n_read_only; i++) {
        const char *path = sandbox_path_normal(m->arena, fs->read_only[i]);
        guard_below_writable(m, path);
        if (sandbox_path_walk(m->arena, path, &walk) == 0 && strcmp(walk.real, path) != 0)
            guard_below_writable(m, walk.real);
    }
}

static const struct mount_guard *rebuilt_for(const struct mount_plan *plan, const char *path)
{
    const struct mount_guard *guard = mount_guards_below(&plan->guards, GUARD_OWN, path);
    if (!guard)
        guard = mount_guards_below(&plan->guards, GUARD_READ_ONLY, path);
    return guard ? guard : mount_guards_below(&plan->guards, GUARD_LISTED, path);
}

/* A folder that is rebuilt has the entries it had, and takes no new ones. */
static void tell_of_rebuilt(struct maker *m, const struct listed *l)
{
    struct path_walk walk;
    if (sandbox_path_walk(m->arena, l->path, &walk) != 0 || !mount_plan_shows(m->plan, walk.real) ||
        mount_guards_cover(&m->plan->guards, GUARD_OWN, walk.real))
        return;                                     /* it was left out, and that was told */
    const struct mount_guard *guard = rebuilt_for(m->plan, walk.real);
    if (guard)
        plan_warn(
            m, arena_printf(
                   m->arena,
                   "%s: %s holds %s, which %s: nothing can be added, renamed or deleted in "
                   "the folders that lead to it; folders beside it are not affected",
                   l->where, l->path, guard->path,
                   guard->kind == GUARD_LISTED ? "is listed read-only" : "belongs to the gateway"));
}

void plan_tell_of_rebuilt(struct maker *m)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    for (size_t i = 0; fs && i < fs->n_read_write; i++) {
        struct listed l = {.path = sandbox_path_normal(m->arena, fs->read_write[i]),
                           .writable = true,
                           .where = arena_printf(m->arena, "filesystem_policy.read_write[%zu]", i)};
        if (!mount_plan_is_own(l.path))
            tell_of_rebuilt(m, &l);
    }
}
