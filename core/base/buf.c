/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static void grow(struct buf *buf, size_t need)
{
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap *= 2;
    buf->data = alloc_resize(buf->data, cap, 1);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
}

static inline void reserve(struct buf *buf, size_t more)
{
    if (buf->len + more >= buf->cap)
        grow(buf, buf->len + more + 1);
}

void buf_reserve(struct buf *buf, size_t more)
{
    reserve(buf, more);
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    reserve(buf, len);
    if (len)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
    reserve(buf, 1);
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
}

void buf_number(struct buf *buf, int64_t number)
{
    char digits[TEXT_NUMBER_SIZE];
    buf_puts(buf, text_number(digits, number));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    buf_reserve(buf, 1);
    size_t room = buf->cap - buf->len;
    int n = vsnprintf(buf->data + buf->len, room, format, args);
    va_end(args);
    if (n > 0 && (size_t)n >= room) {
        buf_reserve(buf, (size_t)n);
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
    }
    va_end(again);
    buf->len += n > 0 ? (size_t)n : 0;
    buf->data[buf->len] = '\0';
}

void buf_consume(struct buf *buf, size_t len)
{
    if (!len)
        return;
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

const char *buf_str(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
    buf_reserve(buf, 0);
    char *data = buf->data;
    *buf = (struct buf){0};
    return data;
}

void buf_wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->cap);
    buf_free(buf);
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}
