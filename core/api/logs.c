/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/sandboxes/{name}/logs: the kept lines, and with follow=true the new ones. */
#include <stdlib.h>

#include "api/call.h"
#include "api/routes.h"
#include "base/alloc.h"
#include "http/stream.h"
#include "runtime/sessions/logs.h"

static const char type[] = "text/plain; charset=utf-8";

struct reader {
    const struct auth *auth;
    struct auth_principal who;
    struct http_stream *stream;
    struct log_follower *follower;                  /* NULL: the sandbox is gone */
};

static void send_line(void *ctx, const char *text, size_t len)
{
    struct reader *r = ctx;
    if (auth_holds(r->auth, &r->who))
        http_stream_write(r->stream, text, len);
    else
        http_stream_close(r->stream);
}

static void end(void *ctx)
{
    struct reader *r = ctx;
    r->follower = NULL;
    http_stream_close(r->stream);
}

static void stream_closed(void *ctx, const struct error *why)
{
    struct reader *r = ctx;
    (void)why;
    runtime_logs_unfollow(r->follower);
    free(r);
}

/* Adds the follower first, as http_stream_begin frees the request that owns name. */
static void follow(struct api *api, struct http_request *req, const char *name,
                   const struct buf *text)
{
    static const struct log_follower_calls calls = {send_line, end};
    struct reader *r = alloc_zero(1, sizeof *r);
    struct error err;
    r->auth = &api->auth;
    r->who = *(const struct auth_principal *)req->user;
    r->follower = runtime_logs_follow(api->runtime, name, &calls, r, &err);
    r->stream = http_stream_begin(req, 200, type, stream_closed, r);
    if (r->stream)
        http_stream_write(r->stream, buf_str(text), text->len);
    else
        stream_closed(r, NULL);
}

void handle_logs(struct api *api, struct http_request *req)
{
    const char *name = http_request_param(req, "name");
    struct buf text = {0};
    struct error err;
    if (runtime_logs(api->runtime, name, &text, &err) != 0)
        http_respond_error(req, &err);
    else if (api_flag(req, "follow"))
        follow(api, req, name, &text);
    else
        http_respond(req, 200, type, buf_str(&text), text.len);
    buf_free(&text);
}
