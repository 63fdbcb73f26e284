/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/view.h"

#include <lauxlib.h>

#include "base/text.h"
#include "chain/lua/view_parts.h"
#include "chain/process/transition.h"
#include "policy/effect.h"
#include "policy/policy.h"

/* Names that stand for something else than a row of the table. */
enum { NAME_DOC_PATH = -1, NAME_KEY = -2, NAME_RELATION = -3 };

/* Keys in the registry; a record's metatable stands under the address of its schema. */
static const char registry_kinds[VIEW_KINDS], registry_cache, registry_names;

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

static const struct view *live_view(lua_State *L, int index)
{
    const struct view *view = lua_touserdata(L, index);
    if (view->vote != machine_of(L)->vote)
        luaL_error(L, "this value belongs to a vote that has ended");
    return view;
}

/* ---- making views ---- */

void view_push_cache(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_cache);
}

static void push_record_metatable(lua_State *L, const struct schema *schema);

/* A group of fields has the address of its record; whichever of the two comes second is made anew
 * each time. */
void view_make(lua_State *L, struct view view, const void *address)
{
    view_push_cache(L);
    lua_rawgetp(L, -1, address);                    /* cache known|nil */
    const struct view *known = lua_touserdata(L, -1);
    if (!known || known->kind != view.kind || known->what != view.what) {
        lua_pop(L, 1);
        struct view *made = lua_newuserdatauv(L, sizeof *made, 0);
        view.vote = machine_of(L)->vote;
        *made = view;
        if (view.kind == VIEW_RECORD)
            push_record_metatable(L, view.what);
        else
            lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_kinds[view.kind]);
        lua_setmetatable(L, -2);                    /* cache made */
        if (!known) {
            lua_pushvalue(L, -1);
            lua_rawsetp(L, -3, address);
            machine_of(L)->views++;
        }
    }
    lua_remove(L, -2);                              /* view */
}

void view_push(lua_State *L, const struct schema *schema, const void *record)
{
    if (record)
        view_make(L, (struct view){.kind = VIEW_RECORD, .what = schema, .data = record}, record);
    else
        lua_pushnil(L);
}

/* ---- . and [] ---- */

static const char *key_of(const struct view *view, size_t i)
{
    if (view->kind == VIEW_NODE)
        return ((const struct doc_node *)view->data)->keys[i]->text;
    const struct schema_field *field = view->what;
    return view_pointer_at(((const void *const *)view->data)[i], field->sub->key_offset);
}

static bool has_keys(const struct view *view)
{
    return view->kind == VIEW_KEYED ||
           (view->kind == VIEW_NODE && ((const struct doc_node *)view->data)->kind == DOC_MAP);
}

static int index_collection(lua_State *L)
{                                                   /* view key */
    const struct view *view = live_view(L, 1);
    if (!has_keys(view)) {
        lua_Integer i = lua_isinteger(L, 2) ? lua_tointeger(L, 2) : 0;
        if (i >= 1 && (size_t)i <= view->n)
            view_push_element(L, view, (size_t)i - 1);
        else
            lua_pushnil(L);
        return 1;
    }
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    budget_charge(L, view->n / 4);
    for (size_t i = 0; key && i < view->n; i++) {
        if (strcmp(key_of(view, i), key) == 0) {
            view_push_element(L, view, i);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

static int index_wrapped(lua_State *L)
{
    const struct view *view = live_view(L, 1);
    const struct schema_field *field = view->what;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strcmp(key, field->wrap) == 0)
        view_push(L, field->sub, view->data);
    else if (strcmp(key, "doc_path") == 0 && field->sub->path_offset)
        view_push_text(L, view_pointer_at(view->data, field->sub->path_offset));
    else
        return luaL_error(L, "an item of %s has no field %s, but %s", field->name, key,
                          field->wrap);
    return 1;
}

static int unknown_field(lua_State *L, const struct schema *schema)
{
    const char *words[64];
    size_t n = 0;
    for (const struct schema_field *f = schema->fields; f->name && n < 63; f++)
        words[n++] = f->name;
    words[n] = NULL;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    const char *near = text_nearest(key, words);
    const char *article = strchr("aeiou", schema->name[0]) ? "an" : "a";
    return luaL_error(L, near ? "%s %s has no field %s; did you mean %s?" : "%s %s has no field %s",
                      article, schema->name, key, near);
}

/* Of the transition: it is kept with the diff, which has no view of its own. */
static void push_relation(lua_State *L, const struct sluice_transition *t)
{
    view_push_text(L, policy_relation_word(t->diff->relation));
}

/* Upvalue: the names of the table. */
static int index_record(lua_State *L)
{                                                   /* view key */
    const struct view *view = live_view(L, 1);
    const struct schema *schema = view->what;
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    int type = lua_rawget(L, lua_upvalueindex(1));  /* view key name */
    if (type == LUA_TFUNCTION)
        return 1;
    if (type != LUA_TNUMBER)
        return unknown_field(L, schema);
    lua_Integer name = lua_tointeger(L, 3);
    if (name >= 0)
        view_push_value(L, &schema->fields[name], view->data);
    else if (name == NAME_DOC_PATH)
        view_push_text(L, view_pointer_at(view->data, schema->path_offset));
    else if (name == NAME_RELATION)
        push_relation(L, view->data);
    else
        view_push_text(L, view_pointer_at(view->data, schema->key_offset));
    return 1;
}

/* ---- # pairs next tostring ---- */

static int view_length(lua_State *L)
{
    const struct view *view = live_view(L, 1);
    if (view->kind == VIEW_RECORD || view->kind == VIEW_WRAPPED)
        return luaL_error(L, "attempt to get the length of a record");
    lua_pushinteger(L, (lua_Integer)view->n);
    return 1;
}

/* Pushes the i-th key and value; false: there are no more. */
static bool push_entry(lua_State *L, const struct view *view, size_t i)
{
    const struct schema *schema = view->what;
    const struct schema_field *field = view->what;
    switch (view->kind) {
    case VIEW_RECORD:
        if (!schema->fields[i].name)
            return false;
        lua_pushstring(L, schema->fields[i].name);
        if (is_offered(&schema->fields[i]))
            view_push_value(L, &schema->fields[i], view->data);
        else
            lua_pushnil(L);
        return true;
    case VIEW_WRAPPED:
        if (i > 0)
            return false;
        lua_pushstring(L, field->wrap);
        view_push(L, field->sub, view->data);
        return true;
    default:
        if (i >= view->n)
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
static int push_next(lua_State *L, const struct view *view, size_t *i)
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
    const struct view *view = live_view(L, lua_upvalueindex(1));
    size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(2));
    int results = push_next(L, view, &i);
    lua_pushinteger(L, (lua_Integer)i);
    lua_replace(L, lua_upvalueindex(2));
    return results;
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
    const struct view *view = live_view(L, 1);
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
    const struct view *view = live_view(L, 1);
    const struct schema *schema = view->what;
    if (view->kind != VIEW_RECORD)
        lua_pushliteral(L, "list of the policy");
    else if (schema->path_offset)
        lua_pushfstring(L, "%s %s", schema->name,
                        (const char *)view_pointer_at(view->data, schema->path_offset));
    else
        lua_pushstring(L, schema->name);
    return 1;
}

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "what is voted on is read only");
}

