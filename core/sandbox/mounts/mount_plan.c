/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "sandbox/mounts/mount_plan_parts.h"

bool mount_plan_shows(const struct mount_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const struct planned_mount *e = &plan->mounts[i];
        bool of_host =
            e->kind == MOUNT_READ_ONLY || e->kind == MOUNT_READ_WRITE || e->kind == MOUNT_DEVICE;
        if (of_host && sandbox_path_within(path, e->target))
            return true;
    }
    return false;
}

/* /bin -> usr/bin and its like, whenever what they lead to is shown. */
static void list_root_links(struct maker *m)
{
    DIR *root = opendir("/");
    for (struct dirent *e; root && (e = readdir(root));) {
        struct path_walk walk;
        const char *path = arena_printf(m->arena, "/%s", e->d_name);
        if (sandbox_path_walk(m->arena, path, &walk) == 0 && walk.n_links > 0 &&
            mount_plan_shows(m->plan, walk.real))
            plan_add_links(m, &walk);
    }
    if (root)
        closedir(root);
}

static void place_links(struct maker *m)
{
    for (size_t i = 0; i < m->links.n; i++)
        if (!mount_plan_shows(m->plan, m->links.items[i].path))
            plan_add_mount(m, &(struct planned_mount){MOUNT_LINK, m->links.items[i].text,
                                                 m->links.items[i].path, 0, 0});
}

/* Both as written and as it is on this host. */
static void add_both(struct maker *m, const char ***items, size_t *n, const char *path)
{
    struct path_walk walk;
    plan_add_text(m, items, n, sandbox_path_normal(m->arena, path));
    if (sandbox_path_walk(m->arena, path, &walk) == 0)
        plan_add_text(m, items, n, walk.real);
}

static void prepare(struct maker *m)
{
    const struct mount_plan_request *request = m->request;
    const struct sluice_filesystem *fs = request->policy->filesystem;
    for (size_t i = 0; fs && i < fs->n_read_write; i++)
        add_both(m, &m->writable, &m->n_writable, fs->read_write[i]);
    for (size_t i = 0; i < request->guards->n; i++)
        *mount_guards_append(&m->plan->guards, m->arena) = request->guards->items[i];
    plan_prepare_own(m);
}

/* Component by component, so that a folder comes before everything in it. */
static int by_target(const void *a, const void *b)
{
    const char *x = ((const struct planned_mount *)a)->target,
               *y = ((const struct planned_mount *)b)->target;
    while (*x && *x == *y)
        x++, y++;
    int cx = *x == '/' ? 1 : (unsigned char)*x + (*x != '\0');
    int cy = *y == '/' ? 1 : (unsigned char)*y + (*y != '\0');
    return cx - cy;
}

/* Whether e shows nothing that the nearest mount above it does not show just the same. */
static bool covered(const struct mount_plan *plan, const struct planned_mount *e,
                    const struct planned_mount *above)
{
    return above && above->kind == e->kind && plan_is_host_kind(e->kind) &&
           !mount_guards_cover(&plan->guards, GUARD_HIDDEN, e->target);
}

/* Drops those mounts. */
static void drop_covered(struct mount_plan *plan)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const struct planned_mount *e = &plan->mounts[i], *above = NULL;
        for (size_t k = 0; k < kept; k++)
            if (sandbox_path_within(e->target, plan->mounts[k].target))
                above = &plan->mounts[k];
        if (!covered(plan, e, above))
            plan->mounts[kept++] = *e;
    }
    plan->n_mounts = kept;
}

static void plan_workdir(struct maker *m)
{
    struct planned_mount mount = m->request->workdir;
    mount.kind = m->plan->workdir_writable ? MOUNT_WORKDIR : MOUNT_WORKDIR_READ_ONLY;
    mount.target = SANDBOX_WORKDIR;
    plan_add_mount(m, &mount);
}

static bool is_strict(const struct sluice_policy *policy)
{
    return policy->landlock && strcmp(policy->landlock->compatibility, "hard_requirement") == 0;
}

static int list_policy(struct maker *m, struct error *err)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    m->plan->workdir_writable = !fs || fs->include_workdir;
    if (fs && (plan_list(m, fs->read_write, fs->n_read_write, true, err) != 0 ||
               plan_list(m, fs->read_only, fs->n_read_only, false, err) != 0))
        return -1;
    plan_grant(m, SANDBOX_WORKDIR, m->plan->workdir_writable);
    return 0;
}

int mount_plan_make(const struct mount_plan_request *request, struct arena *arena,
                    struct mount_plan *out,
                      struct error *err)
{
    struct maker m = {.request = request, .arena = arena, .plan = out};
    *out = (struct mount_plan){.strict = is_strict(request->policy)};
    prepare(&m);
    if (list_policy(&m, err) != 0)
        return -1;
    plan_list_baseline(&m);
    list_root_links(&m);
    place_links(&m);
    plan_workdir(&m);
    qsort(out->mounts, out->n_mounts, sizeof *out->mounts, by_target);
    drop_covered(out);
    plan_guard_read_only(&m);
    plan_tell_of_rebuilt(&m);
    return 0;
}
