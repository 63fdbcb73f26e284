/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "egress/proxy.h"
#include "net/handle.h"
#include "sandbox/container/cgroup.h"
#include "sandbox/container/container.h"
#include "sandbox/container/idmap.h"
#include "sandbox/supervisor/credentials.h"
#include "sandbox/supervisor/denials.h"
#include "sandbox/supervisor/enforcement.h"
#include "sandbox/supervisor/harden.h"
#include "sandbox/supervisor/lines.h"
#include "sandbox/supervisor/link.h"
#include "sandbox/supervisor/network.h"
#include "sandbox/supervisor/process/exec.h"
#include "sandbox/supervisor/process/main_process.h"
#include "sandbox/supervisor/process/ssh.h"
#include "sandbox/supervisor/release_memory.h"
#include "sandbox/supervisor/supervisor_parts.h"
#include "sandbox/supervisor/traffic.h"
#include "secret/credentials.h"

/* --- the end --------------------------------------------------------------------------------- */

static void on_part_closed(void *ctx)
{
    struct supervisor *s = ctx;
    if (--s->open_parts == 0)
        uv_stop(&s->loop);
}

static void on_traffic_finished(void *ctx)
{
    struct supervisor *s = ctx;
    s->open_parts = s->container ? 2 : 1;
    sandbox_traffic_close(s->traffic);
    s->traffic = NULL;
    sandbox_lines_close(s->lines);
    s->lines = NULL;
    uv_close((uv_handle_t *)&s->patience, NULL);
    sandbox_link_close(s->link, on_part_closed, s);
    if (s->container)
        container_close(s->container, on_part_closed, s);
}

static void on_main_ended(void *ctx)
{
    struct supervisor *s = ctx;
    sandbox_traffic_finish(s->traffic, on_traffic_finished, s);
}

static const char *why_ended(const struct supervisor *s)
{
    return s->exit_code == 0 ? "the sandbox was stopped" : s->failure.text;
}

static void on_execs_ended(void *ctx)
{
    struct supervisor *s = ctx;
    if (s->main)
        sandbox_main_end(s->main, why_ended(s), on_main_ended, s);
    else
        on_main_ended(s);
}

/* Closes everything; the loop then runs out of work, or is stopped when only the proxy still waits
 * for an answer. */
static void wind_up(struct supervisor *s, int exit_code)
{
    if (s->state == SUPERVISOR_ENDING)
        return;
    s->state = SUPERVISOR_ENDING;
    s->exit_code = exit_code;
    if (s->network)
        sandbox_network_close(s->network);
    sandbox_inspectors_close(&s->inspectors, NULL);
    sandbox_denials_close(s->denials);
    if (s->enforcement)
        sandbox_enforcement_close(s->enforcement);
    uv_close((uv_handle_t *)&s->terminate, NULL);
    uv_close((uv_handle_t *)&s->interrupt, NULL);
    uv_close((uv_handle_t *)&s->idle, NULL);
    uv_timer_stop(&s->patience);
    if (s->execs)
        sandbox_execs_end(s->execs, why_ended(s), on_execs_ended, s);
    else
        on_execs_ended(s);
}

static void report_failure(struct supervisor *s)
{
    struct sandbox_message message = {.type = MESSAGE_START_FAILED,
                                      .log = {.text = s->failure.text}};
    if (s->link && sandbox_link_is_up(s->link)) {
        sandbox_link_send(s->link, &message);
        wind_up(s, 1);
    }
}

static void on_patience(uv_timer_t *timer)
{
    wind_up(timer->data, 1);
}

static void fail(struct supervisor *s, const struct error *why)
{
    if (s->state == SUPERVISOR_FAILED || s->state == SUPERVISOR_ENDING)
        return;
    s->failure = *why;
    s->state = SUPERVISOR_FAILED;
    log_error(s->log, "%s", why->text);
    uv_timer_start(&s->patience, on_patience, SUPERVISOR_REPORT_MS, 0);
    report_failure(s);
}

static void stop(struct supervisor *s, uint64_t grace_ms)
{
    if (s->state == SUPERVISOR_ENDING || s->stopping)
        return;
    s->stopping = true;
    if (!s->container || s->container_gone)
        wind_up(s, s->state == SUPERVISOR_FAILED);
    else
        container_stop(s->container, (uint32_t)(grace_ms < 600000 ? grace_ms : 600000));
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct supervisor *s = handle->data;
    log_info(s->log, "signal %d: stopping the sandbox", signum);
    if (s->stopping && s->container && !s->container_gone)
        container_stop(s->container, 0);              /* asked twice: no more grace */
    stop(s, SUPERVISOR_STOP_GRACE_MS);
}

