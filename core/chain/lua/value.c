/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of records as values of Lua. */
#include <lauxlib.h>

#include "chain/lua/view_parts.h"
#include "chain/request.h"
#include "doc/writer.h"
#include "policy/policy.h"

static void push_plain(lua_State *L, const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        lua_pushboolean(L, text[0] == 't');
    else if (!lua_stringtonumber(L, text))
        lua_pushstring(L, text);
}

static void push_node(lua_State *L, const struct doc_node *node)
{
    if (node->kind == DOC_NULL)
        lua_pushnil(L);
    else if (node->kind == DOC_SCALAR && node->plain)
        push_plain(L, node->text);
    else if (node->kind == DOC_SCALAR)
        lua_pushstring(L, node->text);
    else
        view_make(L, (struct view){.kind = VIEW_NODE, .data = node, .n = node->n});
}

/* The tree of a field that is kept as JSON, or written by its own function; no value is nil. Memory
 * of the arena is not in the budget of bytes, so each reading has a price in steps. */
static const struct doc_node *read_document(lua_State *L, const struct schema_field *field,
                                            const void *record)
{
    static const struct doc_node nothing = {.kind = DOC_NULL, .text = ""};
    struct doc_tree_writer tree;
    struct doc_writer *w = doc_tree_writer(&tree, machine_arena(machine_of(L)), NULL);
    if (field->kind == SCHEMA_JSON) {
        const char *kept = view_pointer_at(record, field->offset);
        budget_charge(L, 1000 + (kept ? strlen(kept) : 0));
        doc_write_json(w, kept && *kept ? kept : "null");
    } else if (field->encode) {
        field->encode(record, w);
    }
    const struct doc_node *node = doc_tree_writer_end(&tree);
    if (tree.build.failed)
        luaL_error(L, "a field cannot be read");
    budget_charge(L, 1000 + tree.build.nodes * 16);
    return node ? node : &nothing;
}

/* Read once in a vote. */
static void push_document(lua_State *L, const struct schema_field *field, const void *record)
{
    struct views *views = &machine_of(L)->views;
    uint32_t place = views_place(
        views, (struct view){.kind = VIEW_DOCUMENT, .what = field, .data = record, .node = NULL});
    if (!views->items[place].node)
        views->items[place].node = read_document(L, field, record);
    push_node(L, views->items[place].node);
}

/* ---- requests ---- */

/* The values of a name in one text; the arena's. */
static const char *join_values(struct arena *arena, const struct sluice_header *headers, size_t n,
                               size_t first)
{
    const char *joined = headers[first].value;
    for (size_t i = first + 1; i < n; i++)
        if (strcmp(headers[i].name, headers[first].name) == 0)
            joined = arena_printf(arena, "%s, %s", joined, headers[i].value);
    return joined;
}

static bool is_first(const struct sluice_header *headers, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(headers[j].name, headers[i].name) == 0)
            return false;
    return true;
}

static struct doc_node *make_text(struct arena *arena, const char *text)
{
    struct doc_node *node = arena_zalloc(arena, sizeof *node);
    node->kind = DOC_SCALAR;
    node->text = text;
    return node;
}

static const struct doc_node *map_headers(lua_State *L, const struct sluice_header *headers,
                                          size_t n)
{
    budget_charge(L, 100 + n * n / 8);
    struct arena *arena = machine_arena(machine_of(L));
    struct doc_node *map = arena_zalloc(arena, sizeof *map);
    map->kind = DOC_MAP;
    map->text = "";
    map->keys = arena_alloc(arena, (n + 1) * sizeof *map->keys);
    map->items = arena_alloc(arena, (n + 1) * sizeof *map->items);
    for (size_t i = 0; i < n; i++) {
        if (!is_first(headers, i))
            continue;
        const char *value = join_values(arena, headers, n, i);
        budget_charge_bytes(L, strlen(value));
        map->keys[map->n] = make_text(arena, headers[i].name);
        map->items[map->n++] = make_text(arena, value);
    }
    return map;
}

