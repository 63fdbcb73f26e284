/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that have connected lately, and those that started them.  They are held open, so
 * that the next connect need not open them again.
 *
 * Nothing that was read of a process is kept: its parent and its program are asked for at each
 * connect, as both may have changed.  Plain values; one thread. */
#ifndef EGRESS_CALLER_PROCESSES_H
#define EGRESS_CALLER_PROCESSES_H

#include <stddef.h>
#include <stdint.h>

#include "egress/caller/process.h"

/* More than a caller has ancestors, so that those of one do not drive each other out. */
enum { EGRESS_PROCESSES_MAX = 128 };

struct egress_processes {
    struct egress_process items[EGRESS_PROCESSES_MAX];
    uint64_t used[EGRESS_PROCESSES_MAX], uses;      /* when each was last asked for */
    size_t n;
};

/* The thread or process that has this number now, and its IDs.  0, or a negative errno: -ESRCH when
 * there is none.  *out stays until EGRESS_PROCESSES_MAX others have been asked for. */
int egress_processes_hold(struct egress_processes *processes, pid_t id,
                          const struct egress_process **out, struct egress_ids *ids);
void egress_processes_clear(struct egress_processes *processes);

#endif
