/* SPDX-License-Identifier: Apache-2.0 */
/* Health, status and metrics of the gateway. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/call.h"
#include "api/routes.h"
#include "base/clock.h"

void handle_health(struct api *api, struct http_request *req)
{
    (void)api;
    http_respond(req, 200, "text/plain", "ok\n", 3);
}

void handle_ready(struct api *api, struct http_request *req)
{
    if (api->draining)
        http_respond(req, 503, "text/plain", "draining\n", 9);
    else
        http_respond(req, 200, "text/plain", "ready\n", 6);
}

static size_t count_voters(struct api *api)
{
    struct chain *chain = updates_chain(api->updates);
    size_t n = chain_size(chain);
    chain_unref(chain);
    return n;
}

int route_status(struct api_call *call)
{
    struct api *api = call->api;
    struct store_sandbox *items;
    struct store_draft *drafts;
    size_t n, n_drafts;
    if (store_sandbox_list(api->store, call->arena, &items, &n, &call->err) != 0 ||
        store_draft_list(api->store, NULL, "pending", call->arena, &drafts, &n_drafts, &call->err) != 0)
        return -1;
    size_t ready = 0;
    for (size_t i = 0; i < n; i++)
        ready += strcmp(items[i].phase, "ready") == 0;
    return api_reply(call, 200,
                     json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:b}", "status", "connected",
                               "version", SLUICE_VERSION, "pid", (int)getpid(), "started_at",
                               api_time(call->arena, api->started_ms), "sandboxes", (json_int_t)n,
                               "ready", (json_int_t)ready, "pending_drafts", (json_int_t)n_drafts,
                               "voters", (json_int_t)count_voters(api), "draining",
                               (int)api->draining));
}

static void metric(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void voter_metric(struct buf *out, struct chain *chain, const char *name, const char *help,
                         size_t offset)
{
    metric(out, name, "counter", help);
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        buf_printf(out, "%s{voter=\"%s\"} %lu\n", name, v.name,
                   (unsigned long)*(uint64_t *)((char *)&v + offset));
    }
}

static void voter_metrics(struct buf *out, struct chain *chain)
{
    voter_metric(out, chain, "sluice_votes_total", "Votes asked of a voter.", offsetof(struct chain_voter_info, votes));
    voter_metric(out, chain, "sluice_vote_denials_total", "Votes in which a voter denied.", offsetof(struct chain_voter_info, denials));
    voter_metric(out, chain, "sluice_vote_errors_total", "Votes in which a voter failed.", offsetof(struct chain_voter_info, errors));
    metric(out, "sluice_voter_quarantined", "gauge", "Whether a voter is quarantined.");
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        buf_printf(out, "sluice_voter_quarantined{voter=\"%s\"} %d\n", v.name,
                   strcmp(v.state, "quarantined") == 0);
    }
}

static void gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    metric(out, name, "gauge", help);
    buf_printf(out, "%s %lu\n", name, (unsigned long)value);
}

/* Prometheus text exposition format, version 0.0.4. */
int route_metrics(struct api_call *call)
{
    struct api *api = call->api;
    struct store_sandbox *items;
    size_t n;
    if (store_sandbox_list(api->store, call->arena, &items, &n, &call->err) != 0)
        return -1;
    size_t ready = 0;
    for (size_t i = 0; i < n; i++)
        ready += strcmp(items[i].phase, "ready") == 0;
    struct buf out = {0};
    gauge(&out, "sluice_up", "The gateway runs.", 1);
    gauge(&out, "sluice_start_time_seconds", "When the gateway started, since 1970.", (uint64_t)api->started_ms / 1000);
    gauge(&out, "sluice_sandboxes", "Sandboxes on record.", n);
    gauge(&out, "sluice_sandboxes_ready", "Sandboxes that are ready.", ready);
    struct chain *chain = updates_chain(api->updates);
    voter_metrics(&out, chain);
    chain_unref(chain);
    return api_reply_text(call, 200, "text/plain; version=0.0.4", buf_take(&out));
}
