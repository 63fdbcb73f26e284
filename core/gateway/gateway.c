/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "gateway/folder.h"
#include "gateway/own_files.h"
#include "api/api.h"
#include "runtime/runtime.h"

struct gateway {
    const struct gateway_flags *flags;
    const struct log *log;
    struct arena *arena;                            /* of the configuration */
    int folder;                                     /* held, so that no other gateway works there */
    struct gateway_config config;
    pthread_mutex_t reload_lock;                    /* one reload at a time */

    uv_loop_t loop;
    uv_signal_t signals[3];
    struct store *store;
    struct updates *updates;
    struct drafts *drafts;
    struct jobs *jobs;
    struct events *events;
    struct runtime *runtime;
    struct http_server *server;
    struct api api;
    char admin_token_hash[DIGEST_HEX_SIZE];
    char *supervisor_address;
    bool stopping;
};

static void print_problems(const char *file, const struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        if (file && p->line)
            terminal_print(stderr, "%s:%u:%u: ", file, p->line, p->column);
        terminal_print(stderr, "%s%s%s\n", p->path, *p->path ? ": " : "", p->message);
    }
}

static int report(const struct gateway_flags *flags, struct problems *problems, const struct error *err, int code)
{
    print_problems(flags->config, problems);
    terminal_print(stderr, "sluiced: %s\n", err->text);
    problems_free(problems);
    return code;
}

/* ---- configuration and chain ---- */

static struct chain *load_chain(const struct gateway_config *config, const struct log *log, struct problems *problems,
                                struct error *err)
{
    struct chain *chain = chain_load(config->chain, log, problems);
    if (chain)
        return chain;
    gateway_config_locate(config, problems);
    error_set(err, ERROR_INVALID, "the chain of voters does not load: %zu problem%s", problems->n,
              problems->n == 1 ? "" : "s");
    return NULL;
}

/* Any thread. */
static void voter_changed(void *ctx, const char *voter, const char *state, const char *why)
{
    struct gateway *g = ctx;
    events_publish(g->events, "voter", "",
                   json_pack("{s:s, s:s, s:s}", "voter", voter, "state", state, "reason", why));
}

static void print_chain(struct chain *chain)
{
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        terminal_print(stdout, "%-20s %-8s %-7s %-12s %-8s %s\n", v.name, v.version, v.kind, v.level, v.isolation, v.path);
    }
    terminal_print(stdout, "configuration is good: %zu voters\n", chain_size(chain));
}

int gateway_check(const struct gateway_flags *flags, const struct log *log)
{
    struct arena *arena = arena_new();
    struct gateway_config config;
    struct problems problems = {0};
    struct error err;
    struct chain *chain = NULL;
    int code = 0;
    if (gateway_config_load(flags, arena, &config, &problems, &err) != 0 ||
        !(chain = load_chain(&config, log, &problems, &err)))
        code = report(flags, &problems, &err, 2);
    else
        print_chain(chain);
    chain_unref(chain);
    arena_free(arena);
    return code;
}

static int check_own_files(struct gateway *g, const struct gateway_config *config,
                           struct arena *arena, struct error *err)
{
    struct runtime_files own;
    own_files_list(config, g->flags, NULL, arena, &own);
    return own_files_check(&own, g->config.state_dir, g->store, err);
}

static void protect_own_files(struct gateway *g, const struct gateway_config *config, struct arena *arena)
{
    struct runtime_files own;
    own_files_list(config, g->flags, runtime_bwrap(g->runtime), arena, &own);
    runtime_protect(g->runtime, &own);
}

