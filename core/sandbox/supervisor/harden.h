/* SPDX-License-Identifier: Apache-2.0 */
/* Drops privileges of a supervisor once its sandbox runs.
 *
 * From then on it serves untrusted clients.  As root it keeps only what it needs to inspect and
 * signal the sandbox's processes.  Called in the main thread before any other thread
 * exists. */
#ifndef SANDBOX_SUPERVISOR_HARDEN_H
#define SANDBOX_SUPERVISOR_HARDEN_H

struct error;

/* Best effort: err names what could not be dropped; the rest was. */
int sandbox_harden(struct error *err);

#endif
