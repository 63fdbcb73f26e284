/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

/* In a user namespace that does not map the host's root, root's files belong to the overflow
 * uid. */
static bool is_unmapped_root(uid_t uid)
{
    unsigned inside = 0, outside = 0, n = 0, overflow = 65534;
    FILE *map = fopen("/proc/self/uid_map", "re");
    bool initial = map && fscanf(map, "%u %u %u", &inside, &outside, &n) == 3 && n == UINT32_MAX;
    if (map)
        fclose(map);
    FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
    if (file && fscanf(file, "%u", &overflow) != 1)
        overflow = 65534;
    if (file)
        fclose(file);
    return !initial && uid == overflow;
}

bool program_owner_is_root(uid_t uid)
{
    return uid == 0 || is_unmapped_root(uid);
}

/* Why others could replace what is at path, or NULL. */
static const char *weakness(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return strerror(errno);
    if (st.st_uid != geteuid() && !program_owner_is_root(st.st_uid))
        return "belongs to another user";
    if ((st.st_mode & S_IWOTH) && !(S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX)))
        return "may be written by everybody";
    if ((st.st_mode & S_IWGRP) && st.st_gid != 0 && st.st_gid != getegid())
        return "may be written by another group";
    return NULL;
}

int program_check(const char *path, struct error *err)
{
    char prefix[PATH_MAX];
    size_t len = strlen(path);
    if (*path != '/' || len >= sizeof prefix)
        return error_set(err, ERROR_INVALID, "%s is no absolute path", path);
    for (size_t end = 1; end <= len; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        const char *why = weakness(prefix);
        if (why)
            return error_set(err, ERROR_UNSUPPORTED, "%s is not used: %s: %s", path, prefix, why);
    }
    return 0;
}

static char *candidate(const char *folder, size_t len, const char *name, struct error *err)
{
    char *path = alloc_printf("%.*s/%s", (int)len, folder, name);
    char *real = len > 0 && *folder == '/' ? realpath(path, NULL) : NULL;
    struct stat st;
    if (real && (stat(real, &st) != 0 || !S_ISREG(st.st_mode) || access(real, X_OK) != 0 ||
                 program_check(real, err) != 0)) {
        free(real);
        real = NULL;
    }
    free(path);
    return real;
}

char *program_find(const char *name, struct error *err)
{
    const char *path = getenv("PATH");
    char *found = NULL;
    error_set(err, ERROR_NOT_FOUND, "there is no %s in PATH that can be run", name);
    for (const char *folder = path ? path : "/usr/bin:/bin"; !found && folder;) {
        size_t len = strcspn(folder, ":");
        found = candidate(folder, len, name, err);
        folder = folder[len] ? folder + len + 1 : NULL;
    }
    return found;
}

char *program_beside(const char *name)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n < 0 ? 0 : n] = '\0';
    const char *slash = strrchr(self, '/');
    return alloc_printf("%.*s/%s", slash ? (int)(slash - self) : 0, self, name);
}
