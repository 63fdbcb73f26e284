/* SPDX-License-Identifier: Apache-2.0 */
#include "http/parser.h"

#include <inttypes.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "http/guard.h"

/* A head is collected whole before llhttp reads it, so every span of it lies in one block. */
struct http_parser {
    enum http_side side;
    enum { IN_HEAD, IN_BODY, ENDING, BROKEN } state;
    llhttp_t llhttp;
    llhttp_settings_t settings;

    size_t max_head;
    struct http_head_guard head_guard;
    struct buf text;                                /* the head so far */
    struct http_head *head;                         /* complete, not taken yet */
    struct http_field field;                        /* the one llhttp is in: spans of text */
    size_t target_len, name_len, value_len;

    enum { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_TO_EOF } framing;
    struct http_chunk_guard chunk_guard;
    uint64_t left;                                  /* BODY_LENGTH */
    uint64_t seen, max_body;
    const char *body;                               /* what llhttp gave in this step */
    size_t body_len;
    bool complete;                                  /* llhttp says so */
    bool keeps_trailers;
    struct buf trailer_text;                        /* the trailers so far */
    struct http_head *trailers;                     /* of the message that ended last */

    int status;                                     /* BROKEN */
    const char *error;
    char too_large[80];
};

static enum http_event broken(struct http_parser *parser, int status, const char *error)
{
    parser->state = BROKEN;
    parser->status = status;
    parser->error = error;
    return HTTP_BAD;
}

static int on_field_begin(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    parser->field = (struct http_field){.name = at};
    parser->name_len = len;
    parser->value_len = 0;
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    parser->field.value = at;
    parser->value_len = len;
    return 0;
}

/* Both strings are followed by a byte of syntax (a colon, a space or a carriage return), which
 * llhttp has read already: the NUL takes its place. */
static const char *terminate(const char *at, size_t len)
{
    while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    ((char *)at)[len] = '\0';
    return at;
}

static int on_value_end(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;
    struct http_head *head = parser->head;
    if (!head || head->n_fields == parser->head_guard.lines - 2)
        return -1;
    head->fields[head->n_fields].name = terminate(parser->field.name, parser->name_len);
    head->fields[head->n_fields++].value =
        parser->value_len ? terminate(parser->field.value, parser->value_len) : "";
    return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    parser->head->target = at;
    parser->target_len = len;
    return 0;
}

/* Whatever its head says (RFC 9112, section 6.3). */
static bool bodiless(int status)
{
    return status / 100 == 1 || status == 204 || status == 304;
}

static int on_head_end(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;
    struct http_head *head = parser->head;
    if (parser->side == HTTP_OF_CLIENT) {
        head->method = llhttp_method_name(llhttp->method);
        terminate(head->target, parser->target_len);
    }
    head->status = llhttp->status_code;
    head->minor = llhttp->http_minor;
    head->keep_alive = llhttp_should_keep_alive(llhttp);
    head->upgrade = llhttp->upgrade;
    head->chunked = http_head_get(head, "Transfer-Encoding") != NULL;
    head->has_length = http_head_get(head, "Content-Length") != NULL;
    head->length = head->has_length ? strtoull(http_head_get(head, "Content-Length"), NULL, 10) : 0;
    return bodiless(head->status);                  /* 1: llhttp skips the body */
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    parser->body = at;
    parser->body_len = len;
    return 0;
}

static int on_end(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;
    parser->complete = true;
    return HPE_PAUSED;
}

struct http_parser *http_parser_new(enum http_side side, size_t max_head)
{
    struct http_parser *parser = alloc_zero(1, sizeof *parser);
    llhttp_settings_init(&parser->settings);
    parser->settings.on_url = on_url;
    parser->settings.on_header_field = on_field_begin;
    parser->settings.on_header_value = on_value;
    parser->settings.on_header_value_complete = on_value_end;
    parser->settings.on_headers_complete = on_head_end;
    parser->settings.on_body = on_body;
    parser->settings.on_message_complete = on_end;
    parser->side = side;
    parser->max_head = max_head;
    return parser;
}

void http_parser_free(struct http_parser *parser)
{
    if (!parser)
        return;
    http_head_free(parser->head);
    http_head_free(parser->trailers);
    buf_free(&parser->text);
    buf_free(&parser->trailer_text);
    free(parser);
}

/* llhttp must take every byte of a piece; a pause is how it reports a complete message. */
static bool execute(struct http_parser *parser, const char *bytes, size_t len)
{
    parser->body = NULL;
    parser->body_len = 0;
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, bytes, len);
    if (code == HPE_OK)
        return true;
    return parser->complete && (code == HPE_PAUSED || code == HPE_PAUSED_UPGRADE) &&
           llhttp_get_error_pos(&parser->llhttp) == bytes + len;
}

