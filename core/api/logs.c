/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/sandboxes/{name}/logs: the kept lines, and with follow=true the new ones; those of level,
 * since_ms and limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/routes.h"
#include "auth/lease.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "http/stream.h"
#include "runtime/sessions/logs.h"

static const char type[] = "text/plain; charset=utf-8";

/* Which lines are sent. */
struct wanted {
    enum log_level level;
    int64_t since_ms;
    uint64_t limit;                                 /* of the kept ones, the newest; 0: all */
};

struct reader {
    struct wanted wanted;
    const struct auth *auth;
    struct auth_principal who;
    struct http_stream *stream;
    struct auth_lease *lease;
    struct log_follower *follower;                  /* NULL: the sandbox is gone */
};

/* A line is TIME LEVEL TEXT; what is none is wanted. */
static bool is_wanted(const struct wanted *wanted, const char *line, size_t len)
{
    char at[64], word[16], head[96];
    enum log_level level;
    int64_t ms;
    snprintf(head, sizeof head, "%.*s", (int)(len < sizeof head ? len : sizeof head - 1), line);
    if (sscanf(head, "%63s %15s", at, word) != 2)
        return true;
    if (log_level_parse(word, &level) == 0 && level < wanted->level)
        return false;
    return clock_parse(at, &ms) != 0 || ms >= wanted->since_ms;
}

/* The wanted ones of whole lines. */
static void keep_wanted(const struct wanted *wanted, struct buf *text)
{
    struct buf out = {0};
    size_t n = 0;
    for (const char *at = buf_str(text), *end; (end = strchr(at, '\n')); at = end + 1)
        if (is_wanted(wanted, at, (size_t)(end - at))) {
            buf_add(&out, at, (size_t)(end + 1 - at));
            n++;
        }
    while (wanted->limit && n > wanted->limit) {
        buf_consume(&out, strcspn(buf_str(&out), "\n") + 1);
        n--;
    }
    buf_free(text);
    *text = out;
}

static int read_wanted(const struct http_request *req, struct wanted *out, struct error *err)
{
    const char *level = http_request_query(req, "level");
    uint64_t since;
    *out = (struct wanted){.level = LOG_DEBUG};
    if (level && log_level_parse(level, &out->level) != 0)
        return error_set(err, ERROR_MALFORMED,
                         "there is no level '%s', there is" LOG_LEVELS(LOG_EACH_WORD), level);
    if (api_number(req, "since_ms", 0, INT64_MAX, &since, err) != 0 ||
        api_number(req, "limit", 0, 1000000, &out->limit, err) != 0)
        return -1;
    out->since_ms = (int64_t)since;
    return 0;
}

static void send_line(void *ctx, const char *text, size_t len)
{
    struct reader *r = ctx;
    if (!auth_holds(r->auth, &r->who))
        http_stream_close(r->stream);
    else if (is_wanted(&r->wanted, text, len))
        http_stream_write(r->stream, text, len);
}

static void end(void *ctx)
{
    struct reader *r = ctx;
    r->follower = NULL;
    http_stream_close(r->stream);
}

static void lease_lost(void *arg, const struct error *why)
{
    struct reader *r = arg;
    (void)why;
    http_stream_close(r->stream);
}

static void stream_closed(void *ctx, const struct error *why)
{
    struct reader *r = ctx;
    (void)why;
    auth_lease_end(r->lease);
    runtime_logs_unfollow(r->follower);
    free(r);
}

/* Adds the follower first, as http_stream_begin frees the request that owns name. */
static void follow(struct api *api, struct http_request *req, const char *name,
                   const struct wanted *wanted, const struct buf *text)
{
    static const struct log_follower_calls calls = {send_line, end};
    struct reader *r = alloc_zero(1, sizeof *r);
    struct error err;
    r->wanted = *wanted;
    r->auth = &api->auth;
    r->who = *(const struct auth_principal *)req->user;
    r->lease = auth_lease_begin(r->auth->leases, &r->who, lease_lost, r);
    auth_lease_of_sandbox(r->lease, &r->who, AUTH_SANDBOX_READ, name);
    r->follower = runtime_logs_follow(api->runtime, r->who.asked, &calls, r, &err);
    r->stream = http_stream_begin(req, 200, type, stream_closed, r);
    if (r->stream)
        http_stream_write(r->stream, buf_str(text), text->len);
    else
        stream_closed(r, NULL);
}

void handle_logs(struct api *api, struct http_request *req)
{
    const char *name = http_request_param(req, "name");
    const struct auth_principal *who = req->user;
    struct buf text = {0};
    struct wanted wanted;
    struct error err;
    if (read_wanted(req, &wanted, &err) != 0 ||
        runtime_logs(api->runtime, who->asked, &text, &err) != 0) {
        if (err.kind == ERROR_NOT_FOUND)
            error_set(&err, ERROR_NOT_FOUND, "sandbox '%s' not found", name);
        http_respond_error(req, &err);
    } else {
        keep_wanted(&wanted, &text);
        if (api_flag(req, "follow"))
            follow(api, req, name, &wanted, &text);
        else
            http_respond(req, 200, type, buf_str(&text), text.len);
    }
    buf_free(&text);
}
