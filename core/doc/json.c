/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader for JSON (RFC 8259).  jansson does not keep the line and column of a value; this
 * reader does, and shares limits, duplicate check and messages with YAML through the builder. */
#include <string.h>

#include "base/text.h"
#include "doc/build.h"

struct reader {
    struct doc_build *build;
    const char *at, *end;
    const char *line_start;
    unsigned line;
    size_t inner; /* bytes of this line that begin no character */
    struct buf unescaped;
};

static struct doc_place here(const struct reader *r)
{
    return (struct doc_place){r->line, (unsigned)((size_t)(r->at - r->line_start) - r->inner + 1)};
}

static int refuse(struct reader *r, const char *what)
{
    return doc_build_problem(r->build, here(r), "not valid JSON: %s", what);
}

static char peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

/* Lines end nowhere else: a string has its line breaks escaped. */
static void skip_spaces(struct reader *r)
{
    const char *at = r->at;
    for (; at < r->end && *at <= ' '; at++) {
        if (*at == '\n') {
            r->line++;
            r->line_start = at + 1;
            r->inner = 0;
        } else if (*at != ' ' && *at != '\t' && *at != '\r') {
            break;
        }
    }
    r->at = at;
}

/* Mostly there is none. */
static inline void skip_space(struct reader *r)
{
    if (peek(r) <= ' ')
        skip_spaces(r);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int read_unit(struct reader *r, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        int digit = hex_digit(peek(r));
        if (digit < 0)
            return refuse(r, "\\u needs four hexadecimal digits");
        *unit = *unit << 4 | (unsigned)digit;
    }
    return 0;
}

static void add_utf8(struct buf *out, unsigned c)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(lead[n] | c);
    buf_add(out, bytes, n);
}

static int read_unicode(struct reader *r)
{
    unsigned c, low;
    if (read_unit(r, &c))
        return -1;
    if (c == 0)
        return refuse(r, "a NUL character is not allowed in text");
    if (c >= 0xdc00 && c <= 0xdfff)
        return refuse(r, "a low surrogate stands without its high one");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return refuse(r, "a high surrogate stands without its low one");
        r->at += 2;
        if (read_unit(r, &low))
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return refuse(r, "a high surrogate stands without its low one");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    add_utf8(&r->unescaped, c);
    return 0;
}

static int read_escape(struct reader *r)
{
    static const char values[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    r->at++;
    char c = peek(r), value = values[(unsigned char)c];
    if (value) {
        buf_putc(&r->unescaped, value);
        r->at++;
        return 0;
    }
    if (c != 'u')
        return refuse(r, "unknown escape in a string");
    r->at++;
    return read_unicode(r);
}

/* The characters up to the next quote, backslash or control character. */
static size_t skip_plain(struct reader *r)
{
    const char *from = r->at, *end = r->end,
               *at = from + text_json_plain(from, (size_t)(end - from));
    size_t inner = 0;
    for (; at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20; at++)
        inner += (*at & 0xc0) == 0x80;
    r->at = at;
    r->inner += inner;
    return (size_t)(at - from);
}

/* Reads on after the first characters of a string that has something escaped. */
static int read_escaped(struct reader *r)
{
    while (peek(r) == '\\') {
        if (read_escape(r))
            return -1;
        const char *run = r->at;
        if (peek(r) != '\\' && peek(r) != '"')
            buf_add(&r->unescaped, run, skip_plain(r));
    }
    return 0;
}

/* The text is in the document itself, or unescaped until the next string. */
static int read_string(struct reader *r, const char **text, size_t *len)
{
    *text = ++r->at;
    *len = skip_plain(r);
    if (peek(r) == '\\') {
        buf_clear(&r->unescaped);
        buf_add(&r->unescaped, *text, *len);
        if (read_escaped(r))
            return -1;
        *text = buf_str(&r->unescaped);
        *len = r->unescaped.len;
    }
    if (r->at == r->end)
        return refuse(r, "a string does not end");
    if (*r->at != '"')
        return refuse(r, "a control character in a string must be escaped");
    r->at++;
    return 0;
}

static int read_text(struct reader *r, struct doc_place at)
{
    const char *text;
    size_t len;
    const struct doc_node node = {.kind = DOC_SCALAR, .line = at.line, .column = at.column};
    return read_string(r, &text, &len) ? -1 : doc_build_scalar(r->build, &node, text, len);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_digits(struct reader *r)
{
    const char *from = r->at, *at = from;
    while (at < r->end && is_digit(*at))
        at++;
    r->at = at;
    return at > from;
}

/* What stands behind the digits of a whole number. */
static int read_fraction(struct reader *r)
{
    if (peek(r) == '.') {
        r->at++;
        if (!skip_digits(r))
            return refuse(r, "a number needs digits after its point");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!skip_digits(r))
            return refuse(r, "a number needs digits in its exponent");
    }
    return 0;
}

static int read_number(struct reader *r)
{
    if (peek(r) == '-')
        r->at++;
    if (peek(r) == '0')
        r->at++;
    else if (!skip_digits(r))
        return refuse(r, "a number needs digits");
    char next = peek(r);
    if (is_digit(next))
        return refuse(r, "a number must not begin with 0");
    return next == '.' || (next | 0x20) == 'e' ? read_fraction(r) : 0;
}

static int read_word(struct reader *r)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(r->end - r->at) >= n && memcmp(r->at, words[i], n) == 0) {
            r->at += n;
            return 0;
        }
    }
    return refuse(r,
                  r->at == r->end ? "a value is missing at the end" : "a value is expected here");
}

