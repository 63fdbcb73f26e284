/* SPDX-License-Identifier: Apache-2.0 */
/* The callers of a workload, served by the test: it runs the loop until the workload has ended, and
 * then takes its connections in the place of the proxy. */
#ifndef TESTS_SUPPORT_CALLERS_H
#define TESTS_SUPPORT_CALLERS_H

#include "base/error.h"
#include "base/log.h"
#include "egress/caller/callers.h"
#include "support/patience.h"
#include "support/watched.h"
#include "support/workload.h"

#include <poll.h>
#include <signal.h>
#include <uv.h>

struct desk {
    uv_loop_t loop;
    uv_timer_t patience;
    uv_signal_t child;
    struct log log;
    struct watched watched;
    struct egress_callers *callers;
    int proxy, local;                               /* listening sockets */
    uint16_t port, local_port;
    bool timed_out, closed;
};

static inline void on_child(uv_signal_t *handle, int signum)
{
    (void)handle;
    (void)signum;
}

static inline void out_of_patience(uv_timer_t *timer)
{
    ((struct desk *)timer->data)->timed_out = true;
}

static inline void open_desk(struct desk *d)
{
    struct error err;
    memset(d, 0, sizeof *d);
    uv_loop_init(&d->loop);
    uv_timer_init(&d->loop, &d->patience);
    uv_signal_init(&d->loop, &d->child);
    d->patience.data = d;
    uv_signal_start(&d->child, on_child, SIGCHLD);
    uv_timer_start(&d->patience, out_of_patience, patience_ms(), 0);
    d->log = (struct log){.fd = STDERR_FILENO, .level = LOG_ERROR, .program = "test"};
    d->proxy = network_listen(PROXY_ADDRESS, &d->port);
    d->local = network_listen("127.0.0.1", &d->local_port);
    watched_begin(&d->watched);
    struct egress_callers_config config = {.listener = d->watched.listener, .proxy = d->proxy,
                                           .init_pid = getpid(), .log = &d->log};
    d->callers = egress_callers_new(&d->loop, &config, &err);
    assert_non_null(d->callers);
}

static inline void on_closed(void *ctx)
{
    ((struct desk *)ctx)->closed = true;
}

static inline void close_desk(struct desk *d)
{
    if (!d->closed)
        egress_callers_close(d->callers, on_closed, d);
    uv_close((uv_handle_t *)&d->patience, NULL);
    uv_close((uv_handle_t *)&d->child, NULL);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    assert_true(d->closed);
    assert_int_equal(uv_loop_close(&d->loop), 0);
    watched_end(&d->watched);
    close(d->proxy);
    close(d->local);
}

/* Serves connects until the process has ended; what it returned. */
static inline int finish(struct desk *d, pid_t pid)
{
    int status;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && !d->timed_out)
        uv_run(&d->loop, UV_RUN_ONCE);
    if (ended != pid)
        kill(pid, SIGKILL);
    assert_int_equal(ended, pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs fn as a workload; what it returned. */
static inline int run(struct desk *d, int (*fn)(void *arg))
{
    return finish(d, watched_fork(&d->watched, fn, d));
}

/* Takes the next connection of the proxy.  False: it is nobody's. */
static inline bool take(struct desk *d, struct egress_caller *out, struct error *err)
{
    struct sockaddr_storage client = {0};
    socklen_t len = sizeof client;
    int fd = accept4(d->proxy, (struct sockaddr *)&client, &len, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    bool known = egress_callers_take(d->callers, &client, out, err) == 0;
    close(fd);
    return known;
}

static inline bool one_waits(const struct desk *d)
{
    struct pollfd proxy = {.fd = d->proxy, .events = POLLIN};
    return poll(&proxy, 1, 0) == 1;
}

static inline struct sockaddr_in address_of(const char *address, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &at.sin_addr);
    return at;
}

static inline int connect_to(int fd, const struct sockaddr_in *to)
{
    return connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 ? 0 : errno;
}

static inline void expect_this_program(struct desk *d)
{
    char self[512];
    struct error err;
    struct egress_caller caller;
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    if (!take(d, &caller, &err))
        fail_msg("not identified: %s", err.text);
    assert_string_equal(caller.binary, self);
    assert_int_equal(caller.n_ancestors, 0);
    egress_caller_free(&caller);
}

static inline void expect_nobody(struct desk *d)
{
    struct error err;
    struct egress_caller caller;
    assert_false(take(d, &caller, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_string_equal(err.text, "the connection was not opened by a connect that the proxy saw");
}

static inline int connect_blocking(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port), peer;
    socklen_t len = sizeof peer;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect_to(fd, &proxy) == 0);
    EXPECT(getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_port == proxy.sin_port);
    EXPECT((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 && error_of(fd) == 0);
    EXPECT(connect_to(fd, &proxy) == EISCONN);
    return 0;
}

#endif
