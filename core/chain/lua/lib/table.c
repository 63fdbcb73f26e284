/* SPDX-License-Identifier: Apache-2.0 */
/* The table functions of a sandbox: those of Lua 5.4, each element counted.  They read through
 * metamethods, so they take the lists of a policy as well. */
#include <lualib.h>
#include <stdbool.h>

#include "chain/lua/budget.h"
#include "chain/lua/lib/sandbox.h"

lua_Integer sandbox_length(lua_State *L, int index)
{
    luaL_argexpected(L, lua_istable(L, index) || lua_isuserdata(L, index), index, "table");
    return luaL_len(L, index);
}

/* How many elements first..last are, charged for. */
static lua_Integer span(lua_State *L, lua_Integer first, lua_Integer last)
{
    if (first > last)
        return 0;
    size_t n = (size_t)last - (size_t)first;
    budget_charge(L, n);                            /* raises long before n + 1 overflows */
    return (lua_Integer)n + 1;
}

static int table_concat(lua_State *L)
{
    size_t separator_len;
    lua_Integer len = sandbox_length(L, 1);
    const char *separator = luaL_optlstring(L, 2, "", &separator_len);
    lua_Integer first = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, len);
    lua_Integer n = span(L, first, last);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (lua_Integer i = 0; i < n; i++) {
        if (i)
            luaL_addlstring(&out, separator, separator_len);
        lua_geti(L, 1, first + i);
        if (!lua_isstring(L, -1))
            luaL_error(L, "invalid value (%s) at index %I in table for 'concat'",
                       luaL_typename(L, -1), (LUAI_UACINT)(first + i));
        budget_charge_bytes(L, lua_rawlen(L, -1) + separator_len);
        luaL_addvalue(&out);
    }
    luaL_pushresult(&out);
    return 1;
}

static void shift(lua_State *L, lua_Integer from, lua_Integer to)
{
    lua_geti(L, 1, from);
    lua_seti(L, 1, to);
}

static int table_insert(lua_State *L)
{
    /* A length that a script made up wraps around, as in Lua. */
    lua_Integer end = (lua_Integer)((lua_Unsigned)sandbox_length(L, 1) + 1), at = end;
    int arguments = lua_gettop(L);
    if (arguments != 2 && arguments != 3)
        return luaL_error(L, "wrong number of arguments to 'insert'");
    if (arguments == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)at - 1 < (lua_Unsigned)end, 2, "position out of bounds");
    }
    span(L, at, end);
    for (lua_Integer i = end; i > at; i--)
        shift(L, i - 1, i);
    lua_seti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer len = sandbox_length(L, 1), at = luaL_optinteger(L, 2, len);
    if (at != len)
        luaL_argcheck(L, (lua_Unsigned)at - 1 <= (lua_Unsigned)len, 2, "position out of bounds");
    span(L, at, len);
    lua_geti(L, 1, at);                             /* result */
    for (; at < len; at++)
        shift(L, at + 1, at);
    lua_pushnil(L);
    lua_seti(L, 1, at);
    return 1;
}

/* A table, or what a metamethod makes one for reading or for writing. */
static void check_table(lua_State *L, int index, const char *metamethod)
{
    if (lua_istable(L, index))
        return;
    luaL_argexpected(L, luaL_getmetafield(L, index, metamethod) != LUA_TNIL, index, "table");
    lua_pop(L, 1);
}

static int table_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1, "__index");
    check_table(L, target, "__newindex");
    lua_Integer n = span(L, first, last);
    luaL_argcheck(L, n == 0 || to <= LUA_MAXINTEGER - n + 1, 4, "destination wrap around");
    bool upward = to > last || to <= first || target != 1;
    for (lua_Integer i = 0; i < n; i++) {
        lua_Integer at = upward ? i : n - 1 - i;
        lua_geti(L, 1, first + at);
        lua_seti(L, target, to + at);
    }
    lua_pushvalue(L, target);
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    lua_Integer n = span(L, first, last);
    if (n > 10000 || !lua_checkstack(L, (int)n))
        return luaL_error(L, "too many results to unpack");
    for (lua_Integer i = 0; i < n; i++)
        lua_geti(L, 1, first + i);
    return (int)n;
}

/* Whether the value at a belongs before the one at b. */
static bool before(lua_State *L, int a, int b)
{
    budget_charge(L, 1);
    if (lua_isnil(L, 2))
        return lua_compare(L, a, b, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a - 1);
    lua_pushvalue(L, b - 2);
    lua_call(L, 2, 1);
    bool result = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return result;
}

/* Lets the element at root sink to its place in the heap of n elements. */
static void sink(lua_State *L, lua_Integer root, lua_Integer n)
{
    for (lua_Integer child; (child = 2 * root) <= n; root = child) {
        lua_geti(L, 1, child);                      /* child */
        if (child < n) {
            lua_geti(L, 1, child + 1);              /* child sibling */
            if (before(L, -2, -1)) {
                lua_replace(L, -2);
                child++;
            } else {
                lua_pop(L, 1);
            }
        }
        lua_geti(L, 1, root);                       /* child root */
        if (!before(L, -1, -2)) {
            lua_pop(L, 2);
            return;
        }
        lua_seti(L, 1, child);
        lua_seti(L, 1, root);
    }
}

/* A heap sort: n log n whatever the order function says, and the same result in every state, which
 * the random pivots of table.sort are not. */
static int table_sort(lua_State *L)
{
    lua_Integer n = sandbox_length(L, 1);
    luaL_argexpected(L, n < 2 || lua_isnoneornil(L, 2) || lua_isfunction(L, 2), 2, "function");
    lua_settop(L, 2);
    span(L, 1, n);
    for (lua_Integer root = n / 2; root >= 1; root--)
        sink(L, root, n);
    for (; n > 1; n--) {
        lua_geti(L, 1, 1);
        lua_geti(L, 1, n);
        lua_seti(L, 1, 1);
        lua_seti(L, 1, n);
        sink(L, 1, n - 1);
    }
    return 0;
}

void sandbox_push_table(lua_State *L)
{
    static const char *const taken[] = {"pack", NULL};
    static const luaL_Reg own[] = {
        {"concat", table_concat}, {"insert", table_insert}, {"move", table_move},
        {"remove", table_remove}, {"sort", table_sort},     {"unpack", table_unpack},
        {NULL, NULL},
    };
    lua_newtable(L);
    sandbox_take(L, luaopen_table, taken);
    luaL_setfuncs(L, own, 0);
}
