/* SPDX-License-Identifier: Apache-2.0 */
/* ExecSandbox and ExecSandboxInteractive: the frames of a session (sandbox/wire/frame.h) as events,
 * and input as frames. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "grpc/status.h"
#include "grpc/work.h"
#include "net/stream.h"
#include "openshell/messages.h"
#include "runtime/exec.h"
#include "sandbox/wire/frame.h"

/* A command and its client; belongs to the loop thread but for command, which the work fills in. */
struct exec {
    struct grpc_work *work;                         /* NULL: the call has ended */
    struct net_stream *session;                     /* NULL: not there yet, or gone */
    struct sandbox_exec command;
    const char *sandbox;                            /* its name, in the work's arena */
    bool refused;                                   /* err says why */
    struct error err;
    struct buf output;                              /* frames, of which the last one is not whole */
    struct buf input;                               /* frames that wait for the session */
    bool input_closed;
};

/* ---- input ---- */

static void send_input(struct exec *exec, const void *bytes, size_t len)
{
    if (!exec->session)
        buf_add(&exec->input, bytes, len);
    else if (!net_write(exec->session, bytes, len) && exec->work && exec->work->call)
        grpc_pause(exec->work->call);
}

static void send_frame(struct exec *exec, enum sandbox_frame_type type, const char *bytes,
                       size_t len)
{
    uint8_t header[FRAME_HEADER_SIZE];
    struct buf frame = {0};
    sandbox_frame_header(header, type, len);
    buf_add(&frame, header, sizeof header);
    buf_add(&frame, bytes, len);
    send_input(exec, frame.data, frame.len);
    buf_free(&frame);
}

static void send_stdin(struct exec *exec, const char *base64)
{
    struct buf bytes = {0};
    base64_decode(base64, strlen(base64), &bytes);
    for (size_t at = 0, n; at < bytes.len && !exec->input_closed; at += n) {
        n = bytes.len - at < FRAME_PAYLOAD_MAX ? bytes.len - at : FRAME_PAYLOAD_MAX;
        send_frame(exec, FRAME_STDIN, bytes.data + at, n);
    }
    buf_free(&bytes);
}

static void send_resize(struct exec *exec, const struct doc_node *size)
{
    const struct doc_node *cols = doc_get(size, "cols"), *rows = doc_get(size, "rows");
    char json[64];
    int len = snprintf(json, sizeof json, "{\"cols\":%lu,\"rows\":%lu}",
                       cols ? strtoul(cols->text, NULL, 10) : 0,
                       rows ? strtoul(rows->text, NULL, 10) : 0);
    send_frame(exec, FRAME_RESIZE, json, (size_t)len);
}

static void close_stdin(struct exec *exec)
{
    if (!exec->input_closed)
        send_frame(exec, FRAME_STDIN, "", 0);
    exec->input_closed = true;
}

/* ---- output ---- */

/* An event of bytes, number 1 for standard output and 2 for errors, written by hand: as a tree the
 * bytes would be base64 on the way. */
static void send_bytes(struct exec *exec, unsigned number, const uint8_t *bytes, size_t len)
{
    struct buf event = {0}, inner = {0};
    if (!len || !exec->work->call)
        return;
    protobuf_put_length(&inner, 1, len);
    protobuf_put_length(&event, number, inner.len + len);
    buf_add(&event, inner.data, inner.len);
    buf_add(&event, bytes, len);
    buf_free(&inner);
    if (!grpc_send(exec->work->call, event.data, event.len))
        net_pause(exec->session);
    buf_free(&event);
}

static void put_exit(struct doc_writer *w, const void *code)
{
    doc_write_key(w, "exit");
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "exit_code");
    doc_write_number(w, *(const int64_t *)code);
    doc_write_close(w, DOC_MAP);
}

static void free_exec(struct exec *exec)
{
    buf_free(&exec->output);
    buf_free(&exec->input);
    free(exec);
}

/* Ends the call; what is left goes with the session. */
static void finish(struct exec *exec, enum grpc_code code, const char *text)
{
    struct grpc_work *work = exec->work;
    struct net_stream *session = exec->session;
    exec->work = NULL;
    exec->session = NULL;
    if (work) {
        work->gone = NULL;
        grpc_work_end(work, code, text);
    }
    if (session)
        net_close(session);
    else
        free_exec(exec);
}

