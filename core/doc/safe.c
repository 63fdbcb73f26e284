/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/safe.h"

#include <string.h>

#include "base/printable.h"
#include "base/text.h"

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
        *c = printable_read(text + at, &n);
        if (is_unseen(*c) && !(*c < 0x80 && strchr(allowed, (int)*c)))
            return at;
    }
    return len;
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

/* Whether JSON's own short escapes are all that the text needs. */
static bool is_plain(const char *text)
{
    for (size_t n, len = strlen(text); len; text += n, len -= n) {
        n = text_plain(text, len);
        if (!n && !(n = printable_char(text, len, "\b\f\n\r\t")))
            return false;
    }
    return true;
}

void doc_quote(const char *text, enum doc_format format, struct buf *out)
{
    if (is_plain(text)) {
        text_json_quote(out, text);
        return;
    }
    buf_putc(out, '"');
    for (size_t n; *text; text += n) {
        unsigned c = printable_read(text, &n);
        if (!printable_code(c)) {
            escape(c, format, out);
            continue;
        }
        if (c == '"' || c == '\\')
            buf_putc(out, '\\');
        buf_add(out, text, n);
    }
    buf_putc(out, '"');
}
