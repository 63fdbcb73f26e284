/* SPDX-License-Identifier: Apache-2.0 */
#include "export/sender.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "secret/fetch.h"

/* Beside the time that a request has: for the process to start and to answer.  An answer is quoted
 * as JSON, which makes up to six bytes of one. */
enum { MORE_MS = 5000, REPLY_MAX = 6 * OAUTH_ANSWER_MAX + 1024 };

struct sender {
    const char *program;
    pthread_mutex_t lock;                           /* for socket and interrupted */
    int socket;                                     /* to the process; -1: there is none */
    pid_t pid;
    bool interrupted;
};

struct sender *sender_new(const char *program)
{
    struct sender *s = alloc_zero(1, sizeof *s);
    *s = (struct sender){.program = program, .socket = -1};
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void end(struct sender *s)
{
    pthread_mutex_lock(&s->lock);
    int socket = s->socket;
    s->socket = -1;
    pthread_mutex_unlock(&s->lock);
    if (socket < 0)
        return;
    close(socket);
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

static int begin(struct sender *s, struct error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make a socket pair");
    int rc = fetch_start(s->program, FETCH_EACH, ends[1], &s->pid);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        return error_set(err, ERROR_INTERNAL, "cannot start %s: %s", s->program, strerror(rc));
    }
    pthread_mutex_lock(&s->lock);
    s->socket = ends[0];
    if (s->interrupted)
        shutdown(s->socket, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

void sender_interrupt(struct sender *s)
{
    pthread_mutex_lock(&s->lock);
    s->interrupted = true;
    if (s->socket >= 0)
        shutdown(s->socket, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
}

/* One line.  -1: it does not come in time, or is too long, or the process is gone. */
static int read_line(int socket, uint32_t timeout_ms, struct buf *line)
{
    int64_t until = clock_boot_ms() + timeout_ms + MORE_MS, left;
    while ((left = until - clock_boot_ms()) > 0 && line->len < REPLY_MAX) {
        struct pollfd p = {socket, POLLIN, 0};
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        buf_reserve(line, 4096);
        ssize_t n = read(socket, line->data + line->len, 4096);
        if (n == 0 || (n < 0 && errno != EINTR))
            return -1;
        line->len += n > 0 ? (size_t)n : 0;
        line->data[line->len] = '\0';
        if (line->len && line->data[line->len - 1] == '\n')
            return 0;
    }
    return -1;
}

static int take_reply(const struct buf *line, struct sender_answer *out, struct error *err)
{
    json_t *json = json_loadb(buf_str(line), line->len, 0, NULL);
    const char *error = json_string_value(json_object_get(json, "error"));
    const char *body = json_string_value(json_object_get(json, "body"));
    json_int_t after = json_integer_value(json_object_get(json, "retry_after"));
    int rc = 0;
    if (error || !body) {
        rc = error_set(err, ERROR_UPSTREAM, "%.300s",
                       error ? error : "sluice-fetch ended without an answer");
    } else {
        out->status = (int)json_integer_value(json_object_get(json, "status"));
        out->retry_after_ms = after > 0 && after < 86400 * 365 ? after * 1000 : 0;
        buf_puts(&out->body, body);
    }
    json_decref(json);
    return rc;
}

/* All but the body. */
static char *write_request(const struct sender_request *r)
{
    json_t *json = json_pack("{s:s, s:O, s:I, s:s, s:I}", "url", r->url, "fields", r->fields,
                             "bytes", (json_int_t)r->body->len, "ca", r->ca, "timeout_ms",
                             (json_int_t)r->timeout_ms);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static int talk(struct sender *s, const char *text, const struct sender_request *request,
                struct sender_answer *out, struct error *err)
{
    struct buf line = {0};
    int rc;
    if (fetch_write(s->socket, text, strlen(text)) == 0 && fetch_write(s->socket, "\n", 1) == 0 &&
        fetch_write(s->socket, request->body->data, request->body->len) == 0 &&
        read_line(s->socket, request->timeout_ms, &line) == 0)
        rc = take_reply(&line, out, err);
    else
        rc = error_set(err, ERROR_INTERNAL, "sluice-fetch does not answer");
    buf_free(&line);
    return rc;
}

int sender_send(struct sender *s, const struct sender_request *request, struct sender_answer *out,
                struct error *err)
{
    *out = (struct sender_answer){0};
    if (s->socket < 0 && begin(s, err) != 0)
        return -1;
    char *text = write_request(request);
    if (!text)
        return error_set(err, ERROR_INVALID, "a part of the request is no UTF-8");
    int rc = talk(s, text, request, out, err);
    explicit_bzero(text, strlen(text));
    free(text);
    if (rc != 0)
        end(s);
    return rc;
}

void sender_free(struct sender *s)
{
    if (!s)
        return;
    end(s);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