/* Worker thread.  All or nothing: a chain that does not load leaves the old one at work. */
static int reload(void *ctx, struct problems *problems, struct error *err)
{
    struct gateway *g = ctx;
    struct arena *arena = arena_new();
    struct gateway_config config;
    struct chain *chain = NULL;
    int rc = -1;
    pthread_mutex_lock(&g->reload_lock);
    if (gateway_config_load(g->flags, arena, &config, problems, err) == 0 &&
        check_own_files(g, &config, arena, err) == 0 &&
        (chain = load_chain(&config, g->log, problems, err))) {
        const char *changed = gateway_config_restart(&g->config, &config, arena);
        if (*changed)
            log_warn(g->log, "these settings changed and need a restart: %s", changed);
        chain_watch(chain, voter_changed, g);
        protect_own_files(g, &config, arena);
        updates_set_chain(g->updates, chain);
        log_info(g->log, "reloaded: %zu voters", chain_size(chain));
        events_publish(g->events, "chain", "", json_pack("{s:s}", "digest", chain_digest(chain)));
        rc = 0;
    } else {
        error_prefix(err, "the chain at work stays");
    }
    pthread_mutex_unlock(&g->reload_lock);
    if (rc == 0)
        drafts_ask_again(g->drafts);
    chain_unref(chain);
    arena_free(arena);
    return rc;
}

struct hangup {
    struct gateway *g;
    struct problems problems;
    struct error err;
    int rc;
};

static void hangup_work(void *arg)
{
    struct hangup *h = arg;
    h->rc = reload(h->g, &h->problems, &h->err);
}

static void hangup_done(void *arg)
{
    struct hangup *h = arg;
    if (h->rc != 0) {
        log_error(h->g->log, "%s", h->err.text);
        for (size_t i = 0; i < h->problems.n; i++) {
            const struct problem *p = &h->problems.items[i];
            if (p->line)
                log_error(h->g->log, "%s:%u:%u: %s%s%s", h->g->flags->config, p->line, p->column, p->path,
                          *p->path ? ": " : "", p->message);
            else
                log_error(h->g->log, "%s: %s", p->path, p->message);
        }
    }
    problems_free(&h->problems);
    free(h);
}

static void draft_changed(void *ctx, const char *sandbox, const char *draft_id, const char *status)
{
    struct gateway *g = ctx;
    events_publish(g->events, "draft", sandbox, json_pack("{s:s, s:s}", "draft", draft_id, "status", status));
}

/* ---- the end ---- */

static void close_loop_handles(struct gateway *g)
{
    for (size_t i = 0; i < sizeof g->signals / sizeof *g->signals; i++)
        uv_close((uv_handle_t *)&g->signals[i], NULL);
    events_close(g->events);
}

static void server_closed(void *ctx)
{
    close_loop_handles(ctx);
}

static void all_idle(void *ctx)
{
    struct gateway *g = ctx;
    runtime_close(g->runtime);
    /* Its last writes tell sandboxes and events what became of them, which live until the loop turns
     * again.  This blocks the loop when nothing is left for it to do. */
    events_finish(g->events);
    store_close(g->store);
    g->store = NULL;
    http_server_close(g->server, server_closed, g);
}

static void sandboxes_stopped(void *ctx)
{
    struct gateway *g = ctx;
    jobs_when_idle(g->jobs, all_idle, g);
}

static void stop_sandboxes(void *ctx)
{
    struct gateway *g = ctx;
    runtime_stop_all(g->runtime, sandboxes_stopped, g);
}

/* What runs for a client that has gone may yet start a sandbox. */
static void drained(void *ctx)
{
    struct gateway *g = ctx;
    bool stop = strcmp(g->config.sandboxes->on_exit, "stop") == 0;
    jobs_when_idle(g->jobs, stop ? stop_sandboxes : all_idle, g);
}

static void on_terminate(uv_signal_t *signal, int number)
{
    struct gateway *g = signal->data;
    if (g->stopping)
        return;
    log_info(g->log, "%s: finishing what runs, then stopping", number == SIGINT ? "SIGINT" : "SIGTERM");
    g->stopping = true;
    g->api.draining = true;
    events_publish(g->events, "draining", "", json_object());       /* whoever waits for something hears it */
    runtime_drain(g->runtime);
    http_server_drain(g->server, drained, g);
}

static void on_hangup(uv_signal_t *signal, int number)
{
    struct gateway *g = signal->data;
    (void)number;
    if (g->stopping)
        return;
    struct hangup *h = alloc_zero(1, sizeof *h);
    h->g = g;
    jobs_run(h->g->jobs, NULL, hangup_work, hangup_done, h);
}