static int read_value(struct reader *r);

static int read_key(struct reader *r)
{
    struct doc_place at = here(r);
    if (peek(r) != '"')
        return refuse(r, "a key in double quotes is expected here");
    if (read_text(r, at))
        return -1;
    skip_space(r);
    if (peek(r) != ':')
        return refuse(r, "a colon is expected after a key");
    r->at++;
    skip_space(r);
    return 0;
}

static int read_collection(struct reader *r, enum doc_kind kind)
{
    char closing = kind == DOC_MAP ? '}' : ']';
    if (doc_build_open(r->build, kind, here(r)))
        return -1;
    r->at++;
    skip_space(r);
    while (peek(r) != closing) {
        if ((kind == DOC_MAP && read_key(r)) || read_value(r))
            return -1;
        skip_space(r);
        if (peek(r) == closing)
            break;
        if (peek(r) != ',')
            return refuse(r, kind == DOC_MAP ? "a comma or } is expected here"
                                             : "a comma or ] is expected here");
        r->at++;
        skip_space(r);
        if (peek(r) == closing)
            return refuse(r, "a comma must be followed by another value");
    }
    r->at++;
    doc_build_close(r->build);
    return 0;
}

static int read_plain(struct reader *r, struct doc_place at)
{
    const char *from = r->at;
    bool number = *from == '-' || is_digit(*from);
    if (number ? read_number(r) : read_word(r))
        return -1;
    bool null = *from == 'n';
    const struct doc_node node = {.kind = null ? DOC_NULL : DOC_SCALAR,
                            .plain = true,
                            .literal = !null,
                            .line = at.line,
                            .column = at.column};
    return doc_build_scalar(r->build, &node, from, (size_t)(r->at - from));
}

/* Recursion ends at the builder's depth limit. */
static int read_value(struct reader *r)
{
    struct doc_place at = here(r);
    switch (peek(r)) {
    case '{':
        return read_collection(r, DOC_MAP);
    case '[':
        return read_collection(r, DOC_LIST);
    case '"':
        return read_text(r, at);
    default:
        return r->at == r->end ? read_word(r) : read_plain(r, at);
    }
}

int doc_read_json(struct doc_build *b, const char *text, size_t len)
{
    struct reader r = {.build = b, .at = text, .end = text + len, .line_start = text, .line = 1};
    skip_space(&r);
    int rc = read_value(&r);
    skip_space(&r);
    if (!rc && r.at < r.end)
        rc = refuse(&r, "more text follows the value");
    buf_free(&r.unescaped);
    return rc;
}
