/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of this process, from /proc/self/mountinfo.  Any thread. */
#ifndef SANDBOX_MOUNTS_MOUNT_TABLE_H
#define SANDBOX_MOUNTS_MOUNT_TABLE_H

struct arena;
struct mount_table;

/* The mounts as they are now; lives in the arena. */
const struct mount_table *mount_table_read(struct arena *arena);

/* Calls fn with each other path under which mounts show what the resolved path names: a bind mount
 * of it, of a folder above it or, as the mount point alone, of something below it.  The path need
 * not exist.  The text is only lent. */
void mount_table_spellings(const struct mount_table *table, const char *path,
                           void (*fn)(void *ctx, const char *path), void *ctx);

#endif
