/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/target.h"

#include <string.h>

#include "base/text.h"

static const char hex_digits[] = "0123456789ABCDEF";

static int hex_value(char c)
{
    const char *at = c ? strchr("0123456789abcdef", c | 0x20) : NULL;
    return at ? (int)(at - "0123456789abcdef") : -1;
}

/* The byte of an escape, or -1: the text at p, which is followed by NUL or more, is none. */
static int escaped_byte(const char *p, size_t left)
{
    if (left < 3)
        return -1;
    int high = hex_value(p[1]), low = hex_value(p[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The length of the escapes of one UTF-8 character; 0: they are of none, or of one in more bytes
 * than it needs. */
static size_t escaped_character(const char *p, size_t left)
{
    char bytes[4];
    int lead = escaped_byte(p, left);
    size_t n = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    for (size_t i = 0; i < n; i++) {
        int byte = 3 * i < left && p[3 * i] == '%' ? escaped_byte(p + 3 * i, left - 3 * i) : -1;
        if (byte < 0)
            return 0;
        bytes[i] = (char)byte;
    }
    return text_utf8_valid(bytes, n) == n ? 3 * n : 0;
}

/* What a segment may hold as it is; ';' begins its parameters. */
static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("-._~!$&'()*+,=:@", c));
}

static void put_byte(struct buf *out, unsigned char c)
{
    if (is_plain(c))
        buf_putc(out, (char)c);
    else
        buf_printf(out, "%%%c%c", hex_digits[c >> 4], hex_digits[c & 15]);
}

/* A segment being read.  Some servers split it further, at an escaped slash or semicolon or at a
 * backslash; no piece of it may be a dot segment for them. */
struct segment {
    size_t start;                                   /* in the output */
    size_t pieces, piece_len;
    bool dots;                                      /* the piece so far is dots alone */
    bool hidden_dots;                               /* some piece of several is a dot segment */
    bool parameters;                                /* what follows is dropped */
};

static void begin_segment(struct segment *s, size_t start)
{
    *s = (struct segment){.start = start, .pieces = 1, .dots = true};
}

static bool is_dot_piece(const struct segment *s)
{
    return s->dots && (s->piece_len == 1 || s->piece_len == 2);
}

static void split_segment(struct segment *s)
{
    s->hidden_dots |= is_dot_piece(s);
    s->pieces++;
    s->piece_len = 0;
    s->dots = true;
}

static void add_to_segment(struct segment *s, struct buf *out, unsigned char c, bool escaped)
{
    if (c == ';' && !escaped)
        s->parameters = true;
    if (s->parameters)
        return;
    put_byte(out, c);
    if (c == '\\' || (escaped && (c == '/' || c == ';'))) {
        split_segment(s);
    } else {
        s->dots &= c == '.';
        s->piece_len++;
    }
}

/* Drops the last segment of the output and the slash before it.  False: there is none. */
static bool drop_segment(struct buf *out, size_t root)
{
    while (out->len > root && out->data[out->len - 1] != '/')
        out->len--;
    if (out->len <= root)
        return false;
    out->data[--out->len] = '\0';
    return true;
}

/* The output holds "/segment" for each so far.  NULL, or why not. */
static const char *end_segment(struct segment *s, struct buf *out, size_t root)
{
    bool dot = s->pieces == 1 && is_dot_piece(s), up = dot && s->piece_len == 2;
    split_segment(s);
    if (s->pieces > 2 && s->hidden_dots)
        return "a dot segment is hidden in the path";
    if (!dot && out->len > s->start)
        return NULL;
    out->len = s->start - 1;                        /* and its slash */
    out->data[out->len] = '\0';
    return up && !drop_segment(out, root) ? "the path climbs above its root" : NULL;
}

/* NULL, or why the byte is not accepted. */
static const char *check_byte(unsigned char c, bool escaped, bool keep_encoded_slash)
{
    if (c < 0x20 || c == 0x7f)
        return "the path has a control character";
    if (!escaped && (c == ' ' || c >= 0x80 || c == '#' || c == '?'))
        return "the path has a character that has to be escaped";
    if (escaped && c == '/' && !keep_encoded_slash)
        return "the path has an encoded '/' (%2F)";
    return NULL;
}

static const char *read_path(const char *path, size_t len, bool keep, struct buf *out, size_t root)
{
    struct segment segment;
    const char *why = NULL;
    size_t checked = 0;                             /* up to here escapes are UTF-8 */
    buf_putc(out, '/');
    begin_segment(&segment, out->len);
    for (size_t i = 1; i < len && !why; i++) {
        unsigned char c = (unsigned char)path[i];
        if (c == '/') {
            why = end_segment(&segment, out, root);
            buf_putc(out, '/');
            begin_segment(&segment, out->len);
            continue;
        }
        int byte = c == '%' ? escaped_byte(path + i, len - i) : c;
        if (byte < 0)
            return "the path has a malformed escape";
        if (byte >= 0x80 && c == '%' && i >= checked) {
            size_t n = escaped_character(path + i, len - i);
            if (n == 0)
                return "the path has escapes that are no UTF-8";
            checked = i + n;
        }
        why = check_byte((unsigned char)byte, c == '%', keep);
        add_to_segment(&segment, out, (unsigned char)byte, c == '%');
        i += c == '%' ? 2 : 0;
    }
    bool open = out->len == segment.start;          /* ends with a slash */
    if (!why)
        why = end_segment(&segment, out, root);
    if (!why && (open || out->len < segment.start))
        buf_putc(out, '/');
    return why;
}

const char *policy_target_path(const char *path, size_t len, bool keep_encoded_slash,
                               struct buf *out)
{
    size_t root = out->len;
    if (len > POLICY_TARGET_PATH_MAX)
        return "the path is longer than 4096 bytes";
    if (len == 0) {
        buf_putc(out, '/');
        return NULL;
    }
    if (path[0] != '/')
        return "the path does not begin with '/'";
    const char *why = read_path(path, len, keep_encoded_slash, out, root);
    if (!why && out->len - root > POLICY_TARGET_PATH_MAX)
        return "the path is longer than 4096 bytes once its characters are escaped";
    return why;
}

static bool decode(const char *text, size_t len, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < len; i++) {
        int byte = text[i] == '+' ? ' ' : (unsigned char)text[i];
        if (byte == '%') {
            byte = escaped_byte(text + i, len - i);
            i += 2;
        }
        if (byte < 0)
            return false;
        buf_putc(out, (char)byte);
    }
    return text_utf8_valid(buf_str(out), out->len) == out->len;
}

bool policy_query_next(struct policy_query *query, bool *bad)
{
    const char *separators = query->separators ? query->separators : "&";
    const char *at = query->rest + strspn(query->rest, separators);
    size_t len = strcspn(at, separators), key = strcspn(at, "=");
    query->rest = at + len;
    if (len == 0)
        return false;
    key = key < len ? key : len;
    const char *value = at + key + (key < len);
    *bad =
        !decode(at, key, &query->key) || !decode(value, (size_t)(at + len - value), &query->value);
    return !*bad;
}

void policy_query_free(struct policy_query *query)
{
    buf_free(&query->key);
    buf_free(&query->value);
}

const char *policy_query_check(const char *query)
{
    struct policy_query q = {.rest = query};
    bool bad = false;
    while (policy_query_next(&q, &bad))
        ;
    policy_query_free(&q);
    return bad ? "the query has a malformed escape or is no UTF-8" : NULL;
}
