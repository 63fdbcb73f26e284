/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: Prometheus text exposition format, version 0.0.4. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/exports.h"
#include "api/routes.h"
#include "base/clock.h"
#include "runtime/inspectors.h"

static void metric(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    metric(out, name, type, help);
    buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* ---- what is on record ---- */

static const char *const phases[] = {"provisioning", "ready", "stopping", "stopped",
                                     "starting",     "error", "deleting"};
enum { PHASES = sizeof phases / sizeof *phases };

static void put_sandboxes(struct buf *out, const struct store_sandbox *items, size_t n)
{
    uint64_t behind = 0, in[PHASES] = {0};
    for (size_t i = 0; i < n; i++) {
        behind +=
            strcmp(items[i].phase, "ready") == 0 && items[i].loaded_revision < items[i].revision;
        for (size_t p = 0; p < PHASES; p++)
            in[p] += strcmp(items[i].phase, phases[p]) == 0;
    }
    one(out, "sluice_sandboxes", "gauge", "Sandboxes on record.", n);
    metric(out, "sluice_sandboxes_in_phase", "gauge", "Sandboxes on record, by phase.");
    for (size_t p = 0; p < PHASES; p++)
        buf_printf(out, "sluice_sandboxes_in_phase{phase=\"%s\"} %" PRIu64 "\n", phases[p], in[p]);
    one(out, "sluice_sandboxes_behind", "gauge",
        "Sandboxes that are ready and do not enforce their newest policy yet.", behind);
}

static void put_decisions(struct buf *out, const struct api *api)
{
    metric(out, "sluice_decisions_total", "counter",
           "Updates decided since the start, by outcome.");
    for (int i = 0; i < RUNTIME_OUTCOMES; i++)
        buf_printf(out, "sluice_decisions_total{outcome=\"%s\"} %" PRIu64 "\n",
                   chain_outcome_word(i), api->counts.decided[i]);
}

/* ---- the voters ---- */

enum voter_unit { COUNT, SECONDS };

static void put_voters(struct buf *out, struct chain *chain, const char *name, const char *type,
                       const char *help, size_t offset, enum voter_unit unit)
{
    metric(out, name, type, help);
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        uint64_t value = *(uint64_t *)((char *)&v + offset);
        buf_printf(out, "%s{voter=\"%s\"} ", name, v.name);
        if (unit == SECONDS)
            buf_printf(out, "%.6f\n", (double)value / 1e6);
        else
            buf_printf(out, "%" PRIu64 "\n", value);
    }
}

static void put_chain(struct buf *out, struct chain *chain)
{
#define FIELD(name) offsetof(struct chain_voter_info, name)
    put_voters(out, chain, "sluice_votes_total", "counter", "Votes asked of a voter.", FIELD(votes),
               COUNT);
    put_voters(out, chain, "sluice_vote_denials_total", "counter", "Votes in which a voter denied.",
               FIELD(denials), COUNT);
    put_voters(out, chain, "sluice_vote_errors_total", "counter", "Votes in which a voter failed.",
               FIELD(errors), COUNT);
    put_voters(out, chain, "sluice_vote_p50_seconds", "gauge",
               "Half of a voter's votes took at most so long.", FIELD(p50_us), SECONDS);
    put_voters(out, chain, "sluice_vote_p99_seconds", "gauge",
               "99 of 100 of a voter's votes took at most so long.", FIELD(p99_us), SECONDS);
#undef FIELD
    metric(out, "sluice_voter_quarantined", "gauge", "Whether a voter is quarantined.");
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        buf_printf(out, "sluice_voter_quarantined{voter=\"%s\"} %d\n", v.name,
                   strcmp(v.state, "quarantined") == 0);
    }
}

/* ---- voters on requests, as supervisors count them ---- */

/* False: voter i is not asked about requests. */
static bool counts_of(struct runtime *runtime, struct chain *chain, size_t i,
                      struct chain_voter_info *v, struct inspect_counts *counts)
{
    chain_describe(chain, i, v);
    if (v->inspects)
        *counts = runtime_inspected(runtime, v->name);
    return v->inspects;
}

static void put_requests_of(struct buf *out, struct runtime *runtime, struct chain *chain,
                            const char *name, const char *help, size_t offset)
{
    metric(out, name, "counter", help);
    struct chain_voter_info v;
    struct inspect_counts counts;
    for (size_t i = 0; i < chain_size(chain); i++)
        if (counts_of(runtime, chain, i, &v, &counts))
            buf_printf(out, "%s{voter=\"%s\"} %" PRIu64 "\n", name, v.name,
                       *(uint64_t *)((char *)&counts + offset));
}

