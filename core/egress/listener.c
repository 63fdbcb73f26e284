/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "chain/inspect/inspect.h"
#include "egress/client.h"
#include "egress/grants.h"
#include "egress/hold.h"
#include "egress/local/generate.h"
#include "egress/local/inference.h"
#include "egress/local/local.h"
#include "egress/proxy.h"
#include "egress/report.h"
#include "egress/request.h"
#include "egress/transparent.h"
#include "egress/voters/approvals.h"
#include <sluice/transition.h>

enum {
    MAX_CONNECTIONS = 256,
    MAX_REFUSED = 64,                               /* clients being told that there are too many */
    HEAD_MS = 10000, VOTED_BODY_MS = 30000,
    IDLE_MS = 60000,
    RESOLVE_MS = 10000,
    MAX_LOOKUPS = 128,
    DIAL_MS = 5000,
    SECURE_MS = 10000,
    MESSAGE_IDLE_MS = 30000,
    MESSAGE_MS = 120000,
    BLOCKED_MS = 120000,
    MAX_HELD = 2048,
    HELD_BYTES = 16 << 20,
    CURES_US = 200000,
    BACKLOG = 128,
};

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

static void client_gone(struct client *c);

static void refuse_one_too_many(struct client *c)
{
    struct egress_refusal refusal;
    c->refused = true;
    c->proxy->n_refused++;
    egress_refuse(&refusal, REFUSAL_BUSY, "the sandbox has %u connections open already: close "
                  "some of them", c->proxy->limits.max_connections);
    egress_client_refuse(c, &refusal);
}

/* The record is taken at once, as it holds the client's socket.  A connection to the other listener
 * that was not redirected is nobody's. */
static int accept_client(struct client *c, uv_stream_t *listener)
{
    struct error err;
    struct egress_callers *callers = c->proxy->callers;
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    egress_client_attach(c, net_socket_new(c->proxy->loop, NET_TCP, &egress_client_calls, c));
    if (net_accept(c->stream, listener) != 0 ||
        getpeername(net_fileno(c->stream), (struct sockaddr *)&address, &len) != 0)
        return -1;
    if (c->transparent)
        c->connect = egress_callers_take_redirected(callers, &address, &c->caller, &err);
    else
        egress_callers_take(callers, &address, &c->caller, &err);
    if (!c->caller.binary) {
        c->unidentified = alloc_str(err.text);
        c->caller.binary = alloc_str("");
    }
    return c->transparent && !c->connect ? -1 : 0;
}

/* Connections whose requests wait for a decision take nobody's place: they have limits of their
 * own. */
static bool has_too_many(const struct egress_proxy *proxy)
{
    unsigned held = egress_held_clients(proxy) - egress_held_streams(proxy);
    return proxy->n_clients - proxy->n_streams - proxy->n_refused - held >
           proxy->limits.max_connections;
}

static void begin_client(struct egress_proxy *proxy, uv_stream_t *listener)
{
    struct client *c = egress_client_new(proxy, &egress_request_state, client_gone);
    c->transparent = listener == (uv_stream_t *)&proxy->transparent;
    if (accept_client(c, listener) != 0) {
        egress_client_close(c);
    } else if (has_too_many(proxy)) {
        refuse_one_too_many(c);
    } else if (c->transparent) {
        egress_transparent_begin(c);
    } else {
        egress_client_expect(c, proxy->limits.head_ms);
        net_read(c->stream);
    }
}

static void accept_more(struct egress_proxy *proxy)
{
    /* A client that is not accepted stays in the backlog until another one is gone. */
    proxy->waiting = proxy->n_refused >= MAX_REFUSED;
    if (!proxy->waiting)
        begin_client(proxy, (uv_stream_t *)&proxy->listener);
}

static void end_if_empty(struct egress_proxy *proxy)
{
    if (!proxy->closing || proxy->n_listeners || proxy->callers || proxy->holds ||
        proxy->n_clients)
        return;
    void (*on_closed)(void *) = proxy->on_closed;
    void *ctx = proxy->closed_ctx;
    policy_unref(proxy->policy);
    egress_cures_clear(&proxy->cures);
    egress_grants_free(&proxy->grants);
    egress_resolver_free_pins(&proxy->resolver);
    local_service_free(&proxy->local);
    inference_routes_free(proxy->inference);
    inspectors_unref(proxy->inspectors);
    free(proxy->no_inspectors);
    egress_approvals_free(proxy->approvals);
    close(proxy->root);
    free(proxy);
    if (on_closed)
        on_closed(ctx);
}

