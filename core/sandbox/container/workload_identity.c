/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/workload_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

struct id_map {
    bool initial;                                /* all ids, mapped to themselves: the host's own */
    bool covers;                                    /* the id asked for */
};

static struct id_map read_map(const char *path, uint32_t id)
{
    struct id_map map = {0};
    unsigned first, outside, n;
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%u %u %u", &first, &outside, &n) == 3) {
        map.initial = map.initial || (first == 0 && outside == 0 && n == UINT32_MAX);
        map.covers = map.covers || (id >= first && id - first < n);
    }
    if (file)
        fclose(file);
    return map;
}

bool workload_identity_available(uint32_t id)
{
    return geteuid() == 0 && read_map("/proc/self/uid_map", id).covers &&
           read_map("/proc/self/gid_map", id).covers;
}

int workload_identity_choose(uint32_t wanted, uint32_t *out, struct error *err)
{
    *out = geteuid();
    if (*out != 0)
        return 0;
    struct id_map users = read_map("/proc/self/uid_map", wanted);
    struct id_map groups = read_map("/proc/self/gid_map", wanted);
    if (wanted == 0 && users.initial)
        return error_set(err, ERROR_INTERNAL,
                         "a supervisor that runs as root needs a uid of its own for the workload");
    if (wanted != 0 && users.covers && groups.covers)
        *out = wanted;
    return 0;
}

int workload_identity_own_folder(const char *workdir, uint32_t uid, struct error *err)
{
    struct stat st;
    int fd = open(workdir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot open the work folder %s", workdir);
    int rc = fstat(fd, &st);
    if (rc == 0 && uid != geteuid() && st.st_uid != uid)
        rc = fchown(fd, uid, uid);
    if (rc != 0)
        error_errno(err, ERROR_INTERNAL, "cannot give the work folder %s to uid %u", workdir, uid);
    close(fd);
    return rc;
}

int workload_identity_call(uint32_t uid, int (*fn)(void *ctx), void *ctx)
{
    uid_t own_uid = geteuid();
    gid_t own_gid = getegid();
    if (uid == own_uid)
        return fn(ctx);
    if (setegid(uid) != 0 || seteuid(uid) != 0)
        return -1;
    int rc = fn(ctx);
    if (seteuid(own_uid) != 0 || setegid(own_gid) != 0)
        return -1;
    return rc;
}

/* The length of the first prefix of the path that we may not pass, 0 when there is none. */
static int blocked_prefix(void *ctx)
{
    const char *path = ctx;
    char prefix[PATH_MAX];
    for (size_t end = 1; end < sizeof prefix; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        if (faccessat(AT_FDCWD, prefix, X_OK, AT_EACCESS) != 0)
            return (int)end;
        if (path[end] == '\0')
            return 0;
    }
    return 0;
}

static int make_way(const char *path, size_t from)
{
    char prefix[PATH_MAX];
    for (size_t end = from + 1; end < sizeof prefix; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        if (mkdir(prefix, 0755) != 0 || chmod(prefix, 0755) != 0)   /* whatever the umask is */
            return -1;
        if (path[end] == '\0')
            return 0;
    }
    return -1;
}

static int cover(const char *path, size_t blocked)
{
    char prefix[PATH_MAX], source[64];
    int folder = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return -1;
    memcpy(prefix, path, blocked);
    prefix[blocked] = '\0';
    snprintf(source, sizeof source, "/proc/self/fd/%d", folder);
    int rc =
        mount("sluice", prefix, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=1m");
    if (rc == 0)
        rc = make_way(path, blocked);
    if (rc == 0)
        rc = mount(source, path, NULL, MS_BIND | MS_REC, NULL);
    close(folder);
    return rc;
}

/* workdir is absolute and without links. */
static int reach(uint32_t uid, const char *workdir, struct error *err)
{
    int blocked = workload_identity_call(uid, blocked_prefix, (void *)workdir);
    if (blocked == 0)
        return 0;
    if (blocked < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot act as uid %u", uid);
    if ((size_t)blocked == strlen(workdir))
        return error_set(err, ERROR_INTERNAL, "the work folder %s is closed to uid %u", workdir,
                         uid);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0 ||
        cover(workdir, (size_t)blocked) != 0)
        return error_errno(err, ERROR_INTERNAL,
                           "cannot make the work folder %s reachable for uid %u", workdir, uid);
    return 0;
}

int workload_identity_switch(uint32_t uid, const char *workdir, struct error *err)
{
    if (reach(uid, workdir, err) != 0)
        return -1;
    if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot become uid %u", uid);
    return 0;
}
