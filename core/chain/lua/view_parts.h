/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of views share: value.c turns fields into values, view.c answers to Lua. */
#ifndef CHAIN_LUA_VIEW_PARTS_H
#define CHAIN_LUA_VIEW_PARTS_H

#include <string.h>

#include "chain/lua/machine.h"
#include "chain/lua/view.h"

enum view_kind {
    VIEW_RECORD,  /* what: its schema */
    VIEW_WRAPPED, /* a record written as {wrap: {…}}; what: the field */
    VIEW_LIST,    /* of records; what: the field */
    VIEW_KEYED,   /* the same, by key */
    VIEW_TEXTS,
    VIEW_PORTS, /* uint16_t */
    VIEW_NODE,  /* struct doc_node, a list or a map */
    VIEW_KINDS
};

struct view {
    enum view_kind kind;
    uint64_t vote;
    const void *what, *data;
    size_t n;
};

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
void view_push_element(lua_State *L, const struct view *view, size_t i);

/* view.c: pushes the view, the one that the vote has already if it has; address: what it is known
 * by during the vote. */
void view_make(lua_State *L, struct view view, const void *address);
/* Pushes what the vote keeps by addresses: views, and values that are read once. */
void view_push_cache(lua_State *L);

#endif
