/* SPDX-License-Identifier: Apache-2.0 */
/* Folders in which nobody else can replace what is opened by name.
 *
 * Such a folder and every folder above it belong to root or the program's own user, and nobody else
 * may write them (above it, a sticky folder such as /tmp is fine).  A symbolic link on the way must
 * have such an owner too.  A path is walked from the root by descriptors, so that none of its
 * folders can be swapped unseen.
 *
 * The functions block on the file system.  Errors name the path and the cure. */
#ifndef BASE_TRUSTED_PATH_H
#define BASE_TRUSTED_PATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

struct trusted_folder {
    const char *what, *path;                        /* for messages: "state", and where it is */
    mode_t mode;                                    /* of folders that are made; 0: none is made */
    bool sticky;                                    /* the last one may be like /tmp */
    uid_t also;                                     /* one more owner who is trusted; 0: none */
};

/* A descriptor (O_PATH) of the folder, which the caller closes; -1 with the reason. */
int trusted_folder_open(const struct trusted_folder *folder, struct error *err);

/* Whether what is opened by this name in the folder that is open as dir, if it is there, is no link
 * and has a trusted owner. */
int trusted_entry_check(int dir, const struct trusted_folder *folder, const char *name,
                        struct error *err);

/* Whether a user is trusted with what is at path. */
int trusted_owner_check(uid_t uid, uid_t also, const char *path, struct error *err);
/* The same of a file or folder; nobody else may write it.  sticky: one like /tmp is fine. */
int trusted_check(const struct stat *st, const char *path, const struct trusted_folder *folder,
                  bool sticky, struct error *err);

#endif
