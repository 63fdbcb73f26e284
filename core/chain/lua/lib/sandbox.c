/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/lib/sandbox.h"

#include <lualib.h>

#include "chain/lua/budget.h"

/* Upvalue: a function of a library of Lua. */
static int charged(lua_State *L)
{
    size_t bytes = 0;
    for (int i = lua_gettop(L); i > 0; i--)
        if (lua_type(L, i) == LUA_TSTRING)
            bytes += lua_rawlen(L, i);
    budget_charge_bytes(L, bytes);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Sets fields of the table on the stack from the original at the (relative) index. */
static void take_functions(lua_State *L, int original, const char *const *names)
{                                                   /* … library */
    for (; *names; names++) {
        if (lua_getfield(L, original, *names) == LUA_TFUNCTION)
            lua_pushcclosure(L, charged, 1);        /* … library value */
        lua_setfield(L, -2, *names);
    }
}

void sandbox_take(lua_State *L, lua_CFunction open, const char *const *names)
{                                                   /* library */
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);                              /* library original */
    lua_insert(L, -2);                              /* original library */
    take_functions(L, -2, names);
    lua_remove(L, -2);                              /* library */
    /* luaopen_base writes into the global table, which nobody is to find it in. */
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

/* Upvalue: the name of what is frozen. */
static int refuse_write(lua_State *L)
{
    return luaL_error(L, "%s is read only", lua_tostring(L, lua_upvalueindex(1)));
}

void sandbox_freeze(lua_State *L, const char *name)
{                                                   /* table */
    lua_newtable(L);                                /* table shown */
    lua_createtable(L, 0, 3);                       /* table shown meta */
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse_write, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);                        /* table shown */
    lua_remove(L, -2);                              /* shown */
}

static void push_math(lua_State *L)
{
    static const char *const taken[] = {
        "abs", "ceil", "exp", "floor", "fmod", "huge", "log", "max", "maxinteger", "min",
        "mininteger", "modf", "pi", "sqrt", "tointeger", "type", "ult", NULL};
    lua_newtable(L);
    sandbox_take(L, luaopen_math, taken);
}

static void push_utf8(lua_State *L)
{
    static const char *const taken[] = {"char", "charpattern", "codepoint", "codes", "len",
                                        "offset", NULL};
    lua_newtable(L);
    sandbox_take(L, luaopen_utf8, taken);
}

/* ("x"):rep finds its function here, whatever the global `string` is.  Arithmetic on texts that are
 * numbers is Lua's own, which its library has put into the present metatable. */
static void set_string_metatable(lua_State *L)
{                                                   /* string */
    static const char *const taken[] = {"__add", "__sub", "__mul", "__mod", "__pow", "__div",
                                        "__idiv", "__unm", NULL};
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);                        /* string "" original */
    lua_newtable(L);                                /* string "" original meta */
    take_functions(L, -2, taken);
    lua_pushvalue(L, -4);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -3);                        /* string "" original */
    lua_pop(L, 2);                                  /* string */
}

void sandbox_open(lua_State *L)
{
    static const struct {
        const char *name;
        void (*push)(lua_State *L);
    } libraries[] = {
        {"math", push_math}, {"table", sandbox_push_table}, {"utf8", push_utf8},
    };
    sandbox_push_base(L);                           /* base */
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        libraries[i].push(L);                       /* base library */
        sandbox_freeze(L, libraries[i].name);
        lua_setfield(L, -2, libraries[i].name);     /* base */
    }
    sandbox_push_string(L);                         /* base string */
    set_string_metatable(L);
    sandbox_freeze(L, "string");
    lua_setfield(L, -2, "string");                  /* base */
}
