/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t len, struct buf *out)
{
    const unsigned char *at = bytes;
    buf_reserve(out, (len + 2) / 3 * 4);
    char *to = out->data + out->len;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)at[i] << 16;
        group |= i + 1 < len ? (uint32_t)at[i + 1] << 8 : 0;
        group |= i + 2 < len ? at[i + 2] : 0;
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = i + 1 < len ? digits[group >> 6 & 63] : '=';
        *to++ = i + 2 < len ? digits[group & 63] : '=';
    }
    out->len += (len + 2) / 3 * 4;
    out->data[out->len] = '\0';
}

static int value_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63 : -1;
}

/* The bits behind the last byte must be 0: each text stands for bytes in one way. */
static int read_digits(const char *text, size_t len, struct buf *out)
{
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_putc(out, (char)(bits >> n & 255));
        }
    }
    return n < 6 && !(bits & ((1u << n) - 1)) ? 0 : -1;
}

int base64_decode(const char *text, size_t len, struct buf *out)
{
    size_t kept = out->len, end = len;
    while (end && len - end < 2 && text[end - 1] == '=')
        end--;
    if (end < len && len % 4 != 0)
        return -1;
    buf_reserve(out, len / 4 * 3 + 3);
    if (read_digits(text, end, out) == 0)
        return 0;
    out->len = kept;
    out->data[kept] = '\0';
    return -1;
}
