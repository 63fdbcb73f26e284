/* SPDX-License-Identifier: Apache-2.0 */
/* Gives memory back that only the start needed.  There is one supervisor for each sandbox, and most
 * of them wait most of the time. */
#ifndef SANDBOX_SUPERVISOR_RELEASE_MEMORY_H
#define SANDBOX_SUPERVISOR_RELEASE_MEMORY_H

#include <uv.h>

/* Once this has not been called for a second: after a start, a command or a new policy.  Unmaps
 * nothing: code that is needed again comes back from the page cache.  timer: the caller's,
 * initialized, for nothing else.  Loop thread only. */
void release_memory_later(uv_timer_t *timer);

#endif
