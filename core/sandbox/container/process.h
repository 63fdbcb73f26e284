/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of a sandbox, as its host sees them.  Any thread; reads /proc. */
#ifndef SANDBOX_CONTAINER_PROCESS_H
#define SANDBOX_CONTAINER_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct error;

/* When a process started, in clock ticks since the boot; -1: there is none. */
int64_t process_started(pid_t pid);
/* The end of that tick by CLOCK_BOOTTIME. */
int64_t process_started_ms(int64_t ticks);

/* A descriptor of the process that has this number and started then (pidfd_open), or -1. */
int process_hold(pid_t pid, int64_t started);

/* The process that a sandbox knows by a number: ancestor is its supervisor, or another process
 * above its own PID namespace.  -1: err says that there is none. */
int process_find_inside(pid_t ancestor, int64_t inside, pid_t *pid, int64_t *started,
                        struct error *err);

#endif
