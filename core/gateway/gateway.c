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

#include "api/services.h"
#include "auth/lease.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "gateway/folder.h"
#include "gateway/gateway_parts.h"
#include "gateway/issuer.h"
#include "http2/server.h"
#include "net/handle.h"
#include "runtime/credentials/inference.h"
#include "runtime/credentials/refresh.h"
#include "runtime/inspectors.h"
#include "runtime/peers/peers.h"
#include "store/url.h"

static void draft_changed(void *ctx, const char *sandbox, const char *draft_id, const char *status)
{
    struct gateway *g = ctx;
    events_publish(g->events, "draft", sandbox,
                   json_pack("{s:s, s:s}", "draft", draft_id, "status", status));
}

static void draft_rejected(void *ctx, const char *sandbox, const struct store_draft *draft)
{
    struct gateway *g = ctx;
    if (g->runtime)
        runtime_reject(g->runtime, sandbox, draft);
}

static void requests_approved(void *ctx, const char *sandbox, const char *sandbox_id)
{
    struct gateway *g = ctx;
    if (g->runtime)
        runtime_approve(g->runtime, sandbox, sandbox_id);
}

static void start_signals(struct gateway *g)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        net_make_signal(&g->loop, &g->signals[i]);
        g->signals[i].data = g;
        uv_signal_start(&g->signals[i],
                        numbers[i] == SIGHUP ? gateway_on_hangup : gateway_on_terminate,
                        numbers[i]);
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

static int load_key(struct gateway *g, struct error *err)
{
    int rc = secret_key_from_systemd(&g->key, err);
    if (rc != 0)
        return rc > 0 ? 0 : -1;
    int fd = folder_open_secret(g->folder, g->config.state_dir, SECRET_KEY_FILE, err);
    if (fd < 0)
        return -1;
    char *path = alloc_printf("%s/" SECRET_KEY_FILE, g->config.state_dir);
    rc = secret_key_from_file(fd, path, &g->key, err);
    close(fd);
    free(path);
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
            (!(listener_flags(g->config.listen[i]) & HTTP_NO_SECRETS) &&
             !g->config.listen[i]->tls && (pick == n || !listener_is_unix(g->config.listen[pick]))))
            pick = i;
    if (pick == n)
        return error_set(
            err, ERROR_INVALID,
            "no listener takes the tokens of the sandboxes' supervisors: listen on a Unix socket "
            "or on 127.0.0.1 too");
    g->supervisor_address = alloc_str(http_server_address(g->server, pick, text));
    return 0;
}

