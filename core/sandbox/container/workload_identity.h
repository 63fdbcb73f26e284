/* SPDX-License-Identifier: Apache-2.0 */
/* Which uid a workload has on the host, and how that uid reaches the work folder.
 * workload_identity_switch runs in a forked child, the rest in the main thread. */
#ifndef SANDBOX_CONTAINER_WORKLOAD_IDENTITY_H
#define SANDBOX_CONTAINER_WORKLOAD_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

struct error;

/* Whether root here can switch to that uid and gid. */
bool workload_identity_available(uint32_t id);
/* The host uid that bubblewrap and the workload run under: wanted where we are root and may switch
 * to it, else our own.  The host's own root must name one: wanted 0 is an error there. */
int workload_identity_choose(uint32_t wanted, uint32_t *out, struct error *err);

/* Hands the work folder (not what is in it) to the uid, unless it has it. */
int workload_identity_own_folder(const char *workdir, uint32_t uid, struct error *err);

/* Takes the uid and gid for good.  Folders on the way to workdir that the uid may not pass are
 * first covered, in a mount namespace of this process, by one that it may pass and that holds
 * nothing but the way: whatever else lies there was out of its reach before, and stays so. */
int workload_identity_switch(uint32_t uid, const char *workdir, struct error *err);

/* Calls fn as the uid would be allowed to; returns what fn returns. */
int workload_identity_call(uint32_t uid, int (*fn)(void *ctx), void *ctx);

#endif
