/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Length of the valid UTF-8 sequence at s, or 0.  Bounds of the second byte from RFC 3629
 * section 4. */
static size_t sequence(const unsigned char *s, size_t len)
{
    if (s[0] >= 0x01 && s[0] <= 0x7f)
        return 1;
    size_t need = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3
                : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
    if (!need || len < need)
        return 0;
    unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return need;
}

static const uint64_t each_byte = UINT64_C(0x0101010101010101);

/* Eight bytes, the first one lowest. */
static uint64_t load(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

/* The highest bit of each byte that is not plain: a plain one is below 0x80, plus 1 and minus 0x20
 * too.  What such a byte carries to the next one may set that one's bit as well. */
static uint64_t find_other(uint64_t word)
{
    return (word | (word + each_byte) | (word - each_byte * 0x20)) & each_byte * 0x80;
}

/* The same for bytes that a string of JSON has to escape. */
static uint64_t find_json_other(uint64_t word)
{
    uint64_t quote = (word ^ each_byte * '"') - each_byte,
             backslash = (word ^ each_byte * '\\') - each_byte;
    return find_other(word) | ((quote | backslash) & each_byte * 0x80);
}

/* How many bytes stand before the first one that is found. */
static size_t count_before(uint64_t found)
{
    return (size_t)__builtin_ctzll(found) / 8;
}

/* Up to eight bytes, with plain ones behind them. */
static uint64_t load_few(const char *bytes, size_t len)
{
    uint64_t word = each_byte * 'a';
    uint32_t first, last;
    if (len >= sizeof first) {
        memcpy(&first, bytes, sizeof first);
        memcpy(&last, bytes + len - sizeof last, sizeof last);
        return first | (uint64_t)last << 32;        /* in whichever order, some twice */
    }
    for (size_t i = 0; i < len; i++)
        word = word << 8 | (unsigned char)bytes[i];
    return word;
}

size_t text_plain(const char *bytes, size_t len)
{
    size_t n = 0;
    for (uint64_t other; len - n >= sizeof other; n += sizeof other)
        if ((other = find_other(load(bytes + n))))
            return n + count_before(other);
    if (!find_other(load_few(bytes + n, len - n)))
        return len;
    while (n < len && bytes[n] >= 0x20 && bytes[n] < 0x7f)
        n++;
    return n;
}

size_t text_json_plain(const char *bytes, size_t len)
{
    size_t n = 0;
    for (uint64_t other; len - n >= sizeof other; n += sizeof other)
        if ((other = find_json_other(load(bytes + n))))
            return n + count_before(other);
    if (!find_json_other(load_few(bytes + n, len - n)))
        return len;
    while (n < len && bytes[n] >= 0x20 && bytes[n] < 0x7f && bytes[n] != '"' && bytes[n] != '\\')
        n++;
    return n;
}

size_t text_utf8_valid(const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t n = text_plain(bytes + at, len - at);
        if (!n)
            n = sequence((const unsigned char *)bytes + at, len - at);
        if (!n)
            return at;
        at += n;
    }
    return len;
}

size_t text_utf8_char(const char *bytes, size_t len)
{
    return len ? sequence((const unsigned char *)bytes, len) : 0;
}

