/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "runtime/sessions/ssh_sessions.h"

/* ---- input ---- */

static void send_input(struct grpc_session *s, const void *bytes, size_t len)
{
    if (!s->stream)
        buf_add(&s->input, bytes, len);
    else if (!net_write(s->stream, bytes, len) && s->work && s->work->call)
        grpc_pause(s->work->call);
}

void grpc_session_send(struct grpc_session *s, enum sandbox_frame_type type, const char *bytes,
                       size_t len)
{
    uint8_t header[FRAME_HEADER_SIZE];
    struct buf frame = {0};
    sandbox_frame_header(header, type, len);
    buf_add(&frame, header, sizeof header);
    buf_add(&frame, bytes, len);
    send_input(s, frame.data, frame.len);
    buf_free(&frame);
}

void grpc_session_send_stdin(struct grpc_session *s, const char *base64)
{
    struct buf bytes = {0};
    base64_decode(base64, strlen(base64), &bytes);
    for (size_t at = 0, n; at < bytes.len && !s->input_closed; at += n) {
        n = bytes.len - at < FRAME_PAYLOAD_MAX ? bytes.len - at : FRAME_PAYLOAD_MAX;
        grpc_session_send(s, FRAME_STDIN, bytes.data + at, n);
    }
    buf_free(&bytes);
}

void grpc_session_close_stdin(struct grpc_session *s)
{
    if (!s->input_closed)
        grpc_session_send(s, FRAME_STDIN, "", 0);
    s->input_closed = true;
}

/* ---- output ---- */

void grpc_session_reply(struct grpc_session *s, const struct buf *message)
{
    if (s->work->call && !grpc_send(s->work->call, message->data, message->len) && s->stream)
        net_pause(s->stream);
}

static void free_session(struct grpc_session *s)
{
    buf_free(&s->output);
    buf_free(&s->input);
    free(s);
}

void grpc_session_end(struct grpc_session *s, enum grpc_code code, const char *text)
{
    struct grpc_work *work = s->work;
    struct net_stream *stream = s->stream;
    s->work = NULL;
    s->stream = NULL;
    ssh_session_release(s->use);
    s->use = NULL;
    if (work) {
        work->gone = NULL;
        grpc_work_end(work, code, text);
    }
    if (stream)
        net_close(stream);
    else
        free_session(s);
}

static void session_lost(struct grpc_session *s)
{
    grpc_session_end(s, GRPC_UNAVAILABLE, s->kind->lost);
}

static void session_read(void *owner, const char *bytes, ssize_t n)
{
    struct grpc_session *s = owner;
    struct sandbox_frame frame;
    ssize_t used = 0;
    size_t at = 0;
    if (!s->work)
        return;
    if (n < 0) {
        session_lost(s);
        return;
    }
    buf_add(&s->output, bytes, (size_t)n);
    while ((used = sandbox_frame_next((const uint8_t *)s->output.data + at, s->output.len - at,
                                      &frame)) > 0) {
        at += (size_t)used;
        s->kind->frame(s, &frame);
        if (!s->work)
            return;
    }
    buf_consume(&s->output, at);
    if (used < 0)
        session_lost(s);
}

static void session_drained(void *owner, int status)
{
    struct grpc_session *s = owner;
    (void)status;
    if (s->work && s->work->call)
        grpc_resume(s->work->call);
}

static void session_closed(void *owner)
{
    free_session(owner);
}

static const struct net_calls stream_calls = {
    .read = session_read,
    .drained = session_drained,
    .closed = session_closed,
};

void grpc_session_drained(struct grpc_call *call)
{
    struct grpc_session *s = grpc_session_of(call);
    if (s && s->stream)
        net_read(s->stream);
}

/* ---- the beginning ---- */

/* The client's end: the command is ended by the end of its session. */
static void client_gone(struct grpc_work *work)
{
    struct grpc_session *s = work->then_arg;
    if (s->stream)
        grpc_session_end(s, GRPC_CANCELLED, "");
}

static void session_came(void *arg, struct net_stream *stream, const struct error *err)
{
    struct grpc_session *s = arg;
    if (err || s->refused || !s->work->call) {
        if (stream)
            net_discard(stream);
        if (err)
            grpc_session_end(s, GRPC_UNAVAILABLE, err->text);
        else
            grpc_session_end(s, s->refused ? grpc_code_of(s->err.kind) : GRPC_CANCELLED,
                             s->refused ? s->err.text : "");
        return;
    }
    s->stream = stream;
    net_set_owner(stream, &stream_calls, s);
    if (s->input.len)
        net_send(stream, &s->input);
    net_read(stream);
    grpc_resume(s->work->call);
}

static int start(struct grpc_session *s)
{
    struct runtime *runtime = s->work->grpc->runtime;
    if (s->refused)
        return -1;
    if (runtime_exec_check(runtime, s->sandbox, &s->err) != 0) {
        if (s->err.kind == ERROR_STATE)
            error_set(&s->err, ERROR_STATE, "sandbox is not ready");
        return -1;
    }
    if (s->kind->begin && s->kind->begin(s) != 0)
        return -1;
    return runtime_exec(runtime, s->sandbox, &s->work->who, &s->command, session_came, s, &s->err);
}

static void run(struct grpc_work *work)
{
    struct grpc_session *s = work->then_arg;
    work->gone = client_gone;
    if (!work->call)
        grpc_session_end(s, GRPC_CANCELLED, "");
    else if (start(s) != 0)
        grpc_session_end(s, grpc_code_of(s->err.kind), s->err.text);
}

int grpc_session_prepared(struct grpc_work *work, int rc)
{
    struct grpc_session *s = work->then_arg;
    s->refused = rc != 0;
    s->err = work->err;
    work->judged |= s->refused;
    work->then = run;
    return 0;
}

struct grpc_session *grpc_session_new(struct grpc_call *call, const struct grpc_session_kind *kind,
                                      const char *bytes, size_t len)
{
    struct grpc_session *s = alloc_zero(1, sizeof *s);
    s->kind = kind;
    s->work = grpc_do_with(call, bytes, len, s);
    if (s->work)
        return s;
    free(s);
    return NULL;
}

struct grpc_session *grpc_session_of(struct grpc_call *call)
{
    struct grpc_work *work = call->state;
    return work ? work->then_arg : NULL;
}
