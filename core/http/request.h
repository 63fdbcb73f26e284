/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer.
 *
 * Ownership: a handler is given the request and owns it until it answers, now or later, with
 * exactly one of http_respond*, http_stream_begin (http/stream.h) or http_upgrade (http/tunnel.h).
 * That call consumes the request: no pointer into it may be used afterwards.  When the peer hangs
 * up meanwhile the request stays valid, and the answer that must still be given is dropped.  What
 * the caller passes in is copied.  Loop thread only. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <jansson.h>

#include "base/buf.h"
#include "http/parser.h"
#include "http/peer.h"

struct error;
struct http_exchange;
struct http_route;

struct http_param {                                 /* of the query */
    const char *name, *value;                       /* percent-decoded, valid UTF-8, no NUL */
};

enum { HTTP_PARAMS_MAX = 8, HTTP_QUERY_MAX = 64 };

/* A piece of a body, or its end: len 0, once.  bytes are valid until the callback returns. */
typedef void http_body_read(void *ctx, const char *bytes, size_t len);

/* To be read only, but for user and what is called. */
struct http_request {
    const char *method;
    const char *path;                               /* as sent, without the query: for logs */
    const struct http_route *route;
    const char *params[HTTP_PARAMS_MAX];            /* decoded, in the pattern's order */
    struct http_param *query;                       /* in the order sent */
    size_t n_query;
    const struct http_head *head;
    struct buf body;                                /* complete, except in the router's "before" */
    /* Of a route with reads_body, whose body stays empty.  Set by the handler before it returns,
     * and kept by a stream that the request becomes; from an answer on nothing more is read.  It
     * may answer the request, or close the stream. */
    http_body_read *on_body;
    void *on_body_ctx;
    struct http_peer *peer;                         /* see http_peer_uid */
    void *user;                                     /* for whoever authenticates */
    void (*free_user)(void *user);  /* called with it when the request ends; NULL: nothing */
    /* Called at most once when the peer stops to wait while a handler has the request, which must
     * not be answered from within; NULL: nothing. */
    void (*on_gone)(void *ctx);
    void *on_gone_ctx;
    struct http_exchange *exchange;                 /* the server's own */
};

/* Lookups give NULL when there is no such thing. */
const char *http_request_param(const struct http_request *req, const char *name);
/* the first one */
const char *http_request_query(const struct http_request *req, const char *name);
/* the first one */
const char *http_request_header(const struct http_request *req, const char *name);
/* The media type without parameters in lower case, "" without a Content-Type; lives with req. */
const char *http_request_type(struct http_request *req);
/* How much the Accept header wants the media type, in thousandths: 0 not at all, 1000 without
 * one. */
int http_request_weight(const struct http_request *req, const char *type);
/* Of a route with reads_body: no on_body until it is resumed, and the client is slowed down.
 * on_body may be called before http_request_resume returns. */
void http_request_pause(struct http_request *req);
void http_request_resume(struct http_request *req);
/* The peer has ended its side or the connection broke: work on its behalf may stop. */
bool http_request_gone(const struct http_request *req);

/* Adds a header to the answer to come; control bytes in value become spaces.  Framing headers
 * (Content-Length, Transfer-Encoding, Connection, Upgrade) are the server's own. */
void http_header(struct http_request *req, const char *name, const char *value);

/* type may be NULL when there is no body.  len bytes of body are copied. */
void http_respond(struct http_request *req, int status, const char *type, const void *body,
                  size_t len);
void http_respond_json(struct http_request *req, int status, const json_t *document);
/* application/problem+json, see http/problem.h for the arguments. */
void http_respond_problem(struct http_request *req, int status, const char *word,
                          const char *title, const char *detail, const json_t *extra);
/* The problem that belongs to err's kind, with err's text as detail. */
void http_respond_error(struct http_request *req, const struct error *err);

#endif
