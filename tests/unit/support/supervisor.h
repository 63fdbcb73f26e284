/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's side of one supervisor, and the real supervisor as a child process.
 *
 * The fixture keeps the last message of each kind that the supervisor sends, and hands out one exec
 * at a time. */
#ifndef TESTS_SUPPORT_SUPERVISOR_H
#define TESTS_SUPPORT_SUPERVISOR_H

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "http/address.h"
#include "http/server.h"
#include "http/tunnel.h"
#include "policy/policy.h"
#include "sandbox/wire/frame.h"
#include "sandbox/wire/protocol.h"
#include "sandbox/wire/spec.h"
#include "support/gateway.h"
#include "support/modes.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SUPERVISOR_UID = 1900000002 };

#define TOKEN "the-token"

struct supervisor_fixture {
    struct gateway_fixture g;
    bool refuse_410, refuse_stream;
    struct policy *policy;                          /* the one in the spec */
    uv_process_t supervisor;
    bool exited;
    int64_t exit_code;
    /* the stream */
    struct http_tunnel *stream;
    struct buf lines;
    unsigned hellos, pongs, denials;
    struct sandbox_message hello;                   /* its texts live in the arena */
    uint64_t loaded;
    char loaded_hash[80], failed[512], start_failed[1024], denied_host[256], denied_binary[256],
         denied_stage[32];
    struct buf logs;
    struct buf traffic;                             /* a line for each item that was acknowledged */
    unsigned batches;
    uint64_t batch_number;
    bool ignore_batches;
    /* the exec */
    struct http_tunnel *exec;
    struct buf exec_bytes, out, err, exit;
    /* the main process */
    const struct sandbox_exec *main;                /* of the spec */
    bool main_waits;
    struct sandbox_main main_report;                /* the last one; its text lives in the arena */
    struct sandbox_detached detached;               /* likewise */
    unsigned n_detached;
    bool exec_closed;
};

/* --- what comes in ---------------------------------------------------------------------------- */

static inline void fixture_send(struct supervisor_fixture *d,
                                const struct sandbox_message *message);

/* Keeps the batch's sum and acknowledges it, unless the test wants to see it again. */
static inline void fixture_take_traffic(struct supervisor_fixture *d,
                                        const struct sandbox_traffic *batch)
{
    d->batches++;
    d->batch_number = batch->number;
    if (d->ignore_batches)
        return;
    for (size_t i = 0; i < batch->n; i++)
        buf_printf(&d->traffic, "%s %s:%u %s %s %llu\n", batch->items[i].verdict,
                   batch->items[i].host, batch->items[i].port, batch->items[i].binary,
                   batch->items[i].rule, (unsigned long long)batch->items[i].count);
    fixture_send(d, &(struct sandbox_message){
                        .type = MESSAGE_TRAFFIC_ACK,
                        .traffic = {.source = batch->source, .number = batch->number}});
}

static inline void fixture_take(struct supervisor_fixture *d, const struct sandbox_message *m)
{
    switch (m->type) {
    case MESSAGE_HELLO:
        d->hello = *m;
        d->hellos++;
        break;
    case MESSAGE_LOADED:
        d->loaded = m->revision.revision;
        snprintf(d->loaded_hash, sizeof d->loaded_hash, "%s", m->revision.hash);
        break;
    case MESSAGE_FAILED:
        snprintf(d->failed, sizeof d->failed, "%s", m->revision.error);
        break;
    case MESSAGE_START_FAILED:
        snprintf(d->start_failed, sizeof d->start_failed, "%s", m->log.text);
        break;
    case MESSAGE_DENIALS:
        d->denials += (unsigned)m->denials.n;
        snprintf(d->denied_host, sizeof d->denied_host, "%s", m->denials.items[0].host);
        snprintf(d->denied_stage, sizeof d->denied_stage, "%s", m->denials.items[0].stage);
        snprintf(d->denied_binary, sizeof d->denied_binary, "%s", m->denials.items[0].binary);
        break;
    case MESSAGE_TRAFFIC:
        fixture_take_traffic(d, &m->traffic);
        break;
    case MESSAGE_FORECAST:
        fixture_send(d, &(struct sandbox_message){
                            .type = MESSAGE_OUTCOME,
                            .forecast = {.id = m->forecast.id, .outcome = "held"}});
        break;
    case MESSAGE_LOG:
        buf_printf(&d->logs, "%s\n", m->log.text);
        break;
    case MESSAGE_MAIN:
        d->main_report = m->main;
        break;
    case MESSAGE_DETACHED:
        d->detached = m->detached;
        d->n_detached++;
        break;
    case MESSAGE_EQUIPPED:
        break;
    case MESSAGE_PONG:
        d->pongs++;
        break;
    default:
        fail_msg("a supervisor does not send %s", sandbox_message_word(m->type));
    }
}

