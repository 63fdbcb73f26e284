/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/json.h"

#include "base/arena.h"
#include "base/error.h"

static int wrong(const struct json_reader *r, const char *member, const char *wanted)
{
    return error_set(r->err, ERROR_MALFORMED, "%s must be %s", member, wanted);
}

int sandbox_json_optional_text(const struct json_reader *r, const char *member, const char **out)
{
    const json_t *value = json_object_get(r->object, member);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return wrong(r, member, "a string");
    *out = arena_strn(r->arena, json_string_value(value), json_string_length(value));
    return 0;
}

int sandbox_json_text(const struct json_reader *r, const char *member, const char **out)
{
    *out = NULL;
    if (sandbox_json_optional_text(r, member, out) != 0)
        return -1;
    return *out ? 0 : wrong(r, member, "given, a string");
}

int sandbox_json_optional_number(const struct json_reader *r, const char *member, uint64_t max,
                                 uint64_t *out)
{
    const json_t *value = json_object_get(r->object, member);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max)
        return error_set(r->err, ERROR_MALFORMED, "%s must be a whole number up to %llu", member,
                         (unsigned long long)max);
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

int sandbox_json_number(const struct json_reader *r, const char *member, uint64_t max,
                        uint64_t *out)
{
    if (!json_object_get(r->object, member))
        return wrong(r, member, "given, a whole number");
    return sandbox_json_optional_number(r, member, max, out);
}

int sandbox_json_flag(const struct json_reader *r, const char *member, bool *out)
{
    const json_t *value = json_object_get(r->object, member);
    if (!value)
        return 0;
    if (!json_is_boolean(value))
        return wrong(r, member, "true or false");
    *out = json_is_true(value);
    return 0;
}

int sandbox_json_texts(const struct json_reader *r, const char *member, const char *const **out,
                       size_t *n)
{
    const json_t *array = json_object_get(r->object, member);
    *out = NULL;
    *n = 0;
    if (!array)
        return 0;
    if (!json_is_array(array))
        return wrong(r, member, "a list of strings");
    const char **texts = arena_zalloc(r->arena, (json_array_size(array) + 1) * sizeof *texts);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text)
            return wrong(r, member, "a list of strings");
        texts[i] = arena_str(r->arena, text);
    }
    *out = texts;
    *n = json_array_size(array);
    return 0;
}

int sandbox_json_pairs(const struct json_reader *r, const char *member, struct spec_pair **out,
                       size_t *n)
{
    json_t *object = json_object_get(r->object, member);
    const char *key;
    json_t *value;
    *out = NULL;
    *n = 0;
    if (!object)
        return 0;
    if (!json_is_object(object))
        return wrong(r, member, "an object of strings");
    *out = arena_zalloc(r->arena, (json_object_size(object) + 1) * sizeof **out);
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            return wrong(r, member, "an object of strings");
        (*out)[(*n)++] = (struct spec_pair){arena_str(r->arena, key),
                                            arena_str(r->arena, json_string_value(value))};
    }
    return 0;
}

json_t *sandbox_json_of_texts(const char *const *texts, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

json_t *sandbox_json_of_pairs(const struct spec_pair *pairs, size_t n)
{
    json_t *object = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(object, pairs[i].key, json_string(pairs[i].value));
    return object;
}

json_t *sandbox_json_of_text(const char *text)
{
    return text ? json_string(text) : json_null();
}
