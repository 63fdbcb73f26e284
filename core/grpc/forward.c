/* SPDX-License-Identifier: Apache-2.0 */
/* CreateSshSession, RevokeSshSession and ForwardTcp: connections to a sandbox's SSH server, and to
 * ports of its loopback. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/session.h"
#include "openshell/messages.h"
#include "runtime/sessions/ssh_sessions.h"

/* ---- CreateSshSession ---- */

/* What the client is told to connect to, which is what it has connected to. */
struct ssh_answer {
    const char *sandbox_id, *host_key;
    char host[256];
    unsigned long port;
    char token[DIGEST_HEX_SIZE];
    int64_t expires_at_ms;
};

static bool is_host(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(".:[]-", text[i]))
            return false;
    return len > 0;
}

/* From HOST:PORT; clients over a Unix socket name neither of use. */
static void read_authority(const char *authority, struct ssh_answer *out)
{
    const char *colon = authority ? strrchr(authority, ':') : NULL;
    if (colon && strchr(colon, ']'))
        colon = NULL;
    size_t len = !authority ? 0 : colon ? (size_t)(colon - authority) : strlen(authority);
    bool usable = len < sizeof out->host - 1 && is_host(authority, len);
    snprintf(out->host, sizeof out->host, "%.*s", usable ? (int)len : 9,
             usable ? authority : "localhost");
    out->port = colon ? strtoul(colon + 1, NULL, 10) : 80;
    if (out->port < 1 || out->port > UINT16_MAX)
        out->port = 80;
}

static int put_session(struct grpc_work *work, struct doc_writer *w)
{
    const struct ssh_answer *a = work->then_arg;
    grpc_put_text(w, "sandbox_id", a->sandbox_id);
    grpc_put_text(w, "token", a->token);
    grpc_put_text(w, "gateway_host", a->host);
    grpc_put_number(w, "gateway_port", a->port);
    grpc_put_text(w, "gateway_scheme", "http");
    grpc_put_text(w, "host_key_fingerprint", a->host_key);
    grpc_put_time(w, "expires_at_ms", "expiration_time", a->expires_at_ms);
    return 0;
}

static void create_session(struct grpc_work *work)
{
    struct ssh_answer *a = work->then_arg;
    struct runtime *runtime = work->grpc->runtime;
    struct error err;
    if (!work->call) {
        grpc_work_end(work, GRPC_CANCELLED, "");
        return;
    }
    if (work->call->req)
        read_authority(http_request_header(work->call->req, "host"), a);
    if (ssh_session_create(runtime, a->sandbox_id, SSH_SESSION_MS, a->token, &err) == 0) {
        a->expires_at_ms = clock_now_ms() + SSH_SESSION_MS;
        a->host_key = arena_str(work->arena, ssh_session_host_key(runtime, a->sandbox_id));
        grpc_work_again(work, put_session);
        return;
    }
    if (err.kind == ERROR_STATE)
        error_set(&err, ERROR_STATE, "sandbox is not ready");
    grpc_work_fail(work, &err);
}

static int find_session_sandbox(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    (void)w;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0)
        return -1;
    struct ssh_answer *a = arena_zalloc(work->arena, sizeof *a);
    a->sandbox_id = s.id;
    read_authority(NULL, a);
    log_info(work->grpc->log, "sandbox %s: %s gets an SSH session", s.name, work->who.name);
    work->then_arg = a;
    work->then = create_session;
    return 0;
}

/* ---- RevokeSshSession ---- */

static int put_revoked(struct grpc_work *work, struct doc_writer *w)
{
    bool revoked = work->then_arg != NULL;
    if (!revoked && work->modes == PROTOBUF_ENUMS && !grpc_flag(work, "allow_missing"))
        return error_set(&work->err, ERROR_NOT_FOUND, "SSH session token not found");
    doc_write_key(w, "revoked");
    doc_write_bool(w, revoked);
    grpc_put_text(w, "outcome", revoked ? "COMPLETED" : "ALREADY_ABSENT");
    return 0;
}

static void revoke_session(struct grpc_work *work)
{
    struct runtime *runtime = work->grpc->runtime;
    const char *token = grpc_text(work, "token");
    struct auth_sandbox sandbox;
    if (ssh_session_sandbox(runtime, token, &sandbox) && grpc_judge(work, &sandbox) != 0) {
        const struct error why = work->err;
        grpc_work_fail(work, &why);
        return;
    }
    work->then_arg = ssh_session_revoke(runtime, token) ? work : NULL;
    grpc_work_again(work, put_revoked);
}

static int read_token(struct grpc_work *work, struct doc_writer *w)
{
    const char *token;
    (void)w;
    work->judged = true;                            /* by revoke_session, which finds whose it is */
    work->then = revoke_session;
    return grpc_required(work, "token", &token);
}

/* ---- ForwardTcp ---- */

/* By hand, as a tree would have the bytes in base64. */
static void send_data(struct grpc_session *s, const uint8_t *bytes, size_t len)
{
    struct buf frame = {0};
    if (!len)
        return;
    protobuf_put_length(&frame, 2, len);
    buf_add(&frame, bytes, len);
    grpc_session_reply(s, &frame);
    buf_free(&frame);
}

