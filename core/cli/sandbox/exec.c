/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox exec and connect: the terminal's streams over an upgraded connection
 * (core/sandbox/wire/frame.h). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/connection/answer.h"
#include "cli/connection/wire.h"
#include "sandbox/wire/frame.h"

struct session {
    struct wire wire;
    struct buf in;                                  /* received, not yet read */
    struct buf out;                                 /* to be sent */
    bool stdin_open, tty;
    bool attached; /* to the main process, which goes on without us */
    bool detached;                                  /* by the detach keys */
    bool leaving;                                   /* the first of the detach keys was typed */
    const char *sandbox;
    int signals; /* signalfd of SIGWINCH and what ends us, -1: none */
    int code;                                       /* -1: the command runs */
    struct termios saved;
};

static void add_frame(struct session *s, enum sandbox_frame_type type, const void *payload,
                      size_t len)
{
    uint8_t header[FRAME_HEADER_SIZE];
    sandbox_frame_header(header, type, len);
    buf_add(&s->out, header, sizeof header);
    buf_add(&s->out, payload, len);
}

/* ---- the connection ---- */

/* Sends what the connection takes.  -1: it broke. */
static int flush(struct session *s)
{
    while (s->out.len) {
        ssize_t n = wire_send(&s->wire, s->out.data, s->out.len);
        if (n == WIRE_AGAIN)
            return 0;
        if (n <= 0)
            return -1;
        buf_consume(&s->out, (size_t)n);
    }
    return 0;
}

enum { INPUT_STEP = 1024 * 1024, REFUSAL_MAX = 1024 * 1024 };

/* Receives what is there, up to INPUT_STEP.  0: go on, 1: there may be more, -1: the connection
 * ended. */
static int fill(struct session *s)
{
    for (size_t enough = s->in.len + INPUT_STEP; s->in.len < enough;) {
        buf_reserve(&s->in, 65536);
        ssize_t n = wire_receive(&s->wire, s->in.data + s->in.len, 65536);
        if (n == WIRE_AGAIN)
            return 0;
        if (n <= 0)
            return -1;
        s->in.len += (size_t)n;
        s->in.data[s->in.len] = '\0';
    }
    return 1;
}

/* ---- signals ---- */

static void send_size(struct session *s)
{
    struct winsize size;
    char text[64];
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0)
        return;
    int n = snprintf(text, sizeof text, "{\"cols\":%d,\"rows\":%d}", size.ws_col, size.ws_row);
    add_frame(s, FRAME_RESIZE, text, (size_t)n);
}

static void on_signal(struct session *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGWINCH)
        send_size(s);
    else
        s->code = 128 + (int)info.ssi_signo;
}

