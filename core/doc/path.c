/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "doc/safe.h"
#include "doc/tree.h"

/* Longer keys are refused wherever a key is free, so a cut one only ever stands in a problem. */
enum { KEY_SHOWN_MAX = 256 };

static bool is_word(const char *key)
{
    const char *c = key;
    while (isalnum((unsigned char)*c) || *c == '_' || *c == '-')
        c++;
    return c > key && !*c;
}

static char *join(struct arena *arena, const char *parent, const char *between, const char *key)
{
    size_t n = strlen(parent), dot = strlen(between), len = strlen(key);
    char *path = arena_alloc(arena, n + dot + len + 1);
    memcpy(path, parent, n);
    memcpy(path + n, between, dot);
    memcpy(path + n + dot, key, len + 1);
    return path;
}

char *doc_path_key(struct arena *arena, const char *parent, const char *key)
{
    size_t n = doc_cut(key, strlen(key), KEY_SHOWN_MAX);
    if (!key[n] && is_word(key))
        return join(arena, parent, *parent ? "." : "", key);
    struct buf quoted = {0};
    char *shown = arena_printf(arena, "%.*s%s", (int)n, key, key[n] ? "…" : "");
    doc_quote(shown, DOC_JSON, &quoted);
    char *path = arena_printf(arena, "%s[%s]", parent, buf_str(&quoted));
    buf_free(&quoted);
    return path;
}

char *doc_path_item(struct arena *arena, const char *parent, size_t i)
{
    char text[sizeof "[]" + 3 * sizeof i], *at = text + sizeof text;
    *--at = '\0';
    *--at = ']';
    for (; i > 9; i /= 10)
        *--at = (char)('0' + i % 10);
    *--at = (char)('0' + i);
    *--at = '[';
    return join(arena, parent, "", at);
}

static const struct doc_node *step_item(const struct doc_node *node, const char **at)
{
    char *end;
    unsigned long i = strtoul(*at + 1, &end, 10);
    if (*end != ']' || node->kind != DOC_LIST || i >= node->n)
        return NULL;
    *at = end + 1;
    return node->items[i];
}

static const char *quoted_end(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : NULL;
}

static const struct doc_node *step_quoted(const struct doc_node *node, const char **at)
{
    const char *from = *at + 1, *end = quoted_end(from);
    if (!end || *end != ']')
        return NULL;
    struct arena *arena = arena_new();
    struct doc_node *key;
    const struct doc_node *found = NULL;
    size_t len = (size_t)(end - from);
    if (!doc_parse(from, len, DOC_JSON, len, arena, &key, NULL))
        found = doc_get(node, key->text);
    arena_free(arena);
    *at = end + 1;
    return found;
}

static const struct doc_node *step_word(const struct doc_node *node, const char **at)
{
    if (**at == '.')
        ++*at;
    size_t n = strcspn(*at, ".[");
    const char *word = *at;
    *at += n;
    for (size_t i = 0; n && node->kind == DOC_MAP && i < node->n; i++)
        if (strncmp(node->keys[i]->text, word, n) == 0 && !node->keys[i]->text[n])
            return node->items[i];
    return NULL;
}

const struct doc_node *doc_at(const struct doc_node *root, const char *path)
{
    const struct doc_node *node = root;
    while (node && *path) {
        if (*path != '[')
            node = step_word(node, &path);
        else
            node = path[1] == '"' ? step_quoted(node, &path) : step_item(node, &path);
    }
    return node;
}
