/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "tree.h"

static size_t components(const char *path)
{
    size_t n = 0;
    for (; *path; path++)
        n += *path == '/';
    return n;
}

/* Whether the first n components of long_ are those of short_, which has n. */
static bool starts_with(const char *pattern, const char *path, size_t n, bool pattern_is_longer)
{
    char prefix[PATH_MAX];
    const char *whole = pattern_is_longer ? pattern : path;
    size_t end = 0;
    for (; whole[end] && (whole[end] != '/' || n > 0); end++)
        n -= whole[end] == '/';
    if (end >= sizeof prefix)
        return false;
    memcpy(prefix, whole, end);
    prefix[end] = '\0';
    return pattern_is_longer ? fnmatch(prefix, path, FNM_PATHNAME) == 0
                             : fnmatch(pattern, prefix, FNM_PATHNAME) == 0;
}

static bool is_wildcard(char c)
{
    return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* False: neither matches the other, nor a part of it.  Most pairs differ here, which fnmatch takes
 * long to find out. */
static bool begin_alike(const char *pattern, const char *path)
{
    for (; *pattern && *path && !is_wildcard(*pattern); pattern++, path++)
        if (*pattern != *path)
            return false;
    return true;
}

static bool within(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_at(const struct setup_guard *guard, const char *path)
{
    return guard->pattern ? fnmatch(guard->path, path, FNM_PATHNAME) == 0
                          : strcmp(guard->path, path) == 0;
}

static bool is_above(const struct setup_guard *guard, const char *path)
{
    size_t n = components(guard->path);
    return guard->pattern
               ? components(path) >= n && starts_with(guard->path, path, n, false)
               : within(path, guard->path);
}

static bool is_below(const struct setup_guard *guard, const char *path)
{
    size_t n = components(path);
    return guard->pattern
               ? components(guard->path) > n && starts_with(guard->path, path, n, true)
               : strcmp(guard->path, path) != 0 && within(guard->path, path);
}

static bool any(const struct setup_plan *plan, uint32_t kind, const char *path,
                bool (*holds)(const struct setup_guard *guard, const char *path))
{
    for (size_t i = 0; i < plan->n_guards; i++)
        if (plan->guards[i].kind == kind && begin_alike(plan->guards[i].path, path) &&
            holds(&plan->guards[i], path))
            return true;
    return false;
}

bool guard_at(const struct setup_plan *plan, uint32_t kind, const char *path)
{
    return any(plan, kind, path, is_at);
}

bool guard_above(const struct setup_plan *plan, uint32_t kind, const char *path)
{
    return any(plan, kind, path, is_above);
}

bool guard_below(const struct setup_plan *plan, uint32_t kind, const char *path)
{
    return any(plan, kind, path, is_below);
}

bool guard_is_own(const struct setup_plan *plan, const struct stat *st)
{
    for (size_t i = 0; i < plan->n_guards; i++) {
        const struct setup_guard *guard = &plan->guards[i];
        if (guard->kind == GUARD_OWN && guard->inode != 0 && guard->inode == st->st_ino &&
            guard->device == st->st_dev)
            return true;
    }
    return false;
}