/* --- the policy ------------------------------------------------------------------------------ */

static void answer_policy(struct supervisor *s, enum sandbox_message_type type,
                          const struct sandbox_revision *revision, const char *error)
{
    struct sandbox_message message = {
        .type = type,
        .revision = {.revision = revision->revision, .hash = revision->hash, .error = error}};
    if (supervisor_in_touch(s))
        sandbox_link_send(s->link, &message);
}

static void take_policy(struct supervisor *s, const struct sandbox_revision *revision)
{
    struct error err;
    if (sandbox_enforcement_take(s->enforcement, revision, &err) != 0) {
        log_error(s->log, "revision %llu is refused, revision %llu stays in force: %s",
                  (unsigned long long)revision->revision,
                  (unsigned long long)sandbox_enforcement_revision(s->enforcement), err.text);
        answer_policy(s, MESSAGE_FAILED, revision, err.text);
        return;
    }
    release_memory_later(&s->idle);
    log_info(s->log, "revision %llu is in force", (unsigned long long)revision->revision);
    answer_policy(s, MESSAGE_LOADED, revision, NULL);
}

/* --- credentials ----------------------------------------------------------------------------- */

static void take_credentials(struct supervisor *s, const struct sandbox_credentials *list)
{
    sandbox_credentials_use(&s->credentials, list, s->network, s->execs);
    if (s->main)
        sandbox_main_begin(s->main, s->credentials);
    sandbox_link_send(s->link, &(struct sandbox_message){.type = MESSAGE_EQUIPPED,
                                                         .credentials.number = list->number});
}

/* --- voters on requests ---------------------------------------------------------------------- */

static void inspectors_changed(void *ctx)
{
    struct supervisor *s = ctx;
    release_memory_later(&s->idle);
    supervisor_tell_of_inspectors(s);
}

static void take_inspectors(struct supervisor *s, const struct sandbox_inspectors *wanted)
{
    bool now = s->state != SUPERVISOR_RUNNING;
    if (!s->network || sandbox_inspectors_use(&s->inspectors, wanted, &s->loop, s->log, s->network,
                                              now))
        inspectors_changed(s);
}

/* --- from the gateway ------------------------------------------------------------------------ */

static void on_up(void *ctx)
{
    struct supervisor *s = ctx;
    if (s->state == SUPERVISOR_FAILED)
        report_failure(s);
    else
        supervisor_say_hello(s);
}

static void on_drained(void *ctx)
{
    struct supervisor *s = ctx;
    if (s->state == SUPERVISOR_RUNNING)
        sandbox_denials_flush(s->denials);
}

/* What is for the proxy, where the sandbox has one. */
static void take_for_network(struct supervisor *s, const struct sandbox_message *message)
{
    if (!s->network)
        return;
    if (message->type == MESSAGE_SETTINGS)
        sandbox_network_set_settings(s->network, &message->settings);
    else if (message->type == MESSAGE_APPROVALS)
        sandbox_network_approve(s->network, &message->approvals);
    else if (message->type == MESSAGE_OUTCOME)
        sandbox_network_forecast(s->network, &message->forecast);
    else if (message->type != MESSAGE_REJECTED)
        sandbox_network_answer(s->network, message);
    else if (s->state == SUPERVISOR_RUNNING)
        sandbox_network_reject(s->network, &message->rejected);
}