static enum http_event begin_body(struct http_parser *parser)
{
    const struct http_head *head = parser->head;
    parser->chunk_guard = (struct http_chunk_guard){.lenient = parser->side == HTTP_OF_SERVER};
    parser->left = head->length;
    parser->seen = 0;
    parser->max_body = UINT64_MAX;
    parser->framing = parser->complete     ? BODY_NONE
                      : head->chunked      ? BODY_CHUNKED
                      : head->has_length   ? BODY_LENGTH
                      : parser->side == HTTP_OF_SERVER ? BODY_TO_EOF
                                           : BODY_NONE;
    bool none = parser->framing == BODY_NONE;
    if (none != parser->complete)
        return broken(parser, 400, "the length of the body is not clear");
    if (none && parser->side == HTTP_OF_CLIENT && (head->chunked || head->length))
        return broken(parser, 400, "this method cannot have a body");
    parser->state = none ? ENDING : IN_BODY;
    return HTTP_GOT_HEAD;
}

static enum http_event not_taken(struct http_parser *parser)
{
    llhttp_errno_t code = llhttp_get_errno(&parser->llhttp);
    /* The latter: one of RTSP. */
    bool method = code == HPE_INVALID_METHOD || code == HPE_INVALID_CONSTANT;
    return method ? broken(parser, 501,
                           "this server does not know the method of the request: methods are "
                           "written in capitals, such as GET")
                  : broken(parser, 400, llhttp_get_error_reason(&parser->llhttp));
}

static struct http_head *new_head(size_t max_fields)
{
    struct http_head *head = alloc_zero(1, sizeof *head + max_fields * sizeof *head->fields);
    head->fields = (struct http_field *)(head + 1);
    return head;
}

static enum http_event read_head(struct http_parser *parser)
{
    struct buf *text = &parser->text;
    const char *bad = http_guard_lines(parser->side, text->data, text->len);
    if (bad)
        return broken(parser, 400, bad);
    if (parser->head_guard.lines - 2 > HTTP_FIELDS_MAX)
        return broken(parser, 431, "the head has more than 100 header fields");
    size_t len = text->len;
    parser->complete = false;
    parser->head = new_head(parser->head_guard.lines - 2);
    parser->head->text = buf_take(text);
    llhttp_init(&parser->llhttp, parser->side == HTTP_OF_CLIENT ? HTTP_REQUEST : HTTP_RESPONSE,
                &parser->settings);
    parser->llhttp.data = parser;
    if (!execute(parser, parser->head->text, len))
        return not_taken(parser);
    if (parser->head->n_fields != parser->head_guard.lines - 2)
        return broken(parser, 400, "the header fields cannot be told apart");
    bad = http_guard_fields(parser->side, parser->head);
    return bad ? broken(parser, 400, bad) : begin_body(parser);
}

static enum http_event next_head(struct http_parser *parser, const char **bytes, size_t *len)
{
    size_t used, room = parser->max_head - parser->text.len;
    if (*len && !parser->text.len)
        parser->head_guard = (struct http_head_guard){0};
    size_t look = *len < room ? *len : room;
    const char *bad = http_guard_head(&parser->head_guard, *bytes, look, &used);
    buf_add(&parser->text, *bytes, used);
    *bytes += used;
    *len -= used;
    if (bad)
        return broken(parser, 400, bad);
    if (parser->text.len && parser->head_guard.state == HEAD_DONE)
        return read_head(parser);
    if (parser->text.len == parser->max_head)
        return broken(parser, 431, "the request line and header fields are too long");
    return HTTP_MORE;
}

/* How much of bytes may go to llhttp in one step: at most one run of body bytes. */
static const char *body_piece(struct http_parser *parser, const char *bytes, size_t len,
                              size_t *used)
{
    *used = len;
    if (parser->framing == BODY_CHUNKED)
        return http_guard_chunks(&parser->chunk_guard, bytes, len, used);
    if (parser->framing == BODY_LENGTH) {
        *used = len < parser->left ? len : (size_t)parser->left;
        parser->left -= *used;
    }
    return NULL;
}

/* Where the guard sees the end of the body, llhttp must see it too. */
static bool agreed(const struct http_parser *parser)
{
    bool end = parser->framing == BODY_CHUNKED  ? parser->chunk_guard.state == CHUNK_DONE
               : parser->framing == BODY_LENGTH ? parser->left == 0
                                                : false;
    return end == parser->complete;
}

static enum http_event next_body(struct http_parser *parser, const char **bytes, size_t *len,
                                 const char **body, size_t *body_len)
{
    size_t used;
    const char *bad = body_piece(parser, *bytes, *len, &used);
    if (bad)
        return broken(parser, 400, bad);
    if (!execute(parser, *bytes, used) || !agreed(parser))
        return broken(parser, 400, "the body is malformed");
    *bytes += used;
    *len -= used;
    parser->seen += parser->body_len;
    if (parser->seen > parser->max_body)
        return broken(parser, 413, http_parser_too_large(parser));
    if (parser->complete)
        parser->state = ENDING;
    *body = parser->body;
    *body_len = parser->body_len;
    return HTTP_GOT_BODY;
}

