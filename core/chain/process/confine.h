/* SPDX-License-Identifier: Apache-2.0 */
/* How a voter's process locks itself in before it loads any code of the voter.
 *
 * Called once, on the only thread.  Afterwards the process can compute, read the files below the
 * folders it was given, and speak over the descriptors it has; it can write no file, open no
 * socket, signal nobody, start no process and, unless it may have threads, no thread (those kill
 * it), and gain no privilege. */
#ifndef CHAIN_PROCESS_CONFINE_H
#define CHAIN_PROCESS_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { CONFINE_CPU_SECONDS = 60 };                  /* of the whole process; it retires earlier */

/* What the process is going to run. */
enum confine_for {
    CONFINE_LIBRARY,                                /* code that is loaded into it */
    CONFINE_PROGRAM,                                /* it may become another program, as confined */
    CONFINE_THREADS, /* which may start threads, and wait for events */
};

/* Whether this kernel can keep files from it: without Landlock a process reads whatever its user
 * may read. */
bool confine_hides_files(void);

/* folders: what may be read besides the system's libraries.  memory_mb: of data, from now on. */
int confine(const char *const *folders, size_t n, uint32_t memory_mb, enum confine_for what,
            struct error *err);

#endif
