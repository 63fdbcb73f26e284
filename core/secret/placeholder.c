/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/placeholder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

enum {
    DECODINGS_MAX = 3,
    SHORTEST = sizeof SECRET_MARKER - 1,            /* of all forms, encoded ones too */
};
_Static_assert(sizeof SECRET_MARKER == sizeof SECRET_ALIAS, "SHORTEST is the length of both");

/* What base64 makes of the inner part of the markers, by their offset modulo 3: the digits that no
 * neighbour changes. */
static const char *const encoded_markers[] = {
    "b3BlbnNoZWxsOnJlc29sdmU6ZW52", "9wZW5zaGVsbDpyZXNvbHZlOmVudj", "vcGVuc2hlbGw6cmVzb2x2ZTplbnY6",
    "T1BFTlNIRUxMLVJFU09MVkUtRU5W", "9QRU5TSEVMTC1SRVNPTFZFLUVOVi", "PUEVOU0hFTEwtUkVTT0xWRS1FTlYt",
};

void secret_placeholder(const char *handle, const char *name, struct buf *out)
{
    buf_printf(out, SECRET_MARKER "s%s_%s", handle, name);
}

static bool has(const char *text, size_t len, const char *what)
{
    return len && memmem(text, len, what, strlen(what));
}

static bool has_marker(const char *text, size_t len)
{
    return has(text, len, SECRET_MARKER) || has(text, len, SECRET_ALIAS);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that text begins with, and how many bytes stand for it. */
static char decode_byte(const char *text, size_t len, size_t *taken)
{
    *taken = 1;
    if (*text != '%' || len < 3 || digit_of(text[1]) < 0 || digit_of(text[2]) < 0)
        return *text;
    *taken = 3;
    return (char)(digit_of(text[1]) << 4 | digit_of(text[2]));
}

static size_t decode_all(char *text, size_t len)
{
    size_t n = 0, taken;
    for (size_t i = 0; i < len; i += taken)
        text[n++] = decode_byte(text + i, len - i, &taken);
    return n;
}

bool secret_has_plain_trace(const char *text, size_t len)
{
    if (len < SHORTEST)
        return false;
    if (has_marker(text, len))
        return true;
    if (!len || !memchr(text, '%', len))
        return false;
    char *copy = alloc_strn(text, len);
    bool found = false;
    for (int i = 0; i < DECODINGS_MAX && !found; i++) {
        len = decode_all(copy, len);
        found = has_marker(copy, len);
    }
    free(copy);
    return found;
}

bool secret_has_trace(const char *text, size_t len)
{
    if (len < SHORTEST)
        return false;
    if (secret_has_plain_trace(text, len))
        return true;
    for (size_t i = 0; i < sizeof encoded_markers / sizeof *encoded_markers; i++)
        if (has(text, len, encoded_markers[i]))
            return true;
    return false;
}

size_t secret_decode_from(const char *text, size_t len, char out[SECRET_PLACEHOLDER_MAX + 1],
                          size_t at[SECRET_PLACEHOLDER_MAX + 1])
{
    size_t n = 0, taken;
    if (!len || (*text != 'o' && *text != '%'))
        return 0;
    for (size_t i = 0; i < len && n < SECRET_PLACEHOLDER_MAX; i += taken) {
        at[n] = i;
        out[n] = decode_byte(text + i, len - i, &taken);
        at[n + 1] = i + taken;
        if (n < SECRET_MARKER_LEN && out[n] != SECRET_MARKER[n])
            return 0;
        n++;
    }
    out[n] = '\0';
    return n >= SECRET_MARKER_LEN ? n : 0;
}

/* ---- for logs ---- */

static bool may_be_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Bytes that the marker takes at the beginning of the text; 0: there is none. */
static size_t marker_length(const char *text, size_t len)
{
    static const char *const markers[] = {SECRET_MARKER, SECRET_ALIAS};
    for (size_t m = 0; m < sizeof markers / sizeof *markers; m++) {
        size_t at = 0, n = 0, taken;
        while (at < len && n < SECRET_MARKER_LEN &&
               decode_byte(text + at, len - at, &taken) == markers[m][n]) {
            at += taken;
            n++;
        }
        if (n == SECRET_MARKER_LEN)
            return at;
    }
    return 0;
}

/* The same of the placeholder, which ends where another one begins. */
static size_t placeholder_length(const char *text, size_t len)
{
    size_t at = marker_length(text, len), taken;
    while (at && at < len && may_be_of_name(decode_byte(text + at, len - at, &taken)) &&
           !marker_length(text + at, len - at))
        at += taken;
    return at;
}

void secret_redact(const char *text, size_t len, struct buf *out)
{
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = placeholder_length(text + i, len - i);
        if (n)
            buf_puts(out, "[CREDENTIAL]");
        else
            buf_putc(out, text[i]);
    }
}

/* ---- for rules ---- */

/* Whether it begins with the handle of a placeholder. */
static bool is_handle(const char *text)
{
    size_t n = strspn(text + (*text == 's'), "0123456789abcdef");
    return *text == 's' && n == SECRET_HANDLE_LEN && text[1 + n] == '_';
}

void secret_generalise(const char *text, struct buf *out)
{
    for (const char *at; (at = strstr(text, SECRET_MARKER)); text = at) {
        at += SECRET_MARKER_LEN;
        buf_add(out, text, (size_t)(at - text));
        if (!is_handle(at))
            continue;
        buf_putc(out, *at++);
        for (int i = 0; i < SECRET_HANDLE_LEN; i++, at++)
            buf_putc(out, '?');
    }
    buf_puts(out, text);
}
