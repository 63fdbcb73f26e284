/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor gives up once its sandbox runs.
 *
 * It serves untrusted clients from then on, so it keeps only what that takes: as root, to look at
 * the sandbox's processes and to signal them.  Called in the main thread before any other thread
 * exists. */
#ifndef SANDBOX_SUPERVISOR_HARDEN_H
#define SANDBOX_SUPERVISOR_HARDEN_H

struct error;

/* Best effort: err tells what could not be given up, the rest was. */
int sandbox_harden(struct error *err);

#endif
