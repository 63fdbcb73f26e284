/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a script: an allow-list of functions.
 *
 * They are read only, run in bounded time (budget.h), are deterministic (no random numbers, no
 * addresses, pairs in the order of its keys) and have no access to anything outside the state.  The
 * state's thread. */
#ifndef CHAIN_LUA_LIB_SANDBOX_H
#define CHAIN_LUA_LIB_SANDBOX_H

#include <lauxlib.h>
#include <lua.h>

/* Pushes the table behind every environment: the base functions and the libraries. */
void sandbox_open(lua_State *L);
/* Replaces the table on the stack by a read-only proxy. */
void sandbox_freeze(lua_State *L, const char *name);

/* Each pushes a new table of its functions. */
void sandbox_push_base(lua_State *L);
void sandbox_push_string(lua_State *L);
void sandbox_push_table(lua_State *L);

/* Copies functions of a Lua library into the table on the stack.  They take time linear in the
 * length of their texts, and are charged for it.  names: ended by NULL. */
void sandbox_take(lua_State *L, lua_CFunction open, const char *const *names);

/* string.format of the arguments from index first on; pushes the text.  Raises on mistakes. */
const char *sandbox_format(lua_State *L, int first, size_t *len);
/* Pushes a text for the value: a type's name instead of an address.  May call __tostring. */
const char *sandbox_tostring(lua_State *L, int index, size_t *len);
/* The length by __len where there is one; raises if that is no integer. */
lua_Integer sandbox_length(lua_State *L, int index);

#endif