static inline void fixture_on_stream(struct http_tunnel *tunnel, void *ctx, const char *bytes,
                                     size_t len)
{
    struct supervisor_fixture *d = ctx;
    struct sandbox_message message;
    struct error err;
    char *end;
    if (len == 0) {
        http_tunnel_close(tunnel);
        return;
    }
    buf_add(&d->lines, bytes, len);
    while (d->lines.len > 0 && (end = memchr(d->lines.data, '\n', d->lines.len))) {
        size_t n = (size_t)(end - d->lines.data);
        if (sandbox_message_decode(d->lines.data, n, d->g.arena, &message, &err) != 0)
            fail_msg("%s", err.text);
        fixture_take(d, &message);
        buf_consume(&d->lines, n + 1);
    }
}

static inline void fixture_on_stream_closed(void *ctx, const struct error *why)
{
    struct supervisor_fixture *d = ctx;
    (void)why;
    d->stream = NULL;
    buf_clear(&d->lines);
}

static inline void fixture_on_exec(struct http_tunnel *tunnel, void *ctx, const char *bytes,
                                   size_t len)
{
    struct supervisor_fixture *d = ctx;
    struct sandbox_frame frame;
    ssize_t taken;
    if (len == 0) {
        http_tunnel_close(tunnel);
        return;
    }
    buf_add(&d->exec_bytes, bytes, len);
    while ((taken = sandbox_frame_next((const uint8_t *)d->exec_bytes.data, d->exec_bytes.len,
                                       &frame)) > 0) {
        struct buf *into = frame.type == FRAME_STDOUT   ? &d->out
                           : frame.type == FRAME_STDERR ? &d->err
                                                        : &d->exit;
        assert_int_equal(d->exit.len, 0);           /* nothing comes after the exit */
        buf_add(into, frame.payload, frame.len);
        buf_consume(&d->exec_bytes, (size_t)taken);
    }
    assert_int_equal(taken, 0);
}

static inline void fixture_on_exec_closed(void *ctx, const struct error *why)
{
    struct supervisor_fixture *d = ctx;
    (void)why;
    d->exec = NULL;
    d->exec_closed = true;
}

static const struct http_tunnel_callbacks fixture_stream_callbacks = {fixture_on_stream, NULL,
                                                                   fixture_on_stream_closed};
static const struct http_tunnel_callbacks fixture_exec_callbacks = {fixture_on_exec, NULL,
                                                                 fixture_on_exec_closed};

static inline void fixture_get_stream(struct http_request *req, void *ctx)
{
    struct supervisor_fixture *d = ctx;
    assert_string_equal(http_request_header(req, "Authorization"), "Bearer " TOKEN);
    assert_true(http_upgrade_asked(req, SANDBOX_STREAM_UPGRADE));
    if (d->refuse_410 || d->refuse_stream)
        http_respond(req, d->refuse_410 ? 410 : 503, NULL, NULL, 0);
    else
        d->stream = http_upgrade(req, SANDBOX_STREAM_UPGRADE, &fixture_stream_callbacks, d);
}

static inline void fixture_get_exec(struct http_request *req, void *ctx)
{
    struct supervisor_fixture *d = ctx;
    assert_string_equal(http_request_header(req, "Authorization"), "Bearer " TOKEN);
    assert_string_equal(req->params[0], "exec-1");
    d->exec = http_upgrade(req, SANDBOX_EXEC_UPGRADE, &fixture_exec_callbacks, d);
}

static const struct http_route fixture_routes[] = {
    {.method = "GET", .pattern = SANDBOX_STREAM_PATH, .handler = fixture_get_stream},
    {.method = "GET", .pattern = SANDBOX_EXEC_PATH "{id}", .handler = fixture_get_exec},
};
static const struct http_router fixture_router = {
    fixture_routes, sizeof fixture_routes / sizeof *fixture_routes, NULL};

/* --- the loop --------------------------------------------------------------------------------- */

static inline void fixture_on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct supervisor_fixture *d = process->data;
    d->exited = true;
    d->exit_code = signal_number ? 128 + signal_number : status;
    uv_close((uv_handle_t *)process, NULL);
}

/* --- the supervisor --------------------------------------------------------------------------- */

static inline void fixture_spawn(struct supervisor_fixture *d)
{
    char program[256], spec[96];
    snprintf(spec, sizeof spec, "%s/spec.json", d->g.folder);
    char *args[] = {(char *)mode_program("sluice-supervisor", program), "--spec", spec, NULL};
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.exit_cb = fixture_on_exit,
                                    .file = program,
                                    .args = args,
                                    .stdio = stdio,
                                    .stdio_count = 3,
                                    .flags = UV_PROCESS_DETACHED};
    d->exited = false;
    assert_int_equal(uv_spawn(&d->g.loop, &d->supervisor, &options), 0);
    d->supervisor.data = d;
}