static void put_times(struct buf *out, const char *voter, const struct inspect_counts *counts)
{
    static const char name[] = "sluice_request_vote_seconds";
    uint64_t n = 0;
#define X(member, us)                                                                     \
    n += counts->took.member;                                                             \
    buf_printf(out, "%s_bucket{voter=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, voter,        \
               (us) / 1e6, n);
    INSPECT_TIMES(X)
#undef X
    buf_printf(out, "%s_bucket{voter=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, voter,
               counts->requests);
    buf_printf(out, "%s_sum{voter=\"%s\"} %.6f\n", name, voter, (double)counts->took_us / 1e6);
    buf_printf(out, "%s_count{voter=\"%s\"} %" PRIu64 "\n", name, voter, counts->requests);
}

static void put_requests(struct buf *out, struct runtime *runtime, struct chain *chain)
{
#define FIELD(name) offsetof(struct inspect_counts, name)
    put_requests_of(out, runtime, chain, "sluice_request_votes_total",
                    "Requests, answers and messages that a voter was asked about.",
                    FIELD(requests));
    put_requests_of(out, runtime, chain, "sluice_request_vote_denials_total",
                    "Those that a voter denied.", FIELD(denials));
    put_requests_of(out, runtime, chain, "sluice_request_vote_holds_total",
                    "Those that a voter held.", FIELD(holds));
    put_requests_of(out, runtime, chain, "sluice_request_vote_errors_total",
                    "Those on which a voter failed.", FIELD(errors));
    put_requests_of(out, runtime, chain, "sluice_request_voter_quarantines_total",
                    "How often a supervisor put a voter into quarantine.", FIELD(quarantines));
#undef FIELD
    metric(out, "sluice_request_vote_seconds", "histogram",
           "How long a voter took to answer about a request.");
    struct chain_voter_info v;
    struct inspect_counts counts;
    for (size_t i = 0; i < chain_size(chain); i++)
        if (counts_of(runtime, chain, i, &v, &counts))
            put_times(out, v.name, &counts);
}

/* ---- exporters ---- */

enum { EXPORTED_MAX = EXPORT_EXPORTERS_MAX * EXPORT_KINDS };

static int read_exports(struct api_call *call, struct api_exported *list, size_t *n)
{
    const struct exports *exports = call->api->exports;
    *n = 0;
    for (size_t i = 0; i < exports_count(exports); i++)
        for (int kind = 0; kind < EXPORT_KINDS; kind++) {
            struct exporter *e = exports_at(exports, i);
            if (!export_settings_has(exporter_settings(e), (enum export_kind)kind))
                continue;
            if (api_read_exported(call, e, (enum export_kind)kind, &list[(*n)++]) != 0)
                return -1;
        }
    return 0;
}

static uint64_t lag_seconds(const struct api_exported *x)
{
    int64_t now = clock_now_ms(), since = x->status.sent_at_ms;
    return x->waiting && since && now > since ? (uint64_t)(now - since) / 1000 : 0;
}

static void put_exported(struct buf *out, const struct api_exported *list, size_t n)
{
#define X(name, type, help, value)                                                              \
    metric(out, name, type, help);                                                              \
    for (size_t i = 0; i < n; i++)                                                              \
        buf_printf(out, name "{exporter=\"%s\",records=\"%s\"} %" PRIu64 "\n", list[i].exporter, \
                   list[i].records, (uint64_t)(value));
    X("sluice_export_sent_total", "counter", "Records that a receiver took since the start.",
      list[i].status.sent)
    X("sluice_export_failed_total", "counter", "Requests to a receiver that failed.",
      list[i].status.failed)
    X("sluice_export_refused_total", "counter",
      "Records that a receiver dropped of requests that it took.", list[i].status.refused)
    X("sluice_export_missed_total", "counter",
      "Rows of traffic that went from the record before a receiver took them.", list[i].missed)
    X("sluice_export_waiting", "gauge", "Records that a receiver has not taken.", list[i].waiting)
    X("sluice_export_lag_seconds", "gauge",
      "How long ago a receiver took something, while records wait.", lag_seconds(&list[i]))
    X("sluice_export_blocked", "gauge", "Whether a receiver refuses the next records.",
      list[i].status.state == EXPORT_REFUSED)
#undef X
}

static int put_exports(struct api_call *call, struct buf *out)
{
    struct api_exported list[EXPORTED_MAX];
    size_t n;
    if (read_exports(call, list, &n) != 0)
        return -1;
    put_exported(out, list, n);
    return 0;
}

/* ---- the server's counters: loop thread only ---- */

static void put_http(struct api_call *call)
{
    struct http_stats stats = http_server_stats(call->api->server);
    struct buf out = {0};
    buf_puts(&out, call->text);
    one(&out, "sluice_http_requests_total", "counter", "HTTP requests since the start.",
        stats.requests);
    one(&out, "sluice_http_requests_refused_total", "counter", "HTTP requests that no handler saw.",
        stats.refused);
    one(&out, "sluice_http_requests_running", "gauge", "HTTP requests that are not answered yet.",
        stats.requests_running);
    one(&out, "sluice_http_connections", "gauge", "Open connections.", stats.connections);
    one(&out, "sluice_http_tunnels", "gauge", "Connections of supervisors and of commands.",
        stats.tunnels);
    free(call->text);
    call->text = buf_take(&out);
    api_finish(call);
}

int route_metrics(struct api_call *call)
{
    struct api *api = call->api;
    struct store_sandbox *items;
    uint64_t n_drafts;
    size_t n;
    if (api_census(call, &items, &n, &n_drafts) != 0)
        return -1;
    struct buf out = {0};
    one(&out, "sluice_up", "gauge", "The gateway runs.", 1);
    metric(&out, "sluice_build_info", "gauge", "Which sluice this is.");
    buf_printf(&out, "sluice_build_info{version=\"%s\"} 1\n", SLUICE_VERSION);
    one(&out, "sluice_start_time_seconds", "gauge", "When the gateway started, since 1970.",
        (uint64_t)api->started_ms / 1000);
    put_sandboxes(&out, items, n);
    one(&out, "sluice_drafts_pending", "gauge", "Chunks that wait for a decision.", n_drafts);
    put_decisions(&out, api);
    struct chain *chain = updates_chain(api->updates);
    put_chain(&out, chain);
    put_requests(&out, api->runtime, chain);
    updates_leave_chain(api->updates, chain);
    if (put_exports(call, &out) != 0) {
        buf_free(&out);
        return -1;
    }
    call->then = put_http;
    return api_reply_text(call, 200, "text/plain; version=0.0.4", buf_take(&out));
}
