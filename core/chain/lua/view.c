/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/view.h"

#include <lauxlib.h>

#include "base/text.h"
#include "chain/lua/view_parts.h"
#include "chain/transition.h"
#include "policy/effect/effect.h"
#include "policy/policy.h"

static const struct {
    const struct schema *schema;
    const char *name, *row;
} aliases[] = {
    {&policy_schema, "rules", "network_policies"},
    {&chain_transition_schema, "now", "now_ms"},
};

static bool is_offered(const struct schema_field *field)
{
    return !(field->flags & (SCHEMA_ALIAS | SCHEMA_IGNORED));
}

/* A copy, as views move.  A script holds no light userdata but views. */
static struct view live_view(lua_State *L, int index)
{
    const struct view *view = NULL;
    if (lua_islightuserdata(L, index))
        view = views_at(&machine_of(L)->views, lua_touserdata(L, index));
    if (!view)
        luaL_error(L, "a value of this vote is expected");
    return *view;
}

void view_make(lua_State *L, struct view view)
{
    struct views *views = &machine_of(L)->views;
    lua_pushlightuserdata(L, views_handle(views, views_place(views, view)));
}

void view_push(lua_State *L, const struct schema *schema, const void *record)
{
    if (record)
        view_make(L, (struct view){.kind = VIEW_RECORD, .what = schema, .data = record, .n = 0});
    else
        lua_pushnil(L);
}

/* ---- . and [] ---- */

/* The key at index 2; "" stands for what cannot be one. */
static const char *asked_key(lua_State *L)
{
    size_t len = 0;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &len) : "";
    return strlen(key) == len ? key : "";
}

static const char *key_of(struct view view, size_t i)
{
    if (view.kind == VIEW_NODE)
        return ((const struct doc_node *)view.data)->keys[i]->text;
    const struct schema_field *field = view.what;
    const void *const *records = view_pointer_at(view.data, field->offset);
    return view_pointer_at(records[i], field->sub->key_offset);
}

static bool has_keys(struct view view)
{
    return view.kind == VIEW_KEYED ||
           (view.kind == VIEW_NODE && ((const struct doc_node *)view.data)->kind == DOC_MAP);
}

static void push_keyed(lua_State *L, struct view view)
{
    const char *key = asked_key(L);
    budget_charge(L, view.n / 4);
    for (size_t i = 0; i < view.n; i++) {
        if (strcmp(key_of(view, i), key) == 0) {
            view_push_element(L, view, i);
            return;
        }
    }
    lua_pushnil(L);
}

static void push_item(lua_State *L, struct view view)
{
    lua_Integer i = lua_isinteger(L, 2) ? lua_tointeger(L, 2) : 0;
    if (i >= 1 && (size_t)i <= view.n)
        view_push_element(L, view, (size_t)i - 1);
    else
        lua_pushnil(L);
}

static void push_of_wrapped(lua_State *L, struct view view)
{
    const struct schema_field *field = view.what;
    const char *key = asked_key(L);
    if (strcmp(key, field->wrap) == 0)
        view_push(L, field->sub, view.data);
    else if (strcmp(key, "doc_path") == 0 && field->sub->path_offset)
        view_push_text(L, view_pointer_at(view.data, field->sub->path_offset));
    else
        luaL_error(L, "an item of %s has no field %s, but %s", field->name, key, field->wrap);
}

static void unknown_field(lua_State *L, const struct schema *schema)
{
    const char *words[64];
    size_t n = 0;
    for (const struct schema_field *f = schema->fields; f->name && n < 63; f++)
        words[n++] = f->name;
    words[n] = NULL;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    const char *near = text_nearest(key, words);
    const char *article = strchr("aeiou", schema->name[0]) ? "an" : "a";
    luaL_error(L, near ? "%s %s has no field %s; did you mean %s?" : "%s %s has no field %s",
               article, schema->name, key, near);
}

