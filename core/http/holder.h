/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes of this machine hold a socket, and in which user namespace they are.
 *
 * Reads /proc, so never on a loop thread.  Plain values. */
#ifndef HTTP_HOLDER_H
#define HTTP_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Processes, and descriptors of those with the uid that is searched for: some 0.2 s of work. */
enum { HTTP_HOLDER_ENTRIES_MAX = 1 << 16 };

/* Whether the process is in another user namespace than this one, or may be: a process that has
 * ended and one of which the kernel does not tell count as apart. */
bool http_process_apart(pid_t pid, uid_t uid);
/* Whether a process of that uid in this user namespace holds the socket with that inode, and none
 * of that uid in another one does.  False when the search reads more entries of /proc than
 * HTTP_HOLDER_ENTRIES_MAX. */
bool http_socket_held_here(uint64_t inode, uid_t uid);

#endif
