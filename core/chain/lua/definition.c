/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/definition.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/duration.h"
#include "base/text.h"
#include "chain/options.h"

static const char *const members[] = {"name",    "version", "summary", "codes",
                                      "options", "vote",    "inspect", "inspect_responses", NULL};
static const char *const option_members[] = {"type", "default", "help", NULL};

/* Raises unless every key of the table on top is one of the words. */
static void check_members(lua_State *L, const char *where, const char *const *words)
{
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        const char *const *word = words;
        while (key && *word && strcmp(*word, key) != 0)
            word++;
        if (key && *word)
            continue;
        const char *near = key ? text_nearest(key, words) : NULL;
        luaL_error(L, near ? "%s has no member %s; did you mean %s?" : "%s has no member %s", where,
                   key ? key : luaL_typename(L, -2), near);
    }
}

static const char *copy_text(lua_State *L, struct arena *arena, const char *where)
{                                                   /* value */
    size_t len;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s must be a text, not a %s", where, luaL_typename(L, -1));
    const char *text = lua_tolstring(L, -1, &len);
    if (text_utf8_valid(text, len) != len)
        luaL_error(L, "%s must be UTF-8 without zero bytes", where);
    return arena_strn(arena, text, len);
}

static const char *read_text(lua_State *L, struct arena *arena, const char *member)
{                                                   /* table */
    const char *text = "";
    lua_pushstring(L, member);
    if (lua_rawget(L, -2) != LUA_TNIL)
        text = copy_text(L, arena, member);
    lua_pop(L, 1);
    return text;
}

/* Pushes a member that is a table with at most DEFINITION_CODES_MAX texts as keys; -1: there is
 * none. */
static int push_map(lua_State *L, const char *member)
{
    int n = 0;
    lua_pushstring(L, member);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        return -1;
    }
    if (!lua_istable(L, -1))
        return luaL_error(L, "%s must be a table, not a %s", member, luaL_typename(L, -1));
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) != LUA_TSTRING || ++n > DEFINITION_CODES_MAX)
            return luaL_error(L, "%s must be a table of at most %d names, such as { NAME = … }",
                              member, DEFINITION_CODES_MAX);
    return n;
}

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct sluice_code *)a)->code, ((const struct sluice_code *)b)->code);
}

static const struct sluice_code *read_codes(lua_State *L, struct arena *arena)
{
    int n = push_map(L, "codes");
    if (n < 0)
        return NULL;
    struct sluice_code *codes = arena_zalloc(arena, ((size_t)n + 1) * sizeof *codes), *code = codes;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1), code++) {
        code->code = arena_str(arena, lua_tostring(L, -2));
        code->help = copy_text(L, arena, arena_printf(arena, "codes.%s", code->code));
    }
    lua_pop(L, 1);
    qsort(codes, (size_t)n, sizeof *codes, by_code);
    return codes;
}

/* Lists are written as options are: separated by commas. */
static const char *join_list(lua_State *L, struct arena *arena, const char *where)
{                                                   /* list */
    struct buf joined = {0};
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    bool wrong = false;
    for (lua_Integer i = 1; i <= n; i++) {
        const char *item = lua_rawgeti(L, -1, i) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        wrong = wrong || !item || strchr(item, ',');
        buf_puts(&joined, i > 1 ? "," : "");
        buf_puts(&joined, item ? item : "");
        lua_pop(L, 1);
    }
    const char *text = arena_str(arena, buf_str(&joined));
    buf_free(&joined);
    if (wrong)
        luaL_error(L, "%s must be a list of texts without commas", where);
    return text;
}

