/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int64_t ms;
    const char *unit;
} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};

enum { N_UNITS = sizeof units / sizeof *units };

int duration_parse(const char *text, int64_t *out_ms)
{
    char *unit;
    if (*text < '0' || *text > '9')                 /* strtoll alone takes signs and spaces too */
        return -1;
    errno = 0;
    int64_t count = strtoll(text, &unit, 10);
    for (size_t i = 0; errno == 0 && i < N_UNITS; i++)
        if (strcmp(unit, units[i].unit) == 0)
            return __builtin_mul_overflow(count, units[i].ms, out_ms) ? -1 : 0;
    return -1;
}

const char *duration_text(int64_t ms, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < N_UNITS; ms %= units[i++].ms)
        if (ms >= units[i].ms)
            text = arena_printf(arena, "%s%lld%s", text, (long long)(ms / units[i].ms),
                                units[i].unit);
    return text;
}
