/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: one call of a route, from request to answer.
 *
 * Most routes are a function that runs on a worker thread, reads the request and calls api_reply
 * or returns -1 with call->err (and call->problems).  The answer is sent on the loop thread. */
#ifndef API_CALL_H
#define API_CALL_H

#include "api/api.h"
#include "base/arena.h"
#include "http/request.h"

struct api_call;

/* The doc of a struct http_route. */
struct api_route {
    enum auth_permission permission;                /* what its caller needs */
    /* Worker thread.  NULL: the route has a handler of its own, on the loop thread. */
    int (*work)(struct api_call *call);
    bool stateless; /* its answer does not depend on the gateway's state */
    bool ordered; /* changes the sandbox {name}: such calls run in order */
    bool single; /* one such call runs at a time, whoever asks */
    /* Instead of work, or before it: then it calls api_dispatch, or answers. */
    void (*handle)(struct api *api, struct http_request *req);
    unsigned takes; /* query parameters and header fields: api/parameters.h */
    bool any_query;                                 /* a page of its client reads the query */
    /* For OpenAPI: */
    const struct schema *body;                      /* of its request body; NULL: none */
    bool body_optional;
    const char *answer; /* of success: a name of ANSWERS or a media type */
    bool made;                                      /* success is 201 */
    bool may_update; /* may run an update, which may be held or denied */
    const char *upgrade;                            /* success is 101 and this protocol */
    const char *moved;                              /* success is 308 and this path */
};

struct api_call {
    struct api *api;
    struct http_request *req;
    const struct api_route *route;
    struct auth_principal *who;
    struct arena *arena;
    struct error err;
    struct problems problems;
    const struct doc_node *tree;                    /* of the body, to find the lines of problems */

    int status;                                     /* of the answer, 0: failed with err */
    json_t *body;                                   /* owned */
    const char *type;                               /* of text */
    char *text;                                     /* owned; instead of body */
    char etag[32];
    bool secret;                                    /* its arena has secrets: overwritten */
    /* Called on the loop thread after work returned 0; must end in api_finish or api_drop. */
    void (*then)(struct api_call *call);
    void *then_arg;
};

enum { API_LIST_BYTES = 4 << 20 };
/* Whether a list is long enough for one answer: the rest of it is in the next one. */
bool api_list_is_full(const struct api_call *call, const struct buf *list);

/* The handler of every route that has a work function. */
void api_dispatch(struct http_request *req, void *ctx);
/* The handler of the others. */
void api_handle(struct http_request *req, void *ctx);
/* The router's before: authenticates and authorizes. */
int api_authenticate(struct http_request *req, void *ctx);
/* Once its body has come, which may be long after.  -1: it was answered. */
int api_authenticate_again(struct http_request *req, struct api *api);

const char *api_param(const struct api_call *call, const char *name);      /* "" if there is none */
const char *api_query(const struct api_call *call, const char *name); /* NULL if there is none */
/* Returns -1 if it is no number or above max. */
int api_query_number(struct api_call *call, const char *name, uint64_t fallback, uint64_t max,
                     uint64_t *out);
int api_number(const struct http_request *req, const char *name, uint64_t fallback, uint64_t max,
               uint64_t *out, struct error *err);
/* The body as a tree in the call's arena, by its Content-Type (JSON where there is none). */
int api_body(struct api_call *call, size_t max_bytes, const struct doc_node **out);
/* Of a body, by its Content-Type; JSON where there is none. */
int api_body_format(struct http_request *req, enum doc_format *out, struct error *err);
/* The value of a boolean query parameter; without a value it is true. */
bool api_flag(const struct http_request *req, const char *name);
/* Accept wants YAML more than JSON.  Answers are then YAML; problems are always JSON (RFC 9457). */
bool api_wants_yaml(const struct api_call *call);
int api_sandbox(struct api_call *call, struct store_sandbox *out); /* the one named {name} */
/* -1: whoever asks has a right to one sandbox, and {name} is another one by now, or none.  Worker
 * thread. */
int api_still_asked(struct api_call *call);
/* 0 if there is such a sandbox, or a decision about one. */
int api_sandbox_on_record(struct api_call *call, const char *name);
/* All sandboxes, and how many chunks wait for a decision: what /v1/status and /metrics count. */
int api_census(struct api_call *call, struct store_sandbox **sandboxes, size_t *n,
               uint64_t *pending);

/* The body has secrets: what is made of it is overwritten before it is freed. */
void api_keeps_secrets(struct api_call *call);
/* Takes body. */
int api_reply(struct api_call *call, int status, json_t *body);
/* Takes json, a text that is ready to be sent. */
int api_reply_json(struct api_call *call, int status, char *json);
/* Takes text. */
int api_reply_text(struct api_call *call, int status, const char *type, char *text);
/* Sends the answer and frees the call.  Loop thread. */
void api_finish(struct api_call *call);
/* Frees the call; its request was answered. */
void api_drop(struct api_call *call);

const char *api_time(struct arena *arena, int64_t ms);              /* NULL for 0: JSON null */

#endif
