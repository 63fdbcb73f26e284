/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tree.h"

enum { SHOWN_MAX = 16384 };

static uint64_t attributes(uint32_t kind)
{
    uint64_t attributes = MOUNT_ATTR_NOSUID | (kind == MOUNT_DEVICE ? 0 : MOUNT_ATTR_NODEV);
    if (kind == MOUNT_READ_ONLY || kind == MOUNT_WORKDIR_READ_ONLY)
        attributes |= MOUNT_ATTR_RDONLY;
    return attributes;
}

/* A copy of the mounts at and below fd, which the host's later mounts do not reach. */
static int clone_mounts(int fd, uint32_t kind)
{
    struct mount_attr attr = {.attr_set = attributes(kind), .propagation = MS_PRIVATE};
    int tree = open_tree(fd, "",
                         AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree >= 0 && mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) == 0)
        return tree;
    int error = errno;
    if (tree >= 0)
        close(tree);
    errno = error;
    return -1;
}

/* Records what is shown.  While the host moves it, one thing can be met under two names, of which
 * only one is guarded: then the other must not make it writable. */
static int record(struct tree *tree, const struct stat *st, bool writable, bool guarded,
                  const char *path)
{
    if (tree->n_shown == SHOWN_MAX)
        return init_reason(tree->reason, "more than %d mounts are needed at %s: list fewer folders "
                           "that hold hidden files", SHOWN_MAX, path);
    for (size_t i = 0; i < tree->n_shown; i++) {
        const struct shown *s = &tree->shown[i];
        if (s->inode == st->st_ino && s->device == st->st_dev &&
            ((s->writable && guarded) || (writable && s->guarded)))
            return init_reason(tree->reason,
                               "%s is also in a writable folder under another name, or "
                               "was moved or replaced while the sandbox was started",
                               path);
    }
    if ((tree->n_shown & (tree->n_shown - 1)) == 0) {
        size_t room = tree->n_shown ? 2 * tree->n_shown : 1;
        struct shown *bigger = realloc(tree->shown, room * sizeof *bigger);
        if (!bigger)
            return init_reason(tree->reason, "no memory for the mounts");
        tree->shown = bigger;
    }
    tree->shown[tree->n_shown++] = (struct shown){st->st_dev, st->st_ino, writable, guarded};
    return 0;
}

/* A copy is made of what still has a name. */
static int place_copy(struct tree *tree, int copy, const struct stat *st, const struct place *place)
{
    int target;
    if (tree_open_place(tree, place, st, &target) != 0)
        return -1;
    int rc = move_mount(copy, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (rc != 0)
        rc = errno == ENOENT ? 1 : init_reason(tree->reason, "cannot mount %s: %m", place->path);
    close(target);
    return rc;
}

int tree_attach(struct tree *tree, int fd, const struct stat *st, uint32_t kind,
                const struct place *place)
{
    const char *path = place->path;
    bool guarded = guard_at(tree->plan, GUARD_LISTED, path) ||
                   guard_above(tree->plan, GUARD_READ_ONLY, path);
    bool writable = kind == MOUNT_READ_WRITE;
    if (record(tree, st, writable, guarded && !writable, path) != 0)
        return -1;
    int copy = clone_mounts(fd, kind);
    if (copy < 0)
        return errno == ENOENT ? 1 : init_reason(tree->reason, "cannot mount %s: %m", path);
    int rc = place_copy(tree, copy, st, place);
    close(copy);
    return rc;
}

static bool is_planned(const struct tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->plan->n_mounts; i++)
        if (strcmp(tree->plan->mounts[i].target, path) == 0)
            return true;
    return false;
}

static int copy_link(struct tree *tree, int folder, int place, const char *name)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(folder, name, text, sizeof text - 1);
    if (n < 0)
        return 0;                                   /* gone meanwhile */
    text[n] = '\0';
    if (symlinkat(text, place, name) == 0 || errno == EEXIST)
        return 0;
    return init_reason(tree->reason, "cannot make the link %s: %m", name);
}

static int show_entry(struct tree *tree, int folder, const struct place *place,
                      unsigned char type, uint32_t kind)
{
    const char *path = place->path, *name = strrchr(path, '/') + 1;
    struct stat st;
    /* What is listed by itself comes with its own mount, or was left out. */
    if (guard_at(tree->plan, GUARD_HIDDEN, path) || guard_at(tree->plan, GUARD_OWN, path) ||
        guard_at(tree->plan, GUARD_LISTED, path) || is_planned(tree, path))
        return 0;
    if (type == DT_LNK)
        return copy_link(tree, folder, place->folder, name);
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0;                                   /* gone meanwhile, or not to be reached */
    int rc = 0;
    if (fstat(fd, &st) == 0 && !guard_is_own(tree->plan, &st))
        rc = S_ISLNK(st.st_mode) ? copy_link(tree, folder, place->folder, name)
                                 : tree_show(tree, fd, &st, kind, place);
    close(fd);
    return rc < 0 ? -1 : 0;                         /* one that is gone is not missed */
}

static int show_entries(struct tree *tree, DIR *dir, int rebuilt, uint32_t kind, const char *path)
{
    char child[PATH_MAX];
    struct stat st;
    struct place place = {child, rebuilt, fstat(rebuilt, &st) == 0 && tree_is_own(tree, st.st_dev)};
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if ((size_t)snprintf(child, sizeof child, "%s/%s", path, e->d_name) >= sizeof child)
            continue;
        if (show_entry(tree, dirfd(dir), &place, e->d_type, kind) != 0)
            return -1;
    }
    return 0;
}

/* A folder of the sandbox's own, with mounts of the entries that are not guarded. */
static int rebuild(struct tree *tree, int fd, const struct stat *st, uint32_t kind,
                   const struct place *place)
{
    const char *path = place->path;
    int rebuilt;
    if (record(tree, st, false, kind == MOUNT_READ_WRITE, path) != 0 ||
        tree_open_place(tree, place, st, &rebuilt) != 0)
        return -1;
    int folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = folder < 0 ? NULL : fdopendir(folder);
    int rc = 0;
    if (dir)
        rc = show_entries(tree, dir, rebuilt, kind, path);
    else if (errno != EACCES)
        rc = init_reason(tree->reason, "cannot read the folder %s: %m", path);
    if (dir)
        closedir(dir);
    else if (folder >= 0)
        close(folder);
    close(rebuilt);
    return rc;
}

static bool holds_guarded(const struct tree *tree, uint32_t kind, const char *path)
{
    return guard_below(tree->plan, GUARD_HIDDEN, path) ||
           guard_below(tree->plan, GUARD_OWN, path) ||
           (kind == MOUNT_READ_WRITE && (guard_below(tree->plan, GUARD_READ_ONLY, path) ||
                                         guard_below(tree->plan, GUARD_LISTED, path)));
}

int tree_show(struct tree *tree, int fd, const struct stat *st, uint32_t kind,
              const struct place *place)
{
    if (kind == MOUNT_READ_WRITE && guard_above(tree->plan, GUARD_READ_ONLY, place->path))
        kind = MOUNT_READ_ONLY;
    if (S_ISDIR(st->st_mode) && holds_guarded(tree, kind, place->path))
        return rebuild(tree, fd, st, kind, place);
    return tree_attach(tree, fd, st, kind, place);
}