/* {"code":N}, with "error" where the command could not start. */
static void command_exited(struct exec *exec, const struct sandbox_frame *frame)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct buf event = {0};
    struct doc_node *exit;
    int64_t code = -1;
    const char *error = NULL;
    if (doc_parse_own((const char *)frame->payload, frame->len, 16, arena, &exit, &problems) == 0 &&
        exit->kind == DOC_MAP) {
        const struct doc_node *number = doc_get(exit, "code"), *why = doc_get(exit, "error");
        code = number ? strtoll(number->text, NULL, 10) : -1;
        error = why ? arena_printf(arena, "%s\n", why->text) : NULL;
    }
    if (error)
        send_bytes(exec, 2, (const uint8_t *)error, strlen(error));
    if (exec->work->call && grpc_encode(&openshell_exec_sandbox_event, PROTOBUF_TEXTS, put_exit,
                                        &code, &event, NULL) == 0)
        grpc_send(exec->work->call, event.data, event.len);
    buf_free(&event);
    problems_free(&problems);
    arena_free(arena);
    finish(exec, GRPC_OK, "");
}

/* False: the call has ended. */
static bool take_frame(struct exec *exec, const struct sandbox_frame *frame)
{
    if (frame->type == FRAME_STDOUT)
        send_bytes(exec, 1, frame->payload, frame->len);
    else if (frame->type == FRAME_STDERR)
        send_bytes(exec, 2, frame->payload, frame->len);
    else if (frame->type == FRAME_EXIT)
        command_exited(exec, frame);
    return exec->work != NULL;
}

static void session_lost(struct exec *exec)
{
    finish(exec, GRPC_UNAVAILABLE,
           "exec relay closed before the command reported an exit status");
}

static void session_read(void *owner, const char *bytes, ssize_t n)
{
    struct exec *exec = owner;
    struct sandbox_frame frame;
    ssize_t used = 0;
    size_t at = 0;
    if (!exec->work)
        return;
    if (n < 0) {
        session_lost(exec);
        return;
    }
    buf_add(&exec->output, bytes, (size_t)n);
    while ((used = sandbox_frame_next((const uint8_t *)exec->output.data + at,
                                      exec->output.len - at, &frame)) > 0) {
        at += (size_t)used;
        if (!take_frame(exec, &frame))
            return;
    }
    buf_consume(&exec->output, at);
    if (used < 0)
        session_lost(exec);
}

static void session_drained(void *owner, int status)
{
    struct exec *exec = owner;
    (void)status;
    if (exec->work && exec->work->call)
        grpc_resume(exec->work->call);
}

static void session_closed(void *owner)
{
    free_exec(owner);
}

static const struct net_calls session_calls = {
    .read = session_read,
    .drained = session_drained,
    .closed = session_closed,
};

/* ---- the beginning ---- */

/* The client's end: the command is ended by the end of its session. */
static void client_gone(struct grpc_work *work)
{
    struct exec *exec = work->then_arg;
    if (exec->session)
        finish(exec, GRPC_CANCELLED, "");
}

static void session_came(void *arg, struct net_stream *session, const struct error *err)
{
    struct exec *exec = arg;
    if (err || !exec->work->call) {
        if (session)
            net_discard(session);
        finish(exec, err ? GRPC_UNAVAILABLE : GRPC_CANCELLED, err ? err->text : "");
        return;
    }
    exec->session = session;
    net_set_owner(session, &session_calls, exec);
    if (exec->input.len)
        net_send(session, &exec->input);
    net_read(session);
    grpc_resume(exec->work->call);
}

static int start_command(struct exec *exec)
{
    struct runtime *runtime = exec->work->grpc->runtime;
    if (exec->refused)
        return -1;
    if (runtime_exec_check(runtime, exec->sandbox, &exec->err) == 0)
        return runtime_exec(runtime, exec->sandbox, &exec->command, session_came, exec,
                            &exec->err);
    if (exec->err.kind == ERROR_STATE)
        error_set(&exec->err, ERROR_STATE, "sandbox is not ready");
    return -1;
}

static void run_command(struct grpc_work *work)
{
    struct exec *exec = work->then_arg;
    work->gone = client_gone;
    if (!work->call)
        finish(exec, GRPC_CANCELLED, "");
    else if (start_command(exec) != 0)
        finish(exec, grpc_code_of(exec->err.kind), exec->err.text);
}

static uint64_t read_timeout(const struct grpc_work *work)
{
    const char *newer = grpc_text(work, "execution_timeout");
    return *newer ? (uint64_t)(strtod(newer, NULL) * 1000)
                  : grpc_number(work, "timeout_seconds") * 1000;
}

static uint16_t read_size(const struct grpc_work *work, const char *field)
{
    uint64_t size = grpc_number(work, field);
    return size < UINT16_MAX ? (uint16_t)size : UINT16_MAX;
}

