/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about the processes of a sandbox.  Plain values; may be used on the loop's
 * thread, as /proc answers from the kernel's memory. */
#ifndef EGRESS_PROCESS_H
#define EGRESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

struct process {
    pid_t pid;
    size_t parent;                                  /* index in the list; PROCESS_INIT */
    bool owner;                                     /* holds the socket that was asked for */
};

#define PROCESS_INIT SIZE_MAX
enum { PROCESS_MAX = 4096 };                        /* more are not looked through */

struct processes {
    struct process *items;                          /* parents before their children */
    size_t n, cap;
};

/* All descendants of init that can be found, each marked whether it, or a thread of it with a
 * descriptor table of its own, holds the socket.  -1 with err when that cannot be said of every
 * one of them. */
int egress_find_owners(pid_t init, uint32_t inode, struct processes *out, struct error *err);
void egress_processes_free(struct processes *list);

/* The path of the executable, as the process's own mounts show it; the caller frees it.  Without
 * the " (deleted)" that the kernel appends when the file is gone.  NULL with err: unknown, or no
 * UTF-8. */
char *egress_process_exe(pid_t pid, struct error *err);

#endif
