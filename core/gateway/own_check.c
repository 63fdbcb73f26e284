/* SPDX-License-Identifier: Apache-2.0 */
/* A file that the gateway is about to obey must not be one that a running sandbox may write: it was
 * started when the file was nobody's. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/problems.h"
#include "gateway/own_files.h"
#include "policy/policy.h"
#include "runtime/sandbox.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/mounts/path.h"

struct check {
    const struct runtime_files *own;
    const char *name;                               /* of the sandbox that is checked */
    const struct sandbox_spec *spec;
    struct arena *arena;
    struct error *err;
};

static bool within_any(const char *path, const char *const *folders, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sandbox_path_within(path, folders[i]))
            return true;
    return false;
}

static int check_files(const struct check *c, const char *folder, const char *const *files,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sandbox_path_within(files[i], folder) &&
            !within_any(files[i], c->spec->hidden, c->spec->n_hidden) &&
            !within_any(files[i], c->spec->read_only, c->spec->n_read_only))
            return error_set(
                c->err, ERROR_STATE,
                "%s may be written by sandbox '%s', which is running: stop the sandbox "
                "first, or keep the file elsewhere",
                files[i], c->name);
    return 0;
}

static int check_folder(const struct check *c, const char *folder)
{
    const struct runtime_files *own = c->own;
    return check_files(c, folder, own->hidden, own->n_hidden) != 0 ||
                   check_files(c, folder, own->read_only, own->n_read_only) != 0 ? -1 : 0;
}

static int check_policy(const struct check *c, const struct sluice_filesystem *fs)
{
    for (size_t i = 0; fs && i < fs->n_read_write; i++) {
        const char *folder = sandbox_path_normal(c->arena, fs->read_write[i]);
        if (mount_plan_is_own(folder))
            continue;
        char *real = realpath(folder, NULL);
        int rc = check_folder(c, folder);
        if (rc == 0 && real)
            rc = check_folder(c, real);
        free(real);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int check_sandbox(struct check *c, const char *dir)
{
    struct sandbox_spec spec;
    struct problems problems = {0};
    struct error unread;
    if (sandbox_spec_read(arena_printf(c->arena, "%s/spec.json", dir), c->arena, &spec, &unread) !=
        0)
        return error_set(c->err, ERROR_STATE, "cannot tell what sandbox '%s' may write: %s",
                         c->name, unread.text);
    struct policy *policy = policy_parse(spec.policy, strlen(spec.policy), DOC_JSON, &problems);
    c->spec = &spec;
    int rc = policy ? check_policy(c, policy_model(policy)->filesystem) : 0;
    policy_unref(policy);
    problems_free(&problems);
    return rc;
}

int own_files_check(const struct runtime_files *own, const char *state_dir, struct store *store,
                    struct error *err)
{
    struct arena *arena = arena_new();
    struct check check = {.own = own, .arena = arena, .err = err};
    struct store_sandbox *records;
    size_t n;
    int rc = store_sandbox_list(store, arena, &records, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *dir = arena_printf(arena, "%s/sandboxes/%s", state_dir, records[i].id);
        check.name = records[i].name;
        if (site_lock_held(dir))
            rc = check_sandbox(&check, dir);
    }
    arena_free(arena);
    return rc;
}
