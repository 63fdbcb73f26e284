/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/site/uids.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/standard.h"
#include "sandbox/container/idmap.h"
#include "sandbox/container/workload_identity.h"

enum { ROOT_FIRST = 1900000000, ROOT_COUNT = 65536 };

/* A folder that nobody else may write to, or "". */
static void take_folder(char out[PATH_MAX], const char *parent, const char *name)
{
    struct stat st;
    int mode = geteuid() == 0 ? 0755 : 0700;
    bool good = snprintf(out, PATH_MAX, "%s/%s", parent, name) < PATH_MAX &&
                (mkdir(out, (mode_t)mode) == 0 || errno == EEXIST) && lstat(out, &st) == 0 &&
                S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
    if (!good)
        *out = '\0';
}

/* The same in the folder for this user's state, which may not be there yet. */
static void take_folder_in_home(char out[PATH_MAX], const char *name)
{
    char *home = standard_state_home();
    if (!home)
        return;
    for (char *slash = strchr(home + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(home, 0700);
        *slash = '/';
    }
    mkdir(home, 0700);
    take_folder(out, home, name);
    free(home);
}

static void find_claims(struct uid_range *range)
{
    char parent[PATH_MAX], name[48];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (geteuid() == 0) {
        take_folder(parent, "/run", "sluice");
        if (*parent)
            take_folder(range->claims, parent, "uids");
        return;
    }
    snprintf(name, sizeof name, "sluice-uids-%u", geteuid());
    if (runtime && *runtime == '/')
        take_folder(range->claims, runtime, name);
    if (!*range->claims)
        take_folder_in_home(range->claims, name);
}

/* The first range of the file that is this user's, by name or by number. */
static bool find_sub_range(const char *path, uint32_t *first, uint32_t *count)
{
    char line[512], name[256], number[16];
    unsigned long start, n;
    const struct passwd *user = getpwuid(geteuid());
    bool found = false;
    FILE *file = fopen(path, "re");
    snprintf(number, sizeof number, "%u", geteuid());
    while (file && !found && fgets(line, sizeof line, file))
        if (sscanf(line, "%255[^:]:%lu:%lu", name, &start, &n) == 3 && start > 0 && n > 0 &&
            start + n <= UINT32_MAX &&
            ((user && strcmp(name, user->pw_name) == 0) || strcmp(name, number) == 0)) {
            *first = (uint32_t)start;
            *count = (uint32_t)n;
            found = true;
        }
    if (file)
        fclose(file);
    return found;
}

static void find_subordinate(struct uid_range *out)
{
    struct error err;
    uint32_t n_gids = 0;
    if (!find_sub_range("/etc/subuid", &out->first, &out->count) ||
        !find_sub_range("/etc/subgid", &out->first_gid, &n_gids)) {
        out->count = 0;
        snprintf(out->why, sizeof out->why,
                 "/etc/subuid and /etc/subgid give no ids to uid %u: usermod --add-subuids and "
                 "--add-subgids do",
                 geteuid());
        return;
    }
    out->count = out->count < n_gids ? out->count : n_gids;
    out->subordinate = true;
    if (sandbox_idmap_try(out->first, out->first_gid, &err) == 0)
        return;
    out->count = 0;
    snprintf(out->why, sizeof out->why, "%.250s", err.text);
}

static void find_own(struct uid_range *out)
{
    if (workload_identity_available(ROOT_FIRST) &&
        workload_identity_available(ROOT_FIRST + ROOT_COUNT - 1)) {
        out->first = out->first_gid = ROOT_FIRST;
        out->count = ROOT_COUNT;
    } else {
        snprintf(out->why, sizeof out->why, "this user namespace has no uids from %d to %d",
                 ROOT_FIRST, ROOT_FIRST + ROOT_COUNT - 1);
    }
}

void uid_range_find(struct uid_range *out)
{
    memset(out, 0, sizeof *out);
    if (geteuid() == 0)
        find_own(out);
    else
        find_subordinate(out);
    if (out->count)
        find_claims(out);
}

bool uid_in_range(const struct uid_range *range, uint32_t uid)
{
    return uid >= range->first && uid - range->first < range->count;
}

uint32_t uid_of_number(const struct uid_range *range, int64_t number)
{
    return range->first + (uint32_t)((uint64_t)number % range->count);
}

/* -1 with errno EWOULDBLOCK: somebody has it. */
static int lock_one(const struct uid_range *range, uint32_t uid)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%u", range->claims, uid);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

int uid_claim(const struct uid_range *range, uint32_t uid, struct error *err)
{
    error_set(err, ERROR_INTERNAL, "%s", "");
    int fd = *range->claims ? lock_one(range, uid) : -1;
    if (fd < 0 && *range->claims && errno == EWOULDBLOCK)
        error_set(err, ERROR_STATE, "uid %u is taken by a sandbox of another gateway", uid);
    else if (fd < 0 && *range->claims)
        error_errno(err, ERROR_INTERNAL, "cannot claim uid %u in %s", uid, range->claims);
    return fd;
}

void uid_retire(int lock, const char *state_dir)
{
    size_t len = strlen(state_dir);
    if (ftruncate(lock, 0) == 0)
        (void)!pwrite(lock, state_dir, len, 0);
}

/* Whether a deleted sandbox of this gateway had the uid. */
static bool is_retired(int lock, const char *state_dir)
{
    char text[PATH_MAX];
    ssize_t len = pread(lock, text, sizeof text, 0);
    return len > 0 && (size_t)len == strlen(state_dir) && memcmp(text, state_dir, (size_t)len) == 0;
}

int uid_claim_new(const struct uid_range *range, uint32_t wanted, const char *state_dir,
                  uint32_t *out, struct error *err)
{
    *out = wanted;
    error_set(err, ERROR_INTERNAL, "%s", "");
    for (uint32_t tries = 0; *range->claims && tries < range->count; tries++) {
        *out = range->first + (wanted - range->first + tries) % range->count;
        int fd = lock_one(range, *out);
        if (fd >= 0 && !is_retired(fd, state_dir))
            return fd;
        if (fd >= 0)
            close(fd);
        else if (errno != EWOULDBLOCK)
            return error_errno(err, ERROR_INTERNAL, "cannot claim uid %u in %s", *out,
                               range->claims);
    }
    if (*range->claims)
        error_set(err, ERROR_STATE, "all %u uids of sandboxes are taken", range->count);
    return -1;
}