/* {"code":N}, with "error" where there was nothing to connect to. */
static void connection_ended(struct grpc_session *s, const struct sandbox_frame *frame)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *exit;
    const struct doc_node *why = NULL;
    if (doc_parse_own((const char *)frame->payload, frame->len, 16, arena, &exit, &problems) == 0 &&
        exit->kind == DOC_MAP)
        why = doc_get(exit, "error");
    const char *text =
        why ? arena_printf(arena, "supervisor relay failed: %s", why->text) : NULL;
    grpc_session_end(s, text ? GRPC_UNAVAILABLE : GRPC_OK, text ? text : "");
    problems_free(&problems);
    arena_free(arena);
}

/* What sshd says beside the connection is for nobody. */
static void take_frame(struct grpc_session *s, const struct sandbox_frame *frame)
{
    if (frame->type == FRAME_STDOUT)
        send_data(s, frame->payload, frame->len);
    else if (frame->type == FRAME_EXIT)
        connection_ended(s, frame);
}

static void session_ended(void *arg, const char *why)
{
    struct grpc_session *s = arg;
    error_set(&s->err, ERROR_UNAUTHORIZED, "%s", why);
    if (s->stream)
        grpc_session_end(s, GRPC_UNAUTHENTICATED, s->err.text);
    else
        s->refused = true;                          /* ends when the connection is there */
}

static int begin(struct grpc_session *s)
{
    s->use = ssh_session_use(s->work->grpc->runtime, s->sandbox, s->token, session_ended, s,
                             &s->err);
    return s->use ? 0 : -1;
}

static const struct grpc_session_kind of_connection = {
    .frame = take_frame,
    .begin = begin,
    .lost = "supervisor relay failed: the connection to the sandbox broke",
};

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0;
}

static int read_target(struct grpc_work *work, struct sandbox_exec *out)
{
    const struct doc_node *tcp = doc_get(work->request, "tcp");
    if (!tcp && !doc_get(work->request, "ssh"))
        return error_set(&work->err, ERROR_MALFORMED, "target is required");
    *out = (struct sandbox_exec){.service = tcp ? SANDBOX_SERVICE_TCP : SANDBOX_SERVICE_SSH};
    if (!tcp)
        return 0;
    const struct doc_node *host = doc_get(tcp, "host"), *port = doc_get(tcp, "port");
    unsigned long number = port ? strtoul(port->text, NULL, 10) : 0;
    if (!host || !is_loopback(host->text))
        return error_set(&work->err, ERROR_MALFORMED, "tcp target host must be loopback");
    if (number < 1 || number > UINT16_MAX)
        return error_set(&work->err, ERROR_MALFORMED,
                         "tcp target port must be a number from 1 to 65535");
    out->port = (uint16_t)number;
    return 0;
}

/* Worker thread. */
static int prepare(struct grpc_work *work, struct grpc_session *s)
{
    const struct store_user user = {work->who.name, work->who.account};
    const struct doc_node *init = doc_get(work->request, "init");
    struct store_sandbox sandbox;
    if (!init)
        return error_set(&work->err, ERROR_MALFORMED, "first message must be an init payload");
    work->request = init;
    s->token = grpc_text(work, "authorization_token");
    if (!*s->token)
        return error_set(&work->err, ERROR_UNAUTHORIZED,
                         "authorization_token is required for ForwardTcp");
    if (grpc_find_sandbox(work, "sandbox", &sandbox) != 0 || read_target(work, &s->command) != 0 ||
        runtime_exec_note(work->grpc->store, sandbox.id, &user, &work->err) != 0)
        return -1;
    s->sandbox = sandbox.id;
    log_info(work->grpc->log, "sandbox %s: %s connects", sandbox.name, user.name);
    return 0;
}

static int prepare_forward(struct grpc_work *work, struct doc_writer *w)
{
    struct grpc_session *s = work->then_arg;
    (void)w;
    return grpc_session_prepared(work, prepare(work, s));
}

static void send_input(struct grpc_session *s, const char *bytes, size_t len)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *frame;
    if (protobuf_decode(&openshell_tcp_forward_frame, bytes, len, arena, &frame, &problems) == 0) {
        const struct doc_node *data = doc_get(frame, "data");
        if (data)
            grpc_session_send_stdin(s, data->text);
    }
    problems_free(&problems);
    arena_free(arena);
}

static void take_input(struct grpc_call *call, const char *bytes, size_t len)
{
    struct grpc_session *s = grpc_session_of(call);
    if (s)
        send_input(s, bytes, len);
    else if (grpc_session_new(call, &of_connection, bytes, len))
        grpc_pause(call);
}

static void input_ended(struct grpc_call *call)
{
    struct grpc_session *s = grpc_session_of(call);
    if (s)
        grpc_session_close_stdin(s);
    else
        grpc_end(call, GRPC_INVALID_ARGUMENT, "empty stream: expected init message");
}

static const struct grpc_method methods[] = {
    READ_ONE("CreateSshSession", AUTH_SANDBOX_RUN, find_session_sandbox),
    READ_ONE("RevokeSshSession", AUTH_SANDBOX_RUN, read_token),
    {.name = "ForwardTcp",
     .permission = AUTH_SANDBOX_RUN,
     .of_sandbox = true,
     .kind = GRPC_SERVER_STREAMS | GRPC_CLIENT_STREAMS,
     .message = take_input,
     .half_closed = input_ended,
     .drained = grpc_session_drained,
     .cancelled = grpc_forget_work,
     .work = prepare_forward},
};

const struct grpc_methods grpc_forward_methods = {OPENSHELL_SERVICE, methods,
                                                  sizeof methods / sizeof *methods};
