/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor of one sandbox: its workload, its way out, its stream to the gateway.
 *
 * It enforces by itself: without a gateway nothing changes but that nobody can change anything.  It
 * ends when the sandbox does, and the sandbox ends with it, whatever ends it. */
#ifndef SANDBOX_SUPERVISOR_SUPERVISOR_H
#define SANDBOX_SUPERVISOR_SUPERVISOR_H

struct log;
struct sandbox_spec;

enum { SUPERVISOR_STOP_GRACE_MS = 2000, SUPERVISOR_REPORT_MS = 10000 };

/* Runs on a loop of its own until the sandbox has ended.  Returns the exit code: 0 when it was told
 * to stop, 1 when the sandbox could not be made or died, and then the gateway has been told why if
 * it could be reached within SUPERVISOR_REPORT_MS. */
int sandbox_supervise(const struct sandbox_spec *spec, const struct log *log);

#endif
