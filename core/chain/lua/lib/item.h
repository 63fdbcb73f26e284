/* SPDX-License-Identifier: Apache-2.0 */
/* One item of a Lua pattern: a character, a %class or a [set].  Any thread. */
#ifndef CHAIN_LUA_LIB_ITEM_H
#define CHAIN_LUA_LIB_ITEM_H

#include <stdbool.h>

/* The end of the item at p < end, without its suffix.  NULL: it has none. */
const char *item_find_end(const char *p, const char *end);
bool item_in_class(int c, int class);
/* set is at [, last at its ]. */
bool item_in_set(int c, const char *set, const char *last);

#endif
