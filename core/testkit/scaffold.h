/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin new: makes a folder that builds or runs, with a case for each moment that fails
 * until the voter is written.  Blocks; any thread. */
#ifndef TESTKIT_SCAFFOLD_H
#define TESTKIT_SCAFFOLD_H

#include "base/error.h"

/* Identifier, and the word of it. */
#define SCAFFOLD_LANGUAGES(X) \
    X(C, "c") X(LUA, "lua") X(PYTHON, "python") X(GO, "go") X(RUST, "rust")

enum scaffold_language {
#define X(id, word) SCAFFOLD_##id,
    SCAFFOLD_LANGUAGES(X)
#undef X
};

/* Makes the folder, which may exist if it is empty.  annotations: the folder of sluice.lua, for
 * editors; NULL: none. */
int scaffold_make(const char *name, const char *folder, enum scaffold_language language,
                  const char *annotations, struct error *err);

#endif