static void on_message(void *ctx, const struct sandbox_message *message, struct arena *arena)
{
    struct supervisor *s = ctx;
    switch (message->type) {
    case MESSAGE_POLICY:
        if (s->state == SUPERVISOR_RUNNING)
            take_policy(s, &message->revision);
        break;
    case MESSAGE_INSPECTORS:
        if (s->state == SUPERVISOR_RUNNING)
            take_inspectors(s, &message->inspectors);
        break;
    case MESSAGE_EXEC:
        if (s->execs && s->state == SUPERVISOR_RUNNING) {
            sandbox_execs_begin(s->execs, &message->exec, arena);
            return;
        }
        break;
    case MESSAGE_ATTACH:
        if (s->main && s->state == SUPERVISOR_RUNNING) {
            sandbox_main_attach(s->main, &message->attach, arena);
            return;
        }
        break;
    case MESSAGE_TRAFFIC_ACK:
        if (s->traffic)
            sandbox_traffic_acknowledged(s->traffic, &message->traffic);
        break;
    case MESSAGE_SETTINGS:
    case MESSAGE_OUTCOME:
    case MESSAGE_PROPOSED:
    case MESSAGE_CHUNK:
    case MESSAGE_CHUNK_CHANGED:
    case MESSAGE_REJECTED:
    case MESSAGE_APPROVALS:
        take_for_network(s, message);
        break;
    case MESSAGE_CREDENTIALS:
        if (s->state == SUPERVISOR_RUNNING)
            take_credentials(s, &message->credentials);
        arena_wipe(arena);
        return;
    case MESSAGE_STOP:
        stop(s, message->stop.grace_ms);
        break;
    case MESSAGE_PING:
        sandbox_link_send(s->link, &(struct sandbox_message){.type = MESSAGE_PONG});
        break;
    default:
        log_warn(s->log, "the gateway sent %s, which is not for a supervisor",
                 sandbox_message_word(message->type));
        break;
    }
    arena_free(arena);
}

static void on_orphaned(void *ctx)
{
    struct supervisor *s = ctx;
    log_warn(s->log, "the gateway does not know this sandbox any more: stopping it");
    stop(s, SUPERVISOR_STOP_GRACE_MS);
}

/* --- from the container ---------------------------------------------------------------------- */

static void on_main_changed(void *ctx, const struct sandbox_main *report)
{
    struct supervisor *s = ctx;
    char text[640];
    if (!report->ended_ms)
        snprintf(text, sizeof text, "the main process has started");
    else
        snprintf(text, sizeof text, "the main process has ended with code %d%s%s",
                 (int)report->code, *report->error ? ": " : "", report->error);
    if (s->lines)
        sandbox_lines_add(s->lines, LOG_INFO, LOG_KIND_EXEC, text);
    supervisor_tell_of_main(s);
}

static void on_container_ready(void *ctx, const struct container_ready *ready)
{
    struct supervisor *s = ctx;
    struct exec_table_request request = {
        &s->loop, s->container, s->spec, s->log, supervisor_tell_detached, s};
    struct main_process_request main = {&s->loop, s->container, s->spec, on_main_changed, s};
    struct error err;
    if (s->spec->inspectors)
        take_inspectors(s, s->spec->inspectors);
    if (sandbox_enforcement_start(s->enforcement, s->network, ready, &err) != 0) {
        fail(s, &err);
        return;
    }
    s->execs = sandbox_execs_new(&request);
    if (s->spec->main) {
        s->main = sandbox_main_new(&main);
        if (container_listen(s->container, MAIN_LISTENER_ID, &err) != 0)
            log_warn(s->log, "nobody can attach by SSH: %s", err.text);
    }
    s->state = SUPERVISOR_RUNNING;
    log_info(s->log, "sandbox %s is ready", s->spec->name);
    supervisor_say_hello(s);
}

static void on_container_started(void *ctx, uint32_t id, pid_t pid, const int *fds, size_t n_fds)
{
    struct supervisor *s = ctx;
    if (id == MAIN_PROCESS_ID)
        sandbox_main_started(s->main, fds, n_fds);
    else if (id == MAIN_LISTENER_ID && n_fds > 0)
        sandbox_main_listen(s->main, fds[0]);
    else
        sandbox_execs_started(s->execs, id, pid, fds, n_fds);
}

static void on_container_exited(void *ctx, uint32_t id, int code, const char *error)
{
    struct supervisor *s = ctx;
    if (id == MAIN_PROCESS_ID)
        sandbox_main_exited(s->main, code, error);
    else
        sandbox_execs_exited(s->execs, id, code, error);
    release_memory_later(&s->idle);
}

static void on_container_warning(void *ctx, const char *text)
{
    struct supervisor *s = ctx;
    if (s->state == SUPERVISOR_STARTING && s->n_warnings < WARNINGS_MAX)
        s->warnings[s->n_warnings++] = alloc_str(text);
    if (s->lines)
        sandbox_lines_add(s->lines, LOG_WARN, LOG_KIND_ERROR, text);
}