static void watch_signals(struct session *s, const struct exec_request *request)
{
    sigset_t set;
    sigemptyset(&set);
    if (request->ends)
        set = *request->ends;
    if (s->tty)
        sigaddset(&set, SIGWINCH);
    else if (!request->ends)
        return;
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void wait_socket(struct session *s, short events)
{
    struct pollfd p[2] = {{s->wire.fd, events, 0}, {s->signals, POLLIN, 0}};
    poll(p, 2, -1);
    if (p[1].revents)
        on_signal(s);
}

/* ---- the request ---- */

static void add_size(json_t *body)
{
    struct winsize size = {.ws_col = 80, .ws_row = 24};
    ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
    json_object_set_new(body, "cols", json_integer(size.ws_col));
    json_object_set_new(body, "rows", json_integer(size.ws_row));
}

static json_t *request_body(const struct exec_request *r)
{
    json_t *command = json_array(), *body = json_object();
    for (size_t i = 0; i < r->n_command; i++)
        json_array_append_new(command, json_string(r->command[i]));
    if (r->service)
        json_object_set_new(body, "service", json_string(r->service));
    else if (r->n_command)
        json_object_set(body, "command", command);
    json_decref(command);
    if (r->port)
        json_object_set_new(body, "port", json_integer(r->port));
    if (r->env)
        json_object_set(body, "env", r->env);
    if (r->workdir)
        json_object_set_new(body, "workdir", json_string(r->workdir));
    if (r->timeout_ms)
        json_object_set_new(body, "timeout_ms", json_integer(r->timeout_ms));
    if (r->tty && r->n_command)
        json_object_set_new(body, "tty", json_true());
    if (r->tty)
        add_size(body);
    return body;
}

static void add_request(const struct cli *cli, struct session *s, const char *sandbox,
                        const struct exec_request *r)
{
    json_t *tree = request_body(r);
    char *body = json_dumps(tree, JSON_COMPACT), *name = url_escape(sandbox);
    char *path = alloc_printf("/v1/sandboxes/%s/%s", name,
                              r->service ? "tunnel" : r->n_command ? "exec" : "attach");
    wire_request(cli, &s->out, "POST", path);
    buf_printf(&s->out,
               "Connection: Upgrade\r\nUpgrade: sluice-exec\r\n"
               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
               strlen(body), body);
    json_decref(tree);
    free(body);
    free(path);
    free(name);
}

/* ---- the answer ---- */

static void receive_answer(struct session *s, struct answer *a)
{
    while (s->out.len && s->code < 0 && flush(s) == 0)
        if (s->out.len)
            wait_socket(s, POLLOUT);
    while (s->code < 0) {
        int more = fill(s);
        if (answer_read(a, &s->in))
            return;
        if (more < 0) {
            answer_ended(a);
            return;
        }
        if (more == 0)
            wait_socket(s, POLLIN);
    }
}

/* The answer has no head that could be read. */
static int unanswered(const struct answer *a)
{
    answer_complain(a);
    complain("whether the command was started is not known");
    return EXIT_UNREACHABLE;
}

/* The answer was no upgrade: its body is a problem. */
static int refused(const struct cli *cli, struct answer *a)
{
    if (a->wrong) {
        if (a->wrong_status == 413)
            complain("the gateway's answer has more than %d KiB: it was not read to its end",
                     REFUSAL_MAX / 1024);
        else
            answer_complain(a);
        return EXIT_UNREACHABLE;
    }
    struct reply reply = {.status = a->head->status, .text = a->body};
    reply.json = json_loadb(buf_str(&a->body), a->body.len, 0, NULL);
    a->body = (struct buf){0};
    int code = reply_failed(cli, &reply);
    reply_free(&reply);
    return code;
}

/* -1: upgraded; else the exit code. */
static int handshake(const struct cli *cli, struct session *s)
{
    struct answer a;
    int code;
    answer_begin(&a, REFUSAL_MAX);
    receive_answer(s, &a);
    if (a.head)
        sandbox_answered(cli, a.head->status);
    if (s->code >= 0)
        code = s->code;
    else if (!a.head)
        code = unanswered(&a);
    else
        code = a.head->status == 101 ? -1 : refused(cli, &a);
    answer_free(&a);
    return code;
}

/* ---- the streams ---- */

/* If output cannot be written, the command ends. */
static void on_output(struct session *s, const struct sandbox_frame *f)
{
    if (f->type == FRAME_STDERR) {
        io_write_all(STDERR_FILENO, f->payload, f->len);
    } else if (io_write_all(STDOUT_FILENO, f->payload, f->len) != 0) {
        s->code = errno == EPIPE ? 128 + SIGPIPE : EXIT_REFUSED;
        if (errno != EPIPE)
            complain("cannot write the command's output: %s", strerror(errno));
    }
}

static void on_exit_frame(struct session *s, const struct sandbox_frame *f)
{
    json_t *json = json_loadb((const char *)f->payload, f->len, 0, NULL);
    s->code = (int)json_number(json, "code");
    const char *error = json_text(json, "error");
    if (*error)
        complain("%s", error);
    json_decref(json);
}

static int read_frames(struct session *s)
{
    struct sandbox_frame f;
    ssize_t n;
    while (s->code < 0 && s->in.len &&
           (n = sandbox_frame_next((const uint8_t *)s->in.data, s->in.len, &f)) != 0) {
        if (n < 0)
            return -1;
        if (f.type == FRAME_STDOUT || f.type == FRAME_STDERR)
            on_output(s, &f);
        else if (f.type == FRAME_EXIT)
            on_exit_frame(s, &f);
        buf_consume(&s->in, (size_t)n);
    }
    return 0;
}

enum { DETACH_FIRST = 'p' & 31, DETACH_SECOND = 'q' & 31 };

/* Ctrl-p ctrl-q leave the main process.  A ctrl-p that something else follows goes to it. */
static void add_typed(struct session *s, const char *bytes, size_t len)
{
    struct buf typed = {0};
    for (size_t i = 0; i < len && s->code < 0; i++) {
        if (s->leaving && bytes[i] == DETACH_SECOND) {
            s->detached = true;
            s->code = EXIT_DONE;
        } else if (s->leaving) {
            buf_putc(&typed, DETACH_FIRST);
        }
        s->leaving = bytes[i] == DETACH_FIRST;
        if (!s->leaving && s->code < 0)
            buf_putc(&typed, bytes[i]);
    }
    if (typed.len)
        add_frame(s, FRAME_STDIN, typed.data, typed.len);
    buf_free(&typed);
}

static void read_stdin(struct session *s)
{
    char bytes[32768];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0 && s->attached && s->tty)
        add_typed(s, bytes, (size_t)n);
    else
        add_frame(s, FRAME_STDIN, bytes, n > 0 ? (size_t)n : 0);
    s->stdin_open = n > 0;
}

