/* SPDX-License-Identifier: Apache-2.0 */
/* ExecSandbox and ExecSandboxInteractive: the frames of a session (sandbox/wire/frame.h) as events,
 * and input as frames. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/session.h"
#include "grpc/timeout.h"
#include "openshell/messages.h"

/* ---- input ---- */

static void send_resize(struct grpc_session *exec, const struct doc_node *size)
{
    const struct doc_node *cols = doc_get(size, "cols"), *rows = doc_get(size, "rows");
    char json[64];
    int len = snprintf(json, sizeof json, "{\"cols\":%lu,\"rows\":%lu}",
                       cols ? strtoul(cols->text, NULL, 10) : 0,
                       rows ? strtoul(rows->text, NULL, 10) : 0);
    grpc_session_send(exec, FRAME_RESIZE, json, (size_t)len);
}

/* ---- output ---- */

/* An event of bytes, number 1 for standard output and 2 for errors, written by hand: as a tree the
 * bytes would be base64 on the way. */
static void send_bytes(struct grpc_session *exec, unsigned number, const uint8_t *bytes, size_t len)
{
    struct buf event = {0}, inner = {0};
    if (!len || !exec->work->call)
        return;
    protobuf_put_length(&inner, 1, len);
    protobuf_put_length(&event, number, inner.len + len);
    buf_add(&event, inner.data, inner.len);
    buf_add(&event, bytes, len);
    buf_free(&inner);
    grpc_session_reply(exec, &event);
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

/* {"code":N}, with "error" where the command could not start. */
static void command_exited(struct grpc_session *exec, const struct sandbox_frame *frame)
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
        grpc_session_reply(exec, &event);
    buf_free(&event);
    problems_free(&problems);
    arena_free(arena);
    grpc_session_end(exec, GRPC_OK, "");
}

static void take_frame(struct grpc_session *exec, const struct sandbox_frame *frame)
{
    if (frame->type == FRAME_STDOUT)
        send_bytes(exec, 1, frame->payload, frame->len);
    else if (frame->type == FRAME_STDERR)
        send_bytes(exec, 2, frame->payload, frame->len);
    else if (frame->type == FRAME_EXIT)
        command_exited(exec, frame);
}

static const struct grpc_session_kind of_command = {
    .frame = take_frame,
    .lost = "exec relay closed before the command reported an exit status",
};

/* ---- the beginning ---- */

/* 0: none. */
static int read_timeout(struct grpc_work *work, uint64_t *ms)
{
    const char *newer = grpc_text(work, "execution_timeout");
    *ms = grpc_number(work, "timeout_seconds") * 1000;
    if ((*newer && !grpc_duration_parse(newer, ms)) || *ms > EXEC_TIMEOUT_MAX_MS)
        return error_set(&work->err, ERROR_MALFORMED, "%s is from 0, which means none, to %d s",
                         *newer ? "execution_timeout" : "timeout_seconds",
                         EXEC_TIMEOUT_MAX_MS / 1000);
    return 0;
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
    uint64_t timeout_ms;
    if (!n)
        return error_set(&work->err, ERROR_MALFORMED, "command is required");
    if (read_timeout(work, &timeout_ms) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        words[i] = command->items[i]->text;
    for (size_t i = 0; i < n_env; i++)
        pairs[i] = (struct spec_pair){env->keys[i]->text, env->items[i]->text};
    const char *workdir = grpc_text(work, "workdir");
    *out = (struct sandbox_exec){
        .command = words, .n_command = n, .env = pairs, .n_env = n_env,
        .workdir = *workdir ? workdir : NULL, .tty = grpc_flag(work, "tty"),
        .cols = read_size(work, "cols"), .rows = read_size(work, "rows"),
        .timeout_ms = timeout_ms,
    };
    return sandbox_exec_check(out, &work->err);
}

/* Worker thread. */
static int prepare(struct grpc_work *work, struct grpc_session *exec)
{
    const struct store_user user = {work->who.name, work->who.account};
    struct store_sandbox s;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0 || read_command(work, &exec->command) != 0 ||
        runtime_exec_note(work->grpc->store, s.id, &user, &work->err) != 0)
        return -1;
    exec->sandbox = s.id;
    log_info(work->grpc->log, "sandbox %s: %s runs a command", s.name, user.name);
    return 0;
}

static int prepare_once(struct grpc_work *work, struct doc_writer *w)
{
    struct grpc_session *exec = work->then_arg;
    (void)w;
    return grpc_session_prepared(work, prepare(work, exec));
}

static int prepare_interactive(struct grpc_work *work, struct doc_writer *w)
{
    const struct doc_node *start = doc_get(work->request, "start");
    if (start) {
        work->request = start;
        return prepare_once(work, w);
    }
    return grpc_session_prepared(work, error_set(&work->err, ERROR_MALFORMED,
                                                 "first message must be a start payload"));
}

/* ---- ExecSandbox ---- */

/* Of the request as it came, because the work's own tree is with the worker. */
static void send_all_input(struct grpc_session *exec, const struct schema *schema,
                           const char *bytes, size_t len)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *request;
    if (protobuf_decode(schema, bytes, len, arena, &request, &problems) == 0) {
        const struct doc_node *input = doc_get(request, "stdin"),
                              *size = doc_get(request, "resize");
        if (input)
            grpc_session_send_stdin(exec, input->text);
        if (size)
            send_resize(exec, size);
    }
    problems_free(&problems);
    arena_free(arena);
}

static void run_once(struct grpc_call *call, const char *bytes, size_t len)
{
    struct grpc_session *exec = grpc_session_new(call, &of_command, bytes, len);
    if (!exec)
        return;
    send_all_input(exec, &openshell_exec_sandbox_request, bytes, len);
    grpc_session_close_stdin(exec);
}

/* ---- ExecSandboxInteractive ---- */

static void take_input(struct grpc_call *call, const char *bytes, size_t len)
{
    struct grpc_session *exec = grpc_session_of(call);
    if (exec)
        send_all_input(exec, &openshell_exec_sandbox_input, bytes, len);
    else if (grpc_session_new(call, &of_command, bytes, len))
        grpc_pause(call);
}

static void input_ended(struct grpc_call *call)
{
    struct grpc_session *exec = grpc_session_of(call);
    if (exec)
        grpc_session_close_stdin(exec);
    else
        grpc_end(call, GRPC_INVALID_ARGUMENT, "empty stream: expected start message");
}

static const struct grpc_method methods[] = {
    {.name = "ExecSandbox",
     .permission = AUTH_SANDBOX_RUN,
     .of_sandbox = true,
     .kind = GRPC_SERVER_STREAMS,
     .message = run_once,
     .drained = grpc_session_drained,
     .cancelled = grpc_forget_work,
     .work = prepare_once},
    {.name = "ExecSandboxInteractive",
     .permission = AUTH_SANDBOX_RUN,
     .of_sandbox = true,
     .kind = GRPC_SERVER_STREAMS | GRPC_CLIENT_STREAMS,
     .message = take_input,
     .half_closed = input_ended,
     .drained = grpc_session_drained,
     .cancelled = grpc_forget_work,
     .work = prepare_interactive},
};

const struct grpc_methods grpc_exec_methods = {OPENSHELL_SERVICE, methods,
                                               sizeof methods / sizeof *methods};
