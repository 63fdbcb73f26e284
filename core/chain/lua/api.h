/* SPDX-License-Identifier: Apache-2.0 */
/* What a vote gets: `t` or `r`, `ballot` and the global table `sluice`.  The state's thread. */
#ifndef CHAIN_LUA_API_H
#define CHAIN_LUA_API_H

#include "chain/lua/machine.h"
#include <sluice/option.h>

/* Prepares a state whose base table is on the stack. */
void api_open(lua_State *L);

void api_push_transition(lua_State *L);             /* the machine's */
void api_push_request(lua_State *L);                /* the same */
void api_push_ballot(lua_State *L);
/* A new table of the options of a voter, by its table of options (NULL: empty). */
void api_push_options(lua_State *L, const struct sluice_option *table,
                      const struct sluice_options *options);

/* Reads what vote() returned: -1 with err unless it is nil or what the last ballot call gave. */
int api_read_verdict(lua_State *L, int index, enum sluice_verdict *out, struct error *err);

#endif
