/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin new: makes a folder that builds or runs, with a case for each moment that fails
 * until the voter is written.  Blocks; any thread. */
#ifndef TESTKIT_SCAFFOLD_H
#define TESTKIT_SCAFFOLD_H

#include "base/error.h"

enum scaffold_language { SCAFFOLD_C, SCAFFOLD_LUA };

/* Makes the folder, which may exist if it is empty.  annotations: the folder of sluice.lua, for
 * editors; NULL: none. */
int scaffold_make(const char *name, const char *folder, enum scaffold_language language,
                  const char *annotations, struct error *err);

#endif