static void client_gone(struct client *c)
{
    struct egress_proxy *proxy = c->proxy;
    *(c->prev ? &c->prev->next : &proxy->clients) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    proxy->n_clients--;
    proxy->n_refused -= c->refused;
    proxy->n_streams -= c->carrier != NULL;
    if (proxy->waiting && !proxy->closing)
        accept_more(proxy);
    end_if_empty(proxy);
}

/* A workload may cause any number of these, so they have a kind that takes no other line's
 * place. */
static void log_accept_failure(const struct egress_proxy *proxy, int status)
{
    char text[160];
    snprintf(text, sizeof text, "the egress proxy cannot accept a connection: %s",
             uv_strerror(status));
    log_write_line(proxy->log,
                   &(struct log_line){.level = LOG_WARN, .kind = LOG_KIND_ERROR, .text = text});
}

static void have_client(uv_stream_t *listener, int status)
{
    struct egress_proxy *proxy = listener->data;
    if (status != 0)
        log_accept_failure(proxy, status);
    else if (listener == (uv_stream_t *)&proxy->transparent)
        begin_client(proxy, listener);
    else
        accept_more(proxy);
}

static int listen_on(struct egress_proxy *proxy, uv_tcp_t *listener, int fd, struct error *err)
{
    uv_tcp_init(proxy->loop, listener);
    listener->data = proxy;
    proxy->n_listeners++;
    int rc = uv_tcp_open(listener, fd);
    if (rc != 0) {
        close(fd);
        return error_set(err, ERROR_INTERNAL, "the egress proxy's socket is unusable: %s",
                         uv_strerror(rc));
    }
    net_tune_tcp(listener);
    rc = uv_listen((uv_stream_t *)listener, BACKLOG, have_client);
    if (rc != 0)
        return error_set(err, ERROR_INTERNAL, "the egress proxy cannot listen: %s",
                         uv_strerror(rc));
    return 0;
}

/* What is asked of the sandbox's processes and of its file system.  -1 with err. */
static int open_sandbox(struct egress_proxy *proxy, const struct egress_config *config,
                        struct error *err)
{
    struct egress_callers_config callers = {.listener = config->connects_fd,
                                            .proxy = config->listen_fd,
                                            .redirect = config->transparent_fd,
                                            .init_pid = config->init_pid,
                                            .log = config->log};
    proxy->root = egress_root_open(config->init_pid);
    if (proxy->root < 0) {
        close(config->connects_fd);
        return error_errno(err, ERROR_INTERNAL,
                           "cannot open the root folder of the sandbox (that of process %d)",
                           (int)config->init_pid);
    }
    proxy->callers = egress_callers_new(proxy->loop, &callers, err);
    if (proxy->callers)
        return 0;
    close(proxy->root);
    return -1;
}

static const struct sluice_sandbox unnamed = {
    .size = sizeof unnamed, .name = "", .id = "", .running = true};

static void take_config(struct egress_proxy *proxy, const struct egress_config *config)
{
    const struct egress_limits *limits = &config->limits;
    proxy->policy = egress_grants_take(proxy, config->policy, config->grants, config->n_grants);
    proxy->generation = 1;
    proxy->inspection = config->inspection;
    proxy->log = config->log;
    proxy->on_denial = config->on_denial;
    proxy->settings = config->settings;
    proxy->sandbox = config->sandbox ? config->sandbox : &unnamed;
    proxy->on_waiting = config->on_waiting;
    proxy->on_audited = config->on_audited;
    proxy->on_passed = config->on_passed;
    proxy->on_line = config->on_line;
    proxy->forecast = config->forecast;
    local_service_init(&proxy->local, uv_now(proxy->loop));
    proxy->propose = config->propose;
    proxy->look_up = config->look_up;
    proxy->on_use = config->on_use;
    proxy->on_approval_used = config->on_approval_used;
    proxy->ctx = config->ctx;
    proxy->limits = (struct egress_limits){
        .max_connections = or_default(limits->max_connections, MAX_CONNECTIONS),
        .head_ms = or_default(limits->head_ms, HEAD_MS),
        .voted_body_ms = or_default(limits->voted_body_ms, VOTED_BODY_MS),
        .idle_ms = or_default(limits->idle_ms, IDLE_MS),
        .secure_ms = or_default(limits->secure_ms, SECURE_MS),
        .message_idle_ms = or_default(limits->message_idle_ms, MESSAGE_IDLE_MS),
        .message_ms = or_default(limits->message_ms, MESSAGE_MS),
        .blocked_ms = or_default(limits->blocked_ms, BLOCKED_MS),
        .max_held = or_default(limits->max_held, MAX_HELD),
        .held_bytes = limits->held_bytes ? limits->held_bytes : HELD_BYTES,
        .cures_us = or_default(limits->cures_us, CURES_US)};
    proxy->dialer = (struct egress_dialer){.loop = proxy->loop,
                                           .dial_ms = or_default(limits->dial_ms, DIAL_MS)};
    proxy->names = config->names;
    proxy->resolver.loop = proxy->loop;
    proxy->resolver.resolve_ms = or_default(limits->resolve_ms, RESOLVE_MS);
    proxy->resolver.max_lookups = or_default(limits->max_lookups, MAX_LOOKUPS);
}

