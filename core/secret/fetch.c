/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/fetch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Beside the time that the request has: for the process to start and to end. */
enum { MORE_MS = 5000, REPLY_MAX = OAUTH_ANSWER_MAX + 1024 };

static char *write_request(const struct oauth_request *request)
{
    const char *end = request->fields.data + request->fields.len;
    json_t *fields = json_array();
    for (const char *at = request->fields.data; at && at < end; at += strlen(at) + 1)
        json_array_append_new(fields, json_string(at));
    json_t *document =
        json_pack("{s:s, s:o, s:s*}", "url", request->url, "fields", fields, "body",
                  request->body.len ? buf_str(&request->body) : NULL);
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    return text;
}

int fetch_start(const char *program, const char *mode, int socket, pid_t *pid)
{
    char *const arguments[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)mode, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    int rc = posix_spawn(pid, program, &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

int fetch_write(int socket, const char *text, size_t len)
{
    while (len) {
        ssize_t n = send(socket, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -1;
        len -= n > 0 ? (size_t)n : 0;
        text += n > 0 ? n : 0;
    }
    return 0;
}

static int send_all(int socket, const char *text)
{
    return fetch_write(socket, text, strlen(text)) == 0 ? shutdown(socket, SHUT_WR) : -1;
}

/* Up to the end of what the process writes.  false: it does not end in time, or writes too much. */
static bool read_reply(int socket, struct buf *reply)
{
    int64_t until = clock_boot_ms() + OAUTH_TIMEOUT_MS + MORE_MS, left;
    buf_reserve(reply, REPLY_MAX);                  /* at once, so that no copy is left behind */
    while ((left = until - clock_boot_ms()) > 0 && reply->len < REPLY_MAX) {
        struct pollfd p = {socket, POLLIN, 0};
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(socket, reply->data + reply->len, REPLY_MAX - reply->len);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        reply->len += n > 0 ? (size_t)n : 0;
        reply->data[reply->len] = '\0';
    }
    return false;
}

/* "STATUS\nBODY", or "- WHY". */
static int take_reply(const struct buf *reply, struct buf *answer, struct error *err)
{
    char *end;
    const char *text = buf_str(reply);
    if (strncmp(text, "- ", 2) == 0)
        return error_set(err, ERROR_UPSTREAM, "%.200s", text + 2);
    long status = strtol(text, &end, 10);
    if (end == text || *end != '\n' || status < 100 || status > 999)
        return error_set(err, ERROR_INTERNAL, "sluice-fetch ended without an answer");
    buf_reserve(answer, reply->len);
    buf_add(answer, end + 1, reply->len - (size_t)(end + 1 - text));
    return (int)status;
}

static int talk(int socket, const char *request, struct buf *answer, struct error *err)
{
    struct buf reply = {0};
    int status;
    if (send_all(socket, request) == 0 && read_reply(socket, &reply))
        status = take_reply(&reply, answer, err);
    else
        status = error_set(err, ERROR_INTERNAL, "sluice-fetch does not answer");
    buf_wipe(&reply);
    return status;
}

static int run(const char *program, const char *request, struct buf *answer, struct error *err)
{
    int ends[2], status = -1;
    pid_t pid;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make a socket pair");
    int rc = fetch_start(program, NULL, ends[1], &pid);
    close(ends[1]);
    if (rc != 0)
        error_set(err, ERROR_INTERNAL, "cannot start %s: %s", program, strerror(rc));
    else
        status = talk(ends[0], request, answer, err);
    close(ends[0]);
    if (rc == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return status;
}

int fetch_token(const char *program, const struct oauth_request *request, struct buf *answer,
                struct error *err)
{
    char *text = write_request(request);
    if (!text)
        return error_set(err, ERROR_INVALID, "a part of the request is no UTF-8");
    int status = run(program, text, answer, err);
    explicit_bzero(text, strlen(text));
    free(text);
    return status;
}
