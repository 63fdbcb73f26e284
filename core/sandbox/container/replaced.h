/* SPDX-License-Identifier: Apache-2.0 */
/* Watches paths of the host that a sandbox must not write, or not see, although it may do so beside
 * them.
 *
 * The folder that holds such a path is rebuilt for the sandbox from the entries that it had at the
 * start, each mounted by itself.  If the host gives one of those entries the path's name, as an
 * editor does with a file that it began before the start, the sandbox would still have that entry.
 * Entries of the same folder are compared, by device and inode; what the host moves there from
 * another folder that the sandbox may write is the host's decision.
 *
 * Loop thread only. */
#ifndef SANDBOX_CONTAINER_REPLACED_H
#define SANDBOX_CONTAINER_REPLACED_H

#include <sys/types.h>
#include <uv.h>

struct mount_plan;
struct replaced_watch;

/* path is now what the sandbox has as entry. */
typedef void replaced_fn(void *ctx, const char *path, const char *entry);

/* Borrows the plan.  NULL with errno 0: there is nothing to watch; with another: it cannot be
 * watched. */
struct replaced_watch *replaced_watch_new(uv_loop_t *loop, const struct mount_plan *plan,
                                          replaced_fn *fn, void *ctx);
/* The sandbox's mounts are made: looks at each path, and from now on whenever it is replaced. */
void replaced_watch_begin(struct replaced_watch *watch, pid_t init_pid);
void replaced_watch_free(struct replaced_watch *watch);         /* may be NULL */

#endif
