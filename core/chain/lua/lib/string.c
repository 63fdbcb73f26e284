/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <lualib.h>
#include <string.h>

#include "chain/lua/budget.h"
#include "chain/lua/lib/pattern.h"
#include "chain/lua/lib/sandbox.h"

/* The place that a position from 1 (negative: from the end) means, cut to 0..len; len + 1: beyond.
 */
static size_t start_of(lua_Integer position, size_t len)
{
    if (position > 0)
        return (size_t)position - 1 > len ? len + 1 : (size_t)position - 1;
    if (position == 0 || position < -(lua_Integer)len)
        return 0;
    return len - (size_t)-position;
}

static bool has_specials(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (strchr("^$*+?.([%-", pattern[i]) && pattern[i])
            return true;
    return false;
}

static int find_plain(lua_State *L, const char *s, size_t len, size_t from, const char *what,
                      size_t what_len)
{
    budget_charge_bytes(L, len - from);
    const char *at = memmem(s + from, len - from, what, what_len);
    if (!at) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - s + 1);
    lua_pushinteger(L, at - s + (lua_Integer)what_len);
    return 2;
}

static int search(lua_State *L, bool find)
{                                                   /* subject pattern [from [plain]] */
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t from = start_of(luaL_optinteger(L, 3, 1), len);
    if (from > len) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || !has_specials(pattern, pattern_len)))
        return find_plain(L, s, len, from, pattern, pattern_len);
    struct pattern m;
    const char *begin, *end;
    pattern_begin(&m, L, s, len, pattern, pattern_len);
    end = pattern_search(&m, s + from, &begin);
    if (!end) {
        lua_pushnil(L);
        return 1;
    }
    if (!find)
        return pattern_push_captures(&m, begin, end);
    lua_pushinteger(L, begin - s + 1);
    lua_pushinteger(L, end - s);
    return m.level ? 2 + pattern_push_captures(&m, begin, end) : 2;
}

static int str_find(lua_State *L)
{
    return search(L, true);
}

static int str_match(lua_State *L)
{
    return search(L, false);
}

/* Upvalues: subject, pattern, where to go on, where the last match ended (-1: nowhere).  An empty
 * match right behind the last one does not count. */
static int gmatch_next(lua_State *L)
{
    size_t len, pattern_len;
    const char *s = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_len);
    lua_Integer from = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct pattern m;
    pattern_begin(&m, L, s, len, pattern, pattern_len);
    m.anchored = false;                             /* a ^ stands for itself here, as in Lua */
    m.pattern = pattern;
    for (const char *at = s + from; (at = pattern_start(&m, at)); at++) {
        const char *end = pattern_match(&m, at);
        if (!end || end - s == last)
            continue;
        lua_pushinteger(L, end - s);
        lua_pushvalue(L, -1);
        lua_replace(L, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return pattern_push_captures(&m, at, end);
    }
    return 0;
}

