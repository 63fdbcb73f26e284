/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of views share: value.c turns fields into values, view.c answers to Lua. */
#ifndef CHAIN_LUA_VIEW_PARTS_H
#define CHAIN_LUA_VIEW_PARTS_H

#include <string.h>

#include "chain/lua/machine.h"
#include "chain/lua/view.h"

static inline const void *view_pointer_at(const void *record, size_t offset)
{
    const void *p;
    memcpy(&p, (const char *)record + offset, sizeof p);
    return p;
}

static inline void view_push_text(lua_State *L, const void *text)
{
    lua_pushstring(L, text ? text : "");
}

/* value.c */
void view_push_value(lua_State *L, const struct schema_field *field, const void *record);
/* The i-th element of anything but a record. */
void view_push_element(lua_State *L, struct view view, size_t i);

/* view.c */
void view_make(lua_State *L, struct view view);

#endif
