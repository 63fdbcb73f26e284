/* SPDX-License-Identifier: Apache-2.0 */
#include "http2/block.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/head.h"
#include "http2/websocket.h"

enum {
    FIELD_OVERHEAD = 32,                            /* RFC 9113, 6.5.2 */
    LINES_MAX = HTTP_FIELDS_MAX - 8,                /* readers get some lines of our own, too */
};

static bool is(const char *name, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(name, word, len) == 0;
}

/* Where a field that is no line of the text goes, or NULL. */
static struct buf *place_of(struct http2_block *block, const char *name, size_t len)
{
    const struct {
        const char *name;
        struct buf *place;
    } places[] = {{":method", &block->method},       {":scheme", &block->scheme},
                  {":authority", &block->authority}, {":path", &block->path},
                  {":protocol", &block->protocol},   {":status", &block->status},
                  {"host", &block->host},            {"cookie", &block->cookie}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (is(name, len, places[i].name))
            return places[i].place;
    return NULL;
}

static void add_line(struct http2_block *block, const char *name, size_t name_len,
                     const char *value, size_t value_len)
{
    block->has_length |= is(name, name_len, "content-length");
    buf_add(&block->lines, name, name_len);
    buf_puts(&block->lines, ": ");
    buf_add(&block->lines, value, value_len);
    buf_puts(&block->lines, "\r\n");
    block->too_large |= ++block->n_lines > LINES_MAX;
}

void http2_block_add(struct http2_block *block, const char *name, size_t name_len,
                     const char *value, size_t value_len, size_t max_size)
{
    block->size += name_len + value_len + FIELD_OVERHEAD;
    block->too_large |= block->size > max_size;
    if (block->too_large)
        return;
    struct buf *place = place_of(block, name, name_len);
    if (!place) {
        add_line(block, name, name_len, value, value_len);
        return;
    }
    if (place == &block->cookie && place->len)
        buf_puts(place, "; ");
    buf_add(place, value, value_len);
}

enum { TEXTS = 9 };

static void list_texts(struct http2_block *block, struct buf *texts[TEXTS])
{
    struct buf *const all[TEXTS] = {&block->method,   &block->scheme, &block->authority,
                                    &block->path,     &block->status, &block->host,
                                    &block->protocol, &block->cookie, &block->lines};
    memcpy(texts, all, sizeof all);
}

/* The memory is for the next block, unless it is much. */
void http2_block_clear(struct http2_block *block)
{
    enum { KEPT = 1024 };
    struct buf *texts[TEXTS];
    list_texts(block, texts);
    for (size_t i = 0; i < TEXTS; i++)
        if (texts[i]->cap > KEPT)
            buf_free(texts[i]);
        else if (texts[i]->len)
            buf_clear(texts[i]);
    block->n_lines = 0;
    block->size = 0;
    block->has_length = block->too_large = block->invalid = false;
}

void http2_block_free(struct http2_block *block)
{
    struct buf *texts[TEXTS];
    list_texts(block, texts);
    for (size_t i = 0; i < TEXTS; i++)
        buf_free(texts[i]);
}

bool http2_block_is_websocket(const struct http2_block *block)
{
    return strcmp(buf_str(&block->method), "CONNECT") == 0 &&
           strcmp(buf_str(&block->protocol), "websocket") == 0;
}

/* Ends the head, unless it must not be taken. */
static void end_head(const struct http2_block *block, const struct http2_form *form,
                     struct buf *out)
{
    if (block->invalid)
        buf_puts(out, "invalid: \x01\r\n");
    if (!block->too_large) {
        buf_puts(out, "\r\n");
        return;
    }
    buf_puts(out, "cut: ");
    for (size_t i = 0; i < form->max_head; i++)
        buf_putc(out, '.');
}

/* A request for another scheme than the connection's is a URL, which the reader compares with what
 * the connection is for. */
static void print_target(const struct http2_block *block, const struct http2_form *form,
                         struct buf *out)
{
    const char *scheme = buf_str(&block->scheme);
    if (strcmp(buf_str(&block->method), "CONNECT") == 0) {
        buf_puts(out, buf_str(&block->authority));
        return;
    }
    if (strcasecmp(scheme, form->secure ? "https" : "http") != 0) {
        buf_puts(out, scheme);
        buf_puts(out, "://");
        buf_puts(out, buf_str(&block->authority));
    }
    buf_puts(out, buf_str(&block->path));
}

static void print_field(const char *name, const struct buf *value, struct buf *out)
{
    if (!value->len)
        return;
    buf_puts(out, name);
    buf_puts(out, ": ");
    buf_add(out, value->data, value->len);
    buf_puts(out, "\r\n");
}

/* Where Host differs from :authority, the text has both, and is refused. */
static void print_hosts(const struct http2_block *block, struct buf *out)
{
    print_field("Host", &block->authority, out);
    if (!block->authority.len || strcasecmp(buf_str(&block->host), block->authority.data) != 0)
        print_field("Host", &block->host, out);
}

bool http2_print_request(const struct http2_block *block, const struct http2_form *form,
                         struct buf *out)
{
    bool websocket = http2_block_is_websocket(block);
    bool chunked = !form->ended && !block->has_length && !websocket &&
                   strcmp(buf_str(&block->method), "CONNECT") != 0;
    buf_puts(out, websocket ? "GET" : buf_str(&block->method));
    buf_putc(out, ' ');
    if (websocket)
        buf_puts(out, buf_str(&block->path));
    else
        print_target(block, form, out);
    buf_puts(out, " HTTP/1.1\r\n");
    print_hosts(block, out);
    buf_add(out, buf_str(&block->lines), block->lines.len);
    print_field("cookie", &block->cookie, out);
    if (websocket)
        buf_printf(out, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: %s\r\n",
                   form->websocket_key);
    buf_puts(out, chunked ? "Transfer-Encoding: chunked\r\n" : "");
    end_head(block, form, out);
    return chunked;
}

static void print_acceptance(const struct http2_form *form, struct buf *out)
{
    buf_puts(out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\nSec-WebSocket-Accept: ");
    http2_websocket_accept(form->websocket_key, out);
    buf_puts(out, "\r\n");
}

bool http2_print_response(const struct http2_block *block, const struct http2_form *form,
                          struct buf *out)
{
    int status = atoi(buf_str(&block->status));
    bool bodiless = status < 200 || status == 204 || status == 304 || form->to_head;
    bool accepts = form->websocket_key && status / 100 == 2;
    bool counted = bodiless || accepts || block->has_length;
    if (accepts)
        print_acceptance(form, out);
    else
        buf_printf(out, "HTTP/1.1 %03d \r\n", status);
    print_field("host", &block->host, out);
    print_field("cookie", &block->cookie, out);
    buf_add(out, buf_str(&block->lines), block->lines.len);
    if (!counted)
        buf_puts(out, form->ended ? "Content-Length: 0\r\n" : "Transfer-Encoding: chunked\r\n");
    end_head(block, form, out);
    return !counted && !form->ended;
}

void http2_print_trailers(const struct http2_block *block, struct buf *out)
{
    if (!block->too_large && !block->invalid)
        buf_add(out, buf_str(&block->lines), block->lines.len);
}
