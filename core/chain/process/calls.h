/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a voter's process: what is not listed, call by call and argument by argument,
 * fails with EPERM; what nobody asks for by accident kills the process. */
#ifndef CHAIN_PROCESS_CALLS_H
#define CHAIN_PROCESS_CALLS_H

#include <stdbool.h>

#include "base/error.h"

/* exec: the process may become another program, to which the same applies. */
int calls_restrict(bool exec, struct error *err);

#endif
