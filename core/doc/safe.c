/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/safe.h"

#include <string.h>

#include "base/text.h"

/* The character at text, which is not at its end, and its length in bytes. */
static unsigned read_char(const char *text, size_t *len)
{
    const unsigned char *t = (const unsigned char *)text;
    *len = t[0] < 0x80 ? 1 : t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 : 4;
    unsigned c = t[0] & (*len == 1 ? 0x7f : 0x3fu >> (*len - 1));
    for (size_t i = 1; i < *len; i++)
        c = c << 6 | (t[i] & 0x3f);
    return c;
}

size_t doc_cut(const char *text, size_t len, size_t most)
{
    if (len <= most)
        return len;
    for (len = most; len && (text[len] & 0xc0) == 0x80; len--)
        ;
    return len;
}

bool doc_turns_text(unsigned c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool is_unseen(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
           (c & 0xfffe) == 0xfffe || doc_turns_text(c);
}

size_t doc_find_unsafe(const char *text, size_t len, const char *allowed, unsigned *c)
{
    size_t at = 0;
    for (size_t n; at < len; at += n) {
        n = text_plain(text + at, len - at);
        if (n)
            continue;
        *c = read_char(text + at, &n);
        if (is_unseen(*c) && !(*c < 0x80 && strchr(allowed, (int)*c)))
            return at;
    }
    return len;
}

size_t doc_safe_char(const char *bytes, size_t len, const char *allowed)
{
    unsigned c;
    for (size_t n = 1; n <= 4 && n <= len; n++)
        if (text_utf8_valid(bytes, n) == n)
            return doc_find_unsafe(bytes, n, allowed, &c) == n ? n : 0;
    return 0;
}

void doc_escape(const char *bytes, size_t len, const char *allowed, struct buf *out)
{
    for (size_t at = 0, n; at < len; at += n ? n : 1) {
        n = doc_safe_char(bytes + at, len - at, allowed);
        if (n)
            buf_add(out, bytes + at, n);
        else
            buf_printf(out, "\\x%02x", (unsigned char)bytes[at]);
    }
}

static void escape(unsigned c, enum doc_format format, struct buf *out)
{
    if (c <= 0xffff)
        buf_printf(out, "\\u%04X", c);
    else if (format == DOC_YAML)
        buf_printf(out, "\\U%08X", c);
    else
        buf_printf(out, "\\u%04X\\u%04X", 0xd7c0 + (c >> 10), 0xdc00 | (c & 0x3ff));
}

void doc_quote(const char *text, enum doc_format format, struct buf *out)
{
    unsigned c;
    size_t len = strlen(text);
    if (doc_find_unsafe(text, len, "\b\f\n\r\t", &c) == len) {
        text_json_quote(out, text);
        return;
    }
    buf_putc(out, '"');
    for (size_t n; *text; text += n) {
        c = read_char(text, &n);
        if (is_unseen(c)) {
            escape(c, format, out);
            continue;
        }
        if (c == '"' || c == '\\')
            buf_putc(out, '\\');
        buf_add(out, text, n);
    }
    buf_putc(out, '"');
}
