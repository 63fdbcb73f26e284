/* SPDX-License-Identifier: Apache-2.0 */
/* The host side of a workload's identity: which uid it has there, and how that uid reaches the work
 * folder.  sandbox_ground_switch runs in a forked child, the rest in the main thread. */
#ifndef SANDBOX_SUPERVISOR_GROUND_H
#define SANDBOX_SUPERVISOR_GROUND_H

#include <stdbool.h>
#include <stdint.h>

struct error;

/* Whether root here can switch to that uid and gid. */
bool sandbox_ground_covers(uint32_t id);
/* The host uid that bubblewrap and the workload run under: wanted where we are root and may switch
 * to it, else our own.  The host's own root must name one: wanted 0 is an error there. */
int sandbox_ground_uid(uint32_t wanted, uint32_t *out, struct error *err);

/* Hands the work folder (not what is in it) to the uid, unless it has it. */
int sandbox_ground_own(const char *workdir, uint32_t uid, struct error *err);

/* Takes the uid and gid for good.  Folders on the way to workdir that the uid may not pass are
 * first covered, in a mount namespace of this process, by one that it may pass and that holds
 * nothing but the way: whatever else lies there was out of its reach before, and stays so. */
int sandbox_ground_switch(uint32_t uid, const char *workdir, struct error *err);

/* Calls fn as the uid would be allowed to; returns what fn returns. */
int sandbox_ground_as(uint32_t uid, int (*fn)(void *ctx), void *ctx);

#endif
