/* SPDX-License-Identifier: Apache-2.0 */
/* A user namespace in which an ordinary user's process is root over one subordinate id of the user
 * (/etc/subuid, /etc/subgid): its own uid is 0 there, the subordinate one is SANDBOX_SUB_ID.  The
 * setuid programs newuidmap and newgidmap of Debian's package uidmap write the map. */
#ifndef SANDBOX_CONTAINER_IDMAP_H
#define SANDBOX_CONTAINER_IDMAP_H

#include <stdint.h>

struct error;

enum { SANDBOX_SUB_ID = 1 };

/* The calling process enters a new one for good.  It must have no other thread. */
int sandbox_idmap_enter(uint32_t sub_uid, uint32_t sub_gid, struct error *err);
/* The same in a child, to see whether it can be done.  Any thread. */
int sandbox_idmap_try(uint32_t sub_uid, uint32_t sub_gid, struct error *err);

#endif
