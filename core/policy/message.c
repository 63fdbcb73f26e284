/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/message.h"

#include <string.h>

static const char limit[] = "max_body_bytes", message_limit[] = "json_rpc_max_body_bytes";

/* A copy of a map, with room for more values. */
static struct doc_node *copy_map(const struct doc_node *map, size_t more, struct arena *arena)
{
    struct doc_node *copy = arena_alloc(arena, sizeof *copy);
    size_t room = (map->n + more) * sizeof(struct doc_node *);
    *copy = *map;
    copy->keys = arena_alloc(arena, room + 1);
    copy->items = arena_alloc(arena, room + 1);
    if (map->n) {
        memcpy(copy->keys, map->keys, map->n * sizeof(struct doc_node *));
        memcpy(copy->items, map->items, map->n * sizeof(struct doc_node *));
    }
    return copy;
}

static void add(struct doc_node *map, const char *key, struct doc_node *value, struct arena *arena)
{
    struct doc_node *name = arena_alloc(arena, sizeof *name);
    *name = (struct doc_node){.kind = DOC_SCALAR, .plain = true, .text = key};
    map->keys[map->n] = name;
    map->items[map->n++] = value;
}

static struct doc_node *take(struct doc_node *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++) {
        struct doc_node *value = map->items[i];
        if (*map->keys[i]->text != *key || strcmp(map->keys[i]->text, key) != 0)
            continue;
        map->n--;
        memmove(map->keys + i, map->keys + i + 1, (map->n - i) * sizeof(struct doc_node *));
        memmove(map->items + i, map->items + i + 1, (map->n - i) * sizeof(struct doc_node *));
        return value;
    }
    return NULL;
}

static struct doc_node *new_map(struct arena *arena)
{
    const struct doc_node empty = {.kind = DOC_MAP, .text = ""};
    return copy_map(&empty, 1, arena);
}

static bool has(const struct doc_node *map, const char *key, const char *text)
{
    const struct doc_node *value = doc_get(map, key);
    return value && strcmp(value->text, text) == 0;
}

/* ---- Endpoints ---- */

/* Clients read port alone or ports alone, so the message has both. */
static void add_ports(struct doc_node *endpoint, struct arena *arena)
{
    struct doc_node *port = (struct doc_node *)(uintptr_t)doc_get(endpoint, "port");
    const struct doc_node *ports = doc_get(endpoint, "ports");
    if (port && !ports) {
        struct doc_node *list = arena_zalloc(arena, sizeof *list);
        struct doc_node **items = arena_alloc(arena, sizeof *items);
        *items = port;
        *list = (struct doc_node){.kind = DOC_LIST, .text = "", .items = items, .n = 1};
        add(endpoint, "ports", list, arena);
    } else if (ports && ports->n && !port) {
        add(endpoint, "port", ports->items[0], arena);
    }
}

/* The limit of the message is that of the options that the protocol has. */
static struct doc_node *endpoint_to_message(struct doc_node *value, struct arena *arena)
{
    if (value->kind != DOC_MAP)
        return NULL;
    struct doc_node *endpoint = copy_map(value, 3, arena);
    const struct doc_node *json_rpc = take(endpoint, "json_rpc"), *mcp = take(endpoint, "mcp");
    const struct doc_node *options = has(endpoint, "protocol", "mcp") ? mcp : json_rpc;
    const struct doc_node *bytes = options ? doc_get(options, limit) : NULL;
    if (bytes)
        add(endpoint, message_limit, (struct doc_node *)(uintptr_t)bytes, arena);
    if (mcp && mcp->n > (doc_get(mcp, limit) ? 1 : 0))
        add(endpoint, "mcp", (struct doc_node *)(uintptr_t)mcp, arena);
    add_ports(endpoint, arena);
    return endpoint;
}

/* Whoever reads a message made the tree of it, so that it may be changed. */
static struct doc_node *endpoint_from_message(struct doc_node *message, struct arena *arena)
{
    struct doc_node *bytes = take(message, message_limit);
    if (doc_get(message, "ports"))
        take(message, "port");
    if (!bytes)
        return message;
    struct doc_node *endpoint = copy_map(message, 1, arena);
    const char *name = has(endpoint, "protocol", "mcp") ? "mcp" : "json_rpc";
    const struct doc_node *given = take(endpoint, name);
    struct doc_node *options = given ? copy_map(given, 1, arena) : new_map(arena);
    add(options, limit, bytes, arena);
    add(endpoint, name, options, arena);
    return endpoint;
}

static const struct schema_field endpoint_fields[] = {
    {.name = message_limit, .kind = SCHEMA_U32, .number = 22},
    {0},
};

const struct schema_message policy_endpoint_message = {
    .fields = endpoint_fields, .to_message = endpoint_to_message,
    .from_message = endpoint_from_message, .expects = "an endpoint",
};

/* ---- Options of MCP ---- */

static struct doc_node *mcp_to_message(struct doc_node *value, struct arena *arena)
{
    if (value->kind != DOC_MAP)
        return NULL;
    struct doc_node *mcp = copy_map(value, 0, arena);
    take(mcp, limit);
    return mcp;
}

/* Which revisions of MCP are allowed cannot be said in a policy: the document then has an unknown
 * field, and is refused. */
static const struct schema_field mcp_fields[] = {
    {.name = "versions", .kind = SCHEMA_TEXTS, .number = 3},
    {0},
};

const struct schema_message policy_mcp_message = {
    .fields = mcp_fields, .to_message = mcp_to_message, .expects = "a map of options",
};

/* ---- Request rules ---- */

/* The tool is the parameter "name". */
static struct doc_node *l7_rule_to_message(struct doc_node *value, struct arena *arena)
{
    if (value->kind != DOC_MAP)
        return NULL;
    struct doc_node *rule = copy_map(value, 1, arena), *tool = take(rule, "tool");
    if (!tool)
        return rule;
    const struct doc_node *given = take(rule, "params");
    struct doc_node *params = given ? copy_map(given, 1, arena) : new_map(arena);
    add(params, "name", tool, arena);
    add(rule, "params", params, arena);
    return rule;
}

const struct schema_message policy_l7_rule_message = {
    .to_message = l7_rule_to_message, .expects = "a request rule",
};

static struct doc_node *matcher_to_message(struct doc_node *value, struct arena *arena)
{
    if (value->kind != DOC_SCALAR)
        return value;
    struct doc_node *matcher = new_map(arena);
    add(matcher, "glob", value, arena);
    return matcher;
}

const struct schema_message policy_matcher_message = {
    .to_message = matcher_to_message, .expects = "a glob or a map",
};