static const struct schema_field *find_field(const struct schema *schema, const char *name)
{
    const struct schema_field *f = schema->fields;
    while (f->name && (f->name[0] != name[0] || strcmp(f->name, name) != 0))
        f++;
    return f->name && is_offered(f) ? f : NULL;
}

static const struct schema_field *find_alias(const struct schema *schema, const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (aliases[i].schema == schema && strcmp(aliases[i].name, name) == 0)
            return find_field(schema, aliases[i].row);
    return NULL;
}

/* What is kept beside a transition's record: its methods, the upvalue, and the relation of its
 * diff, which has no view of its own.  False: it is no name of these. */
static bool push_of_transition(lua_State *L, const struct sluice_transition *t, const char *name)
{
    if (strcmp(name, "relation") == 0) {
        view_push_text(L, policy_relation_word(t->diff->relation));
        return true;
    }
    lua_pushvalue(L, 2);
    return lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL;
}

static void push_of_record(lua_State *L, struct view view)
{
    const struct schema *schema = view.what;
    const char *name = asked_key(L);
    const struct schema_field *field = find_field(schema, name);
    if (!field)
        field = find_alias(schema, name);
    if (field)
        view_push_value(L, field, view.data);
    else if (schema->path_offset && strcmp(name, "doc_path") == 0)
        view_push_text(L, view_pointer_at(view.data, schema->path_offset));
    else if (schema->key_offset && strcmp(name, "key") == 0)
        view_push_text(L, view_pointer_at(view.data, schema->key_offset));
    else if (schema != &chain_transition_schema || !push_of_transition(L, view.data, name))
        unknown_field(L, schema);
}

/* Pushes what the key at index 2 stands for. */
static void push_member(lua_State *L, struct view view)
{
    if (view.kind == VIEW_RECORD)
        push_of_record(L, view);
    else if (view.kind == VIEW_WRAPPED)
        push_of_wrapped(L, view);
    else if (has_keys(view))
        push_keyed(L, view);
    else
        push_item(L, view);
}

static int view_index(lua_State *L)
{                                                   /* view key */
    push_member(L, live_view(L, 1));
    return 1;
}

/* ---- # pairs next tostring ---- */

static int view_length(lua_State *L)
{
    struct view view = live_view(L, 1);
    if (view.kind == VIEW_RECORD || view.kind == VIEW_WRAPPED)
        return luaL_error(L, "attempt to get the length of a record");
    lua_pushinteger(L, (lua_Integer)view.n);
    return 1;
}

/* Pushes the i-th key and value; false: there are no more. */
static bool push_entry(lua_State *L, struct view view, size_t i)
{
    const struct schema *schema = view.what;
    const struct schema_field *field = view.what;
    switch (view.kind) {
    case VIEW_RECORD:
        if (!schema->fields[i].name)
            return false;
        lua_pushstring(L, schema->fields[i].name);
        if (is_offered(&schema->fields[i]))
            view_push_value(L, &schema->fields[i], view.data);
        else
            lua_pushnil(L);
        return true;
    case VIEW_WRAPPED:
        if (i > 0)
            return false;
        lua_pushstring(L, field->wrap);
        view_push(L, field->sub, view.data);
        return true;
    default:
        if (i >= view.n)
            return false;
        if (has_keys(view))
            lua_pushstring(L, key_of(view, i));
        else
            lua_pushinteger(L, (lua_Integer)i + 1);
        view_push_element(L, view, i);
        return true;
    }
}

/* Pushes the first entry from *i on that has a value, and sets *i behind it. */
static int push_next(lua_State *L, struct view view, size_t *i)
{
    while (push_entry(L, view, (*i)++)) {
        budget_charge(L, 1);
        if (!lua_isnil(L, -1))
            return 2;
        lua_pop(L, 2);
    }
    lua_pushnil(L);
    return 1;
}

/* Upvalues: the view, how many entries were given. */
static int next_entry(lua_State *L)
{
    struct view view = live_view(L, lua_upvalueindex(1));
    size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(2));
    int results = push_next(L, view, &i);
    lua_pushinteger(L, (lua_Integer)i);
    lua_replace(L, lua_upvalueindex(2));
    return results;
}

