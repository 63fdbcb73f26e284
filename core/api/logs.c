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
#include "runtime/sessions/log_reader.h"

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
    struct http_request *req;                       /* until it is answered */
    struct http_stream *stream;
    struct auth_lease *lease;
    struct log_reader *log;                         /* NULL: the sandbox is gone */
    bool follows;
    bool opening, have_kept;                        /* kept came while the log was opened */
    bool failed;
    struct error err;
    struct buf kept;
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

static void end(void *ctx, const char *why)
{
    struct reader *r = ctx;
    r->log = NULL;
    if (why)
        http_stream_break(r->stream, why);
    else
        http_stream_close(r->stream);
}

static void lease_lost(void *arg, const struct error *why)
{
    struct reader *r = arg;
    (void)why;
    http_stream_close(r->stream);
}

static void drop(struct reader *r)
{
    auth_lease_end(r->lease);
    runtime_logs_close(r->log);
    buf_free(&r->kept);
    free(r);
}

static void stream_closed(void *ctx, const struct error *why)
{
    (void)why;
    drop(ctx);
}

static void follow(struct reader *r)
{
    const char *name = http_request_param(r->req, "name");
    r->lease = auth_lease_begin(r->auth->leases, &r->who, lease_lost, r);
    auth_lease_of_sandbox(r->lease, &r->who, AUTH_SANDBOX_READ, name);
    r->stream = http_stream_begin(r->req, 200, type, stream_closed, r);
    if (r->stream)
        http_stream_write(r->stream, buf_str(&r->kept), r->kept.len);
    else
        drop(r);
}

static void answer(struct reader *r)
{
    if (r->failed && r->err.kind == ERROR_NOT_FOUND)
        error_set(&r->err, ERROR_NOT_FOUND, "sandbox '%s' not found",
                  http_request_param(r->req, "name"));
    if (!r->failed && r->follows) {
        follow(r);
        return;
    }
    if (r->failed)
        http_respond_error(r->req, &r->err);
    else
        http_respond(r->req, 200, type, buf_str(&r->kept), r->kept.len);
    drop(r);
}

static void have_kept(void *ctx, const struct buf *text, const struct error *err)
{
    struct reader *r = ctx;
    r->have_kept = true;
    r->failed = err != NULL;
    if (err)
        r->err = *err;
    else
        buf_add(&r->kept, buf_str(text), text->len);
    keep_wanted(&r->wanted, &r->kept);
    if (err || !r->follows)
        r->log = NULL;
    if (!r->opening)
        answer(r);
}

void handle_logs(struct api *api, struct http_request *req)
{
    static const struct log_reader_calls calls = {have_kept, send_line, end};
    struct wanted wanted;
    struct error err;
    if (read_wanted(req, &wanted, &err) != 0) {
        http_respond_error(req, &err);
        return;
    }
    struct reader *r = alloc_zero(1, sizeof *r);
    r->wanted = wanted;
    r->auth = &api->auth;
    r->who = *(const struct auth_principal *)req->user;
    r->req = req;
    r->follows = api_flag(req, "follow");
    r->opening = true;
    r->log = runtime_logs_read(api->runtime, r->who.asked, &r->who, r->follows, &calls, r);
    r->opening = false;
    if (r->have_kept)
        answer(r);
}