static const char *read_default(lua_State *L, struct arena *arena, enum sluice_option_type type,
                                const char *where)
{                                                   /* value */
    int64_t ignored;
    switch (type) {
    case SLUICE_INTEGER:
        if (!lua_isinteger(L, -1))
            luaL_error(L, "%s must be an integer, not a %s", where, luaL_typename(L, -1));
        return arena_printf(arena, "%lld", (long long)lua_tointeger(L, -1));
    case SLUICE_BOOLEAN:
        if (!lua_isboolean(L, -1))
            luaL_error(L, "%s must be true or false, not a %s", where, luaL_typename(L, -1));
        return lua_toboolean(L, -1) ? "true" : "false";
    case SLUICE_LIST:
        if (!lua_istable(L, -1))
            luaL_error(L, "%s must be a list, not a %s", where, luaL_typename(L, -1));
        return join_list(L, arena, where);
    case SLUICE_DURATION:
        if (lua_type(L, -1) != LUA_TSTRING || duration_parse(lua_tostring(L, -1), &ignored) != 0)
            luaL_error(L, "%s must be a duration such as \"30s\"", where);
        break;
    case SLUICE_TEXT:
        break;
    }
    return copy_text(L, arena, where);
}

static void read_option(lua_State *L, struct arena *arena, struct sluice_option *option)
{                                                   /* table */
    const char *where = arena_printf(arena, "options.%s", option->name);
    if (!lua_istable(L, -1))
        luaL_error(L, "%s must be a table with a type, not a %s", where, luaL_typename(L, -1));
    check_members(L, where, option_members);
    const char *word = read_text(L, arena, "type");
    if (options_type_parse(word, &option->type) != 0)
        luaL_error(L, "%s.type must be text, integer, boolean, duration or list, not \"%s\"", where,
                   word);
    option->help = read_text(L, arena, "help");
    lua_pushliteral(L, "default");
    if (lua_rawget(L, -2) != LUA_TNIL)
        option->fallback = read_default(L, arena, option->type,
                                        arena_printf(arena, "%s.default", where));
    lua_pop(L, 1);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sluice_option *)a)->name, ((const struct sluice_option *)b)->name);
}

static const struct sluice_option *read_options(lua_State *L, struct arena *arena)
{
    int n = push_map(L, "options");
    if (n < 0)
        return NULL;
    if (n > OPTIONS_MAX)
        luaL_error(L, "options must be a table of at most %d names", OPTIONS_MAX);
    struct sluice_option *options = arena_zalloc(arena, ((size_t)n + 1) * sizeof *options);
    struct sluice_option *option = options;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1), option++) {
        option->name = arena_str(arena, lua_tostring(L, -2));
        read_option(L, arena, option);
    }
    lua_pop(L, 1);
    qsort(options, (size_t)n, sizeof *options, by_name);
    return options;
}

static bool has_function(lua_State *L, const char *member)
{                                                   /* table */
    lua_pushstring(L, member);
    lua_rawget(L, -2);
    if (!lua_isnil(L, -1) && !lua_isfunction(L, -1))
        luaL_error(L, "%s must be a function, not a %s", member, luaL_typename(L, -1));
    bool has = lua_isfunction(L, -1);
    lua_pop(L, 1);
    return has;
}

static bool read_flag(lua_State *L, const char *member)
{                                                   /* table */
    lua_pushstring(L, member);
    lua_rawget(L, -2);
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        luaL_error(L, "%s must be true or false, not a %s", member, luaL_typename(L, -1));
    bool set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return set;
}

void definition_read(lua_State *L, int index, struct arena *arena, struct definition *out)
{
    if (!lua_istable(L, index))
        luaL_error(L, "the file must return a table with a function vote, not %s%s",
                   lua_isnil(L, index) ? "nothing" : "a ",
                   lua_isnil(L, index) ? "" : luaL_typename(L, index));
    lua_pushvalue(L, index);                        /* table */
    check_members(L, "the rule", members);
    out->name = read_text(L, arena, "name");
    out->version = read_text(L, arena, "version");
    out->summary = read_text(L, arena, "summary");
    out->codes = read_codes(L, arena);
    out->options = read_options(L, arena);
    out->votes = has_function(L, "vote");
    out->inspects = has_function(L, "inspect");
    out->responses = read_flag(L, "inspect_responses");
    if (!out->votes && !out->inspects)
        luaL_error(L, "the rule has no function vote");
    if (out->responses && !out->inspects)
        luaL_error(L, "the rule has inspect_responses, but no function inspect");
    lua_pop(L, 1);
}
