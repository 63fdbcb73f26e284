/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

static void *or_die(void *p)
{
    if (!p)
        die("out of memory");
    return p;
}

void *alloc_bytes(size_t size)
{
    return or_die(malloc(size ? size : 1));
}

void *alloc_zero(size_t count, size_t size)
{
    return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *alloc_resize(void *p, size_t count, size_t size)
{
    return or_die(reallocarray(p, count ? count : 1, size ? size : 1));
}

char *alloc_str(const char *text)
{
    return text ? or_die(strdup(text)) : NULL;
}

char *alloc_strn(const char *text, size_t len)
{
    char *copy = alloc_bytes(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *alloc_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return or_die(n < 0 ? NULL : text);
}
