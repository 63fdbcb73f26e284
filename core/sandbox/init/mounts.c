/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the sandbox's file tree from the plan, then lets go of the host's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tree.h"

static int make_link(struct tree *tree, const struct setup_mount *mount)
{
    const struct stat folder = {.st_mode = S_IFDIR};
    char parent[WIRE_PATH_MAX];
    const char *name = strrchr(mount->target, '/');
    int place;
    snprintf(parent, sizeof parent, "%.*s", (int)(name - mount->target), mount->target);
    if (tree_open_place(tree, &(struct place){parent, -1, false}, &folder, &place) != 0)
        return -1;
    int rc = symlinkat(mount->source, place, name + 1);
    int error = errno;
    close(place);
    errno = error;
    if (rc == 0 || error == EEXIST)
        return 0;
    return init_reason(tree->reason, "cannot make the link %s: %m", mount->target);
}

static int make_private(struct tree *tree, const char *path)
{
    const struct stat folder = {.st_mode = S_IFDIR};
    int place;
    if (tree_open_place(tree, &(struct place){path, -1, false}, &folder, &place) != 0)
        return -1;
    close(place);
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
        return init_reason(tree->reason, "cannot make a %s of the sandbox's own: %m", path);
    return tree_add_own(tree, path);
}

static int make_mount(struct tree *tree, const struct setup_mount *mount)
{
    const struct place place = {mount->target, -1, false};
    struct stat st;
    int fd;
    if (mount->kind == MOUNT_LINK)
        return make_link(tree, mount);
    if (mount->kind == MOUNT_PRIVATE)
        return make_private(tree, mount->target);
    if (tree_open_source(tree, mount, &fd, &st) != 0)
        return -1;
    int rc = strcmp(mount->source, mount->target) == 0
                 ? tree_show(tree, fd, &st, mount->kind, &place)
                 : tree_attach(tree, fd, &st, mount->kind, &place);
    close(fd);
    if (rc > 0)
        return init_reason(tree->reason, "%s was moved or replaced while the sandbox was started: "
                           "start it again", mount->source);
    return rc;
}

static int set_read_only(struct tree *tree, const char *path)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
    if (mount_setattr(AT_FDCWD, path, 0, &attr, sizeof attr) != 0)
        return init_reason(tree->reason, "cannot make %s read-only: %m", path);
    return 0;
}

static int leave_host(struct tree *tree)
{
    if (umount2(WIRE_HOST, MNT_DETACH) != 0 || rmdir(WIRE_HOST) != 0)
        return init_reason(tree->reason, "cannot let go of the host's files: %m");
    return 0;
}

static int build(struct tree *tree, uint32_t uid, uint32_t gid)
{
    if (tree_add_own(tree, "/") != 0 || tree_add_own(tree, "/dev") != 0 ||
        make_private(tree, "/dev/shm") != 0)
        return -1;
    for (size_t i = 0; i < tree->plan->n_mounts; i++)
        if (make_mount(tree, &tree->plan->mounts[i]) != 0)
            return -1;
    return tree_write_own_files(tree, uid, gid);
}

int init_mounts(const struct setup_plan *plan, uint32_t uid, uint32_t gid, char *reason)
{
    struct tree tree = {.plan = plan, .reason = reason};
    mode_t mask = umask(022);
    tree.host = open(WIRE_HOST, O_PATH | O_DIRECTORY | O_CLOEXEC);
    tree.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = tree.host < 0 || tree.root < 0
                 ? init_reason(reason, "cannot open the host's files: %m")
                 : build(&tree, uid, gid);
    if (tree.host >= 0)
        close(tree.host);
    if (tree.root >= 0)
        close(tree.root);
    free(tree.shown);
    umask(mask);
    /* The scaffold belongs to the host uid that the workload has too. */
    if (rc == 0 && (leave_host(&tree) != 0 || set_read_only(&tree, "/dev") != 0 ||
                    set_read_only(&tree, "/") != 0))
        rc = -1;
    return rc;
}
