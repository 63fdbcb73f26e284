/* SPDX-License-Identifier: Apache-2.0 */
/* The description of a script: the table that its file returns.
 *
 * Ownership: everything lives in the arena.  The state's thread. */
#ifndef CHAIN_LUA_DEFINITION_H
#define CHAIN_LUA_DEFINITION_H

#include <lua.h>

#include "base/arena.h"
#include <sluice/plugin.h>

enum { DEFINITION_CODES_MAX = 256 };

struct definition {
    const char *name;                               /* "": not given */
    const char *version, *summary;                  /* "" where not given */
    const struct sluice_code *codes;                /* NULL: any code may be cast */
    const struct sluice_option *options;            /* NULL: none */
    bool votes, inspects;                           /* it has a function vote, inspect */
    bool responses;                                 /* inspect is asked about answers too */
};

/* Reads the table at index.  Raises an error that names the wrong member. */
void definition_read(lua_State *L, int index, struct arena *arena, struct definition *out);

#endif
