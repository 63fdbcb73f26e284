/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes a folder with any content that a workload may have made. */
#ifndef SANDBOX_SITE_TREE_H
#define SANDBOX_SITE_TREE_H

#include "base/error.h"

/* Deletes the folder and everything below it, of any depth and without regard to modes, but nothing
 * of another file system.  Goes on after a failure; err says how many entries stay, and names the
 * first.  A folder that does not exist is no error.  Blocks; nothing else may use the folder. */
int tree_delete(const char *path, struct error *err);

#endif
