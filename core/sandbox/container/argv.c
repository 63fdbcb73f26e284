/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/argv.h"

#include <stdarg.h>
#include <string.h>

#include "base/arena.h"

static void add(struct argv *argv, const char *text)
{
    size_t have = argv->n + 1;                      /* with the NULL */
    if ((have & (have - 1)) == 0) {
        const char **bigger = arena_zalloc(argv->arena, 2 * have * sizeof *bigger);
        if (argv->n)
            memcpy(bigger, argv->items, argv->n * sizeof *bigger);
        argv->items = bigger;
    }
    argv->items[argv->n++] = text;
}

void sandbox_argv_add(struct argv *argv, ...)
{
    va_list args;
    va_start(args, argv);
    for (const char *text; (text = va_arg(args, const char *));)
        add(argv, text);
    va_end(args);
}
