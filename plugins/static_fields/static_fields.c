/* SPDX-License-Identifier: Apache-2.0 */
/* The static sections are applied when a sandbox starts: filesystem, landlock and process must mean
 * what they meant in the policy it was created with.  Paths may be added (they count from the next
 * start on), never removed. */
#include <stdbool.h>
#include <string.h>

#include <sluice/plugin.h>

static const struct sluice_code codes[] = {
    {"WORKDIR_CHANGED", "filesystem_policy.include_workdir differs from the creation-time policy."},
    {"PATH_REMOVED", "A path of the creation-time policy is no longer in its list."},
    {"LANDLOCK_CHANGED", "The landlock section differs from the creation-time policy."},
    {"PROCESS_CHANGED", "The process section differs from the creation-time policy."},
    {NULL, NULL},
};

static bool at_end(const char *p)
{
    return *p == '\0' || *p == '/';
}

/* The next component that counts: skips slashes and lone dots.  NULL: there is none. */
static const char *component(const char *p)
{
    while (*p == '/' || (*p == '.' && at_end(p + 1)))
        p++;
    return *p ? p : NULL;
}

static size_t component_len(const char *p)
{
    return strcspn(p, "/");
}

/* Equal but for ".", doubled and trailing slashes. */
static bool same_path(const char *a, const char *b)
{
    if ((*a == '/') != (*b == '/'))
        return false;
    for (a = component(a), b = component(b); a && b; a = component(a), b = component(b)) {
        size_t len = component_len(a);
        if (len != component_len(b) || memcmp(a, b, len) != 0)
            return false;
        a += len;
        b += len;
    }
    return !a && !b;
}

static bool has_path(const char *const *paths, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (same_path(paths[i], path))
            return true;
    return false;
}

/* The first path of before that is missing in after, or NULL. */
static const char *removed(const char *const *before, size_t n_before, const char *const *after,
                           size_t n_after)
{
    for (size_t i = 0; i < n_before; i++)
        if (!has_path(after, n_after, before[i]))
            return before[i];
    return NULL;
}

/* A text that is not written means the default. */
static bool same_text(const char *a, const char *b, const char *fallback)
{
    return strcmp(a && *a ? a : fallback, b && *b ? b : fallback) == 0;
}

/* Each check below casts and returns true when it objects. */
static bool filesystem_differs(const struct sluice_filesystem *was,
                               const struct sluice_filesystem *is, struct sluice_ballot *b)
{
    const char *path;
    if (was->include_workdir != is->include_workdir)
        sluice_deny(b, "WORKDIR_CHANGED", "filesystem_policy.include_workdir",
                    "filesystem include_workdir cannot be changed on a live sandbox");
    else if ((path = removed(was->read_only, was->n_read_only, is->read_only, is->n_read_only)))
        sluice_deny(b, "PATH_REMOVED", "filesystem_policy.read_only",
                    "filesystem read_only path '%s' cannot be removed on a live sandbox", path);
    else if ((path = removed(was->read_write, was->n_read_write, is->read_write, is->n_read_write)))
        sluice_deny(b, "PATH_REMOVED", "filesystem_policy.read_write",
                    "filesystem read_write path '%s' cannot be removed on a live sandbox", path);
    else
        return false;
    return true;
}

static bool landlock_differs(const struct sluice_landlock *was, const struct sluice_landlock *is,
                             struct sluice_ballot *b)
{
    if (same_text(was->compatibility, is->compatibility, "best_effort"))
        return false;
    sluice_deny(b, "LANDLOCK_CHANGED", "landlock.compatibility",
                "landlock policy cannot be changed on a live sandbox (applied at startup)");
    return true;
}

static bool process_differs(const struct sluice_process *was, const struct sluice_process *is,
                            struct sluice_ballot *b)
{
    bool same_user = same_text(was->run_as_user, is->run_as_user, "sandbox");
    if (same_user && same_text(was->run_as_group, is->run_as_group, "sandbox"))
        return false;
    sluice_deny(b, "PROCESS_CHANGED", same_user ? "process.run_as_group" : "process.run_as_user",
                "process policy cannot be changed on a live sandbox (applied at startup)");
    return true;
}

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    (void)self;
    const struct sluice_policy *was = t->baseline, *is = t->candidate;
    if (!was)
        return sluice_allow(b);
    if (filesystem_differs(was->filesystem, is->filesystem, b)
        || landlock_differs(was->landlock, is->landlock, b)
        || process_differs(was->process, is->process, b))
        return SLUICE_DENY;
    return sluice_allow(b);
}

SLUICE_PLUGIN(.name = "static_fields", .version = "1.0.0",
              .summary = "Refuses changes of what a sandbox takes only when it starts.",
              .codes = codes, .flags = SLUICE_REENTRANT, .vote = vote);
