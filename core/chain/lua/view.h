/* SPDX-License-Identifier: Apache-2.0 */
/* Records of C as values of Lua, by their schema tables and without a copy: a view holds a pointer
 * and converts a field when it is read.  Views are read only and answer to . [] # ipairs pairs
 * next and ==; the same record is the same view throughout a vote.
 *
 * A record has the names of its table, and `key` and `doc_path` where the table has them.  A name
 * that the table does not know raises: a typo must not read as nil.  A text that is not written is
 * "", a record that is not written is nil.
 *
 * Ownership: a view borrows its record until the vote ends; touched later, it raises.  The state's
 * thread. */
#ifndef CHAIN_LUA_VIEW_H
#define CHAIN_LUA_VIEW_H

#include <lua.h>

#include "doc/schema.h"

/* Prepares a state.  Takes the table of the functions that a transition offers beside its fields
 * from the stack. */
void view_open(lua_State *L);

void view_push(lua_State *L, const struct schema *schema, const void *record);
/* Pushes an iterator over n records: for record in iterator do. */
void view_push_iterator(lua_State *L, const struct schema *schema, const void *const *records,
                        size_t n);
/* ipairs, of tables as well: through [] each item of a view would be two calls. */
int view_ipairs(lua_State *L);
/* The record behind an argument; raises unless it is a view by this schema. */
const void *view_check(lua_State *L, int index, const struct schema *schema);
/* The texts behind an argument; raises unless it is a view of a list of texts. */
const char *const *view_check_texts(lua_State *L, int index, size_t *n);

#endif
