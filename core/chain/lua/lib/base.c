/* SPDX-License-Identifier: Apache-2.0 */
/* The base functions of a sandbox. */
#include <lualib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "chain/lua/budget.h"
#include "chain/lua/lib/sandbox.h"
#include "chain/lua/view.h"

enum key_type { KEY_BOOLEAN, KEY_NUMBER, KEY_TEXT };

/* A key of a table, as it is sorted.  A long double holds every integer and every float of Lua. */
struct key {
    enum key_type type;
    long double number;                             /* booleans: 0 or 1 */
    const char *text;
    size_t len;
    lua_Integer place;                              /* among the keys as they were found */
};

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->type != KEY_TEXT)
        return a->number < b->number ? -1 : a->number > b->number;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

static struct key read_key(lua_State *L, int index)
{
    struct key key = {.type = KEY_NUMBER};
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        key.type = KEY_BOOLEAN;
        key.number = lua_toboolean(L, index);
        return key;
    case LUA_TNUMBER:
        key.number = lua_isinteger(L, index) ? (long double)lua_tointeger(L, index)
                                             : (long double)lua_tonumber(L, index);
        return key;
    case LUA_TSTRING:
        key.type = KEY_TEXT;
        key.text = lua_tolstring(L, index, &key.len);
        return key;
    default:
        /* Its order would depend on an address, so a vote would not be deterministic. */
        luaL_error(L, "a table with a %s as a key has no order to go through it in",
                   luaL_typename(L, index));
        return key;
    }
}

/* Pushes a list of the keys of the table in their order; returns how many. */
static lua_Integer push_sorted_keys(lua_State *L, int table)
{
    lua_Integer n = 0;
    lua_newtable(L);                                /* found */
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);                       /* found key value key */
        lua_rawseti(L, -4, ++n);
    }
    budget_charge(L, (size_t)n * 2);
    struct key *keys = lua_newuserdatauv(L, (size_t)n * sizeof *keys, 0);   /* found keys */
    for (lua_Integer i = 0; i < n; i++) {
        lua_rawgeti(L, -2, i + 1);
        keys[i] = read_key(L, -1);
        keys[i].place = i + 1;
        lua_pop(L, 1);
    }
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    lua_createtable(L, (int)n, 0);                  /* found keys sorted */
    for (lua_Integer i = 0; i < n; i++) {
        lua_rawgeti(L, -3, keys[i].place);
        lua_rawseti(L, -2, i + 1);
    }
    lua_replace(L, -3);                             /* sorted keys */
    lua_pop(L, 1);                                  /* sorted */
    return n;
}

/* Upvalues: the table, its keys in order, the place of the last one given. */
static int next_sorted(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
    do {                                            /* past keys that were taken out meanwhile */
        lua_settop(L, 0);
        if (lua_rawgeti(L, lua_upvalueindex(2), ++i) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, 1);                        /* key key */
        budget_charge(L, 1);
    } while (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL);
    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(3));
    return 2;
}

static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushvalue(L, 1);
    push_sorted_keys(L, 1);                         /* table keys */
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_sorted, 3);
    return 1;
}

