/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/services.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

static struct sandbox_service read_one(const json_t *object, struct arena *arena)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    return (struct sandbox_service){
        .name = arena_str(arena, name ? name : ""),
        .port = (uint16_t)json_integer_value(json_object_get(object, "port")),
        .domain = json_is_true(json_object_get(object, "domain")),
        .at_ms = json_integer_value(json_object_get(object, "at_ms")),
    };
}

size_t services_read(const char *json, struct arena *arena, struct sandbox_service **out)
{
    json_t *all = json_loads(json, 0, NULL), *object;
    size_t i, n = json_array_size(all);
    *out = arena_zalloc(arena, (n + 1) * sizeof **out);
    json_array_foreach(all, i, object)
        (*out)[i] = read_one(object, arena);
    json_decref(all);
    return n;
}

bool services_find(const char *json, const char *name, struct arena *arena,
                   struct sandbox_service *out)
{
    struct sandbox_service *all;
    size_t n = services_read(json, arena, &all);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0) {
            *out = all[i];
            return true;
        }
    return false;
}

/* As names of sandboxes: they are part of a host name. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);
    bool good = len <= SERVICE_NAME_MAX && !strstr(name, "--") &&
                (!len || (name[0] != '-' && name[len - 1] != '-'));
    for (const char *c = name; good && *c; c++)
        good = islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-';
    return good;
}

static const char *text_of(json_t *all, struct arena *arena)
{
    char *text = json_dumps(all, JSON_COMPACT);
    const char *copy = arena_str(arena, text);
    free(text);
    json_decref(all);
    return copy;
}

/* The position of the service in the list, or its length. */
static size_t position(const json_t *all, const char *name)
{
    size_t i = 0;
    while (i < json_array_size(all) &&
           strcmp(json_string_value(json_object_get(json_array_get(all, i), "name")), name) != 0)
        i++;
    return i;
}

const char *services_with(const char *json, const struct sandbox_service *service,
                          struct arena *arena, struct error *err)
{
    if (!is_name(service->name)) {
        error_set(err, ERROR_MALFORMED,
                  "'%.40s' is no name of a service: use at most %d of a-z, 0-9 and '-', not at the "
                  "ends and not twice in a row", service->name, SERVICE_NAME_MAX);
        return NULL;
    }
    json_t *all = json_loads(json, 0, NULL);
    size_t at = position(all, service->name);
    if (at >= SERVICES_MAX) {
        json_decref(all);
        error_set(err, ERROR_LIMIT, "a sandbox has at most %d exposed services: delete one",
                  SERVICES_MAX);
        return NULL;
    }
    json_t *object = json_pack("{s:s, s:i, s:b, s:I}", "name", service->name, "port",
                               service->port, "domain", service->domain, "at_ms",
                               (json_int_t)service->at_ms);
    if (at < json_array_size(all))
        json_array_set_new(all, at, object);
    else
        json_array_append_new(all, object);
    return text_of(all, arena);
}

const char *services_without(const char *json, const char *name, struct arena *arena)
{
    json_t *all = json_loads(json, 0, NULL);
    size_t at = position(all, name);
    if (json_array_remove(all, at) == 0)
        return text_of(all, arena);
    json_decref(all);
    return NULL;
}