static bool stands_for_itself(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

void text_make_valid(char *text, size_t size)
{
    enum { CHARACTER_MAX = 4 };
    size_t len = strlen(text), valid = text_utf8_valid(text, len);
    bool is_cut = len == size - 1 && len - valid < CHARACTER_MAX;
    if (valid < len && !is_cut) {
        struct buf out = {0};
        text_escape_bytes(&out, text);
        snprintf(text, size, "%s", buf_str(&out));
        buf_free(&out);
        valid = text_utf8_valid(text, strlen(text));
    }
    text[valid] = '\0';
}

/* With quotes around them: most texts need no more. */
static void quote_plain(struct buf *out, const char *text, size_t len)
{
    buf_reserve(out, len + 2);
    char *at = out->data + out->len;
    at[0] = '"';
    memcpy(at + 1, text, len);
    memcpy(at + 1 + len, "\"", 2);
    out->len += len + 2;
}

static void quote_escaped(struct buf *out, const char *text)
{
    static const char special[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt",
                      hex[] = "0123456789abcdef";
    const char *end = text + strlen(text);
    buf_putc(out, '"');
    for (;; text++) {
        const char *run = text;
        text += text_json_plain(text, (size_t)(end - text));
        while (stands_for_itself(*text))
            text++;
        buf_add(out, run, (size_t)(text - run));
        if (!*text)
            break;
        const char *known = strchr(special, *text);
        unsigned byte = (unsigned char)*text;
        if (known)
            buf_add(out, (char[]){'\\', names[known - special]}, 2);
        else
            buf_add(out, (char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
    }
    buf_putc(out, '"');
}

const char *text_number(char text[TEXT_NUMBER_SIZE], int64_t number)
{
    char *at = text + TEXT_NUMBER_SIZE - 1;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    *at = '\0';
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    return at;
}

void text_json_quote(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    if (text_json_plain(text, len) == len)
        quote_plain(out, text, len);
    else
        quote_escaped(out, text);
}

void text_escape_bytes(struct buf *out, const char *bytes)
{
    for (size_t n, len = strlen(bytes); len; bytes += n, len -= n) {
        n = sequence((const unsigned char *)bytes, len);
        buf_add(out, bytes, n);
        if (!n) {
            buf_printf(out, "\\x%02x", (unsigned char)*bytes);
            n = 1;
        }
    }
}

const char *text_env_name_refused(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_",
                      digits[] = "0123456789";
    const char *rest = name + strspn(name, letters);
    while (rest != name && *rest && (strchr(letters, *rest) || strchr(digits, *rest)))
        rest++;
    if (rest == name || *rest)
        return "a name is letters, digits and _, and does not begin with a digit";
    if (rest - name > 256)
        return "its name is longer than 256 bytes";
    if (strncmp(name, "SLUICE_", 7) == 0 || strncmp(name, "OPENSHELL_", 10) == 0)
        return "names that begin with SLUICE_ or OPENSHELL_ are reserved";
    return NULL;
}

/* Levenshtein distance, one row at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(b);
    size_t *row = alloc_zero(n + 1, sizeof *row);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    size_t result = row[n];
    free(row);
    return result;
}

const char *text_nearest(const char *text, const char *const *words)
{
    size_t len = strlen(text);
    if (len > 64)
        return NULL;
    const char *best = NULL;
    size_t limit = len / 3 + 1;
    for (; *words; words++) {
        size_t d = distance(text, *words);
        if (d <= limit && d < strlen(*words)) {
            best = *words;
            limit = d ? d - 1 : 0;
            if (!d)
                break;
        }
    }
    return best;
}

void text_shell_quote(struct buf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+";
    if (*text && text[strspn(text, plain)] == '\0') {
        buf_puts(out, text);
        return;
    }
    buf_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buf_puts(out, "'\\''");
        else
            buf_putc(out, *text);
    }
    buf_putc(out, '\'');
}

static bool inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void text_shorten(struct buf *out, const char *text, size_t max)
{
    static const char gap[] = "...";
    size_t len = strlen(text);
    if (len <= max) {
        buf_add(out, text, len);
        return;
    }
    size_t head = (max - (sizeof gap - 1)) / 2, tail = len - head;
    for (int i = 0; i < 3 && head > 0 && inside_character(text[head]); i++)
        head--;
    for (int i = 0; i < 3 && tail < len && inside_character(text[tail]); i++)
        tail++;
    buf_add(out, text, head);
    buf_add(out, gap, sizeof gap - 1);
    buf_add(out, text + tail, len - tail);
}