static int listen_all(struct gateway *g, struct error *err)
{
    for (size_t i = 0; i < g->config.n_listen; i++) {
        const struct gateway_listener *l = g->config.listen[i];
        listener_warn(l, g->log);
        if (http_server_listen_tls(g->server, l->address, listener_flags(l), g->tls[i], err) !=
                0 ||
            listener_share(l, err) != 0)
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
    if (store_check_place(g->config.store, 0, err) != 0)
        return -1;
    g->store = store_open(g->config.store, g->log, err);
    if (!g->store || gateway_join(g, err) != 0 || make_admin_token(g, err) != 0 ||
        load_key(g, err) != 0)
        return -1;
    g->providers = (struct providers){g->store, &g->key};
    g->inference = inference_settings_new();
    inference_settings_set(g->inference, g->config.inference, g->config.n_inference);
    g->updates = updates_new(g->store, chain, g->log);
    const struct drafts_hooks draft_hooks = {draft_changed, draft_rejected, requests_approved, g};
    g->drafts = drafts_new(g->updates, &draft_hooks, g->log);
    g->jobs = jobs_new(&g->loop);
    g->events = events_new(&g->loop);
    if (events_keep(g->events, g->store, g->jobs, g->log, err) != 0)
        return -1;
    if (*g->id)
        events_share(g->events, g->number);
    gateway_watch_chain(g, chain);
    g->server = http_server_new(&g->loop, NULL, &api_router, &g->api, g->log);
    http_server_carry(g->server, &http2_protocol);
    http_server_offer(g->server, &api_exposed_services, &g->api);
    http_server_offer(g->server, &grpc_service, &g->grpc);
    if (gateway_open_tls(g, err) != 0 || listen_all(g, err) != 0)
        return -1;
    return pick_supervisor_address(g, err);
}

static int open_runtime(struct gateway *g, struct error *err)
{
    const struct gateway_config *config = &g->config;
    const struct runtime_setup setup = {
        .loop = &g->loop,
        .log = g->log,
        .store = g->store,
        .updates = g->updates,
        .drafts = g->drafts,
        .jobs = g->jobs,
        .events = g->events,
        .counts = &g->api.counts,
        .providers = &g->providers,
        .inference = g->inference,
        .gateway_id = g->id,
        .state_dir = config->state_dir,
        .gateway_address = g->supervisor_address,
        .hosts = config->egress->hosts,
        .n_hosts = config->egress->n_hosts,
        .extra_ca = *config->egress->extra_ca ? config->egress->extra_ca : NULL,
        .inspect_when_needed = strcmp(config->egress->inspect_tls, "when_needed") == 0,
        .log_level = g->flags->log_level,
        .log_json = g->flags->log_json,
    };
    g->runtime = runtime_new(&setup);
    struct chain *chain = updates_chain(g->updates);
    runtime_set_inspectors(g->runtime, chain, config->chain);
    chain_unref(chain);
    gateway_protect_files(g, config, g->arena);
    g->refresher = refresher_new(&g->loop, g->runtime, runtime_fetcher(g->runtime), &g->providers,
                                 g->jobs, g->log);
    if (config->auth->oidc)
        g->issuer = issuer_new(&g->loop, config->auth->oidc, runtime_fetcher(g->runtime), g->jobs,
                               g->log);
    return runtime_adopt(g->runtime, err) == 0 ? gateway_open_peers(g, err) : -1;
}

static int open_exports(struct gateway *g, struct error *err)
{
    g->api.exports = exports_start(g->config.exports, g->config.n_exports, g->store,
                                   runtime_fetcher(g->runtime), g->log, err);
    return g->api.exports ? 0 : -1;
}

static void fill_api(struct gateway *g)
{
    g->api.loop = &g->loop;
    g->api.log = g->log;
    g->api.store = g->store;
    g->api.updates = g->updates;
    g->api.drafts = g->drafts;
    g->api.jobs = g->jobs;
    g->api.providers = &g->providers;
    g->api.refresher = g->refresher;
    g->api.events = g->events;
    g->api.server = g->server;
    g->api.runtime = g->runtime;
    runtime_host(g->runtime, &g->api.host);
    g->api.auth.log = g->log;
    g->api.auth.tokens = g->config.tokens;
    g->api.auth.n_tokens = g->config.n_tokens;
    g->api.auth.certificates = g->config.auth->certificates;
    g->api.auth.n_certificates = g->config.auth->n_certificates;
    g->api.auth.roles = auth_roles_new(&g->config.auth->roles);
    g->api.auth.accounts = auth_accounts_new();
    g->api.auth.oidc = g->issuer ? issuer_oidc(g->issuer) : NULL;
    g->api.auth.find_supervisor = runtime_by_token;
    g->api.auth.supervisors = g->runtime;
    g->api.auth.find_sandbox = runtime_by_name;
    g->api.auth.leases = auth_leases_new(&g->loop, &g->api.auth);
    g->api.reload = gateway_reload;
    g->api.reload_ctx = g;
    g->api.config_file = g->flags->config;
    g->api.started_ms = clock_now_ms();
}

static struct auth_live_token live_token(const struct store_token *token)
{
    struct auth_live_token live = {.expires_at_ms = token->expires_at_ms};
    snprintf(live.id, sizeof live.id, "%s", token->id);
    snprintf(live.name, sizeof live.name, "%s", token->name);
    snprintf(live.sha256, sizeof live.sha256, "%s", token->sha256);
    snprintf(live.sandbox, sizeof live.sandbox, "%s", token->sandbox_id);
    snprintf(live.role, sizeof live.role, "%s", token->role);
    return live;
}

/* Who has a role that the configuration no longer has may do nothing. */
int gateway_read_tokens(struct gateway *g, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_token *list;
    size_t n;
    int rc = store_token_list(g->store, arena, &list, &n, err);
    if (rc == 0) {
        struct auth_live_token *live = arena_alloc(arena, (n + 1) * sizeof *live);
        for (size_t i = 0; i < n; i++)
            live[i] = live_token(&list[i]);
        auth_live_set(g->api.auth.live, live, n);
    }
    arena_free(arena);
    return rc;
}

static void fill_grpc(struct gateway *g)
{
    g->grpc.loop = &g->loop;
    g->grpc.log = g->log;
    g->grpc.auth = &g->api.auth;
    g->grpc.draining = &g->api.draining;
    g->grpc.jobs = g->jobs;
    g->grpc.store = g->store;
    g->grpc.drafts = g->drafts;
    g->grpc.runtime = g->runtime;
    g->grpc.events = g->events;
    g->grpc.providers = &g->providers;
    g->grpc.refresher = g->refresher;
    g->grpc.updates = g->updates;
    g->grpc.services = &grpc_all_services;
}

static void free_parts(struct gateway *g)
{
    buf_free(&g->api.openapi);
    buf_free(&g->grpc.descriptor);
    grpc_replays_free(&g->grpc.replays);
    drafts_free(g->drafts);
    updates_free(g->updates);
    if (g->jobs)
        jobs_free(g->jobs);
    store_close(g->store);
    inference_settings_free(g->inference);
    explicit_bzero(&g->key, sizeof g->key);
    if (g->folder >= 0)
        close(g->folder);
    exports_free(g->api.exports);
    auth_live_free(g->api.auth.live);
    auth_roles_free(g->api.auth.roles);
    auth_accounts_free(g->api.auth.accounts);
    gateway_free_tls(g);
    peer_identity_free(g->peer_identity);
    free(g->supervisor_address);
    arena_free(g->arena);
    pthread_mutex_destroy(&g->reload_lock);
}

/* Closes what a failed start has opened. */
static void abandon(struct gateway *g)
{
    exports_stop(g->api.exports);
    gateway_unfollow(g);
    refresher_close(g->refresher);
    issuer_close(g->issuer);
    if (g->runtime)
        runtime_close(g->runtime);
    if (g->server)
        http_server_close(g->server, NULL, NULL);
    if (g->events)
        events_finish(g->events);
    events_close(g->events);
    auth_leases_close(g->api.auth.leases);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    uv_loop_close(&g->loop);
}

/* Takes the chain. */
static int serve(struct gateway *g, struct chain *chain, struct error *err)
{
    net_make_loop(&g->loop);
    g->folder = folder_take(g->config.state_dir, err);
    bool open = g->folder >= 0 &&
                folder_for_sockets(g->config.listen, g->config.n_listen, err) == 0 &&
                open_parts(g, chain, err) == 0;
    chain_unref(chain);                             /* so that it ends with the first reload */
    if (!open || open_runtime(g, err) != 0) {
        abandon(g);
        return -1;
    }
    fill_api(g);
    fill_grpc(g);
    g->api.auth.live = auth_live_new();
    if (gateway_read_tokens(g, err) != 0 || gateway_follow(g, err) != 0 ||
        open_exports(g, err) != 0) {
        abandon(g);
        return -1;
    }
    start_signals(g);
    gateway_tighten(g);
    gateway_watch_memory(g);
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
        !(chain = gateway_load_chain(&g.config, log, &problems, &err)))
        code = gateway_report(flags, &problems, &err, 2);
    else if (serve(&g, chain, &err) != 0)
        code = gateway_report(flags, &problems, &err, 1);
    free_parts(&g);
    problems_free(&problems);
    return code;
}
