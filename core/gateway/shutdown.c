/* SPDX-License-Identifier: Apache-2.0 */
/* Shuts the gateway down: finishes what runs, then closes each part. */
#include <string.h>

#include "auth/lease.h"
#include "gateway/gateway_parts.h"
#include "gateway/issuer.h"
#include "runtime/credentials/refresh.h"

static void close_loop_handles(struct gateway *g)
{
    for (size_t i = 0; i < sizeof g->signals / sizeof *g->signals; i++)
        uv_close((uv_handle_t *)&g->signals[i], NULL);
    uv_close((uv_handle_t *)&g->memory_timer, NULL);
    events_close(g->events);
    auth_leases_close(g->api.auth.leases);
}

static void server_closed(void *ctx)
{
    close_loop_handles(ctx);
}

static void all_idle(void *ctx)
{
    struct gateway *g = ctx;
    refresher_close(g->refresher);
    issuer_close(g->issuer);
    g->api.auth.oidc = NULL;
    runtime_close(g->runtime);
    exports_stop(g->api.exports);                   /* gives up what is being sent */
    /* Its last writes tell sandboxes and events what became of them, which live until the loop
     * turns again.  This blocks the loop when nothing is left for it to do. */
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
    refresher_stop(g->refresher);
    runtime_stop_all(g->runtime, sandboxes_stopped, g);
}

/* A request whose client has gone may still start a sandbox, so wait for the jobs too. */
static void drained(void *ctx)
{
    struct gateway *g = ctx;
    gateway_unfollow(g);
    bool stop = strcmp(g->config.sandboxes->on_exit, "stop") == 0;
    jobs_when_idle(g->jobs, stop ? stop_sandboxes : all_idle, g);
}

void gateway_on_terminate(uv_signal_t *signal, int number)
{
    struct gateway *g = signal->data;
    if (g->stopping)
        return;
    log_info(g->log, "%s: finishing what runs, then stopping",
             number == SIGINT ? "SIGINT" : "SIGTERM");
    g->stopping = true;
    issuer_stop(g->issuer);
    g->api.draining = true;
    events_publish(g->events, "draining", "", json_object());       /* ends all waits */
    runtime_drain(g->runtime);
    http_server_drain(g->server, drained, g);
}