/* A group's view may be made more than once. */
static int view_equal(lua_State *L)
{
    const struct view *a = lua_touserdata(L, 1), *b = lua_touserdata(L, 2);
    lua_pushboolean(L, lua_rawlen(L, 1) == sizeof *a && lua_rawlen(L, 2) == sizeof *b &&
                       a->kind == b->kind && a->what == b->what && a->data == b->data &&
                       a->vote == b->vote);
    return 1;
}

/* ---- metatables ---- */

/* Pushes a metatable without __index. */
static void push_metatable(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"__newindex", refuse_write}, {"__len", view_length},         {"__pairs", view_pairs},
        {"__next", view_next},        {"__tostring", view_tostring}, {"__eq", view_equal},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

static void set_name(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void add_aliases(lua_State *L, const struct schema *schema)
{                                                   /* names */
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (aliases[i].schema != schema)
            continue;
        lua_getfield(L, -1, aliases[i].row);
        lua_setfield(L, -2, aliases[i].name);
    }
}

void view_push_names(lua_State *L, const struct schema *schema)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_names);
    if (lua_rawgetp(L, -1, schema) == LUA_TTABLE) {
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    lua_newtable(L);                                /* all names */
    if (schema->path_offset)
        set_name(L, "doc_path", NAME_DOC_PATH);
    if (schema->key_offset)
        set_name(L, "key", NAME_KEY);
    if (schema == &chain_transition_schema)
        set_name(L, "relation", NAME_RELATION);
    for (int i = 0; schema->fields[i].name; i++)
        if (is_offered(&schema->fields[i]))
            set_name(L, schema->fields[i].name, i);
    add_aliases(L, schema);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, schema);
    lua_remove(L, -2);
}

static void push_record_metatable(lua_State *L, const struct schema *schema)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, schema) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    push_metatable(L);
    view_push_names(L, schema);
    lua_pushcclosure(L, index_record, 1);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, schema);
}

void view_open(lua_State *L)
{
    for (int kind = VIEW_WRAPPED; kind < VIEW_KINDS; kind++) {
        push_metatable(L);
        lua_pushcfunction(L, kind == VIEW_WRAPPED ? index_wrapped : index_collection);
        lua_setfield(L, -2, "__index");
        lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_kinds[kind]);
    }
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_names);
}

void view_begin(lua_State *L)
{
    struct machine *m = machine_of(L);
    lua_createtable(L, 0, m->views);                /* as many as the vote before needed */
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_cache);
    m->views = 0;
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
    const struct view *view = lua_touserdata(L, index);
    if (!view || !lua_getmetatable(L, index))
        luaL_argerror(L, index, "call it with a colon");
    lua_rawgetp(L, LUA_REGISTRYINDEX, schema);
    if (!lua_rawequal(L, -1, -2))
        luaL_argerror(L, index, "call it with a colon");
    lua_pop(L, 2);
    return live_view(L, index)->data;
}
