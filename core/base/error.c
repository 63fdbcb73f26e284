/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct {
    int status;
    const char *word;
} kinds[] = {
#define X(id, status, word) [ERROR_##id] = {status, word},
    ERROR_KINDS(X)
#undef X
};

static int vset(struct error *err, enum error_kind kind, const char *format, va_list args)
{
    if (!err)
        return -1;
    char text[sizeof err->text];
    vsnprintf(text, sizeof text, format, args);
    err->kind = kind;
    memcpy(err->text, text, sizeof text);
    text_make_valid(err->text, sizeof err->text);
    return -1;
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vset(err, kind, format, args);
    va_end(args);
    return -1;
}

int error_errno(struct error *err, enum error_kind kind, const char *format, ...)
{
    int number = errno;
    char reason[128];
    va_list args;
    va_start(args, format);
    vset(err, kind, format, args);
    va_end(args);
    if (err) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s",
                 strerror_r(number, reason, sizeof reason));
        text_make_valid(err->text, sizeof err->text);
    }
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char prefix[sizeof err->text], text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    memcpy(text, err->text, sizeof text);
    size_t used = strlen(prefix);
    memcpy(err->text, prefix, used + 1);
    snprintf(err->text + used, sizeof err->text - used, ": %s", text);
    text_make_valid(err->text, sizeof err->text);
    return -1;
}

int error_status(enum error_kind kind)
{
    return kinds[kind].status;
}

const char *error_word(enum error_kind kind)
{
    return kinds[kind].word;
}

const char *error_word_of_status(int status)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].status == status)
            return kinds[i].word;
    return "unknown";
}
