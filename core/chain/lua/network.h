/* SPDX-License-Identifier: Apache-2.0 */
/* What rules are offered about hosts and addresses: sluice.host_match and the like; and lists of
 * them that are read once and compared with many endpoints.
 *
 * Ownership: a list belongs to the state, as the value on its stack that it was pushed as. */
#ifndef CHAIN_LUA_NETWORK_H
#define CHAIN_LUA_NETWORK_H

#include <lua.h>
#include <stdbool.h>

#include <sluice/policy.h>

/* Pushes a table of the functions. */
void network_push_functions(lua_State *L);

struct network_names;
struct network_blocks;

/* Push what the text, or the list of texts, at an index says.  Raises where it is none. */
const struct network_names *network_push_names(lua_State *L, int index);
struct network_blocks *network_push_blocks(lua_State *L, int index);

/* Whether the host is one of the names or below one. */
bool network_within(const struct network_names *names, const char *host);
/* Whether the host, or one of allowed_ips, has an address in common with one of the blocks.  Raises
 * where one of them is no block. */
bool network_reaches(lua_State *L, struct network_blocks *blocks,
                     const struct sluice_endpoint *endpoint);
/* Whether the host is a name without a dot, but for that of the root. */
bool network_is_local_name(const char *host);

#endif
