/* SPDX-License-Identifier: Apache-2.0 */
/* A thread or process of the sandbox, held by a descriptor.
 *
 * The kernel gives a process ID to another process once the first has ended.  As long as a held one
 * still tells its IDs, its number has belonged to it since it was opened, so what was read by that
 * number in between was read of it.
 *
 * Ownership: egress_process_close frees what egress_process_open opened.  Nothing here blocks. */
#ifndef EGRESS_CALLER_PROCESS_H
#define EGRESS_CALLER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct egress_process {
    pid_t id;                                       /* as we see it */
    int pidfd;                                      /* -1 before Linux 6.9 */
    int status;                                     /* /proc/ID/status, -1 where the pidfd tells */
};

struct egress_ids {
    pid_t process;                                  /* of the thread */
    pid_t parent;                                   /* 0: in another PID namespace */
};

/* 0, or a negative errno: -ESRCH when there is none. */
int egress_process_open(pid_t id, struct egress_process *out, struct egress_ids *ids);
void egress_process_close(struct egress_process *process);

/* False: it has ended, and its number may be another one's. */
bool egress_process_ids(const struct egress_process *process, struct egress_ids *out);

#endif
