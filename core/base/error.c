/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
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

/* A text that was cut ends with a whole character, so that it stays UTF-8. */
static void end_whole(struct error *err)
{
    size_t len = strlen(err->text);
    if (len == sizeof err->text - 1)
        err->text[text_utf8_valid(err->text, len)] = '\0';
}

int error_vset(struct error *err, enum error_kind kind, const char *format, va_list args)
{
    if (!err)
        return -1;
    char text[sizeof err->text];
    vsnprintf(text, sizeof text, format, args);
    err->kind = kind;
    memcpy(err->text, text, sizeof text);
    end_whole(err);
    return -1;
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_vset(err, kind, format, args);
    va_end(args);
    return -1;
}

int error_errno(struct error *err, enum error_kind kind, const char *format, ...)
{
    int number = errno;
    char reason[128];
    va_list args;
    va_start(args, format);
    error_vset(err, kind, format, args);
    va_end(args);
    if (err) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s",
                 strerror_r(number, reason, sizeof reason));
        end_whole(err);
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
    end_whole(err);
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
