/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the gateway over HTTP/1.1, a connection each. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/percent.h"
#include "base/terminal.h"
#include "cli/connection/answer.h"
#include "cli/connection/wire.h"

char *url_escape(const char *text)
{
    struct buf out = {0};
    buf_puts(&out, "");
    percent_encode(&out, text, strlen(text));
    return buf_take(&out);
}

/* ---- one request and its answer ---- */

enum { RECEIVE_STEP = 64 * 1024 };

struct exchange {
    const struct cli *cli;
    const struct call *call;
    struct wire wire;
    struct buf out, in;
    struct answer answer;
    bool sent;                                      /* a part of the request, at least */
    int64_t until;                                  /* of the boot clock; 0: no limit */
    int signals;                                    /* signalfd of call->held, or -1 */
    int signal;                                     /* the first that came; 0: none */
    int64_t began;                                  /* of the boot clock */
    bool watched;                                   /* somebody sees stderr */
    bool told;                                      /* how long it takes */
    enum { GOING, BROKEN, LATE, ABORTED, UNREAD } state;
};

static void write_request(struct exchange *x)
{
    const struct call *call = x->call;
    bool has_body = call->type || strcmp(call->method, "POST") == 0;
    wire_request(x->cli, &x->out, call->method, call->path);
    buf_printf(&x->out, "Accept: %s\r\n", call->accept ? call->accept : "application/json");
    if (call->type)
        buf_printf(&x->out, "Content-Type: %s\r\n", call->type);
    if (has_body)
        buf_printf(&x->out, "Content-Length: %zu\r\n", call->type ? call->len : 0);
    for (size_t i = 0; i < 6 && call->headers[i]; i++)
        buf_printf(&x->out, "%s\r\n", call->headers[i]);
    buf_puts(&x->out, "\r\n");
    if (call->type)
        buf_add(&x->out, call->body, call->len);
}

/* A signal that is blocked until the answer is there is told of; a second one ends the wait. */
static void on_signal(struct exchange *x)
{
    struct signalfd_siginfo info;
    if (read(x->signals, &info, sizeof info) != sizeof info)
        return;
    if (x->signal) {
        x->state = ABORTED;
        return;
    }
    x->signal = (int)info.ssi_signo;
    complain("%s", x->call->interrupted);
}

/* For people, what takes over a second says so, each second, on one line that goes away again. */
static void tell_progress(struct exchange *x)
{
    const struct command *c = x->cli->command;
    long long seconds = (clock_boot_ms() - x->began) / 1000;
    if (!c || seconds < 1)
        return;
    x->told = true;
    terminal_print(stderr, "\r\033[K… sluice %s%s%s: %lld s", c->group, c->verb ? " " : "",
                   c->verb ? c->verb : "", seconds);
}

static void forget_progress(const struct exchange *x)
{
    if (x->told)
        terminal_print(stderr, "\r\033[K");
}

/* Milliseconds; -1: when something comes. */
static int next_wake(const struct exchange *x, int64_t left)
{
    int64_t second = 1000 - (clock_boot_ms() - x->began) % 1000;
    if (x->call->tick_ms)
        return x->call->tick_ms;
    if (!x->watched)
        return (int)left;
    return (int)(left >= 0 && left < second ? left : second);
}

/* Until the connection takes or has bytes, a signal comes, or stdout has no reader any more. */
static void wait_wire(struct exchange *x)
{
    int64_t left = x->until ? x->until - clock_boot_ms() : -1;
    struct pollfd p[4] = {{x->wire.fd, x->wire.events, 0},
                          {x->signals, POLLIN, 0},
                          {x->call->streams ? STDOUT_FILENO : -1, 0, 0},
                          {x->call->tick_ms ? STDIN_FILENO : -1, POLLIN, 0}};
    if (x->until && left <= 0) {
        x->state = LATE;
        return;
    }
    if (poll(p, 4, next_wake(x, left)) == 0 && x->watched)
        tell_progress(x);
    if (p[1].revents)
        on_signal(x);
    if (p[2].revents & (POLLERR | POLLHUP))
        x->state = UNREAD;
}

static void send_request(struct exchange *x)
{
    while (x->out.len && x->state == GOING) {
        ssize_t n = wire_send(&x->wire, x->out.data, x->out.len);
        if (n > 0) {
            x->sent = true;
            buf_consume(&x->out, (size_t)n);
        } else if (n == WIRE_AGAIN) {
            wait_wire(x);
        } else {
            return;                                 /* an answer may be there all the same */
        }
    }
}

/* Receives what is there.  false: the answer has ended, or the wait for it. */
static bool receive(struct exchange *x)
{
    buf_reserve(&x->in, RECEIVE_STEP);
    ssize_t n = wire_receive(&x->wire, x->in.data + x->in.len, RECEIVE_STEP);
    if (n == WIRE_AGAIN) {
        wait_wire(x);
        return x->state == GOING;
    }
    if (n <= 0) {
        answer_ended(&x->answer);
        if (!x->answer.complete)
            x->state = BROKEN;
        return false;
    }
    x->in.len += (size_t)n;
    return !answer_read(&x->answer, &x->in);
}

