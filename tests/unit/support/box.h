/* SPDX-License-Identifier: Apache-2.0 */
/* A real sandbox for a test: bubblewrap, init and commands whose output is collected.
 * Everything runs on the loop of the box; a box that does not answer within 20 s fails the test. */
#ifndef TESTS_SUPPORT_BOX_H
#define TESTS_SUPPORT_BOX_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "egress/caller/callers.h"
#include "sandbox/container/container.h"
#include "sandbox/wire/spec.h"
#include "support/modes.h"
#include "support/patience.h"

#include <sluice/policy.h>

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BOX_UID = 1900000001 };

struct box {
    uv_loop_t loop;
    uv_timer_t patience;
    struct container *container;
    char folder[64], workdir[80];
    struct container_ready ready;
    struct log log;
    struct egress_callers *callers;                 /* answer the commands' connects */
    bool is_ready, gone, has_why, timed_out;
    struct error why;
    struct buf warnings;
    /* of the command that runs */
    int fds[3];
    size_t n_fds;
    struct buf out;
    int code;
    bool started, exited;
    char exit_error[512];
    uint32_t last_id;
};

struct box_options {
    struct sluice_filesystem filesystem;
    bool no_filesystem;
    const char *compatibility;
    const char *user;
    bool no_network;
    const char *const *hidden;
    size_t n_hidden;
    const char *bwrap;                              /* NULL: where it is */
};

static void box_on_ready(void *ctx, const struct container_ready *ready)
{
    struct box *box = ctx;
    box->ready = *ready;
    box->is_ready = true;
    if (ready->network) {
        struct egress_callers_config config = {.listener = ready->fds[NETWORK_CONNECTS],
                                               .proxy = ready->fds[NETWORK_PROXY],
                                               .init_pid = ready->init_pid,
                                               .log = &box->log};
        box->callers = egress_callers_new(&box->loop, &config, &box->why);
        assert_non_null(box->callers);
    }
    uv_stop(&box->loop);
}

static void box_on_started(void *ctx, uint32_t id, pid_t pid, const int *fds, size_t n_fds)
{
    struct box *box = ctx;
    (void)id;
    (void)pid;
    memcpy(box->fds, fds, n_fds * sizeof *fds);
    box->n_fds = n_fds;
    box->started = true;
    uv_stop(&box->loop);
}

static void box_on_exited(void *ctx, uint32_t id, int code, const char *error)
{
    struct box *box = ctx;
    (void)id;
    box->code = code;
    snprintf(box->exit_error, sizeof box->exit_error, "%s", error);
    box->exited = true;
    uv_stop(&box->loop);
}

static void box_on_warning(void *ctx, const char *text)
{
    struct box *box = ctx;
    buf_printf(&box->warnings, "%s\n", text);
}

static void box_on_gone(void *ctx, const struct error *why)
{
    struct box *box = ctx;
    box->gone = true;
    box->has_why = why != NULL;
    if (why)
        box->why = *why;
    uv_stop(&box->loop);
}

static const struct container_callbacks box_callbacks = {
    box_on_ready, box_on_started, box_on_exited, box_on_warning, box_on_gone,
};

static void box_out_of_patience(uv_timer_t *timer)
{
    struct box *box = timer->data;
    box->timed_out = true;
    uv_stop(&box->loop);
}

/* Runs the loop until *flag or the sandbox is gone. */
static void box_wait(struct box *box, const bool *flag)
{
    uv_timer_start(&box->patience, box_out_of_patience, patience_ms(), 0);
    while (!*flag && !box->gone && !box->timed_out)
        uv_run(&box->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&box->patience);
    assert_false(box->timed_out);
}

/* Starts one and waits until it is ready or gone; -1 with box->why when it could not be made. */
static int box_open(struct box *box, const struct box_options *options)
{
    struct sluice_landlock landlock = {
        sizeof landlock, options->compatibility ? options->compatibility : "best_effort"};
    struct sluice_process process = {sizeof process, options->user ? options->user : "sandbox",
                                     options->user ? options->user : "sandbox"};
    struct sluice_policy policy = {
        .size = sizeof policy, .version = 1, .landlock = &landlock, .process = &process,
        .filesystem = options->no_filesystem ? NULL : &options->filesystem};
    char init[256];
    memset(box, 0, sizeof *box);
    box->fds[0] = box->fds[1] = box->fds[2] = -1;
    uv_loop_init(&box->loop);
    box->log = (struct log){.fd = STDERR_FILENO, .level = LOG_WARN, .program = "test"};
    uv_timer_init(&box->loop, &box->patience);
    box->patience.data = box;
    snprintf(box->folder, sizeof box->folder, "/tmp/sluice-test-XXXXXX");
    assert_non_null(mkdtemp(box->folder));
    snprintf(box->workdir, sizeof box->workdir, "%s/work", box->folder);
    assert_int_equal(mkdir(box->workdir, 0755), 0);
    struct sandbox_spec spec = {.id = "box",
                                .name = "box",
                                .workdir = box->workdir,
                                .uid = BOX_UID,
                                .init = mode_program("sluice-init", init),
                                .bwrap = options->bwrap ? options->bwrap : "/usr/bin/bwrap",
                                .proxy = !options->no_network,
                                .hidden = options->hidden,
                                .n_hidden = options->n_hidden};
    struct container_request request = {.spec = &spec, .policy = &policy};
    box->container = container_start(&box->loop, &request, &box_callbacks, box, &box->why);
    if (!box->container)
        return -1;
    box_wait(box, &box->is_ready);
    return box->is_ready ? 0 : -1;
}

