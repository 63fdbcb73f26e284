/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sessions/log_reader.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/stream.h"
#include "runtime/peers/peers.h"
#include "runtime/sandbox.h"
#include "runtime/sessions/logs.h"
#include "sandbox/wire/frame.h"

struct log_reader {
    const struct log_reader_calls *calls;
    void *ctx;
    bool follows;
    struct log_follower *follower;                  /* of a sandbox that is here; or: */
    struct net_stream *session;                     /* of one that is not; NULL: not yet */
    bool waiting;                                   /* its gateway was asked */
    bool closed;                                    /* nobody hears of it any more */
    size_t left;                                    /* bytes of what is kept that are to come */
    struct buf in, text;                            /* a frame in part; what is kept, or a line */
};

static void free_reader(struct log_reader *r)
{
    buf_free(&r->in);
    buf_free(&r->text);
    free(r);
}

/* ---- of a sandbox that is here ---- */

static void have_line(void *ctx, const char *text, size_t len)
{
    struct log_reader *r = ctx;
    r->calls->line(r->ctx, text, len);
}

static void have_end(void *ctx)
{
    struct log_reader *r = ctx;
    const struct log_reader_calls *calls = r->calls;
    void *arg = r->ctx;
    free_reader(r);
    calls->end(arg, NULL);
}

static struct log_reader *read_here(struct log_reader *r, struct runtime *all, const char *id)
{
    static const struct log_follower_calls calls = {have_line, have_end};
    struct error err;
    bool found = runtime_logs(all, id, &r->text, &err) == 0;
    if (found && r->follows)
        r->follower = runtime_logs_follow(all, id, &calls, r, &err);
    r->calls->kept(r->ctx, &r->text, found ? NULL : &err);
    buf_free(&r->text);
    if (r->follower)
        return r;
    free_reader(r);
    return NULL;
}

/* ---- of one that another gateway has ---- */

/* err: there was nothing before; why: what was there is lost. */
static void end(struct log_reader *r, const struct error *err, const char *why)
{
    const struct log_reader_calls *calls = r->calls;
    void *arg = r->ctx;
    if (r->closed)
        return;
    r->closed = true;
    if (err)
        calls->kept(arg, &r->text, err);
    else if (r->follows)
        calls->end(arg, why);
}

static void session_closed(void *owner)
{
    free_reader(owner);
}

/* What is kept comes first, whole; then lines. */
static void take_output(struct log_reader *r, const char *bytes, size_t len)
{
    size_t n = len < r->left ? len : r->left;
    buf_add(&r->text, bytes, n);
    r->left -= n;
    if (n && !r->left) {
        r->calls->kept(r->ctx, &r->text, NULL);
        buf_clear(&r->text);
        r->closed |= !r->follows;
    }
    buf_add(&r->text, bytes + n, r->left ? 0 : len - n);
    for (char *line_end; !r->closed && !r->left && r->text.len &&
         (line_end = memchr(r->text.data, '\n', r->text.len));) {
        size_t whole = (size_t)(line_end + 1 - r->text.data);
        r->calls->line(r->ctx, r->text.data, whole);
        buf_consume(&r->text, whole);
    }
}

/* {"code":N}, with "error" where the other gateway was lost. */
static void take_exit(struct log_reader *r, const struct sandbox_frame *frame)
{
    json_t *exit = json_loadb((const char *)frame->payload, frame->len, 0, NULL);
    const char *why = json_string_value(json_object_get(exit, "error"));
    struct error err;
    if (r->left)
        error_set(&err, ERROR_UPSTREAM, "%.900s", why ? why : "the log was cut short");
    end(r, r->left ? &err : NULL, why);
    json_decref(exit);
    net_close(r->session);
}

static void session_read(void *owner, const char *bytes, ssize_t n)
{
    struct log_reader *r = owner;
    struct sandbox_frame frame;
    ssize_t used = 0;
    if (n < 0) {
        net_close(r->session);
        return;
    }
    buf_add(&r->in, bytes, (size_t)n);
    while ((used = sandbox_frame_next((const uint8_t *)r->in.data, r->in.len, &frame)) > 0) {
        bool exits = frame.type == FRAME_EXIT;
        if (exits)
            take_exit(r, &frame);
        else if (!r->closed && frame.type == FRAME_STDOUT)
            take_output(r, (const char *)frame.payload, frame.len);
        if (exits || r->closed)
            break;
        buf_consume(&r->in, (size_t)used);
    }
    if (r->closed && used > 0)
        net_close(r->session);
}

static void have_session(void *arg, struct net_stream *session, size_t n_kept,
                         const struct error *err)
{
    static const struct net_calls calls = {.read = session_read, .closed = session_closed};
    struct log_reader *r = arg;
    r->waiting = false;
    if (err || r->closed) {
        if (session)
            net_discard(session);
        if (err)
            end(r, err, NULL);
        free_reader(r);
        return;
    }
    r->session = session;
    r->left = n_kept;
    net_set_owner(session, &calls, r);
    if (!n_kept)
        r->calls->kept(r->ctx, &r->text, NULL);
    r->closed |= !n_kept && !r->follows;
    if (r->closed)
        net_close(session);
    else
        net_read(session);
}

struct log_reader *runtime_logs_read(struct runtime *all, const char *id,
                                     const struct auth_principal *who, bool follow,
                                     const struct log_reader_calls *calls, void *ctx)
{
    struct error err;
    struct log_reader *r = alloc_zero(1, sizeof *r);
    *r = (struct log_reader){.calls = calls, .ctx = ctx, .follows = follow};
    const struct sandbox *s = sandbox_in_reach(all, id, &err);
    if (!s || !sandbox_is_foreign(s))
        return read_here(r, all, id);
    r->waiting = true;
    peers_ask(s, &(struct peer_question){.op = PEER_LOGS, .who = who, .follow = follow,
                                         .logs = have_session, .arg = r});
    return r;
}

void runtime_logs_close(struct log_reader *r)
{
    if (!r || r->closed)
        return;
    r->closed = true;
    runtime_logs_unfollow(r->follower);
    if (r->session)
        net_close(r->session);
    else if (!r->waiting)
        free_reader(r);
}
