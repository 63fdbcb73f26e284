/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/placeholder.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

enum {
    DECODINGS_MAX = 3,
    SHORTEST = sizeof SECRET_MARKER - 1,            /* of all forms, encoded ones too */
};
_Static_assert(sizeof SECRET_MARKER == sizeof SECRET_ALIAS, "SHORTEST is the length of both");

/* The markers, then what base64 makes of their inner part, by its offset modulo 3: the digits that
 * no neighbour changes. */
static const char *const words[] = {
    SECRET_MARKER, SECRET_ALIAS,
    "b3BlbnNoZWxsOnJlc29sdmU6ZW52", "9wZW5zaGVsbDpyZXNvbHZlOmVudj", "vcGVuc2hlbGw6cmVzb2x2ZTplbnY6",
    "T1BFTlNIRUxMLVJFU09MVkUtRU5W", "9QRU5TSEVMTC1SRVNPTFZFLUVOVi", "PUEVOU0hFTEwtUkVTT0xWRS1FTlYt",
};
enum { PLAIN_WORDS = 2, ALL_WORDS = sizeof words / sizeof *words };

void secret_placeholder(const char *handle, const char *name, struct buf *out)
{
    buf_printf(out, SECRET_MARKER "s%s_%s", handle, name);
}

/* ---- one of several words in a text ---- */

static bool has(const char *text, size_t len, const char *what)
{
    return len && memmem(text, len, what, strlen(what));
}

enum {
    GRAM = 4,                                       /* bytes */
    GRAM_BITS = 12,
    STRIDE = SHORTEST - GRAM + 1,
    WORDS_MAX = 8,
    PLACES_MAX = WORDS_MAX * STRIDE,
};

/* Where a gram stands in one of the words. */
struct place {
    uint8_t word, offset, next;                     /* next: one behind its index; 0: none */
};

/* The grams that the first SHORTEST bytes of each word have: of STRIDE neighbours in a text, one is
 * among them where a word stands. */
struct grams {
    uint8_t first[1 << GRAM_BITS];
    struct place places[PLACES_MAX];
    unsigned n;
};
_Static_assert(PLACES_MAX < UINT8_MAX, "next counts them");

static unsigned gram_at(const char *text)
{
    uint32_t gram;
    memcpy(&gram, text, GRAM);
    return (gram * 2654435761u) >> (32 - GRAM_BITS);
}

static void add_word(struct grams *grams, uint8_t index, const char *word)
{
    for (uint8_t offset = 0; offset < STRIDE; offset++) {
        uint8_t *first = &grams->first[gram_at(word + offset)];
        grams->places[grams->n] = (struct place){index, offset, *first};
        *first = (uint8_t)++grams->n;
    }
}

static bool is_place(const struct place *place, const char *word, const char *text, size_t at,
                     size_t len)
{
    size_t n = strlen(word);
    return at >= place->offset && len - (at - place->offset) >= n &&
           memcmp(text + at - place->offset, word, n) == 0;
}

/* Of the first n words.  Long texts are searched for all of them at once, most of their bytes
 * unread: a flood of bodies is not to hold up the loop. */
static bool has_any(const char *text, size_t len, size_t n)
{
    enum { SHORT_TEXT = 4096 };
    struct grams grams;
    if (len < SHORT_TEXT) {
        for (size_t i = 0; i < n; i++)
            if (has(text, len, words[i]))
                return true;
        return false;
    }
    memset(&grams, 0, sizeof grams);
    for (size_t i = 0; i < n; i++)
        add_word(&grams, (uint8_t)i, words[i]);
    for (size_t at = STRIDE - 1; at + GRAM <= len; at += STRIDE)
        for (uint8_t i = grams.first[gram_at(text + at)]; i; i = grams.places[i - 1].next) {
            const struct place *place = &grams.places[i - 1];
            if (is_place(place, words[place->word], text, at, len))
                return true;
        }
    return false;
}

/* Whether the text has a marker of any form that is given. */
static bool has_marker(const char *text, size_t len)
{
    return has_any(text, len, PLAIN_WORDS);
}

/* One more than the digit that it is; 0: it is none. */
static const uint8_t hex[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};

/* The byte that text begins with, and how many bytes stand for it. */
static char decode_byte(const char *text, size_t len, size_t *taken)
{
    *taken = 1;
    if (*text != '%' || len < 3)
        return *text;
    unsigned high = hex[(unsigned char)text[1]], low = hex[(unsigned char)text[2]];
    if (!high || !low)
        return *text;
    *taken = 3;
    return (char)((high - 1) << 4 | (low - 1));
}

/* Returns how many bytes there are then. */
static size_t decode_all(char *text, size_t len)
{
    size_t n = 0, taken;
    for (size_t i = 0; i < len;) {
        if (text[i] != '%') {
            text[n++] = text[i++];
            continue;
        }
        text[n++] = decode_byte(text + i, len - i, &taken);
        i += taken;
    }
    return n;
}

/* As often as anybody may decode it. */
static bool decodes_to_marker(char *text, size_t len)
{
    for (int i = 0; i < DECODINGS_MAX; i++) {
        size_t n = decode_all(text, len);
        if (n == len)
            break;
        len = n;
        if (has_marker(text, len))
            return true;
    }
    return false;
}

static bool has_encoded_marker(const char *text, size_t len)
{
    if (!memchr(text, '%', len))
        return false;
    char *copy = alloc_strn(text, len);
    bool found = decodes_to_marker(copy, len);
    free(copy);
    return found;
}

bool secret_has_plain_trace(const char *text, size_t len)
{
    return len >= SHORTEST && (has_marker(text, len) || has_encoded_marker(text, len));
}

bool secret_has_trace(const char *text, size_t len)
{
    return len >= SHORTEST &&
           (has_any(text, len, ALL_WORDS) || has_encoded_marker(text, len));
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
