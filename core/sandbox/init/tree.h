/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox's file tree while init builds it.
 *
 * bubblewrap leaves an empty root with /proc and /dev, and the whole host at WIRE_HOST.  Every
 * source is walked from there, component by component and through no link; the descriptor that was
 * judged is the one that is mounted, so nothing that happens on the host meanwhile can change what
 * is shown.  A folder that holds something guarded is not mounted: it is rebuilt in the root's own
 * tmpfs from mounts of its other entries, so there is nothing a replacement on the host could
 * uncover.
 *
 * Functions return 0 or -1 and have then filled tree->reason. */
#ifndef INIT_TREE_H
#define INIT_TREE_H

#include <sys/stat.h>

#include "init.h"

struct tree {
    const struct setup_plan *plan;
    int host, root;                                 /* O_PATH */
    dev_t own[4];                                   /* file systems of the sandbox's own */
    size_t n_own;
    struct shown {
        dev_t device;
        ino_t inode;
        bool writable, guarded;                     /* guarded: rebuilt, or read-only by a guard */
    } *shown;                                       /* files and folders so far */
    size_t n_shown;
    char *reason;
};

/* walk.c */
/* Opens what a mount of the plan names, if it is still what the plan judged. */
int tree_open_source(struct tree *tree, const struct setup_mount *mount, int *out, struct stat *st);
/* Where something is to be shown. */
struct place {
    const char *path;                               /* as plan and policy name it */
    int folder;                                     /* that holds it; -1: path is walked to */
    bool own;                                       /* the folder is one of the sandbox's own */
};
/* Opens the place of a mount, which is made where the sandbox's own tree ends and must be the
 * source itself where a folder of the host is mounted already.  st: of what is to be mounted
 * there. */
int tree_open_place(struct tree *tree, const struct place *place, const struct stat *st, int *out);
int tree_add_own(struct tree *tree, const char *path);
bool tree_is_own(const struct tree *tree, dev_t device);

/* show.c */
/* Shows a descriptor of the host.  Like tree_attach it returns 1, without a reason, when the thing
 * has no name any more on the host. */
int tree_show(struct tree *tree, int fd, const struct stat *st, uint32_t kind,
              const struct place *place);
/* Mounts a descriptor as it is. */
int tree_attach(struct tree *tree, int fd, const struct stat *st, uint32_t kind,
                const struct place *place);

/* guard.c */
/* A guard of that kind for exactly this path, or strictly below it. */
bool guard_at(const struct setup_plan *plan, uint32_t kind, const char *path);
bool guard_above(const struct setup_plan *plan, uint32_t kind, const char *path);
bool guard_below(const struct setup_plan *plan, uint32_t kind, const char *path);
/* Whether st is one of the gateway's own files, whatever its name. */
bool guard_is_own(const struct setup_plan *plan, const struct stat *st);

/* own_files.c: accounts, names and resolver of the sandbox's own below /etc, and the plan's
 * files. */
int tree_write_own_files(struct tree *tree, uint32_t uid, uint32_t gid);

#endif
