/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/host/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/program.h"
#include "net/handle.h"
#include "sandbox/host/agent_parts.h"

/* ---- the control stream ---- */

void agent_send(struct agent *agent, enum sandbox_message_type type, const char *id,
                const char *error)
{
    const struct sandbox_message message = {.type = type, .of_host = {.id = id, .error = error}};
    if (agent->link)
        sandbox_link_send(agent->link, &message);
}

static void say_hello(void *ctx)
{
    struct agent *agent = ctx;
    struct arena *arena = arena_new();
    size_t n = 0, n_running = 0, n_stopped = 0;
    for (const struct tenant *t = agent->tenants; t; t = t->next)
        n++;
    const char **running = arena_zalloc(arena, (n + 1) * sizeof *running);
    const char **stopped = arena_zalloc(arena, (n + 1) * sizeof *stopped);
    for (const struct tenant *t = agent->tenants; t; t = t->next) {
        if (t->state == TENANT_DOWN)
            stopped[n_stopped++] = t->id;
        else
            running[n_running++] = t->id;
    }
    const struct sandbox_message hello = {
        .type = MESSAGE_HOST_HELLO,
        .host_hello = {.protocol = SANDBOX_PROTOCOL_VERSION,
                       .version = SLUICE_VERSION,
                       .labels = agent->options->labels,
                       .capacity = agent->options->capacity,
                       .unable = agent->bwrap ? NULL : agent->no_bwrap.text,
                       .running = running,
                       .n_running = n_running,
                       .stopped = stopped,
                       .n_stopped = n_stopped}};
    sandbox_link_send(agent->link, &hello);
    arena_free(arena);
}

static const char *gateway_in_use(const struct agent *agent)
{
    return agent->gateways.list[agent->gateways.current].url;
}

static void on_down(void *ctx)
{
    struct agent *agent = ctx;
    if (agent->ending)
        return;
    host_relay_shut(agent->supervisors);
    agent->gateways.current = (agent->gateways.current + 1) % agent->gateways.n;
}

static void on_message(void *ctx, const struct sandbox_message *m, struct arena *arena)
{
    struct agent *agent = ctx;
    switch (m->type) {
    case MESSAGE_HOST_WELCOME:
        log_info(agent->log, "registered with %s", gateway_in_use(agent));
        host_relay_open(agent->supervisors);
        break;
    case MESSAGE_HOST_REFUSED:
        log_error(agent->log, "%s: %s", gateway_in_use(agent), m->of_host.error);
        break;
    case MESSAGE_PLACE:
        tenants_place(agent, &m->place);
        arena_wipe(arena);
        return;
    case MESSAGE_KILL:
        tenants_kill(agent, m->of_host.id);
        break;
    case MESSAGE_REMOVE:
        tenants_remove(agent, m->of_host.id);
        break;
    case MESSAGE_PING:
        sandbox_link_send(agent->link, &(struct sandbox_message){.type = MESSAGE_PONG});
        break;
    default:
        log_warn(agent->log, "the gateway sent %s, which is not for a host",
                 sandbox_message_word(m->type));
        break;
    }
    arena_free(arena);
}

static void on_drained(void *ctx)
{
    (void)ctx;                                      /* what a host sends is short */
}

static void open_link(struct agent *agent)
{
    bool choice = agent->gateways.n > 1;            /* else silence is waited for as by others */
    const struct gateway_link_request request = {.loop = &agent->loop,
                                                 .gateway = agent->control_address,
                                                 .token = agent->token,
                                                 .path = SANDBOX_HOST_PATH,
                                                 .upgrade = SANDBOX_HOST_UPGRADE,
                                                 .instance = agent->instance,
                                                 .silence_ms = choice ? HOST_SILENCE_MS : 0,
                                                 .dial_ms = choice ? HOST_DIAL_MS : 0,
                                                 .log = agent->log,
                                                 .on_up = say_hello,
                                                 .on_drained = on_drained,
                                                 .on_message = on_message,
                                                 .on_down = on_down,
                                                 .ctx = agent};
    host_relay_open(agent->control);
    agent->link = sandbox_link_open(&request);
}

/* ---- the start ---- */

/* Of one line. */
static int read_secret(const char *path, char *out, size_t size, struct error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (n < 0)
        error_errno(err, ERROR_IO, "cannot read %s", path);
    else if (fstat(fd, &st) == 0 && st.st_mode & 077)
        n = error_set(err, ERROR_IO, "%s has the host's token, and others may read it: chmod 600",
                      path);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return -1;
    out[n] = '\0';
    out[strcspn(out, " \r\n")] = '\0';
    return *out ? 0 : error_set(err, ERROR_INVALID, "%s has no token", path);
}

