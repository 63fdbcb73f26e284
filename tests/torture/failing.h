/* SPDX-License-Identifier: Apache-2.0 */
/* What the shim of failing calls consists of: failing.c has a function for each call that can fail,
 * calls.c decides. */
#ifndef TORTURE_FAILING_H
#define TORTURE_FAILING_H

#include <stdbool.h>

/* Whether this call of FUNCTION fails, by its CALLER, whose frame is at FRAME.  OF_LIBC: also where
 * a library makes it.  Any thread; keeps errno. */
bool calls_fail(const char *function, bool of_libc, void *caller, void *frame);

/* The function of this name that the shim stands before. Ends the process if there is none. */
void *calls_real(const char *function);

#endif