/* -1: the request is on its way; else an exit code after saying why not. */
static int begin(struct exchange *x, const struct cli *cli, const struct call *call, uint64_t max)
{
    *x = (struct exchange){.cli = cli, .call = call, .signals = -1};
    x->began = clock_boot_ms();
    x->watched = !call->streams && !cli->quiet && isatty(STDERR_FILENO);
    answer_begin(&x->answer, max);
    int code = wire_open(cli, &x->wire);
    if (code >= 0)
        return code;
    if (call->held)
        x->signals = signalfd(-1, call->held, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!call->streams)
        x->until = clock_boot_ms() + 1000 * (call->timeout_s ? call->timeout_s : 120);
    write_request(x);
    send_request(x);
    return -1;
}

/* Whoever made the call finds the signal as it came; after a second one the process ends by it. */
static void give_back_signal(const struct exchange *x)
{
    if (!x->signal)
        return;
    raise(x->signal);
    if (x->state == ABORTED)
        sigprocmask(SIG_UNBLOCK, x->call->held, NULL);
}

static void end(struct exchange *x)
{
    sandbox_answered(x->cli, x->answer.head ? x->answer.head->status : 0);
    if (x->signals >= 0)
        close(x->signals);
    give_back_signal(x);
    wire_close(&x->wire);
    answer_free(&x->answer);
    buf_free(&x->out);
    buf_free(&x->in);
    free(x->call->path);
}

static bool changes_something(const struct call *call)
{
    return strcmp(call->method, "GET") != 0 && !strstr(call->path, "dry_run=true");
}

/* The request may have been carried out although its answer is missing. */
static void say_unanswered(const struct exchange *x)
{
    if (x->state == ABORTED)
        complain("interrupted again: the answer is not waited for");
    else if (x->state == LATE)
        wire_failed(x->cli, "it does not answer");
    else if (x->answer.wrong && x->answer.wrong_status == 413)
        complain("the answer of the gateway at %s has more than %d MiB: it was not read to its end",
                 x->cli->gateway, ANSWER_MIB_MAX);
    else if (x->answer.wrong)
        answer_complain(&x->answer);
    else
        wire_failed(x->cli,
                    *x->wire.why ? x->wire.why : "it closed the connection without an answer");
    if (x->sent && changes_something(x->call))
        complain("whether the change was made is not known: look before you ask for it again");
}

void client_call(const struct cli *cli, const struct call *call, struct reply *out)
{
    struct exchange x;
    *out = (struct reply){0};
    if (begin(&x, cli, call, ANSWER_MAX) < 0) {
        while (x.state == GOING && receive(&x))
            ;
        forget_progress(&x);
        if (x.answer.complete)
            *out = (struct reply){.status = x.answer.head->status, .text = x.answer.body};
        else
            say_unanswered(&x);
    }
    if (out->status) {
        x.answer.body = (struct buf){0};
        out->json = json_loadb(buf_str(&out->text), out->text.len, 0, NULL);
    }
    end(&x);
}

void reply_free(struct reply *reply)
{
    json_decref(reply->json);
    buf_free(&reply->text);
}

/* Lines are those of the file that was sent, or that the gateway says it read; without one they are
 * of a request that nobody wrote. */
static void print_errors(const struct cli *cli, const json_t *problem, const char *detail)
{
    size_t i;
    json_t *e;
    const char *policy = arg_value(cli, "policy"), *sent = policy ? policy : arg_value(cli, "rule");
    const char *file = sent ? sent : json_string_value(json_object_get(problem, "file"));
    json_array_foreach(json_object_get(problem, "errors"), i, e) {
        long long line = json_number(e, "line");
        if (strcmp(json_text(e, "message"), detail) == 0 && !(file && line))
            continue;
        if (file && line)
            terminal_print(stderr, "  %s:%lld:%lld: ", file, line, json_number(e, "column"));
        else
            terminal_print(stderr, "  ");
        terminal_print(stderr, "%s%s%s\n", json_text(e, "path"), *json_text(e, "path") ? ": " : "",
                       json_text(e, "message"));
    }
}

/* An option that is no document: one of those has problems within, and is refused for them. */
static bool is_option(const struct cli *cli, const char *name)
{
    static const char *const documents[] = {"policy", "rule", "operations", "ceiling"};
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        if (strcmp(name, documents[i]) == 0)
            return false;
    return arg_given(cli, name);
}

/* Whether all that is wrong was said by options, whose names the members of the request have. */
static bool is_usage(const struct cli *cli, const json_t *problem)
{
    const json_t *errors = json_object_get(problem, "errors"), *e;
    size_t i;
    bool usage = json_array_size(errors) > 0;
    json_array_foreach((json_t *)(uintptr_t)errors, i, e) {
        const char *path = json_text(e, "path"), *end = strstr(path, "_ms");
        size_t len = end && !end[3] ? (size_t)(end - path) : strcspn(path, ".[");
        char *name = alloc_strn(path, len);
        usage = usage && is_option(cli, name);
        free(name);
    }
    return usage;
}

