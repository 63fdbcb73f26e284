/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that a workload wrote to: anything may be in it. */
#ifndef RUNTIME_TREE_H
#define RUNTIME_TREE_H

#include "base/error.h"

/* Deletes the folder and everything below it, of any depth and without regard to modes, but nothing
 * of another file system.  Goes on after a failure; err says how many things stay, and the first of
 * them.  What is not there is deleted.  Blocks; nothing else may use the folder. */
int tree_delete(const char *path, struct error *err);

#endif