/* The smallest key that comes after the given one, and its value. */
static int base_next(lua_State *L)
{
    bool view = lua_isuserdata(L, 1);
    if (!view)
        luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (view && luaL_getmetafield(L, 1, "__next") != LUA_TNIL) {
        lua_insert(L, 1);
        lua_call(L, 2, LUA_MULTRET);
        return lua_gettop(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    bool first = lua_isnil(L, 2), found = false;
    struct key after = {0}, best = {0};
    if (!first)
        after = read_key(L, 2);
    lua_pushnil(L);                                 /* table after best */
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        struct key key = read_key(L, -2);
        budget_charge(L, 1);
        if ((!first && compare_keys(&key, &after) <= 0) ||
            (found && compare_keys(&key, &best) >= 0))
            continue;
        best = key;
        found = true;
        lua_pushvalue(L, -2);
        lua_replace(L, 3);
    }
    if (!found)
        return 1;                                   /* the nil */
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
    return 2;
}

/* The error of a spent budget passes every pcall. */
static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);                               /* true function arguments */
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
    budget_check(L);
    if (status == LUA_OK)
        return lua_gettop(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* Calls the handler at index 1 with the error on the stack, and with its own error if it fails, as
 * Lua does until its stack overflows. */
static void call_handler(lua_State *L)
{                                                   /* error */
    enum { CALLS_MAX = 200 };
    for (int i = 0; i < CALLS_MAX; i++) {
        lua_pushvalue(L, 1);
        lua_insert(L, -2);                          /* handler error */
        int status = lua_pcall(L, 1, 1, 0);         /* result|error */
        budget_check(L);
        if (status == LUA_OK)
            return;
    }
    lua_pushliteral(L, "error in error handling");
    lua_replace(L, -2);
}

/* The handler runs after the error has unwound: within it, and so within the hook that raised, no
 * hook would run and nothing could end the handler. */
static int base_xpcall(lua_State *L)
{                                                   /* function handler arguments */
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushboolean(L, 1);
    lua_copy(L, 1, 2);
    lua_rotate(L, 1, 2);                            /* handler true function function arguments */
    lua_remove(L, 3);                               /* handler true function arguments */
    int status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 0);
    budget_check(L);
    if (status == LUA_OK)
        return lua_gettop(L) - 1;
    lua_pushboolean(L, 0);
    lua_insert(L, -2);                              /* … false error */
    call_handler(L);
    return 2;
}

const char *sandbox_tostring(lua_State *L, int index, size_t *len)
{
    budget_charge(L, 1);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, len);
    }
    int type = lua_type(L, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TNIL)
        return luaL_tolstring(L, index, len);
    lua_pushstring(L, lua_typename(L, type));
    return lua_tolstring(L, -1, len);
}

static int base_tostring(lua_State *L)
{
    size_t len;
    luaL_checkany(L, 1);
    sandbox_tostring(L, 1, &len);
    return 1;
}

static void refuse_protected(lua_State *L)
{                                                   /* table … */
    if (luaL_getmetafield(L, 1, "__metatable") == LUA_TBOOLEAN)
        luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2);
}

/* Sets a copy of the allowed fields.  So no finaliser runs outside a budget, no weak table reveals
 * a collection, and later changes of the script's metatable have no effect. */
static int base_setmetatable(lua_State *L)
{
    static const char *const allowed[] = {
        "__index", "__newindex", "__call", "__tostring", "__len", "__eq", "__lt", "__le",
        "__concat", "__pairs", "__unm", "__add", "__sub", "__mul", "__div", "__idiv", "__mod",
        "__pow", "__band", "__bor", "__bxor", "__shl", "__shr", "__bnot", NULL};
    static const char *const refused[] = {"__gc", "__mode", "__close", "__metatable", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
    refuse_protected(L);
    if (lua_isnil(L, 2)) {
        lua_setmetatable(L, 1);
        return 1;
    }
    lua_newtable(L);                                /* table meta copy */
    for (const char *const *name = refused; *name; name++) {
        lua_pushstring(L, *name);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "a metatable may not have %s", *name);
        lua_pop(L, 1);
    }
    for (const char *const *name = allowed; *name; name++) {
        lua_pushstring(L, *name);
        lua_pushvalue(L, -1);
        lua_rawget(L, 2);                           /* table meta copy name value */
        lua_rawset(L, 3);
    }
    lua_pushvalue(L, 2);
    lua_setfield(L, 3, "__metatable");              /* what getmetatable gives */
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_istable(L, 1) || luaL_getmetafield(L, 1, "__metatable") != LUA_TTABLE)
        lua_pushnil(L);
    return 1;
}

void sandbox_push_base(lua_State *L)
{
    static const char *const taken[] = {"assert", "error", "rawequal", "rawget", "rawlen",
                                        "select", "tonumber", "type", NULL};
    static const luaL_Reg own[] = {
        {"getmetatable", base_getmetatable}, {"ipairs", view_ipairs}, {"next", base_next},
        {"pairs", base_pairs},               {"pcall", base_pcall},   {"xpcall", base_xpcall},
        {"tostring", base_tostring},         {"setmetatable", base_setmetatable},
        {NULL, NULL},
    };
    lua_newtable(L);
    sandbox_take(L, luaopen_base, taken);
    luaL_setfuncs(L, own, 0);
}
