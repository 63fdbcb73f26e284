/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "policy/match/rpc_parts.h"
#include "policy/match/spelling.h"

#define RPC_SPACE " \t\r\n\v\f"

enum { SHOWN_MAX = 80 };

const char *rpc_shown(const char *text, struct arena *arena)
{
    struct buf shown = {0};
    text_shorten(&shown, text, SHOWN_MAX);
    char *kept = arena_str(arena, buf_str(&shown));
    for (char *p = kept; *p; p++)
        *p = iscntrl((unsigned char)*p) ? '?' : *p;
    buf_free(&shown);
    return kept;
}

/* ---- values ---- */

bool rpc_is_text(const struct doc_node *node)
{
    return node && node->kind == DOC_SCALAR && !node->literal;
}

static bool is_id(const struct doc_node *node)
{
    bool boolean = node->literal && (*node->text == 't' || *node->text == 'f');
    return node->kind == DOC_NULL || (node->kind == DOC_SCALAR && !boolean);
}

bool rpc_is_read_as(const char *text, const char *name)
{
    char a, b;
    text += strspn(text, RPC_SPACE);
    do {
        a = policy_spelling_next(&text);
        b = policy_spelling_next(&name);
    } while (a == b && a);
    return a == b || (!b && isspace((unsigned char)a) && !text[strspn(text, RPC_SPACE)]);
}

const char *rpc_ambiguous_key(const struct doc_node *map, const char *const *names)
{
    for (size_t i = 0; i < map->n; i++)
        for (size_t k = 0; names[k]; k++) {
            const char *key = map->keys[i]->text;
            if (policy_spelling_may_be(key, names[k]) && strcmp(key, names[k]) != 0 &&
                rpc_is_read_as(key, names[k]))
                return key;
        }
    return NULL;
}

/* ---- one message ---- */

static const char *check_version(const struct doc_node *map, struct arena *arena)
{
    const struct doc_node *version = doc_get(map, "jsonrpc");
    if (!rpc_is_text(version))
        return "missing or non-string 'jsonrpc' field";
    if (strcmp(version->text, "2.0") != 0)
        return arena_printf(arena, "unsupported JSON-RPC version '%s'",
                            rpc_shown(version->text, arena));
    return NULL;
}

static const char *read_response(const struct doc_node *map, struct rpc_message *out)
{
    const struct doc_node *id = doc_get(map, "id"), *error = doc_get(map, "error");
    *out = (struct rpc_message){0};
    if (error && doc_get(map, "result"))
        return "JSON-RPC response includes both result and error";
    if (!id)
        return "JSON-RPC response missing id";
    if (!is_id(id))
        return "JSON-RPC id must be a string, a number or null";
    return error && error->kind != DOC_MAP ? "JSON-RPC response error must be an object" : NULL;
}

static const char *read_call(const struct doc_node *map, struct rpc_message *out)
{
    const struct doc_node *id = doc_get(map, "id"), *method = doc_get(map, "method");
    if (!rpc_is_text(method))
        return "missing or non-string 'method' field";
    if (id && !is_id(id))
        return "JSON-RPC id must be a string, a number or null";
    *out = (struct rpc_message){method->text, doc_get(map, "params"), id != NULL};
    return NULL;
}

static const char *read_message(const struct doc_node *map, struct arena *arena,
                                struct rpc_message *out)
{
    static const char *const names[] = {"jsonrpc", "id",    "method", "params",
                                        "result",  "error", NULL};
    const char *why = check_version(map, arena);
    if (why)
        return why;
    bool call = doc_get(map, "method"), response = doc_get(map, "result") || doc_get(map, "error");
    const char *ambiguous = rpc_ambiguous_key(map, names);
    if (ambiguous)
        return arena_printf(arena, "ambiguous member '%s': members are in lower case",
                            rpc_shown(ambiguous, arena));
    if (call && response)
        return "JSON-RPC message includes both method and result/error";
    return response ? read_response(map, out) : read_call(map, out);
}

/* ---- the body ---- */

static const char *read_batch(const struct doc_node *list, struct arena *arena,
                              struct rpc_messages *out)
{
    if (!list->n)
        return "empty batch";
    out->items = arena_alloc(arena, list->n * sizeof *out->items);
    for (; out->n < list->n; out->n++) {
        const char *why = read_message(list->items[out->n], arena, &out->items[out->n]);
        if (why)
            return arena_printf(arena, "batch item invalid: %s", why);
    }
    return NULL;
}

/* The reader names places and its own grammar, never what the document says. */
static const char *explain(const struct problems *problems, struct arena *arena)
{
    static const char prefix[] = "not valid JSON: ";
    const struct problem *p = &problems->items[0];
    size_t skip = strncmp(p->message, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    return arena_printf(arena, "invalid JSON: line %u, column %u: %s", p->line, p->column,
                        p->message + skip);
}

const char *rpc_parse(const char *body, size_t len, struct arena *arena, struct rpc_messages *out)
{
    struct problems problems = {0};
    struct doc_node *root;
    const char *why = NULL;
    *out = (struct rpc_messages){0};
    if (doc_parse(body, len, DOC_JSON, len, arena, &root, &problems) != 0)
        why = explain(&problems, arena);
    problems_free(&problems);
    if (why)
        return why;
    if (root->kind == DOC_LIST)
        return read_batch(root, arena, out);
    out->items = arena_alloc(arena, sizeof *out->items);
    out->n = 1;
    return read_message(root, arena, out->items);
}
