/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a parser says about some bytes, as one text, however they are cut; shared with the
 * fuzz target. */
#ifndef TESTS_SUPPORT_HTTP_TRACE_H
#define TESTS_SUPPORT_HTTP_TRACE_H

#include "base/buf.h"
#include "http/parser.h"

#include <stdlib.h>

static inline void trace_strict(const char *value)
{
    for (; *value; value++)
        if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f)
            abort();
}

static inline void trace_head(struct http_parser *parser, struct buf *out)
{
    struct http_head *head = http_parser_take_head(parser);
    http_parser_limit_body(parser, 1 << 20);
    buf_printf(out, "[%s %s %d.%d %d%d%d%d %llu", head->method ? head->method : "-",
               head->target ? head->target : "-", head->status, head->minor, head->keep_alive,
               head->upgrade, head->chunked, head->has_length, (unsigned long long)head->length);
    for (size_t i = 0; i < head->n_fields; i++) {
        trace_strict(head->fields[i].value);
        buf_printf(out, "|%s=%s", head->fields[i].name, head->fields[i].value);
    }
    buf_puts(out, "]");
    http_head_free(head);
}

static inline void trace_trailers(const struct http_head *trailers, struct buf *out)
{
    for (size_t i = 0; trailers && i < trailers->n_fields; i++) {
        trace_strict(trailers->fields[i].value);
        buf_printf(out, "{%s=%s}", trailers->fields[i].name, trailers->fields[i].value);
    }
}

/* Feeds one cut; false when the parser will take no more. */
static inline bool trace_feed(struct http_parser *parser, const char *bytes, size_t len,
                              struct buf *out)
{
    const char *body;
    size_t body_len;
    int status;
    for (;;) {
        switch (http_parser_next(parser, &bytes, &len, &body, &body_len)) {
        case HTTP_GOT_HEAD:
            trace_head(parser, out);
            break;
        case HTTP_GOT_BODY:
            buf_add(out, body, body_len);
            break;
        case HTTP_GOT_END:
            trace_trailers(http_parser_trailers(parser), out);
            buf_puts(out, "[end]");
            break;
        case HTTP_BAD:
            buf_printf(out, "[bad %s]", http_parser_error(parser, &status));
            return false;
        case HTTP_MORE:
            return true;
        }
    }
}

/* Feeds all in cuts of the given size, and frees the parser. */
static inline void trace_by(struct http_parser *parser, const char *bytes, size_t len, size_t cut,
                            struct buf *out)
{
    bool going = true;
    for (size_t at = 0; going && at < len; at += cut)
        going = trace_feed(parser, bytes + at, len - at < cut ? len - at : cut, out);
    if (going)
        buf_puts(out, http_parser_eof(parser) == HTTP_BAD ? "[bad eof]" : "[eof]");
    http_parser_free(parser);
}

static inline void trace(enum http_side side, const char *bytes, size_t len, size_t cut,
                         struct buf *out)
{
    trace_by(http_parser_new(side, 4096), bytes, len, cut, out);
}

static inline void trace_trailers_too(enum http_side side, const char *bytes, size_t len,
                                      size_t cut, struct buf *out)
{
    struct http_parser *parser = http_parser_new(side, 4096);
    http_parser_keep_trailers(parser);
    trace_by(parser, bytes, len, cut, out);
}

#endif