int reply_failed(const struct cli *cli, const struct reply *reply)
{
    if (reply->status == 0)
        return EXIT_UNREACHABLE;
    if (!reply->json) {
        complain("the gateway answered %ld: %.400s", reply->status, buf_str(&reply->text));
        return EXIT_REFUSED;
    }
    if (cli->output == OUT_JSON || cli->output == OUT_YAML)
        print_json(cli, reply->json);
    const char *detail = json_text(reply->json, "detail");
    complain("%s", *detail ? detail : json_text(reply->json, "title"));
    print_errors(cli, reply->json, detail);
    print_objections(json_object_get(reply->json, "votes"));
    return is_usage(cli, reply->json) ? EXIT_USAGE : EXIT_REFUSED;
}

int client_show(const struct cli *cli, char *path,
                void (*table)(const struct cli *cli, const json_t *json))
{
    struct reply reply;
    int code = EXIT_DONE;
    client_call(cli, &(struct call){.method = "GET", .path = path}, &reply);
    if (reply.status != 200 || !reply.json)
        code = reply_failed(cli, &reply);
    else if (cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else
        table(cli, reply.json);
    reply_free(&reply);
    return code;
}

/* ---- streams ---- */

struct follow {
    struct exchange x;
    size_t searched;                                /* of the body, for the end of the line */
    bool too_long;
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

static bool has_begun(const struct follow *f)
{
    return f->x.answer.head && f->x.answer.head->status == 200;
}

/* Hands over lines as they arrive, and keeps a problem document whole. */
static void take_lines(struct follow *f)
{
    struct buf *body = &f->x.answer.body;
    char *end;
    while (has_begun(f) && body->len &&
           (end = memchr(body->data + f->searched, '\n', body->len - f->searched))) {
        *end = '\0';
        f->line(f->ctx, body->data);
        buf_consume(body, (size_t)(end + 1 - body->data));
        f->searched = 0;
    }
    f->searched = body->len;
    f->too_long = body->len > ANSWER_MAX;
}

static int refused_stream(struct follow *f)
{
    struct answer *answer = &f->x.answer;
    struct reply reply = {.status = answer->head->status, .text = answer->body};
    answer->body = (struct buf){0};
    reply.json = json_loadb(buf_str(&reply.text), reply.text.len, 0, NULL);
    int result = reply_failed(f->x.cli, &reply);
    reply_free(&reply);
    return result;
}

static int stream_ended(struct follow *f)
{
    const struct exchange *x = &f->x;
    long status = x->answer.head ? x->answer.head->status : 0;
    if (f->too_long) {
        complain("the gateway at %s sent %s of more than %d MiB: what follows was not read",
                 x->cli->gateway, status == 200 ? "a line" : "an answer", ANSWER_MIB_MAX);
        return EXIT_UNREACHABLE;
    }
    if (x->state == UNREAD)
        return 128 + SIGPIPE;
    if (ferror(stdout))
        return EXIT_DONE;
    if (status == 0) {
        say_unanswered(x);
        return EXIT_UNREACHABLE;
    }
    if (status != 200)
        return refused_stream(f);
    if (x->answer.complete)
        return EXIT_DONE;
    complain("the connection to the gateway broke: %s\nwhat happened since is not shown",
             x->answer.wrong ? x->answer.wrong : *x->wire.why ? x->wire.why : "it was closed");
    return EXIT_UNREACHABLE;
}

int client_follow(const struct cli *cli, const struct call *call,
                  void (*line)(void *ctx, const char *line), void *ctx)
{
    struct follow f = {.line = line, .ctx = ctx};
    struct call stream = *call;
    stream.streams = true;
    int code = begin(&f.x, cli, &stream, 0);
    if (code < 0) {
        bool more = f.x.state == GOING, wanted = true;
        while (more && wanted && !f.too_long && !ferror(stdout)) {
            more = receive(&f.x);
            take_lines(&f);
            wanted = !stream.idle || !has_begun(&f) || stream.idle(ctx);
        }
        code = wanted ? stream_ended(&f) : EXIT_DONE;
    }
    end(&f.x);
    return code;
}

int client_pages(const struct cli *cli, const char *path, const char *list, json_t **out)
{
    struct reply reply;
    long long after = 0;
    int code = EXIT_DONE;
    *out = NULL;
    do {
        client_call(
            cli, &(struct call){.method = "GET", .path = alloc_printf("%s%lld", path, after)},
            &reply);
        code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
        after = code == EXIT_DONE ? json_number(reply.json, "next") : 0;
        if (code == EXIT_DONE && *out)
            json_array_extend(json_object_get(*out, list), json_object_get(reply.json, list));
        else if (code == EXIT_DONE)
            *out = json_incref(reply.json);
        reply_free(&reply);
    } while (after);
    if (*out)
        json_object_del(*out, "next");
    return code;
}
