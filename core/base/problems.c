/* SPDX-License-Identifier: Apache-2.0 */
#include "base/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"

int problems_add(struct problems *problems, const char *path, unsigned line, unsigned column,
                 const char *format, ...)
{
    if (!problems)
        return -1;
    if (problems->n == PROBLEMS_MAX) {
        problems->truncated = true;
        return -1;
    }
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_make_valid(message, sizeof message);
    problems->items = alloc_resize(problems->items, problems->n + 1, sizeof *problems->items);
    problems->items[problems->n++] =
        (struct problem){alloc_str(path ? path : ""), line, column, alloc_str(message)};
    return -1;
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        free(problems->items[i].path);
        free(problems->items[i].message);
    }
    free(problems->items);
    *problems = (struct problems){0};
}

int problems_first(struct problems *problems, enum error_kind kind, struct error *err)
{
    const char *path = problems->n ? problems->items[0].path : "";
    error_set(err, kind, "%s%s%s", path, *path ? ": " : "",
              problems->n ? problems->items[0].message : "it cannot be read");
    problems_free(problems);
    return -1;
}
