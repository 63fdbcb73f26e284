/* SPDX-License-Identifier: Apache-2.0 */
#include "http/guard.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static bool control(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* Bytes of a method or a header name (RFC 9110, 5.6.2). */
static bool token_byte(unsigned char c)
{
    static const bool token[256] = {
        ['0' ... '9'] = true, ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['!'] = true,
        ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true,
        ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true,
        ['|'] = true, ['~'] = true};
    return token[c];
}

static const char *line_start(struct http_head_guard *guard, unsigned char c)
{
    if (c == ' ' || c == '\t')
        return guard->lines ? "a header line is folded" : "the first line begins with white space";
    if (c == '\r' && !guard->lines)
        return "the first line is empty";
    if (c == '\r') {
        guard->state = HEAD_LAST_CR;
        return NULL;
    }
    guard->state = HEAD_IN_LINE;
    return NULL;
}

static const char *in_line(struct http_head_guard *guard, unsigned char c)
{
    if (c == '\r')
        guard->state = HEAD_LINE_CR;
    else if (c == '\n')
        return "a line feed stands without a carriage return";
    else if (control(c))
        return "the head contains a control byte";
    return NULL;
}

/* Whether none of eight bytes is a control byte or a tab. */
static bool plain_word(const char *bytes)
{
    const uint64_t ones = UINT64_MAX / 255, high = ones * 0x80;
    uint64_t word, deleted;
    memcpy(&word, bytes, sizeof word);
    deleted = word ^ ones * 0x7f;
    return !(((word - ones * 0x20) & ~word & high) | ((deleted - ones) & ~deleted & high));
}

/* How many bytes of a line pass without a look at the guard's state. */
static size_t plain_run(const char *bytes, size_t len)
{
    size_t n = 0;
    while (len - n >= sizeof(uint64_t) && plain_word(bytes + n))
        n += sizeof(uint64_t);
    while (n < len && !control((unsigned char)bytes[n]))
        n++;
    return n;
}

static const char *head_step(struct http_head_guard *guard, unsigned char c)
{
    const char *bad = NULL;
    if (guard->state == HEAD_LINE_START && ((bad = line_start(guard, c)) || c == '\r'))
        return bad;
    if (guard->state == HEAD_IN_LINE)
        return in_line(guard, c);
    if (c != '\n')
        return "a carriage return stands without a line feed";
    guard->lines++;
    guard->state = guard->state == HEAD_LAST_CR ? HEAD_DONE : HEAD_LINE_START;
    return NULL;
}

const char *http_guard_head(struct http_head_guard *guard, const char *bytes, size_t len,
                            size_t *used)
{
    const char *bad = NULL;
    size_t i = 0;
    while (i < len && !bad && guard->state != HEAD_DONE) {
        if (guard->state == HEAD_IN_LINE)
            i += plain_run(bytes + i, len - i);
        if (i < len)
            bad = head_step(guard, (unsigned char)bytes[i++]);
    }
    *used = i;
    return bad;
}

static bool version(const char *at, size_t len)
{
    return len == 8 && memcmp(at, "HTTP/1.", 7) == 0 && (at[7] == '0' || at[7] == '1');
}

static const char *request_line(const char *line, size_t len)
{
    size_t i = 0, target;
    while (i < len && token_byte((unsigned char)line[i]))
        i++;
    if (i == 0 || i == len || line[i] != ' ')
        return "the request line does not begin with a method and one space";
    for (target = ++i; i < len && line[i] > 0x20 && line[i] < 0x7f; i++)
        ;
    if (i == target || i == len || line[i] != ' ')
        return "the request target is empty or not printable ASCII followed by one space";
    if (!version(line + i + 1, len - i - 1))
        return "the request line does not end in HTTP/1.1 or HTTP/1.0";
    return NULL;
}

static const char *status_line(const char *line, size_t len)
{
    if (len < 12 || !version(line, 8) || line[8] != ' ' || strspn(line + 9, "0123456789") != 3 ||
        line[9] == '0' ||
        (len > 12 && line[12] != ' '))
        return "the status line is not HTTP/1.1 and three digits";
    return NULL;
}

static const char *field_line(enum http_side side, const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && token_byte((unsigned char)line[i]))
        i++;
    if (i == 0)
        return "a header name is empty or begins with a byte that no name may have";
    if (i == len || line[i] != ':')
        return "a header name is not followed by its colon at once";
    if (side == HTTP_OF_CLIENT && text_utf8_valid(line, len) != len)
        return "a header value is not UTF-8";
    return NULL;
}

const char *http_guard_lines(enum http_side side, const char *text, size_t len)
{
    const char *end = memchr(text, '\r', len), *bad;
    size_t first = (size_t)(end - text);
    bad = side == HTTP_OF_CLIENT ? request_line(text, first) : status_line(text, first);
    while (!bad && end[2] != '\r') {
        const char *line = end + 2;
        end = memchr(line, '\r', len - (size_t)(line - text));
        bad = field_line(side, line, (size_t)(end - line));
    }
    return bad;
}

static const char *framing(const struct http_head *head)
{
    const char *length = http_head_get(head, "Content-Length");
    const char *coding = http_head_get(head, "Transfer-Encoding");
    if (length && coding)
        return "Content-Length and Transfer-Encoding contradict each other";
    if (http_head_count(head, "Content-Length") > 1 ||
        http_head_count(head, "Transfer-Encoding") > 1)
        return "Content-Length or Transfer-Encoding is given more than once";
    if (length && (!*length || strlen(length) > 18 || length[strspn(length, "0123456789")]))
        return "Content-Length is not a plain decimal number";
    if (coding && (strcasecmp(coding, "chunked") != 0 || head->minor == 0))
        return "the only Transfer-Encoding understood is chunked, in HTTP/1.1";
    return NULL;
}