/* A name -> value map, made once in a vote. */
static void push_headers(lua_State *L, const struct schema_field *field, const void *record,
                         const struct sluice_header *headers, size_t n)
{
    struct views *views = &machine_of(L)->views;
    uint32_t place = views_place(
        views, (struct view){.kind = VIEW_DOCUMENT, .what = field, .data = record, .node = NULL});
    if (!views->items[place].node)
        views->items[place].node = map_headers(L, headers, n);
    push_node(L, views->items[place].node);
}

/* The one text that may be longer than BUDGET_BLOCK_MAX. */
static void push_body(lua_State *L, const char *body, size_t len)
{
    struct budget *b = budget_of(L);
    budget_charge_bytes(L, len);
    if (len + 64 > BUDGET_BLOCK_MAX)
        b->block_max = len + 64;
    lua_pushlstring(L, len ? body : "", len);
    b->block_max = BUDGET_BLOCK_MAX;
}

/* False: the field is none of those that requests alone have. */
static bool push_of_request(lua_State *L, const struct schema_field *field, const void *record)
{
    const struct sluice_header *headers;
    const char *body;
    size_t n;
    if (chain_request_is_headers(field, record, &headers, &n))
        push_headers(L, field, record, headers, n);
    else if (chain_request_is_body(field, record, &body, &n))
        push_body(L, body, n);
    else
        return false;
    return true;
}

static void push_array(lua_State *L, enum view_kind kind, const struct schema_field *field,
                       const void *record)
{
    size_t n;
    memcpy(&n, (const char *)record + field->count_offset, sizeof n);
    view_make(L, (struct view){.kind = kind, .what = field, .data = record, .n = n});
}

/* The table writes `port` or `ports`; scripts find both, and port is the first of them. */
static void push_first_port(lua_State *L, const struct sluice_endpoint *endpoint)
{
    lua_pushinteger(L, endpoint->n_ports ? endpoint->ports[0] : 0);
}

void view_push_value(lua_State *L, const struct schema_field *field, const void *record)
{
    const void *at = (const char *)record + field->offset;
    if (field->kind == SCHEMA_U16 && field->offset == 0) {      /* a number without a place: port */
        push_first_port(L, record);
        return;
    }
    switch (field->kind) {
    case SCHEMA_TEXT:    view_push_text(L, view_pointer_at(record, field->offset)); break;
    case SCHEMA_BOOL:    lua_pushboolean(L, *(const bool *)at); break;
    case SCHEMA_U16:     lua_pushinteger(L, *(const uint16_t *)at); break;
    case SCHEMA_U32:     lua_pushinteger(L, *(const uint32_t *)at); break;
    case SCHEMA_I32:     lua_pushinteger(L, *(const int32_t *)at); break;
    case SCHEMA_I64:     lua_pushinteger(L, *(const int64_t *)at); break;
    case SCHEMA_DOUBLE:  lua_pushnumber(L, *(const double *)at); break;
    case SCHEMA_TEXTS:   push_array(L, VIEW_TEXTS, field, record); break;
    case SCHEMA_U16S:    push_array(L, VIEW_PORTS, field, record); break;
    case SCHEMA_STRUCT:  view_push(L, field->sub, view_pointer_at(record, field->offset)); break;
    case SCHEMA_GROUP:   view_push(L, field->sub, record); break;
    case SCHEMA_STRUCTS: push_array(L, VIEW_LIST, field, record); break;
    case SCHEMA_KEYED:   push_array(L, VIEW_KEYED, field, record); break;
    case SCHEMA_JSON:    push_document(L, field, record); break;
    case SCHEMA_CUSTOM:
        if (!push_of_request(L, field, record))
            push_document(L, field, record);
        break;
    }
}

void view_push_element(lua_State *L, struct view view, size_t i)
{
    if (view.kind == VIEW_NODE) {
        push_node(L, ((const struct doc_node *)view.data)->items[i]);
        return;
    }
    const struct schema_field *field = view.what;
    const void *const *items = view_pointer_at(view.data, field->offset);
    if (view.kind == VIEW_PORTS)
        lua_pushinteger(L, ((const uint16_t *)(const void *)items)[i]);
    else if (view.kind == VIEW_TEXTS)
        view_push_text(L, items[i]);
    else if (field->wrap)
        view_make(L, (struct view){.kind = VIEW_WRAPPED, .what = field, .data = items[i]});
    else
        view_push(L, field->sub, items[i]);
}