/* policy: a YAML document; NULL: the default. */
static inline void fixture_write_spec(struct supervisor_fixture *d, const char *policy, bool proxy)
{
    char init[256], path[96], workdir[96], lock[96];
    struct problems problems = {0};
    struct error err;
    static struct spec_pair env[] = {{"OWN", "of the sandbox"}};
    static const char *const nowhere[] = {"127.0.0.1"};
    static struct spec_host hosts[] = {{"example.com", nowhere, 1}};
    d->policy =
        policy ? policy_parse(policy, strlen(policy), DOC_YAML, &problems) : policy_default();
    assert_non_null(d->policy);
    snprintf(path, sizeof path, "%s/spec.json", d->g.folder);
    snprintf(workdir, sizeof workdir, "%s/work", d->g.folder);
    snprintf(lock, sizeof lock, "%s/lock", d->g.folder);
    assert_int_equal(mkdir(workdir, 0755), 0);
    struct sandbox_spec spec = {.id = "sandbox-1",
                                .name = "demo",
                                .token = TOKEN,
                                .gateway = d->g.address,
                                .proxy = proxy,
                                .workdir = workdir,
                                .uid = SUPERVISOR_UID,
                                .policy = policy_json(d->policy),
                                .revision = 1,
                                .hash = policy_hash(d->policy),
                                .init = mode_program("sluice-init", init),
                                .bwrap = "/usr/bin/bwrap",
                                .lock = lock,
                                .env = env,
                                .n_env = 1,
                                .hosts = hosts,
                                .n_hosts = 1,
                                .main = d->main,
                                .main_waits = d->main_waits,
                                .log_level = "error"};
    if (sandbox_spec_write(&spec, path, &err) != 0)
        fail_msg("%s", err.text);
}

static inline struct supervisor_fixture *fixture_new(void)
{
    struct supervisor_fixture *d = alloc_zero(1, sizeof *d);
    gateway_open(&d->g);
    gateway_serve(&d->g, &fixture_router, d);
    return d;
}

/* A sandbox that is ready. */
static inline struct supervisor_fixture *fixture_open(const char *policy, bool proxy)
{
    struct supervisor_fixture *d = fixture_new();
    fixture_write_spec(d, policy, proxy);
    fixture_spawn(d);
    RUN_UNTIL(d, d->hellos > 0 || d->exited);
    if (d->exited)
        fail_msg("no sandbox: %s", d->start_failed);
    return d;
}

static inline void fixture_close(struct supervisor_fixture *d)
{
    if (!d->exited)
        uv_process_kill(&d->supervisor, SIGTERM);
    RUN_UNTIL(d, d->exited);
    gateway_shut(&d->g);
    gateway_close(&d->g);
    policy_unref(d->policy);
    buf_free(&d->lines);
    buf_free(&d->logs);
    buf_free(&d->traffic);
    buf_free(&d->exec_bytes);
    buf_free(&d->out);
    buf_free(&d->err);
    buf_free(&d->exit);
    free(d);
}

static inline void fixture_send(struct supervisor_fixture *d, const struct sandbox_message *message)
{
    struct buf line = {0};
    sandbox_message_encode(message, &line);
    assert_non_null(d->stream);
    http_tunnel_write(d->stream, line.data, line.len);
    buf_free(&line);
}

static inline void fixture_send_policy(struct supervisor_fixture *d, uint64_t revision,
                                       const char *hash, const char *text)
{
    struct sandbox_message message = {
        .type = MESSAGE_POLICY, .revision = {.revision = revision, .hash = hash, .policy = text}};
    fixture_send(d, &message);
}

/* --- commands --------------------------------------------------------------------------------- */

static inline void fixture_forget_session(struct supervisor_fixture *d)
{
    buf_clear(&d->out);
    buf_clear(&d->err);
    buf_clear(&d->exit);
    buf_clear(&d->exec_bytes);
    d->exec_closed = false;
    d->exec = NULL;                                 /* one that is paused is left to itself */
}

static inline void fixture_begin(struct supervisor_fixture *d, struct sandbox_exec exec)
{
    fixture_forget_session(d);
    exec.id = "exec-1";
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_EXEC, .exec = exec});
    RUN_UNTIL(d, d->exec);
}

static inline void fixture_write(struct supervisor_fixture *d, enum sandbox_frame_type type,
                                 const void *bytes, size_t len)
{
    uint8_t header[FRAME_HEADER_SIZE];
    sandbox_frame_header(header, type, len);
    http_tunnel_write(d->exec, header, sizeof header);
    http_tunnel_write(d->exec, bytes, len);
}

/* Waits for the end; returns the exit frame. */
static inline const char *fixture_end(struct supervisor_fixture *d)
{
    RUN_UNTIL(d, d->exec_closed);
    return buf_str(&d->exit);
}

static inline const char *fixture_sh(struct supervisor_fixture *d, const char *script)
{
    const char *const command[] = {"/bin/sh", "-c", script};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    fixture_end(d);
    return buf_str(&d->out);
}

static inline int open_supervisor(void **state)
{
    *state = fixture_open(NULL, true);
    return 0;
}

static inline int close_supervisor(void **state)
{
    fixture_close(*state);
    return 0;
}

#define WITH_SUPERVISOR(test) \
    cmocka_unit_test_setup_teardown(test, open_supervisor, close_supervisor)

#endif
