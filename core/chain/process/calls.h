/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a voter's process.  A call or argument that is not listed fails with EPERM;
 * calls that only an attack makes kill the process. */
#ifndef CHAIN_PROCESS_CALLS_H
#define CHAIN_PROCESS_CALLS_H

#include "base/error.h"
#include "chain/process/confine.h"

/* What clone is told of a thread: these flags, and any of the others, which say where its id and
 * its own data go. */
#define CALLS_THREAD_FLAGS \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define CALLS_THREAD_PLACES                                                                   \
    (CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | \
     CLONE_DETACHED)

/* To be called by the process that the calls are of.  A program may become another one, to which
 * the same applies.  One with threads may clone a thread, which threads.h counts. */
int calls_restrict(enum confine_for what, struct error *err);

#endif
