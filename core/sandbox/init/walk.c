/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

enum { ENTRY = O_PATH | O_NOFOLLOW | O_CLOEXEC };

static int changed(struct tree *tree, const char *path)
{
    return init_reason(tree->reason,
                       "%s was moved or replaced while the sandbox was started: start it again",
                       path);
}

/* The next component of *path as a string in name, or false at the end. */
static bool next_component(const char **path, char name[NAME_MAX + 1], bool *last)
{
    while (**path == '/')
        ++*path;
    size_t n = strcspn(*path, "/");
    if (n == 0 || n > NAME_MAX)
        return false;
    memcpy(name, *path, n);
    name[n] = '\0';
    *path += n;
    *last = (*path)[strspn(*path, "/")] == '\0';
    return true;
}

/* Replaces *fd by the entry of that name; -1 leaves it. */
static int descend(int *fd, const char *name, struct stat *st)
{
    int next = openat(*fd, name, ENTRY);
    if (next < 0)
        return -1;
    if (fstat(next, st) != 0 || S_ISLNK(st->st_mode)) {
        close(next);
        errno = ELOOP;
        return -1;
    }
    close(*fd);
    *fd = next;
    return 0;
}

static bool is_workdir(const struct setup_mount *mount)
{
    return mount->kind == MOUNT_WORKDIR || mount->kind == MOUNT_WORKDIR_READ_ONLY;
}

static int walk_source(struct tree *tree, const struct setup_mount *mount, int *fd, struct stat *st)
{
    char name[NAME_MAX + 1];
    const char *rest = mount->source;
    bool last;
    while (next_component(&rest, name, &last)) {
        if (descend(fd, name, st) != 0)
            return changed(tree, mount->source);
        if (!is_workdir(mount) && guard_is_own(tree->plan, st))
            return init_reason(tree->reason, "%s leads into what belongs to the gateway",
                               mount->source);
    }
    return st->st_dev == mount->device && st->st_ino == mount->inode ? 0
                                                                    : changed(tree, mount->source);
}

int tree_open_source(struct tree *tree, const struct setup_mount *mount, int *out, struct stat *st)
{
    *st = (struct stat){0};
    *out = fcntl(tree->host, F_DUPFD_CLOEXEC, 0);
    if (*out < 0)
        return init_reason(tree->reason, "cannot open the host's files: %m");
    if (walk_source(tree, mount, out, st) == 0)
        return 0;
    close(*out);
    return -1;
}

bool tree_is_own(const struct tree *tree, dev_t device)
{
    for (size_t i = 0; i < tree->n_own; i++)
        if (tree->own[i] == device)
            return true;
    return false;
}

int tree_add_own(struct tree *tree, const char *path)
{
    struct stat st;
    if (tree->n_own == sizeof tree->own / sizeof *tree->own || stat(path, &st) != 0)
        return init_reason(tree->reason, "cannot use %s of the sandbox's own: %m", path);
    tree->own[tree->n_own++] = st.st_dev;
    return 0;
}

/* A folder, or an empty file to mount on. */
static int make_place(int parent, const char *name, bool folder)
{
    if (!folder)
        return openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    return mkdirat(parent, name, 0755) == 0 ? openat(parent, name, ENTRY) : -1;
}

static int enter_place(struct tree *tree, int *fd, const char *name, bool folder, struct stat *at)
{
    struct stat parent;
    if (descend(fd, name, at) == 0)
        return 0;
    if (errno != ENOENT || fstat(*fd, &parent) != 0 || !tree_is_own(tree, parent.st_dev))
        return -1;
    int made = make_place(*fd, name, folder);
    if (made < 0)
        return -1;
    close(*fd);
    *fd = made;
    return fstat(made, at);
}

static int walk_place(struct tree *tree, const struct place *place, int *fd, bool folder,
                      struct stat *at)
{
    char name[NAME_MAX + 1];
    const char *rest = place->folder >= 0 ? strrchr(place->path, '/') : place->path;
    bool last;
    while (next_component(&rest, name, &last))
        if (enter_place(tree, fd, name, !last || folder, at) != 0)
            return -1;
    return 0;
}

int tree_open_place(struct tree *tree, const struct place *place, const struct stat *st, int *out)
{
    struct stat at = {0};
    bool folder = S_ISDIR(st->st_mode);
    *out = place->own ? make_place(place->folder, strrchr(place->path, '/') + 1, folder) : -1;
    if (*out >= 0)
        return 0;
    *out = fcntl(place->folder >= 0 ? place->folder : tree->root, F_DUPFD_CLOEXEC, 0);
    if (*out < 0)
        return init_reason(tree->reason, "cannot open the sandbox's root: %m");
    if (walk_place(tree, place, out, folder, &at) == 0) {
        bool same = at.st_dev == st->st_dev && at.st_ino == st->st_ino;
        if (same || (tree_is_own(tree, at.st_dev) && S_ISDIR(at.st_mode) == folder))
            return 0;
    }
    close(*out);
    return changed(tree, place->path);
}