/* NULL or what is wrong with what llhttp does not get. */
static const char *drop(struct http_parser *parser, const char **bytes, size_t *len)
{
    const char *bad = NULL;
    size_t n = parser->framing == BODY_CHUNKED
                   ? http_guard_drop(&parser->chunk_guard, *bytes, *len, &bad)
                   : 0;
    if (parser->keeps_trailers && parser->chunk_guard.state == CHUNK_LAST_CR)
        buf_add(&parser->trailer_text, *bytes, n);
    *bytes += n;
    *len -= n;
    return bad;
}

/* Each line of text is "name: value" and ends in CRLF. */
static void split_field_lines(struct http_head *head)
{
    for (char *line = head->text; *line;) {
        char *colon = strchr(line, ':'), *end = strchr(line, '\r');
        char *value = colon + 1 + strspn(colon + 1, " \t");
        struct http_field *field = &head->fields[head->n_fields++];
        *colon = '\0';
        field->name = line;
        field->value = value < end ? terminate(value, (size_t)(end - value)) : "";
        line = end + 2;
    }
}

/* NULL or what is wrong with the trailers. */
static const char *read_trailers(struct http_parser *parser)
{
    size_t lines;
    struct buf *text = &parser->trailer_text;
    if (!text->len)
        return NULL;
    const char *bad = http_guard_trailers(text->data, text->len, &lines);
    if (bad || lines > HTTP_FIELDS_MAX)
        return bad ? bad : "there are more than 100 trailer fields";
    parser->trailers = new_head(lines);
    parser->trailers->text = buf_take(text);
    split_field_lines(parser->trailers);
    return NULL;
}

static enum http_event finish(struct http_parser *parser)
{
    const char *bad = read_trailers(parser);
    if (bad)
        return broken(parser, 400, bad);
    http_head_free(parser->head);
    parser->head = NULL;
    parser->state = IN_HEAD;
    return HTTP_GOT_END;
}

enum http_event http_parser_next(struct http_parser *parser, const char **bytes, size_t *len,
                                 const char **body, size_t *body_len)
{
    *body = NULL;
    *body_len = 0;
    http_head_free(parser->trailers);
    parser->trailers = NULL;
    while (parser->state == IN_BODY && *len) {
        const char *bad = drop(parser, bytes, len);
        enum http_event event =
            bad ? broken(parser, 400, bad) : next_body(parser, bytes, len, body, body_len);
        if (event == HTTP_BAD || *body_len)
            return event;
    }
    switch (parser->state) {
    case IN_HEAD:
        return *len ? next_head(parser, bytes, len) : HTTP_MORE;
    case IN_BODY:
        return HTTP_MORE;
    case ENDING:
        return finish(parser);
    default:
        return HTTP_BAD;
    }
}

enum http_event http_parser_eof(struct http_parser *parser)
{
    if (parser->state == BROKEN)
        return HTTP_BAD;
    bool lasts = parser->state == IN_BODY && parser->framing == BODY_TO_EOF;
    if (parser->state == ENDING || lasts)
        return finish(parser);
    return http_parser_idle(parser) ? HTTP_GOT_END
                                    : broken(parser, 400, "the message ends before it is complete");
}

struct http_head *http_parser_take_head(struct http_parser *parser)
{
    struct http_head *head = parser->head;
    parser->head = NULL;
    return head;
}

bool http_parser_limit_body(struct http_parser *parser, uint64_t max)
{
    parser->max_body = max;
    return parser->framing != BODY_LENGTH || parser->left <= max;
}

const char *http_parser_too_large(struct http_parser *parser)
{
    snprintf(parser->too_large, sizeof parser->too_large,
             "the body is too large: at most %" PRIu64 " bytes are taken here%s", parser->max_body,
             parser->side == HTTP_OF_CLIENT ? ": send less" : "");
    return parser->too_large;
}

void http_parser_no_body(struct http_parser *parser)
{
    parser->state = ENDING;
}

void http_parser_keep_trailers(struct http_parser *parser)
{
    parser->keeps_trailers = true;
}

const struct http_head *http_parser_trailers(const struct http_parser *parser)
{
    return parser->trailers;
}

bool http_parser_idle(const struct http_parser *parser)
{
    return parser->state == IN_HEAD && parser->text.len == 0;
}

const char *http_parser_error(const struct http_parser *parser, int *status)
{
    *status = parser->status;
    return parser->error ? parser->error : "malformed";
}
