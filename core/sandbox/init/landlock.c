/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock, the second wall behind the mounts: what the kernel knows of files is handled, and only
 * the listed paths are granted. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

/* Rights newer than the headers of Debian 12. */
#define ACCESS_FS_TRUNCATE  (1ULL << 14)
#define ACCESS_FS_IOCTL_DEV (1ULL << 15)

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
                     LANDLOCK_ACCESS_FS_READ_DIR)
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
                     LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE | ACCESS_FS_IOCTL_DEV)

/* All rights over files that an ABI knows. */
static uint64_t rights_of_abi(int abi)
{
    static const struct { int abi; uint64_t last; } steps[] = {
        {5, ACCESS_FS_IOCTL_DEV}, {3, ACCESS_FS_TRUNCATE}, {2, LANDLOCK_ACCESS_FS_REFER},
        {1, LANDLOCK_ACCESS_FS_MAKE_SYM},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (abi >= steps[i].abi)
            return steps[i].last | (steps[i].last - 1);
    return 0;
}

static const char *why_missing(int error)
{
    switch (error) {
    case ENOSYS: return "this kernel has no Landlock";
    case EOPNOTSUPP: return "Landlock is not enabled in this kernel (boot with lsm=landlock,...)";
    case EPERM: return "the Landlock system calls are blocked here";
    default: return "Landlock does not answer";
    }
}

struct grant {
    int ruleset;
    uint64_t handled, rights;
    bool strict;
    size_t *applied;
    void (*warn)(void *ctx, const char *text);
    void *ctx;
};

static int leave_out(const struct grant *grant, const char *path, char *reason)
{
    char text[WIRE_TEXT_SIZE];
    int error = errno;
    if (grant->strict) {
        errno = error;
        return init_reason(reason, "landlock.compatibility is hard_requirement, but %s: %m", path);
    }
    errno = error;
    init_reason(text, "Landlock leaves out %s: %m", path);
    if (error != ENOENT)
        grant->warn(grant->ctx, text);
    return 0;
}

static int add_path(const struct grant *grant, const char *path, char *reason)
{
    /* Paths come resolved.  One that leads through a link now lies in a folder that the workload of
     * an earlier run could write, and is not followed. */
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    struct stat st;
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0)
        return leave_out(grant, path, reason);
    struct landlock_path_beneath_attr rule = {.allowed_access = grant->rights & grant->handled,
                                              .parent_fd = fd};
    int rc = fstat(fd, &st);
    if (rc == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access &= FILE_RIGHTS;
    if (rc == 0)
        rc = (int)syscall(SYS_landlock_add_rule, grant->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
                          0);
    int error = errno;
    close(fd);
    errno = error;
    if (rc != 0)
        return leave_out(grant, path, reason);
    ++*grant->applied;
    return 0;
}

static int add_paths(const struct grant *grant, const char **paths, size_t n, char *reason)
{
    for (size_t i = 0; i < n; i++)
        if (add_path(grant, paths[i], reason) != 0)
            return -1;
    return 0;
}

static int fill(int ruleset, uint64_t handled, const struct landlock_paths *paths, size_t *applied,
                void (*warn)(void *ctx, const char *text), void *ctx, char *reason)
{
    struct grant grant = {.ruleset = ruleset, .handled = handled, .rights = READ_RIGHTS,
                          .strict = paths->strict, .applied = applied, .warn = warn, .ctx = ctx};
    if (add_paths(&grant, paths->read_only, paths->n_read_only, reason) != 0)
        return -1;
    grant.rights = handled;
    return add_paths(&grant, paths->read_write, paths->n_read_write, reason);
}

/* Without Landlock the mounts still hold; whether that is enough is the policy's choice. */
static int go_without(const struct landlock_paths *paths, const char *why,
                      void (*warn)(void *ctx, const char *text), void *ctx, char *reason)
{
    char text[WIRE_TEXT_SIZE];
    if (paths->strict)
        return init_reason(reason, "landlock.compatibility is hard_requirement, but %s", why);
    init_reason(text, "running without Landlock, behind the mounts alone: %s", why);
    warn(ctx, text);
    return 0;
}

int init_landlock(const struct landlock_paths *paths, int *ruleset,
                  void (*warn)(void *ctx, const char *text), void *ctx, char *reason)
{
    size_t applied = 0;
    *ruleset = -1;
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi <= 0)
        return go_without(paths, why_missing(errno), warn, ctx, reason);
    struct landlock_ruleset_attr attr = {.handled_access_fs = rights_of_abi(abi)};
    *ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (*ruleset < 0)
        return init_reason(reason, "cannot make a Landlock ruleset: %m");
    if (fill(*ruleset, attr.handled_access_fs, paths, &applied, warn, ctx, reason) != 0)
        return -1;
    if (applied > 0)
        return 0;
    close(*ruleset);
    *ruleset = -1;
    return go_without(paths, "none of the listed paths can be used", warn, ctx, reason);
}
