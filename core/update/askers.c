/* SPDX-License-Identifier: Apache-2.0 */
#include "update/askers.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct asker asker_of(const char *name, const char *account)
{
    return (struct asker){name, account && *account ? account : name};
}

bool asker_is_account(const struct asker *asker)
{
    return strcmp(asker->name, asker->account) == 0;
}

bool asker_is_same(const struct asker *a, const struct asker *b)
{
    return strcmp(a->name, b->name) == 0 ||
           (asker_is_account(a) && strcmp(a->name, b->account) == 0) ||
           (asker_is_account(b) && strcmp(b->name, a->account) == 0);
}

bool askers_have(const struct askers *list, const struct asker *person)
{
    for (size_t i = 0; i < list->n; i++)
        if (asker_is_same(&list->items[i], person))
            return true;
    return false;
}

static const char *text_of(json_t *row, const char *key, struct arena *arena)
{
    const char *text = json_string_value(json_object_get(row, key));
    return arena_str(arena, text ? text : "");
}

struct askers askers_decode(const char *json, struct arena *arena)
{
    json_t *rows = json && *json ? json_loads(json, 0, NULL) : NULL, *row;
    struct asker *items = arena_alloc(arena, (json_array_size(rows) + 1) * sizeof *items);
    struct askers list = {items, 0};
    size_t i;
    json_array_foreach(rows, i, row)
        items[list.n++] = asker_of(text_of(row, "name", arena), text_of(row, "account", arena));
    json_decref(rows);
    return list;
}

static bool is_listed(const struct askers *list, const struct asker *person)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, person->name) == 0 &&
            strcmp(list->items[i].account, person->account) == 0)
            return true;
    return false;
}

const char *askers_add(const char *json, const struct asker *person, struct arena *arena)
{
    struct askers list = askers_decode(json, arena);
    if (is_listed(&list, person))
        return json;
    json_t *rows = json && *json ? json_loads(json, 0, NULL) : NULL;
    json_t *row = json_pack("{s:s}", "name", person->name);
    if (!rows)
        rows = json_array();
    if (!asker_is_account(person))
        json_object_set_new(row, "account", json_string(person->account));
    json_array_append_new(rows, row);
    char *text = json_dumps(rows, JSON_COMPACT);
    const char *kept = arena_str(arena, text);
    json_decref(rows);
    free(text);
    return kept;
}

static void add_name(const char **names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(names[i], name) == 0)
            return;
    names[(*n)++] = name;
}

const char *const *askers_names(const struct askers *list, struct arena *arena, size_t *n)
{
    const char **names = arena_alloc(arena, (2 * list->n + 1) * sizeof *names);
    *n = 0;
    for (size_t i = 0; i < list->n; i++)
        add_name(names, n, list->items[i].name);
    for (size_t i = 0; i < list->n; i++)
        add_name(names, n, list->items[i].account);
    return names;
}
