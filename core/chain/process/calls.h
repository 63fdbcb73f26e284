/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a voter's process.  A call or argument that is not listed fails with EPERM;
 * calls that only an attack makes kill the process. */
#ifndef CHAIN_PROCESS_CALLS_H
#define CHAIN_PROCESS_CALLS_H

#include <stdbool.h>

#include "base/error.h"

/* exec: the process may become another program, to which the same applies. */
int calls_restrict(bool exec, struct error *err);

#endif
