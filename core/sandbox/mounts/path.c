/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/mounts/path.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

/* Appends one component to the normal path of len bytes at out; returns the new length. */
static size_t append(char *out, size_t len, const char *part, size_t n)
{
    if (n == 0 || (n == 1 && part[0] == '.'))
        return len;
    if (n == 2 && part[0] == '.' && part[1] == '.') {
        while (len > 0 && out[--len] != '/')
            continue;
        return len;
    }
    out[len++] = '/';
    memcpy(out + len, part, n);
    return len + n;
}

const char *sandbox_path_normal(struct arena *arena, const char *path)
{
    char *out = arena_alloc(arena, strlen(path) + 2);
    size_t len = 0;
    while (*path) {
        size_t n = strcspn(path, "/");
        len = append(out, len, path, n);
        path += n + (path[n] == '/');
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = '\0';
    return out;
}

bool sandbox_path_within(const char *path, const char *folder)
{
    size_t n = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The first link on the way of a normal path: the length of the prefix that is a link, 0 when there
 * is none (st is then what the path names), or -errno. */
static int first_link(const char *path, struct stat *st)
{
    char prefix[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof prefix)
        return -ENAMETOOLONG;
    for (size_t end = 1; end <= len; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        if (lstat(prefix, st) != 0)
            return -errno;
        if (S_ISLNK(st->st_mode))
            return (int)end;
    }
    return 0;
}

static int follow(struct arena *arena, const char **path, size_t end, struct path_link *link)
{
    char text[PATH_MAX];
    link->path = arena_strn(arena, *path, end);
    ssize_t n = readlink(link->path, text, sizeof text - 1);
    if (n <= 0)
        return n < 0 ? errno : ENOENT;
    text[n] = '\0';
    link->text = arena_str(arena, text);
    const char *rest = *path + end;
    const char *joined = text[0] == '/' ? arena_printf(arena, "%s%s", text, rest)
                                        : arena_printf(arena, "%s/../%s%s", link->path, text, rest);
    *path = sandbox_path_normal(arena, joined);
    return 0;
}

int sandbox_path_walk(struct arena *arena, const char *path, struct path_walk *out)
{
    struct stat st;
    *out = (struct path_walk){.links = arena_zalloc(arena, PATH_LINKS_MAX * sizeof *out->links)};
    path = sandbox_path_normal(arena, path);
    for (;;) {
        int end = first_link(path, &st);
        if (end < 0)
            return -end;
        if (end == 0)
            break;
        if (out->n_links == PATH_LINKS_MAX)
            return ELOOP;
        int error = follow(arena, &path, (size_t)end, &out->links[out->n_links]);
        if (error != 0)
            return error;
        out->n_links++;
    }
    out->real = path;
    out->directory = S_ISDIR(st.st_mode);
    out->device = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
    return 0;
}
