/* SPDX-License-Identifier: Apache-2.0 */
/* Which handler a method and path belong to.
 *
 * A router is a constant table: the server borrows it for its whole life.  Patterns are absolute
 * paths whose segments are literal text or {name}, which matches one non-empty segment.  Where two
 * patterns match, the one with the literal in the first segment that differs wins, so
 * /drafts/approve-all beats /drafts/{id} in whatever order they are listed.  A pattern has at most
 * HTTP_PARAMS_MAX names.  A GET route answers HEAD too.  Any thread. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "base/buf.h"
#include "http/request.h"

struct http_route {
    const char *method;
    const char *pattern;
    /* Called on the loop thread with the complete body; see http/request.h for what it owes. */
    void (*handler)(struct http_request *req, void *ctx);
    unsigned flags;                                 /* the table owner's own */
    size_t max_body;                                /* 0: the server's limit */
    /* The handler is called as soon as the head has come, and reads the body as it comes, without a
     * limit or a time of the server's: see on_body of http/request.h. */
    bool reads_body;
    const char *summary;                            /* one line, for the OpenAPI document */
    const void *doc;                                /* the table owner's own */
};

enum { HTTP_SERVICES_MAX = 2 };                     /* of one server */

/* Requests that their heads send to one handler, whatever their paths. */
struct http_service {
    bool (*takes)(const struct http_head *head);
    struct http_route route; /* without method and pattern; "before" is not called for it */
};

struct http_router {
    const struct http_route *routes;
    size_t n_routes;
    /* Called when the head has come and a route was found, before the body is awaited (req->body
     * is empty): the place to authenticate.  Returns 0 to go on, or -1 after it has answered, which
     * it must do at once.  NULL: every request goes on. */
    int (*before)(struct http_request *req, void *ctx);
};

/* Percent-decoded segments of a path, NULL-terminated, in one block that the caller frees; NULL
 * when path does not begin with "/", has a bad escape, or decodes to NUL or to no UTF-8. */
char **http_path_split(const char *path);

/* The route for the path, with params filled in the order of its {names} (they point into
 * segments), or NULL: allow then lists the methods that the path does have, and is empty when
 * there is no such path. */
const struct http_route *http_router_find(const struct http_router *router, const char *method,
                                          char *const *segments,
                                          const char *params[HTTP_PARAMS_MAX], struct buf *allow);
/* Which of the pattern's {names} is name: an index into params, or -1. */
int http_route_param(const struct http_route *route, const char *name);

#endif