struct egress_proxy *egress_new(uv_loop_t *loop, const struct egress_config *config,
                                struct error *err)
{
    struct egress_proxy *proxy = alloc_zero(1, sizeof *proxy);
    proxy->loop = loop;
    int rc = egress_resolver_pin(&proxy->resolver, config->pins, config->n_pins, err);
    if (rc != 0)
        close(config->connects_fd);
    else
        rc = open_sandbox(proxy, config, err);
    if (rc != 0) {
        egress_resolver_free_pins(&proxy->resolver);
        close(config->listen_fd);
        if (config->transparent_fd)
            close(config->transparent_fd);
        free(proxy);
        return NULL;
    }
    take_config(proxy, config);
    proxy->holds = egress_holds_new(proxy);
    rc = listen_on(proxy, &proxy->listener, config->listen_fd, err);
    if (config->transparent_fd &&
        listen_on(proxy, &proxy->transparent, config->transparent_fd, err) != 0)
        rc = -1;
    if (rc == 0)
        return proxy;
    egress_close(proxy, NULL, NULL);
    return NULL;
}

void egress_set_policy(struct egress_proxy *proxy, struct policy *policy)
{
    egress_set_granted(proxy, policy, NULL, 0);
}

void egress_set_granted(struct egress_proxy *proxy, struct policy *policy,
                        const struct egress_grant *grants, size_t n)
{
    struct policy *old = proxy->policy;
    proxy->policy = egress_grants_take(proxy, policy, grants, n);
    proxy->generation++;
    egress_cures_clear(&proxy->cures);
    for (struct client *c = proxy->clients; c; c = c->next)
        if (c->state->policy_changed)
            c->state->policy_changed(c);
    egress_hold_judge_all(proxy);
    policy_unref(old);
}

void egress_set_settings(struct egress_proxy *proxy, const struct egress_settings *settings)
{
    proxy->settings = *settings;
    if (!settings->agent_proposals)
        egress_local_switch_off(proxy);
    egress_hold_judge_all(proxy);
}

void egress_set_inference(struct egress_proxy *proxy, const struct inference_route *routes,
                          size_t n)
{
    struct inference_routes *old = proxy->inference;
    if (inference_routes_are(old, routes, n))
        return;
    egress_generate_forget_routes(proxy);
    proxy->inference = inference_routes_new(routes, n);
    inference_routes_free(old);
}

void egress_set_credentials(struct egress_proxy *proxy,
                            const struct secret_credentials *credentials)
{
    proxy->credentials = credentials;
}

void egress_set_inspectors(struct egress_proxy *proxy, struct inspectors *set, const char *why)
{
    struct inspectors *old = proxy->inspectors;
    proxy->inspectors = set ? inspectors_ref(set) : NULL;
    free(proxy->no_inspectors);
    proxy->no_inspectors = why ? alloc_str(why) : NULL;
    inspectors_unref(old);
}

void egress_stats(const struct egress_proxy *proxy, struct egress_stats *out)
{
    *out = (struct egress_stats){proxy->allowed, proxy->denied,
                                  proxy->n_clients - proxy->n_streams};
}

static void callers_closed(void *ctx)
{
    struct egress_proxy *proxy = ctx;
    proxy->callers = NULL;
    end_if_empty(proxy);
}

static void listener_closed(uv_handle_t *handle)
{
    struct egress_proxy *proxy = handle->data;
    proxy->n_listeners--;
    end_if_empty(proxy);
}

void egress_close(struct egress_proxy *proxy, void (*on_closed)(void *ctx), void *ctx)
{
    proxy->closing = true;
    proxy->on_closed = on_closed;
    proxy->closed_ctx = ctx;
    for (struct client *c = proxy->clients; c; c = c->next) {
        egress_report_drop(c);
        egress_client_close(c);
    }
    egress_callers_close(proxy->callers, callers_closed, proxy);
    egress_holds_close(proxy, end_if_empty);
    uv_close((uv_handle_t *)&proxy->listener, listener_closed);
    if (proxy->n_listeners > 1)
        uv_close((uv_handle_t *)&proxy->transparent, listener_closed);
}