/* Who has the folder's lock is its agent; its name for itself is made once. */
static int take_state(struct agent *agent, struct error *err)
{
    char *path = alloc_printf("%s/host.lock", agent->state_dir);
    int rc = 0;
    if (mkdir(agent->state_dir, 0700) != 0 && errno != EEXIST)
        rc = error_errno(err, ERROR_IO, "cannot make the folder %s", agent->state_dir);
    agent->lock = rc != 0 ? -1 : open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (rc == 0 && agent->lock < 0)
        rc = error_errno(err, ERROR_IO, "cannot open %s", path);
    if (rc == 0 && flock(agent->lock, LOCK_EX | LOCK_NB) != 0)
        rc = error_set(err, ERROR_STATE, "another agent works in %s: give each host a state folder "
                       "of its own with --state-dir", agent->state_dir);
    if (rc == 0 && read(agent->lock, agent->instance, UUID_SIZE - 1) != UUID_SIZE - 1) {
        digest_uuid(agent->instance);
        if (pwrite(agent->lock, agent->instance, UUID_SIZE - 1, 0) != UUID_SIZE - 1)
            rc = error_errno(err, ERROR_IO, "cannot write %s", path);
    }
    free(path);
    return rc;
}

static void find_machine(struct agent *agent)
{
    agent->supervisor = program_beside("sluice-supervisor");
    agent->init = program_beside("sluice-init");
    agent->bwrap = program_find("bwrap", &agent->no_bwrap);
    if (!agent->bwrap)
        log_warn(agent->log, "no sandbox can be made: %s", agent->no_bwrap.text);
    uid_range_find(&agent->uids);
    cgroup_find(&agent->cgroups);
    if (!agent->uids.count)
        log_warn(agent->log, "sandboxes share the uid of this agent: %s", agent->uids.why);
    if (*agent->cgroups.why)
        log_warn(agent->log, "sandboxes have no cgroup for each limit: %s", agent->cgroups.why);
}

static int set_up(struct agent *agent, struct error *err)
{
    const struct host_options *o = agent->options;
    agent->state_dir = realpath(o->state_dir, NULL);
    if (!agent->state_dir)
        agent->state_dir = alloc_str(o->state_dir);
    agent->control_path = alloc_printf("%s/gateway.sock", agent->state_dir);
    agent->supervisors_path = alloc_printf("%s/supervisors.sock", agent->state_dir);
    agent->control_address = alloc_printf("unix:%s", agent->control_path);
    if (host_gateways_read(&agent->gateways, o->gateways, o->ca, err) != 0 ||
        read_secret(o->token_file, agent->token, sizeof agent->token, err) != 0 ||
        take_state(agent, err) != 0)
        return -1;
    find_machine(agent);
    agent->control =
        host_relay_new(&agent->loop, agent->control_path, &agent->gateways, agent->log, err);
    agent->supervisors =
        host_relay_new(&agent->loop, agent->supervisors_path, &agent->gateways, agent->log, err);
    return agent->control && agent->supervisors ? 0 : -1;
}

/* ---- the end: sandboxes run on ---- */

static void link_closed(void *ctx)
{
    struct agent *agent = ctx;
    agent->link = NULL;
    host_relay_close(agent->control);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct agent *agent = handle->data;
    if (agent->ending)
        return;
    log_info(agent->log, "signal %d: ending, sandboxes go on", number);
    agent->ending = true;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&agent->signals[i], NULL);
    host_relay_close(agent->supervisors);
    sandbox_link_close(agent->link, link_closed, agent);
    tenants_unwatch(agent);
}

static void watch_signals(struct agent *agent)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        net_make_signal(&agent->loop, &agent->signals[i]);
        agent->signals[i].data = agent;
        uv_signal_start(&agent->signals[i], on_signal, numbers[i]);
    }
}

static void free_agent(struct agent *agent)
{
    host_gateways_free(&agent->gateways);
    if (agent->lock >= 0)
        close(agent->lock);
    explicit_bzero(agent->token, sizeof agent->token);
    free(agent->state_dir);
    free(agent->control_path);
    free(agent->supervisors_path);
    free(agent->control_address);
    free(agent->supervisor);
    free(agent->init);
    free(agent->bwrap);
    free(agent);
}

int host_run(const struct host_options *options, const struct log *log)
{
    struct agent *agent = alloc_zero(1, sizeof *agent);
    struct error err;
    agent->options = options;
    agent->log = log;
    agent->lock = -1;
    net_make_loop(&agent->loop);
    int rc = set_up(agent, &err);
    if (rc == 0) {
        tenants_find(agent);
        watch_signals(agent);
        open_link(agent);
    } else {
        log_error(log, "%s", err.text);
        if (agent->control)
            host_relay_close(agent->control);
        if (agent->supervisors)
            host_relay_close(agent->supervisors);
    }
    uv_run(&agent->loop, UV_RUN_DEFAULT);
    tenants_free(agent);
    uv_loop_close(&agent->loop);
    free_agent(agent);
    return rc == 0 ? 0 : 1;
}