static int read_command(struct grpc_work *work, struct sandbox_exec *out)
{
    const struct doc_node *command = doc_get(work->request, "command");
    const struct doc_node *env = doc_get(work->request, "environment");
    size_t n = command ? command->n : 0, n_env = env ? env->n : 0;
    const char **words = arena_alloc(work->arena, (n + 1) * sizeof *words);
    struct spec_pair *pairs = arena_alloc(work->arena, (n_env + 1) * sizeof *pairs);
    if (!n)
        return error_set(&work->err, ERROR_MALFORMED, "command is required");
    for (size_t i = 0; i < n; i++)
        words[i] = command->items[i]->text;
    for (size_t i = 0; i < n_env; i++)
        pairs[i] = (struct spec_pair){env->keys[i]->text, env->items[i]->text};
    const char *workdir = grpc_text(work, "workdir");
    *out = (struct sandbox_exec){
        .command = words, .n_command = n, .env = pairs, .n_env = n_env,
        .workdir = *workdir ? workdir : NULL, .tty = grpc_flag(work, "tty"),
        .cols = read_size(work, "cols"), .rows = read_size(work, "rows"),
        .timeout_ms = read_timeout(work),
    };
    return sandbox_exec_check(out, &work->err);
}

/* Worker thread. */
static int prepare(struct grpc_work *work, struct exec *exec)
{
    const struct store_user user = {work->who.name, work->who.account};
    struct store_sandbox s;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0 || read_command(work, &exec->command) != 0 ||
        runtime_exec_note(work->grpc->store, s.id, &user, &work->err) != 0)
        return -1;
    exec->sandbox = s.name;
    log_info(work->grpc->log, "sandbox %s: %s runs a command", s.name, user.name);
    return 0;
}

/* It cannot fail itself, because input may come meanwhile: what is wrong is told by then. */
static int prepare_once(struct grpc_work *work, struct doc_writer *w)
{
    struct exec *exec = work->then_arg;
    (void)w;
    exec->refused = prepare(work, exec) != 0;
    exec->err = work->err;
    work->then = run_command;
    return 0;
}

static int prepare_interactive(struct grpc_work *work, struct doc_writer *w)
{
    struct exec *exec = work->then_arg;
    const struct doc_node *start = doc_get(work->request, "start");
    if (start) {
        work->request = start;
        return prepare_once(work, w);
    }
    exec->refused = true;
    error_set(&exec->err, ERROR_MALFORMED, "first message must be a start payload");
    work->then = run_command;
    return 0;
}

static struct exec *begin_command(struct grpc_call *call, const char *bytes, size_t len)
{
    struct exec *exec = alloc_zero(1, sizeof *exec);
    exec->work = grpc_do_with(call, bytes, len, exec);
    if (exec->work)
        return exec;
    free(exec);
    return NULL;
}

/* ---- ExecSandbox ---- */

/* Of the request as it came, because the work's own tree is with the worker. */
static void send_all_input(struct exec *exec, const struct schema *schema, const char *bytes,
                           size_t len)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *request;
    if (protobuf_decode(schema, bytes, len, arena, &request, &problems) == 0) {
        const struct doc_node *input = doc_get(request, "stdin"),
                              *size = doc_get(request, "resize");
        if (input)
            send_stdin(exec, input->text);
        if (size)
            send_resize(exec, size);
    }
    problems_free(&problems);
    arena_free(arena);
}

static void run_once(struct grpc_call *call, const char *bytes, size_t len)
{
    struct exec *exec = begin_command(call, bytes, len);
    if (!exec)
        return;
    send_all_input(exec, &openshell_exec_sandbox_request, bytes, len);
    close_stdin(exec);
}

/* ---- ExecSandboxInteractive ---- */

static struct exec *exec_of(struct grpc_call *call)
{
    struct grpc_work *work = call->state;
    return work ? work->then_arg : NULL;
}

static void take_input(struct grpc_call *call, const char *bytes, size_t len)
{
    struct exec *exec = exec_of(call);
    if (exec)
        send_all_input(exec, &openshell_exec_sandbox_input, bytes, len);
    else if (begin_command(call, bytes, len))
        grpc_pause(call);
}

static void input_ended(struct grpc_call *call)
{
    struct exec *exec = exec_of(call);
    if (exec)
        close_stdin(exec);
    else
        grpc_end(call, GRPC_INVALID_ARGUMENT, "empty stream: expected start message");
}

static void output_drained(struct grpc_call *call)
{
    struct exec *exec = exec_of(call);
    if (exec && exec->session)
        net_read(exec->session);
}

static const struct grpc_method methods[] = {
    {.name = "ExecSandbox",
     .permission = AUTH_SANDBOX_RUN,
     .kind = GRPC_SERVER_STREAMS,
     .message = run_once,
     .drained = output_drained,
     .cancelled = grpc_forget_work,
     .work = prepare_once},
    {.name = "ExecSandboxInteractive",
     .permission = AUTH_SANDBOX_RUN,
     .kind = GRPC_SERVER_STREAMS | GRPC_CLIENT_STREAMS,
     .message = take_input,
     .half_closed = input_ended,
     .drained = output_drained,
     .cancelled = grpc_forget_work,
     .work = prepare_interactive},
};

const struct grpc_methods grpc_exec_methods = {OPENSHELL_SERVICE, methods,
                                               sizeof methods / sizeof *methods};