/* Meanwhile the loop answers the command's connects, such as those of getpwuid to nscd. */
static inline void box_await_readable(struct box *box, int fd)
{
    struct pollfd wait_for[2] = {{.fd = fd, .events = POLLIN},
                                 {.fd = uv_backend_fd(&box->loop), .events = POLLIN}};
    do {
        uv_run(&box->loop, UV_RUN_NOWAIT);
        assert_true(poll(wait_for, 2, patience_ms()) > 0);
    } while (!wait_for[0].revents);
}

static void box_drop_fds(struct box *box)
{
    for (size_t i = 0; i < 3; i++) {
        if (box->fds[i] >= 0)
            close(box->fds[i]);
        box->fds[i] = -1;
    }
}

static void box_collect(uv_poll_t *poll, int status, int events)
{
    struct box *box = poll->data;
    char bytes[4096];
    (void)status;
    (void)events;
    int fd = -1;
    uv_fileno((uv_handle_t *)poll, &fd);
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0)
        buf_add(&box->out, bytes, (size_t)got);
    else
        uv_close((uv_handle_t *)poll, NULL);
}

static void box_start_command(struct box *box, const struct container_command *command)
{
    struct error err;
    buf_clear(&box->out);
    box->started = box->exited = false;
    box_drop_fds(box);
    assert_int_equal(container_run(box->container, ++box->last_id, command, &err), 0);
    box_wait(box, &box->started);
    assert_false(box->gone);
}

/* Everything the command says, on both outputs, and its code in box->code. */
static const char *box_finish_command(struct box *box)
{
    uv_poll_t polls[2];
    int n = box->n_fds == 1 ? 1 : 2;
    if (n == 2) {
        close(box->fds[0]);
        box->fds[0] = -1;
    }
    for (int i = 0; i < n; i++) {
        uv_poll_init(&box->loop, &polls[i], n == 1 ? box->fds[0] : box->fds[1 + i]);
        polls[i].data = box;
        uv_poll_start(&polls[i], UV_READABLE, box_collect);
    }
    box_wait(box, &box->exited);
    for (int i = 0; i < n; i++)
        while (!box->timed_out && !uv_is_closing((uv_handle_t *)&polls[i]))
            uv_run(&box->loop, UV_RUN_ONCE);
    uv_run(&box->loop, UV_RUN_NOWAIT);
    box_drop_fds(box);
    return buf_str(&box->out);
}

static const char *const box_env[] = {"PATH=/usr/bin:/bin", "HOME=/sandbox"};

static const char *box_run(struct box *box, ...) __attribute__((sentinel));
static const char *box_run(struct box *box, ...)
{
    const char *argv[16];
    size_t n = 0;
    va_list args;
    va_start(args, box);
    while ((argv[n] = va_arg(args, const char *)))
        n++;
    va_end(args);
    struct container_command command = {.argv = argv, .n_argv = n, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox"};
    box_start_command(box, &command);
    return box_finish_command(box);
}

#define box_sh(box, script) box_run(box, "/bin/sh", "-c", script, NULL)

static void box_container_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static void box_close(struct box *box)
{
    bool closed = false;
    if (box->container) {
        container_close(box->container, box_container_closed, &closed);
        while (!closed)
            uv_run(&box->loop, UV_RUN_ONCE);
    }
    if (box->callers) {
        egress_callers_close(box->callers, NULL, NULL);
        for (int i = 0; i < NETWORK_CONNECTS; i++)  /* the last one is the callers' */
            close(box->ready.fds[i]);
    }
    box_drop_fds(box);
    uv_close((uv_handle_t *)&box->patience, NULL);
    uv_run(&box->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&box->loop), 0);
    buf_free(&box->out);
    buf_free(&box->warnings);
    char *command = alloc_printf("/bin/rm -rf %s", box->folder);
    assert_int_equal(system(command), 0);
    free(command);
}

static inline int open_plain_box(void **state)
{
    struct box *box = alloc_zero(1, sizeof *box);
    struct box_options options = {.no_filesystem = true};
    *state = box;
    if (box_open(box, &options) == 0)
        return 0;
    print_error("%s\n", box->why.text);
    return -1;
}

static inline int close_box(void **state)
{
    struct box *box = *state;
    box_close(box);
    free(box);
    return 0;
}

#define IN_A_BOX(test) cmocka_unit_test_setup_teardown(test, open_plain_box, close_box)

#endif
