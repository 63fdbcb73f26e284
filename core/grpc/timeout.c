/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/timeout.h"

#include <stddef.h>
#include <stdlib.h>

enum { DIGITS_MAX = 8 };

/* A unit is so many milliseconds, or such a part of one. */
static const struct {
    char letter;
    uint64_t many, part;
} units[] = {
    {'H', 3600 * 1000, 1}, {'M', 60 * 1000, 1}, {'S', 1000, 1},
    {'m', 1, 1},           {'u', 1, 1000},      {'n', 1, 1000 * 1000},
};

bool grpc_timeout_parse(const char *text, uint64_t *ms)
{
    uint64_t number = 0;
    size_t digits = 0;
    for (; digits < DIGITS_MAX && text[digits] >= '0' && text[digits] <= '9'; digits++)
        number = number * 10 + (uint64_t)(text[digits] - '0');
    if (!digits || !text[digits] || text[digits + 1])
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].letter != text[digits])
            continue;
        *ms = (number * units[i].many + units[i].part - 1) / units[i].part;
        return true;
    }
    return false;
}

bool grpc_duration_parse(const char *text, uint64_t *ms)
{
    char *rest;
    uint64_t unit = 100, part = 0;
    bool more = false;                              /* than whole milliseconds */
    *ms = strtoull(text, &rest, 10) * 1000;
    if (*text == '-')
        return false;
    for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) {
        part += (uint64_t)(*rest - '0') * unit;
        more |= !unit && *rest != '0';
    }
    *ms += part + more;
    return true;
}
