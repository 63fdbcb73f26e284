/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/status.h"

#include <stdbool.h>
#include <string.h>

enum grpc_code grpc_code_of(enum error_kind kind)
{
    switch (kind) {
    case ERROR_MALFORMED:
    case ERROR_INVALID:
    case ERROR_METHOD:
    case ERROR_MEDIA_TYPE:
        return GRPC_INVALID_ARGUMENT;
    case ERROR_UNAUTHORIZED:
        return GRPC_UNAUTHENTICATED;
    case ERROR_FORBIDDEN:
    case ERROR_DENIED:
        return GRPC_PERMISSION_DENIED;
    case ERROR_NOT_FOUND:
    case ERROR_GONE:
        return GRPC_NOT_FOUND;
    case ERROR_EXISTS:
        return GRPC_ALREADY_EXISTS;
    case ERROR_STATE:
    case ERROR_TOKEN:
        return GRPC_FAILED_PRECONDITION;
    case ERROR_MOVED:
        return GRPC_ABORTED;
    case ERROR_TOO_LARGE:
    case ERROR_LIMIT:
        return GRPC_RESOURCE_EXHAUSTED;
    case ERROR_UNSUPPORTED:
        return GRPC_UNIMPLEMENTED;
    case ERROR_UPSTREAM:
    case ERROR_DRAINING:
    case ERROR_NOT_YET:
    case ERROR_UNAVAILABLE:
        return GRPC_UNAVAILABLE;
    case ERROR_TIMEOUT:
        return GRPC_DEADLINE_EXCEEDED;
    case ERROR_INTERNAL:
    case ERROR_IO:
        break;
    }
    return GRPC_INTERNAL;
}

static bool continues_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t grpc_text_len(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len > max)
        for (len = max; len && continues_character(text[len]); len--)
            ;
    return len;
}

void grpc_put_message(struct buf *out, const char *text)
{
    size_t len = grpc_text_len(text, GRPC_TEXT_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c <= 0x7e && c != '%')
            buf_putc(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}