static int str_gmatch(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t from = start_of(luaL_optinteger(L, 3, 1), len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)from);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* Adds a replacement text with its %0 to %9 and %%. */
static void add_template(struct pattern *m, luaL_Buffer *out, const char *begin, const char *end)
{
    size_t len;
    const char *text = lua_tolstring(m->L, 3, &len), *stop = text + len, *p;
    for (; (p = memchr(text, '%', (size_t)(stop - text))); text = p + 1) {
        luaL_addlstring(out, text, (size_t)(p - text));
        if (++p < stop && *p == '%') {
            luaL_addchar(out, '%');
        } else if (p < stop && *p == '0') {
            luaL_addlstring(out, begin, (size_t)(end - begin));
        } else if (p < stop && isdigit((unsigned char)*p)) {
            pattern_push_capture(m, *p - '1', begin, end);
            luaL_tolstring(m->L, -1, NULL);
            lua_remove(m->L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
    luaL_addlstring(out, text, (size_t)(stop - text));
}

/* Adds what stands in for a match; false: the match stays as it is. */
static bool add_replacement(struct pattern *m, luaL_Buffer *out, const char *begin, const char *end)
{
    lua_State *L = m->L;
    budget_charge(L, 1);
    switch (lua_type(L, 3)) {
    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        lua_call(L, pattern_push_captures(m, begin, end), 1);
        break;
    case LUA_TTABLE:
    case LUA_TLIGHTUSERDATA:
        pattern_push_capture(m, 0, begin, end);
        lua_gettable(L, 3);
        break;
    default:
        add_template(m, out, begin, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, begin, (size_t)(end - begin));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

static lua_Integer replace_all(struct pattern *m, luaL_Buffer *out, lua_Integer most)
{
    const char *at = m->subject, *last = NULL;
    lua_Integer n = 0;
    while (n < most) {
        const char *next = m->anchored ? at : pattern_start(m, at);
        if (!next)
            break;
        luaL_addlstring(out, at, (size_t)(next - at));
        at = next;
        const char *end = pattern_match(m, at);
        if (end && end != last) {
            n++;
            add_replacement(m, out, at, end);
            at = last = end;
        } else if (at < m->subject_end) {
            luaL_addchar(out, *at++);
        } else {
            break;
        }
        if (m->anchored)
            break;
    }
    luaL_addlstring(out, at, (size_t)(m->subject_end - at));
    return n;
}

static int str_gsub(lua_State *L)
{                                                   /* subject pattern replacement [most] */
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    int type = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)len + 1);
    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                     type == LUA_TTABLE || type == LUA_TLIGHTUSERDATA, 3, "string/function/table");
    struct pattern m;
    luaL_Buffer out;
    pattern_begin(&m, L, s, len, pattern, pattern_len);
    luaL_buffinit(L, &out);
    lua_Integer n = replace_all(&m, &out, most);
    luaL_pushresult(&out);
    lua_pushinteger(L, n);
    return 2;
}

static int str_rep(lua_State *L)
{
    size_t len, separator_len;
    const char *s = luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_len);
    if (n <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    budget_charge(L, (size_t)n);                    /* so n is small enough for the product below */
    budget_charge_bytes(L, (size_t)n * (len + separator_len));
    luaL_Buffer out;
    luaL_buffinitsize(L, &out, (size_t)n * (len + separator_len) - separator_len);
    while (n-- > 0) {
        luaL_addlstring(&out, s, len);
        if (n)
            luaL_addlstring(&out, separator, separator_len);
    }
    luaL_pushresult(&out);
    return 1;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* A text that is in lower case already, as most are, is given back. */
static int str_lower(lua_State *L)
{
    size_t len, i = 0;
    const char *s = luaL_checklstring(L, 1, &len);
    budget_charge_bytes(L, len);
    while (i < len && !is_upper(s[i]))
        i++;
    if (i == len) {
        lua_settop(L, 1);
        return 1;
    }
    luaL_Buffer out;
    char *text = luaL_buffinitsize(L, &out, len);
    for (i = 0; i < len; i++)
        text[i] = is_upper(s[i]) ? (char)(s[i] - 'A' + 'a') : s[i];
    luaL_pushresultsize(&out, len);
    return 1;
}

/* Here, and not in the library's own function, which knows nothing of the script's line. */
static void check_conversion(lua_State *L, const char *flags, const char *conversion, int argument)
{
    size_t ignored;
    switch (*conversion) {
    case 's':
        luaL_argcheck(L, !lua_isnone(L, argument), argument, "no value");
        sandbox_tostring(L, argument, &ignored);
        lua_replace(L, argument);
        break;
    case 'c': case 'd': case 'i': case 'o': case 'u': case 'x': case 'X':
        luaL_checkinteger(L, argument);
        break;
    case 'a': case 'A': case 'e': case 'E': case 'f': case 'F': case 'g': case 'G':
        luaL_checknumber(L, argument);
        break;
    case 'q':
        luaL_argcheck(L, !lua_isnone(L, argument), argument, "no value");
        break;
    case 'p':
        luaL_error(L, "invalid conversion '%%p' to 'format': addresses are not shown");
        break;
    default:
        lua_pushlstring(L, flags, (size_t)(conversion - flags) + (*conversion != '\0'));
        luaL_error(L, "invalid conversion '%%%s' to 'format'", lua_tostring(L, -1));
    }
}

/* Looks at each conversion of a format: %s gets a text without addresses, %p is not offered. */
static void prepare_format(lua_State *L, int first)
{
    size_t len;
    const char *p = luaL_checklstring(L, first, &len), *end = p + len;
    budget_charge_bytes(L, len);
    int argument = first;
    while ((p = memchr(p, '%', (size_t)(end - p)))) {
        if (++p < end && *p == '%') {
            p++;
            continue;
        }
        const char *flags = p;
        while (p < end && strchr("-+ #0123456789.", *p) && *p)
            p++;
        check_conversion(L, flags, p, ++argument);
        size_t bytes = 0;
        if (lua_type(L, argument) == LUA_TSTRING)
            lua_tolstring(L, argument, &bytes);
        budget_charge_bytes(L, bytes);
    }
}

const char *sandbox_format(lua_State *L, int first, size_t *len)
{
    int top = lua_gettop(L);
    prepare_format(L, first);
    lua_getfield(L, LUA_REGISTRYINDEX, "sluice.format");
    for (int i = first; i <= top; i++)
        lua_pushvalue(L, i);
    lua_call(L, top - first + 1, 1);
    return lua_tolstring(L, -1, len);
}

static int str_format(lua_State *L)
{
    size_t len;
    sandbox_format(L, 1, &len);
    return 1;
}

void sandbox_push_string(lua_State *L)
{
    static const char *const taken[] = {"byte", "char", "len", "reverse", "sub", "upper", NULL};
    static const luaL_Reg own[] = {
        {"find", str_find},     {"format", str_format}, {"gmatch", str_gmatch},
        {"gsub", str_gsub},     {"lower", str_lower},   {"match", str_match},
        {"rep", str_rep},       {NULL, NULL},
    };
    lua_newtable(L);                                /* string */
    sandbox_take(L, luaopen_string, taken);
    luaL_setfuncs(L, own, 0);
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);                              /* string original */
    lua_getfield(L, -1, "format");
    lua_setfield(L, LUA_REGISTRYINDEX, "sluice.format");
    lua_pop(L, 1);                                  /* string */
}