/* Each field is looked up in it. */
static const char *connection(const struct http_head *head)
{
    enum { CONNECTION_MAX = 512 };
    size_t len = 0;
    for (size_t i = 0; i < head->n_fields; i++)
        if (http_field_is(&head->fields[i], "Connection"))
            len += strlen(head->fields[i].value);
    return len > CONNECTION_MAX ? "Connection has more than 512 bytes" : NULL;
}

static const char *host(const struct http_head *head)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-_:[]";
    const char *name = http_head_get(head, "Host");
    if (http_head_count(head, "Host") > 1)
        return "Host is given more than once";
    if (!name)
        return head->minor == 0 ? NULL : "Host is missing";
    if (!*name || name[strspn(name, allowed)])
        return "Host is not a host name or address with an optional port";
    return NULL;
}

const char *http_guard_fields(enum http_side side, const struct http_head *head)
{
    const char *bad = framing(head);
    if (!bad)
        bad = connection(head);
    return !bad && side == HTTP_OF_CLIENT ? host(head) : bad;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                        : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char *chunk_size(struct http_chunk_guard *guard, char c)
{
    if (c == '\r' && guard->digits) {
        guard->state = CHUNK_SIZE_LF;
        return NULL;
    }
    if (hex(c) < 0)
        return "a chunk size is not plain hexadecimal digits";
    if (++guard->digits > 15)
        return "a chunk size has more than 15 digits";
    guard->left = guard->left * 16 + (uint64_t)hex(c);
    return NULL;
}

/* One byte that is not chunk data. */
static const char *chunk_step(struct http_chunk_guard *guard, char c)
{
    bool cr = guard->state == CHUNK_DATA_CR || guard->state == CHUNK_LAST_CR;
    if (guard->state == CHUNK_SIZE)
        return chunk_size(guard, c);
    if (guard->state == CHUNK_LAST_CR && c != '\r')
        return "trailers are not accepted";
    if (c != (cr ? '\r' : '\n'))
        return "a chunk does not end in a carriage return and a line feed";
    guard->state = guard->state == CHUNK_SIZE_LF ? guard->left ? CHUNK_DATA : CHUNK_LAST_CR
                   : guard->state == CHUNK_DATA_LF ? CHUNK_SIZE : guard->state + 1;
    if (guard->state == CHUNK_SIZE)
        guard->digits = 0;
    return NULL;
}

/* An extension behind a size, or a trailer, begins here. */
static bool droppable(const struct http_chunk_guard *guard, char c)
{
    if (!guard->lenient)
        return false;
    return guard->state == CHUNK_SIZE ? guard->digits && (c == ';' || c == ' ' || c == '\t')
                                      : guard->state == CHUNK_LAST_CR && c != '\r';
}

static size_t chunk_data(struct http_chunk_guard *guard, size_t len)
{
    size_t run = len < guard->left ? len : (size_t)guard->left;
    guard->left -= run;
    if (!guard->left)
        guard->state = CHUNK_DATA_CR;
    return run;
}

const char *http_guard_chunks(struct http_chunk_guard *guard, const char *bytes, size_t len,
                              size_t *used)
{
    const char *bad = NULL;
    size_t i = 0;
    while (i < len && !bad && guard->state != CHUNK_DONE && guard->state != CHUNK_DATA &&
           !droppable(guard, bytes[i]))
        bad = chunk_step(guard, bytes[i++]);
    if (!bad && guard->state == CHUNK_DATA && i < len)
        i += chunk_data(guard, len - i);
    *used = i;
    return bad;
}

/* One byte that is left out. */
static const char *drop_step(struct http_chunk_guard *guard, unsigned char c)
{
    enum { DROPPED_MAX = 16 * 1024 };
    if (++guard->dropped > DROPPED_MAX)
        return "a chunk extension or the trailers are too long";
    if (guard->drop == DROP_TRAILER_LF) {
        guard->drop = DROP_NOTHING;
        return c == '\n' ? NULL : "a trailer does not end in a carriage return and a line feed";
    }
    if (guard->drop == DROP_TRAILER && c == '\r')
        guard->drop = DROP_TRAILER_LF;
    else if (control(c))
        return "a chunk extension or a trailer contains a control byte";
    return NULL;
}

size_t http_guard_drop(struct http_chunk_guard *guard, const char *bytes, size_t len,
                       const char **bad)
{
    size_t i = 0;
    *bad = NULL;
    if (!guard->drop && len && droppable(guard, *bytes)) {
        guard->drop = guard->state == CHUNK_SIZE ? DROP_EXTENSION : DROP_TRAILER;
        if (guard->drop == DROP_EXTENSION)
            guard->dropped = 0;
    }
    while (guard->drop && i < len && !*bad) {
        if (guard->drop == DROP_EXTENSION && bytes[i] == '\r')
            guard->drop = DROP_NOTHING;
        else
            *bad = drop_step(guard, (unsigned char)bytes[i++]);
    }
    return i;
}

const char *http_guard_trailers(const char *text, size_t len, size_t *lines)
{
    const char *bad = NULL;
    *lines = 0;
    for (const char *line = text; !bad && line < text + len; ++*lines) {
        const char *end = memchr(line, '\r', len - (size_t)(line - text));
        bad = field_line(HTTP_OF_SERVER, line, (size_t)(end - line));
        line = end + 2;
    }
    return bad;
}
