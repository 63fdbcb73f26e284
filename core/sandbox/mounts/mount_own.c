/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "sandbox/mounts/mount_plan_parts.h"

/* The path with its folder resolved, or NULL where that leads out of /etc: what is there cannot be
 * told from what other programs keep.  The root is the sandbox's own. */
static const char *resolve(struct maker *m, const char *path)
{
    struct path_walk walk;
    const char *name = strrchr(path, '/');
    if (name == path)
        return path;
    const char *folder = arena_strn(m->arena, path, (size_t)(name - path));
    if (sandbox_path_walk(m->arena, folder, &walk) == 0)
        folder = walk.real;
    return sandbox_path_within(folder, "/etc") ? arena_printf(m->arena, "%s%s", folder, name)
                                               : NULL;
}

static void place_own(struct maker *m, struct own_file file)
{
    struct mount_plan *plan = m->plan;
    *mount_guards_append(&plan->guards, m->arena) =
        (struct mount_guard){GUARD_HIDDEN, false, file.path, 0, 0};
    if (file.link)
        plan_add_mount(m, &(struct planned_mount){MOUNT_LINK, file.link, file.path, 0, 0});
    else
        plan->files[plan->n_files++] = file;
    m->own[m->n_own++] = file;
    if (strrchr(file.path, '/') == file.path)
        plan_grant(m, file.path, false);
}

void plan_prepare_own(struct maker *m)
{
    const struct mount_plan_request *request = m->request;
    m->own = arena_zalloc(m->arena, (request->n_own + 1) * sizeof *m->own);
    m->plan->files = arena_zalloc(m->arena, (request->n_own + 1) * sizeof *m->plan->files);
    for (size_t i = 0; i < request->n_own; i++) {
        struct own_file file = request->own[i];
        file.path = resolve(m, file.path);
        if (file.path && !plan_own_file(m, file.path))
            place_own(m, file);
    }
}

const struct own_file *plan_own_file(const struct maker *m, const char *path)
{
    for (size_t i = 0; i < m->n_own; i++)
        if (strcmp(m->own[i].path, path) == 0)
            return &m->own[i];
    return NULL;
}