enum { QUEUE_MAX = 256 * 1024 };

static int pump(struct session *s)
{
    for (int more = 0; s->code < 0;) {
        struct pollfd p[3] = {
            {s->wire.fd, (short)(POLLIN | (s->out.len ? POLLOUT : 0)), 0},
            {s->stdin_open && s->out.len < QUEUE_MAX ? STDIN_FILENO : -1, POLLIN, 0},
            {s->signals, POLLIN, 0},
        };
        poll(p, 3, more ? 0 : -1);
        if (p[1].revents)
            read_stdin(s);
        if (p[2].revents)
            on_signal(s);
        if (flush(s) != 0)
            return -1;
        if (p[0].revents || more) {
            int filled = fill(s);
            if (read_frames(s) != 0 || (filled < 0 && s->code < 0))
                return -1;
            more = filled > 0;
        }
    }
    return 0;
}

static void raw_terminal(struct session *s)
{
    if (!s->tty || tcgetattr(STDIN_FILENO, &s->saved) != 0) {
        s->tty = false;
        return;
    }
    struct termios raw = s->saved;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static int talk(struct session *s)
{
    raw_terminal(s);
    int rc = read_frames(s) == 0 ? pump(s) : -1;
    if (s->tty)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved);
    if (rc == 0 && s->detached)
        complain("detached: sluice sandbox connect %s attaches again", s->sandbox);
    if (rc == 0)
        return s->code;
    if (s->attached)
        complain("the connection to the gateway broke: the main process goes on, and sluice "
                 "sandbox connect %s attaches to it again",
                 s->sandbox);
    else
        complain("the connection to the gateway broke before the command ended: what became of it "
                 "is not known");
    return EXIT_UNREACHABLE;
}

/* The request is JSON, which cannot carry a word that is no UTF-8. */
static int check_command(const struct cli *cli, const struct exec_request *r)
{
    for (size_t i = 0; i < r->n_command; i++)
        if (text_utf8_valid(r->command[i], strlen(r->command[i])) != strlen(r->command[i]))
            return usage_error(cli, "word %zu of the command is no UTF-8 text", i + 1);
    return -1;
}

int exec_body(const struct cli *cli, const struct exec_request *request, json_t **out)
{
    int wrong = check_command(cli, request);
    if (wrong < 0)
        *out = request_body(request);
    return wrong;
}

int exec_run(const struct cli *cli, const char *sandbox, const struct exec_request *request)
{
    int wrong = check_command(cli, request);
    if (wrong >= 0)
        return wrong;
    struct session s = {.stdin_open = true, .tty = request->tty, .signals = -1, .code = -1,
                        .attached = !request->service && !request->n_command,
                        .sandbox = sandbox};
    watch_signals(&s, request);
    int code = wire_open(cli, &s.wire);
    if (code < 0) {
        add_request(cli, &s, sandbox, request);
        code = handshake(cli, &s);
    }
    if (code < 0)
        code = talk(&s);
    wire_close(&s.wire);
    if (s.signals >= 0)
        close(s.signals);
    buf_free(&s.in);
    buf_free(&s.out);
    return code;
}