static void start_signals(struct gateway *g)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        uv_signal_init(&g->loop, &g->signals[i]);
        g->signals[i].data = g;
        uv_signal_start(&g->signals[i], numbers[i] == SIGHUP ? on_hangup : on_terminate, numbers[i]);
    }
}

/* ---- the start ---- */

static bool listens_on_tcp(const struct gateway_config *config)
{
    for (size_t i = 0; i < config->n_listen; i++)
        if (!listener_is_unix(config->listen[i]))
            return true;
    return false;
}

/* TCP clients on other machines, or of other users, show this token. */
static int make_admin_token(struct gateway *g, struct error *err)
{
    if (!listens_on_tcp(&g->config))
        return 0;
    char token[DIGEST_HEX_SIZE] = "";
    char *path = alloc_printf("%s/admin.token", g->config.state_dir);
    int fd = folder_open_secret(g->folder, g->config.state_dir, "admin.token", err);
    int rc = fd < 0 ? -1 : 0;
    ssize_t n = fd < 0 ? -1 : read(fd, token, sizeof token - 1);
    if (rc == 0 && n < DIGEST_HEX_SIZE - 1) {
        digest_secret(token);
        if (pwrite(fd, token, strlen(token), 0) != (ssize_t)strlen(token))
            rc = error_errno(err, ERROR_IO, "cannot write %s", path);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    digest_of(token, strlen(token), g->admin_token_hash);
    g->api.auth.admin_token_hash = g->admin_token_hash;
    return rc;
}

/* Supervisors come through a Unix socket where there is one, else through the first listener that
 * takes their tokens. */
static int pick_supervisor_address(struct gateway *g, struct error *err)
{
    char text[HTTP_ADDRESS_SIZE];
    size_t n = g->config.n_listen, pick = n;
    for (size_t i = n; i-- > 0;)
        if (listener_is_unix(g->config.listen[i]) ||
            (!(listener_flags(g->config.listen[i]) & HTTP_NO_SECRETS) && (pick == n || !listener_is_unix(g->config.listen[pick]))))
            pick = i;
    if (pick == n)
        return error_set(err, ERROR_INVALID, "no listener takes the tokens of the sandboxes' supervisors: listen on a Unix socket "
                         "or on 127.0.0.1 too");
    g->supervisor_address = alloc_str(http_server_address(g->server, pick, text));
    return 0;
}

static int listen_all(struct gateway *g, struct error *err)
{
    for (size_t i = 0; i < g->config.n_listen; i++) {
        const struct gateway_listener *l = g->config.listen[i];
        listener_warn(l, g->log);
        if (http_server_listen(g->server, l->address, listener_flags(l), err) != 0)
            return -1;
    }
    return 0;
}

static void say_ready(struct gateway *g)
{
    struct chain *chain = updates_chain(g->updates);
    char text[HTTP_ADDRESS_SIZE];
    terminal_print(stdout, "sluiced ready on ");
    for (size_t i = 0; i < http_server_n_addresses(g->server); i++)
        terminal_print(stdout, "%s%s", i ? ", " : "", http_server_address(g->server, i, text));
    terminal_print(stdout, " (%zu voters)\n", chain_size(chain));
    fflush(stdout);
    chain_unref(chain);
}

/* sd_notify(3): one datagram to the socket that systemd names. */
static void notify_systemd(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(address.sun_path, path, len);
    if (*path == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

static int open_parts(struct gateway *g, struct chain *chain, struct error *err)
{
    if (folder_check_store(g->config.store, err) != 0)
        return -1;
    g->store = store_open(g->config.store, g->log, err);
    if (!g->store || store_claim(g->store, err) != 0 || make_admin_token(g, err) != 0)
        return -1;
    g->updates = updates_new(g->store, chain, g->log);
    const struct drafts_hooks draft_hooks = {draft_changed, g};
    g->drafts = drafts_new(g->updates, &draft_hooks, g->log);
    g->jobs = jobs_new(&g->loop);
    g->events = events_new(&g->loop);
    if (events_keep(g->events, g->store, g->jobs, g->log, err) != 0)
        return -1;
    chain_watch(chain, voter_changed, g);
    g->server = http_server_new(&g->loop, NULL, &api_router, &g->api, g->log);
    if (listen_all(g, err) != 0)
        return -1;
    return pick_supervisor_address(g, err);
}

static int open_runtime(struct gateway *g, struct error *err)
{
    const struct gateway_config *config = &g->config;
    const struct runtime_setup setup = {
        .loop = &g->loop, .log = g->log, .store = g->store, .updates = g->updates, .drafts = g->drafts,
        .jobs = g->jobs, .events = g->events, .counts = &g->api.counts, .state_dir = config->state_dir,
        .gateway_address = g->supervisor_address, .hosts = config->egress->hosts,
        .n_hosts = config->egress->n_hosts, .log_level = g->flags->log_level, .log_json = g->flags->log_json,
    };
    g->runtime = runtime_new(&setup);
    protect_own_files(g, config, g->arena);
    return runtime_adopt(g->runtime, err);
}

static void fill_api(struct gateway *g)
{
    g->api.loop = &g->loop;
    g->api.log = g->log;
    g->api.store = g->store;
    g->api.updates = g->updates;
    g->api.drafts = g->drafts;
    g->api.jobs = g->jobs;
    g->api.events = g->events;
    g->api.server = g->server;
    g->api.runtime = g->runtime;
    runtime_host(g->runtime, &g->api.host);
    g->api.auth.log = g->log;
    g->api.auth.tokens = g->config.tokens;
    g->api.auth.n_tokens = g->config.n_tokens;
    g->api.auth.find_supervisor = runtime_by_token;
    g->api.auth.supervisors = g->runtime;
    g->api.reload = reload;
    g->api.reload_ctx = g;
    g->api.config_file = g->flags->config;
    g->api.started_ms = clock_now_ms();
}

static void free_parts(struct gateway *g)
{
    drafts_free(g->drafts);
    updates_free(g->updates);
    if (g->jobs)
        jobs_free(g->jobs);
    store_close(g->store);
    if (g->folder >= 0)
        close(g->folder);
    free(g->supervisor_address);
    arena_free(g->arena);
    pthread_mutex_destroy(&g->reload_lock);
}

/* What a start that failed has opened so far. */
static void abandon(struct gateway *g)
{
    if (g->runtime)
        runtime_close(g->runtime);
    if (g->server)
        http_server_close(g->server, NULL, NULL);
    if (g->events)
        events_finish(g->events);
    events_close(g->events);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    uv_loop_close(&g->loop);
}

/* Takes the chain. */
static int serve(struct gateway *g, struct chain *chain, struct error *err)
{
    uv_loop_init(&g->loop);
    g->folder = folder_take(g->config.state_dir, err);
    bool open = g->folder >= 0 && folder_for_sockets(g->config.listen, g->config.n_listen, err) == 0 && open_parts(g, chain, err) == 0;
    chain_unref(chain);                             /* so that it ends with the first reload */
    if (!open || open_runtime(g, err) != 0) {
        abandon(g);
        return -1;
    }
    if (*g->config.egress->extra_ca)
        log_warn(g->log, "egress.extra_ca has no effect yet: the proxy does not look into TLS");
    fill_api(g);
    start_signals(g);
    say_ready(g);
    notify_systemd();
    uv_run(&g->loop, UV_RUN_DEFAULT);
    uv_loop_close(&g->loop);
    log_info(g->log, "stopped");
    return 0;
}

int gateway_run(const struct gateway_flags *flags, const struct log *log)
{
    struct gateway g = {.flags = flags, .log = log, .arena = arena_new(), .folder = -1};
    struct problems problems = {0};
    struct error err;
    struct chain *chain;
    int code = 0;
    pthread_mutex_init(&g.reload_lock, NULL);
    if (gateway_config_load(flags, g.arena, &g.config, &problems, &err) != 0 ||
        !(chain = load_chain(&g.config, log, &problems, &err)))
        code = report(flags, &problems, &err, 2);
    else if (serve(&g, chain, &err) != 0)
        code = report(flags, &problems, &err, 1);
    free_parts(&g);
    problems_free(&problems);
    return code;
}