static void on_container_gone(void *ctx, const struct error *why)
{
    struct supervisor *s = ctx;
    s->container_gone = true;
    if (why)
        fail(s, why);
    else
        wind_up(s, 0);
}

static const struct container_callbacks container_callbacks = {
    on_container_ready,   on_container_started, on_container_exited,
    on_container_warning, on_container_gone,
};

/* --- the start ------------------------------------------------------------------------------- */

static void watch_signals(struct supervisor *s)
{
    net_make_signal(&s->loop, &s->terminate);
    net_make_signal(&s->loop, &s->interrupt);
    uv_timer_init(&s->loop, &s->patience);
    uv_timer_init(&s->loop, &s->idle);
    s->terminate.data = s->interrupt.data = s->patience.data = s;
    uv_signal_start(&s->terminate, on_signal, SIGTERM);
    uv_signal_start(&s->interrupt, on_signal, SIGINT);
}

/* Without a network nothing is trusted. */
static int make_files(void *ctx, struct container_files *out, struct error *err)
{
    struct supervisor *s = ctx;
    if ((s->network && sandbox_network_make_files(s->network, out, err) != 0) ||
        sandbox_ssh_make_files(&s->ssh, s->spec->main, out, err) != 0)
        return error_prefix(err, "no sandbox can be made");
    return 0;
}

static int start_container(struct supervisor *s, struct error *err)
{
    const struct enforcement_setup setup = {&s->loop, s->spec, s->log, supervisor_tell_of_grant, s};
    s->enforcement = sandbox_enforcement_new(&setup, err);
    if (!s->enforcement)
        return -1;
    if (s->spec->sub_uid && geteuid() != 0 &&
        sandbox_idmap_enter(s->spec->sub_uid, s->spec->sub_gid, err) != 0)
        return error_prefix(err, "no sandbox can be made");
    struct container_request request = {s->spec, sandbox_enforcement_built(s->enforcement),
                                        make_files};
    s->container = container_start(&s->loop, &request, &container_callbacks, s, err);
    return s->container ? 0 : -1;
}

static void open_link(struct supervisor *s)
{
    struct gateway_link_request request = {
        .loop = &s->loop, .gateway = s->spec->gateway, .token = s->spec->token, .log = s->log,
        .on_up = on_up, .on_drained = on_drained, .on_message = on_message,
        .on_orphaned = on_orphaned, .ctx = s};
    s->link = sandbox_link_open(&request);
}

int sandbox_supervise(const struct sandbox_spec *spec, const struct log *log)
{
    struct supervisor *s = alloc_zero(1, sizeof *s);
    struct error err, harm;
    s->spec = spec;
    s->log = log;
    net_make_loop(&s->loop);
    s->inspectors.tell = supervisor_send_inspected;
    s->inspectors.changed = inspectors_changed;
    s->inspectors.ctx = s;
    s->lines = sandbox_lines_new(&s->loop, log);
    s->traffic = sandbox_traffic_new(&s->loop, supervisor_send_traffic, s);
    watch_signals(s);
    s->denials = sandbox_denials_new(&s->loop, supervisor_send_denials, s);
    if (spec->proxy)
        s->network = sandbox_network_new(&s->loop, spec, log, &supervisor_network_calls, s);
    /* Nothing may have started a thread until both are done: capabilities belong to a thread. */
    int rc = start_container(s, &err);
    if (sandbox_harden(&harm) != 0)
        log_warn(log, "%s", harm.text);
    open_link(s);
    if (rc != 0)
        fail(s, &err);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_run(&s->loop, UV_RUN_NOWAIT);                /* what was being closed when it was stopped */
    if (spec->cgroups)
        cgroup_remove(spec->cgroups);
    if (uv_loop_close(&s->loop) != 0)
        _exit(s->exit_code);                        /* a worker asks for a name: nobody waits */
    sandbox_execs_free(s->execs);
    sandbox_main_free(s->main);
    sandbox_network_free(s->network);
    sandbox_enforcement_free(s->enforcement);
    secret_credentials_free(s->credentials);
    sandbox_ssh_free_files(&s->ssh);
    for (size_t i = 0; i < s->n_warnings; i++)
        free((char *)s->warnings[i]);
    rc = s->exit_code;
    free(s);
    return rc;
}
