/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 messages from bytes: llhttp behind a guard that admits only the strict wire form.
 *
 * What two readers could understand differently is an error here, never repaired: bare CR or LF,
 * folded lines, white space before a colon, an empty name, control bytes, Content-Length together
 * with Transfer-Encoding, either of them twice, any coding but exactly "chunked", and in requests
 * chunk extensions, trailers, no Host or several and text that is no UTF-8.  Extensions and
 * trailers of a response are left out, trailers unless they are asked for.  The guard and llhttp
 * must both accept, and must agree on the number of header fields.
 *
 * A parser pulls: feed it bytes until it wants more.  It copies the head and never keeps a
 * pointer into what it was fed; the body is handed out as slices of it.  One thread at a time. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include "http/head.h"

enum http_event {
    HTTP_MORE,                                      /* every byte was taken; feed more */
    HTTP_GOT_HEAD,                                  /* take it with http_parser_take_head */
    HTTP_GOT_BODY,  /* the slice is in *body, *body_len: never empty */
    HTTP_GOT_END,  /* the message is complete; the next call begins another */
    HTTP_BAD,                                       /* final: http_parser_error says why */
};

struct http_parser;

struct http_parser *http_parser_new(enum http_side side, size_t max_head);
void http_parser_free(struct http_parser *parser);  /* NULL is fine */

/* Advances *bytes and *len past what was taken and says what happened. */
enum http_event http_parser_next(struct http_parser *parser, const char **bytes, size_t *len,
                                 const char **body, size_t *body_len);
/* The sender ended: HTTP_GOT_END when that ends a message (a response that lasts until then) or
 * nothing had begun, else HTTP_BAD. */
enum http_event http_parser_eof(struct http_parser *parser);

/* After HTTP_GOT_HEAD.  The caller frees the head. */
struct http_head *http_parser_take_head(struct http_parser *parser);
/* After HTTP_GOT_HEAD: the body of this message may have max bytes (else HTTP_BAD with 413; no
 * limit unless set).  False: the head itself announces more. */
bool http_parser_limit_body(struct http_parser *parser, uint64_t max);
/* What to say then. */
const char *http_parser_too_large(struct http_parser *parser);
/* After HTTP_GOT_HEAD of a response to HEAD: there is no body, whatever the head says. */
void http_parser_no_body(struct http_parser *parser);

/* Trailers of responses are read, too.  Called before the first message. */
void http_parser_keep_trailers(struct http_parser *parser);
/* After HTTP_GOT_END, until the parser is called again: a head with nothing but the trailer fields
 * of the message, or NULL where it has none. */
const struct http_head *http_parser_trailers(const struct http_parser *parser);

bool http_parser_idle(const struct http_parser *parser);  /* no byte of a message has come */
/* After HTTP_BAD: a text, and the status that answers it (400, 413, 431 or 501). */
const char *http_parser_error(const struct http_parser *parser, int *status);

#endif
