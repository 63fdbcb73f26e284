/* SPDX-License-Identifier: Apache-2.0 */
/* Iterators over endpoints: one call for each that is wanted, where pairs and ipairs through rules
 * take several.
 *
 * Ownership: an iterator borrows the records of its vote, and lives no longer.  The state's
 * thread. */
#ifndef CHAIN_LUA_ENDPOINTS_H
#define CHAIN_LUA_ENDPOINTS_H

#include <lua.h>

/* t:changed_endpoints(selection): endpoint, host, rule before the change (nil: the rule is new) of
 * all rules that were added or changed.  selection: nil, or a table of what one has to hold of. */
int endpoints_of_change(lua_State *L);
/* sluice.endpoints(policy): endpoint, host of all rules; of nil none. */
int endpoints_of_policy(lua_State *L);

#endif
