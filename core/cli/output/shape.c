/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output/shape.h"

bool shape_name(const json_t *thing, struct buf *out)
{
    static const char *const keys[] = {"name", "id", "revision"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_object_get(thing, keys[i]);
        if (json_is_string(value))
            buf_puts(out, json_string_value(value));
        else if (json_is_integer(value))
            buf_printf(out, "%lld", (long long)json_integer_value(value));
        else
            continue;
        return true;
    }
    return false;
}

json_t *shape_list(const json_t *document)
{
    struct buf name = {0};
    const char *key;
    json_t *value, *list = NULL;
    bool named = shape_name(document, &name);
    buf_free(&name);
    if (named)
        return NULL;
    json_object_foreach((json_t *)document, key, value)
        if (json_is_array(value) && !list)
            list = value;
    return list;
}
