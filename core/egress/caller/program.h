/* SPDX-License-Identifier: Apache-2.0 */
/* Which program a process of the sandbox runs, and which programs started it.  Plain values; any
 * thread; takes a few microseconds for each ancestor. */
#ifndef EGRESS_CALLER_PROGRAM_H
#define EGRESS_CALLER_PROGRAM_H

#include "egress/caller/processes.h"

struct egress_caller;
struct error;

/* Describes the program of a thread and its ancestors up to init, the sandbox's PID 1, which is
 * left out.  thread and ids are of egress_processes_hold.  The thread must not end meanwhile: the
 * caller makes sure of that afterwards.  -1 with err when one of them cannot be told; out->pid and,
 * where it is known, out->binary are set even then. */
int egress_program_identify(struct egress_processes *processes, const struct egress_process *thread,
                            const struct egress_ids *ids, pid_t init, struct egress_caller *out,
                            struct error *err);

#endif
