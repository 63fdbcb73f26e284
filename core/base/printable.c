/* SPDX-License-Identifier: Apache-2.0 */
#include "base/printable.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* Unicode 15: general categories Cc, Cf, Zl, Zp and the property Default_Ignorable_Code_Point; the
 * noncharacters at the end of each plane are computed.  In order. */
static const struct {
    unsigned first, last;
} hidden[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},
    {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},
    {0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
    {0x3164, 0x3164},   {0xd800, 0xdfff},   {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0x110bd, 0x110bd},
    {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff},
};

bool printable_code(unsigned c)
{
    if ((c & 0xfffe) == 0xfffe || c > 0x10ffff)
        return false;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden && hidden[i].first <= c; i++)
        if (c <= hidden[i].last)
            return false;
    return true;
}

unsigned printable_read(const char *text, size_t *len)
{
    const unsigned char *t = (const unsigned char *)text;
    *len = t[0] < 0x80 ? 1 : t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 : 4;
    unsigned c = t[0] & (*len == 1 ? 0x7f : 0x3fu >> (*len - 1));
    for (size_t i = 1; i < *len; i++)
        c = c << 6 | (t[i] & 0x3f);
    return c;
}

static bool passes(unsigned c, const char *allowed)
{
    return printable_code(c) || (c && c < 0x80 && strchr(allowed, (int)c));
}

size_t printable_char(const char *bytes, size_t len, const char *allowed)
{
    size_t n = text_utf8_char(bytes, len);
    return n && passes(printable_read(bytes, &n), allowed) ? n : 0;
}

bool printable_text(const char *text)
{
    for (size_t n, len = strlen(text); len; text += n, len -= n) {
        n = text_plain(text, len);
        if (!n && !(n = printable_char(text, len, "")))
            return false;
    }
    return true;
}

static void escape_code(struct buf *out, unsigned c)
{
    buf_printf(out, c < 0x80 ? "\\x%02x" : c <= 0xffff ? "\\u%04x" : "\\U%08x", c);
}

void printable_escape(struct buf *out, const char *bytes, size_t len, const char *allowed)
{
    for (size_t at = 0, n; at < len; at += n) {
        n = text_plain(bytes + at, len - at);
        if (!n)
            n = printable_char(bytes + at, len - at, allowed);
        if (n) {
            buf_add(out, bytes + at, n);
        } else if ((n = text_utf8_char(bytes + at, len - at))) {
            escape_code(out, printable_read(bytes + at, &n));
        } else {
            buf_printf(out, "\\x%02x", (unsigned char)bytes[at]);
            n = 1;
        }
    }
}

/* JSON is printable outside its strings, so every other character is inside one. */
void printable_escape_json(struct buf *out, const char *json)
{
    for (size_t n, len = strlen(json); len; json += n, len -= n) {
        n = text_plain(json, len);
        if (!n)
            n = printable_char(json, len, "\n");
        if (n) {
            buf_add(out, json, n);
            continue;
        }
        unsigned c = printable_read(json, &n);
        if (c <= 0xffff)
            buf_printf(out, "\\u%04X", c);
        else
            buf_printf(out, "\\u%04X\\u%04X", 0xd7c0 + (c >> 10), 0xdc00 | (c & 0x3ff));
    }
}
