/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/1.1 request to a server, on a libuv loop.
 *
 * Each call has a connection of its own, which is closed when the response is complete or becomes
 * a tunnel on 101.  Exactly one of on_response, on_upgrade and on_error is called for each call,
 * from the loop and never from inside http_client_send; afterwards the call is gone.  What the
 * request points to is copied.  Loop thread only. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <uv.h>

#include "http/tunnel.h"

struct http_call;

struct http_call_request {
    const char *address;                            /* "unix:PATH" or "tcp:HOST:PORT" */
    const char *method, *path;                      /* path with its query, encoded already */
    const struct http_field *headers;
    size_t n_headers;
    const char *type;                               /* of the body; NULL without one */
    const void *body;
    size_t len;
    const char *upgrade;                            /* ask for this protocol; NULL: no upgrade */
    unsigned timeout_ms;  /* for all up to the end of the response or the 101; 0: 30 s */
    size_t max_body;                                /* of the response; 0: 8 MiB */
};

struct http_response {                              /* lives until on_response returns */
    const struct http_head *head;                   /* head->status, http_head_get() */
    struct buf body;
};

struct http_call_callbacks {
    void (*on_response)(void *ctx, const struct http_response *response);
    /* The caller owns the tunnel, silent until http_tunnel_start.  NULL: a 101 is an error. */
    void (*on_upgrade)(void *ctx, const struct http_head *head, struct http_tunnel *tunnel);
    /* TIMEOUT, UPSTREAM (refused, broken, no HTTP), MALFORMED (bad address or request). */
    void (*on_error)(void *ctx, const struct error *err);
};

struct http_call *http_client_send(uv_loop_t *loop, const struct http_call_request *request,
                                   const struct http_call_callbacks *callbacks, void *ctx);
/* Before any of the callbacks: none of them comes. */
void http_client_cancel(struct http_call *call);

#endif