static int next_item(lua_State *L)
{                                                   /* list i */
    lua_Unsigned i = (lua_Unsigned)luaL_checkinteger(L, 2) + 1;
    lua_settop(L, 1);
    lua_pushinteger(L, (lua_Integer)i);             /* list i+1 */
    if (lua_islightuserdata(L, 1))
        push_member(L, live_view(L, 1));
    else
        lua_geti(L, 1, (lua_Integer)i);             /* list i+1 value */
    return lua_isnil(L, -1) ? 1 : 2;
}

int view_ipairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushcfunction(L, next_item);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}

static int view_pairs(lua_State *L)
{
    live_view(L, 1);
    lua_settop(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_entry, 2);
    return 1;
}

static int view_next(lua_State *L)
{                                                   /* view key */
    struct view view = live_view(L, 1);
    size_t i = 0;
    lua_settop(L, 2);
    while (!lua_isnil(L, 2)) {
        lua_settop(L, 2);
        if (!push_entry(L, view, i++))
            return luaL_error(L, "invalid key to 'next'");
        budget_charge(L, 1);
        if (lua_rawequal(L, 2, 3))
            break;
    }
    return push_next(L, view, &i);
}

static int view_tostring(lua_State *L)
{
    struct view view = live_view(L, 1);
    const struct schema *schema = view.what;
    if (view.kind != VIEW_RECORD)
        lua_pushliteral(L, "list of the policy");
    else if (schema->path_offset)
        lua_pushfstring(L, "%s %s", schema->name,
                        (const char *)view_pointer_at(view.data, schema->path_offset));
    else
        lua_pushstring(L, schema->name);
    return 1;
}

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "what is voted on is read only");
}

/* One metatable serves all views. */
void view_open(lua_State *L)
{                                                   /* methods */
    static const luaL_Reg functions[] = {
        {"__newindex", refuse_write}, {"__len", view_length},        {"__pairs", view_pairs},
        {"__next", view_next},        {"__tostring", view_tostring}, {NULL, NULL},
    };
    luaL_newlib(L, functions);                      /* methods meta */
    lua_insert(L, -2);
    lua_pushcclosure(L, view_index, 1);             /* meta index */
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "userdata");
    lua_setfield(L, -2, "__name"); /* for messages, where Lua says "light userdata" */
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushlightuserdata(L, NULL);                 /* meta any */
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* ---- iterators ---- */

/* Upvalues: schema, records, how many, how many were given.  Lives no longer than its vote, which
 * the views it makes check. */
static int next_record(lua_State *L)
{
    const struct schema *schema = lua_touserdata(L, lua_upvalueindex(1));
    const void *const *records = lua_touserdata(L, lua_upvalueindex(2));
    lua_Integer n = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(4));
    if (i >= n)
        return 0;
    lua_pushinteger(L, i + 1);
    lua_replace(L, lua_upvalueindex(4));
    view_push(L, schema, records[i]);
    return 1;
}

void view_push_iterator(lua_State *L, const struct schema *schema, const void *const *records,
                        size_t n)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)schema);
    lua_pushlightuserdata(L, (void *)(uintptr_t)records);
    lua_pushinteger(L, (lua_Integer)n);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_record, 4);
}

const void *view_check(lua_State *L, int index, const struct schema *schema)
{
    if (!lua_islightuserdata(L, index))
        luaL_argerror(L, index, "call it with a colon");
    struct view view = live_view(L, index);
    if (view.kind != VIEW_RECORD || view.what != schema)
        luaL_argerror(L, index, "call it with a colon");
    return view.data;
}

const char *const *view_check_texts(lua_State *L, int index, size_t *n)
{
    struct view view = live_view(L, index);
    luaL_argcheck(L, view.kind == VIEW_TEXTS, index, "a list of texts is expected");
    *n = view.n;
    return view_pointer_at(view.data, ((const struct schema_field *)view.what)->offset);
}
