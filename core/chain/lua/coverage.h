/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines of a script have code, and which of them ran.
 *
 * The lines with code are read from what Lua compiled, functions that were never called included;
 * the return that Lua puts at the end of every function does not count.
 *
 * Ownership: coverage_new returns an object that coverage_free releases.  Threads: marking is
 * atomic; the rest is the owner's. */
#ifndef CHAIN_LUA_COVERAGE_H
#define CHAIN_LUA_COVERAGE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct coverage;

/* Of the function on the stack, as it was loaded.  Not in a sandbox: it compiles nothing, but it
 * is charged to no budget. */
struct coverage *coverage_new(lua_State *L, int index);
void coverage_free(struct coverage *coverage);      /* NULL is fine */

void coverage_mark(struct coverage *coverage, int line);
/* Line numbers go from 1 to this one. */
size_t coverage_last(const struct coverage *coverage);
bool coverage_has_code(const struct coverage *coverage, size_t line);
bool coverage_ran(const struct coverage *coverage, size_t line);

#endif
