/* SPDX-License-Identifier: Apache-2.0 */
/* Gives memory back that only the start needed.  There is one supervisor for each sandbox, and most
 * of them wait most of the time. */
#ifndef SANDBOX_SUPERVISOR_RELEASE_MEMORY_H
#define SANDBOX_SUPERVISOR_RELEASE_MEMORY_H

/* Unmaps nothing: code that is needed again comes back from the page cache.  Main thread. */
void release_memory(void);

#endif
