/* SPDX-License-Identifier: Apache-2.0 */
#include "http/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size);
    if (fd >= 0)
        close(fd);
    return n;
}

/* Everybody may read a process's uid_map, also where its namespace is not shown.  Only who is
 * privileged outside can make another namespace with the same map as ours. */
static bool has_our_map(pid_t pid)
{
    char path[64], mine[4096], its[4096];
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
    ssize_t n = read_text("/proc/self/uid_map", mine, sizeof mine);
    ssize_t m = read_text(path, its, sizeof its);
    return n > 0 && n == m && memcmp(mine, its, (size_t)n) == 0;
}

bool http_process_apart(pid_t pid, uid_t uid)
{
    char path[64], mine[64], its[64];
    if (pid <= 0)                                   /* outside of our pid namespace */
        return true;
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    ssize_t n = readlink("/proc/self/ns/user", mine, sizeof mine);
    ssize_t m = readlink(path, its, sizeof its);
    if (m < 0)                                      /* others hide theirs from an ordinary user */
        return uid == geteuid() || !has_our_map(pid);
    return n != m || memcmp(mine, its, (size_t)n) != 0;
}

struct search {
    char link[64];                                  /* what /proc shows for the socket */
    uid_t uid;
    unsigned entries;                               /* of /proc that were read */
    bool found, apart;
};

/* The budget is counted in entries, not in time: how busy the machine is must not decide who
 * somebody is. */
static bool may_go_on(const struct search *s)
{
    return s->entries < HTTP_HOLDER_ENTRIES_MAX;
}

/* Whether one of the process's descriptors is the socket. */
static bool holds(struct search *s, int folder)
{
    DIR *dir = fdopendir(folder);
    struct dirent *entry;
    bool found = false;
    if (!dir) {
        close(folder);
        return false;
    }
    while (!found && may_go_on(s) && (entry = readdir(dir))) {
        char link[64];
        ssize_t n = readlinkat(folder, entry->d_name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        found = strcmp(link, s->link) == 0;
        s->entries++;
    }
    closedir(dir);
    return found;
}

static void look_at_process(struct search *s, int proc, const char *pid)
{
    struct stat st;
    char path[64];
    s->entries++;
    if (fstatat(proc, pid, &st, 0) != 0 || st.st_uid != s->uid)
        return;
    snprintf(path, sizeof path, "%.20s/fd", pid);
    int folder = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || !holds(s, folder))
        return;
    s->found = true;
    s->apart |= http_process_apart(atoi(pid), s->uid);
}

bool http_socket_held_here(uint64_t inode, uid_t uid)
{
    struct search s = {.uid = uid};
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    if (!proc)
        return false;
    snprintf(s.link, sizeof s.link, "socket:[%" PRIu64 "]", inode);
    while (!s.apart && may_go_on(&s) && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            look_at_process(&s, dirfd(proc), entry->d_name);
    closedir(proc);
    return s.found && !s.apart && may_go_on(&s);
}
