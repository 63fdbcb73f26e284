/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a voter that is a program, counted by a process beside it.
 *
 * A filter of system calls cannot count, and limits on processes do not bind root.  So each clone
 * of a thread waits until this process, which has no part in the vote, lets it go on. */
#ifndef CHAIN_PROCESS_THREADS_H
#define CHAIN_PROCESS_THREADS_H

#include <stdint.h>

#include "base/error.h"

/* Forks.  Returns in the child, whose threads are counted from here on: the first `most` that it
 * starts in its life may be started, whether or not earlier ones have ended; what asks for more
 * gets EAGAIN.  The parent never returns: it ends as the child does, with its descriptors open
 * until then, and if it is killed, so is the child.  Called on the only thread.  -1 in the
 * process that cannot go on; ERROR_UNSUPPORTED where the kernel does not tell of calls, or tells
 * somebody else. */
int threads_fork(uint32_t most, struct error *err);

#endif
