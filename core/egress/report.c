/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/report.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { LOOKUPS_MAX = 16 }; /* at once; more denials are reported without addresses */

/* What a refusal was about, as long as its host is looked up. */
struct report {
    struct client *c;
    struct egress_lookup *lookup;                   /* NULL: it has its answer */
    struct egress_target target;
    struct egress_caller caller;
    char *reason, *hint;
    char *method, *path;                            /* NULL: no rules of requests */
    char *operation, *field, *rpc_method, *tool;    /* NULL: no call */
    char *vote;                                     /* NULL: no voter holds it */
    char **links;
    size_t n_links;
    const char *stage;
};

static unsigned count_waiting(const struct egress_proxy *proxy, const struct report *report)
{
    return waiting_count(
        &proxy->held_for, &(struct egress_waiting){
                             .host = report->target.host, .port = report->target.port,
                             .binary = report->caller.binary, .method = report->method,
                             .path = report->path, .operation = report->operation,
                             .field = report->field, .rpc_method = report->rpc_method,
                             .tool = report->tool, .vote = report->vote});
}

static void tell(const struct egress_proxy *proxy, const struct report *report,
                 const struct egress_addresses *addresses)
{
    const struct egress_denial denial = {
        .host = report->target.host, .port = report->target.port, .binary = report->caller.binary,
        .ancestors = (const char *const *)report->caller.ancestors,
        .n_ancestors = report->caller.n_ancestors, .links = (const char *const *)report->links,
        .n_links = report->n_links, .reason = report->reason, .hint = report->hint,
        .stage = report->stage, .method = report->method, .path = report->path,
        .operation = report->operation, .field = report->field,
        .rpc_method = report->rpc_method, .tool = report->tool, .vote = report->vote,
        .at_ms = clock_now_ms(), .addresses = addresses->items, .n_addresses = addresses->n,
        .waiting = count_waiting(proxy, report)};
    proxy->on_denial(proxy->ctx, &denial);
}

static void report_free(struct report *report)
{
    egress_caller_free(&report->caller);
    for (size_t i = 0; i < report->n_links; i++)
        free(report->links[i]);
    free(report->links);
    free(report->reason);
    free(report->hint);
    free(report->method);
    free(report->path);
    free(report->operation);
    free(report->field);
    free(report->rpc_method);
    free(report->tool);
    free(report->vote);
    free(report);
}

static void copy_caller(const struct egress_caller *from, struct egress_caller *to)
{
    *to = (struct egress_caller){.pid = from->pid, .binary = alloc_str(from->binary)};
    to->ancestors = alloc_zero(from->n_ancestors + 1, sizeof *to->ancestors);
    for (; to->n_ancestors < from->n_ancestors; to->n_ancestors++)
        to->ancestors[to->n_ancestors] = alloc_str(from->ancestors[to->n_ancestors]);
}

/* The links that lead to the caller or to one of its ancestors. */
static void copy_links(const struct client *c, struct report *report)
{
    const struct policy_request request = egress_route_request(&c->route, &c->caller);
    report->links = alloc_zero(request.n_links + 1, sizeof *report->links);
    for (size_t i = 0; i < request.n_links; i++)
        if (policy_link_leads_to(&request.links[i], &request))
            report->links[report->n_links++] = alloc_str(request.links[i].path);
}

static char *copy_text(const char *text)
{
    return text ? alloc_str(text) : NULL;
}

static struct report *report_new(struct client *c, const struct egress_refusal *refusal)
{
    const struct egress_refused_request *request = &refusal->request;
    struct report *report = alloc_zero(1, sizeof *report);
    *report = (struct report){.c = c,
                              .target = c->route.target,
                              .stage = refusal->stage,
                              .reason = alloc_str(refusal->reason),
                              .hint = alloc_str(refusal->hint ? refusal->hint : ""),
                              .method = copy_text(request->method),
                              .path = request->method ? alloc_str(request->path) : NULL,
                              .operation = copy_text(request->operation),
                              .field = copy_text(request->field),
                              .rpc_method = copy_text(request->rpc_method),
                              .tool = copy_text(request->tool),
                              .vote = *refusal->held_by ? alloc_str(refusal->held_by) : NULL};
    copy_caller(&c->caller, &report->caller);
    copy_links(c, report);
    return report;
}

static void resolved(void *owner, struct egress_addresses addresses,
                     const struct egress_refusal *failure)
{
    struct report *report = owner;
    (void)failure;                                  /* then there are no addresses */
    report->lookup = NULL;
    tell(report->c->proxy, report, &addresses);
    egress_addresses_free(&addresses);
}

static void closed(void *owner)
{
    struct report *report = owner;
    struct client *c = report->c;
    c->proxy->n_lookups--;
    if (c->report == report)
        c->report = NULL;
    report_free(report);
    egress_client_release(c);                       /* the last one may end the proxy */
}

/* False: it is not looked up. */
static bool look_up(struct client *c, struct report *report)
{
    static const struct egress_lookup_calls calls = {resolved, closed};
    struct egress_proxy *proxy = c->proxy;
    struct egress_refusal busy;
    if (!proxy->settings.resolve_denied || c->report || proxy->n_lookups == LOOKUPS_MAX)
        return false;
    report->lookup = egress_lookup_start(&proxy->resolver, &report->target, &calls, report, &busy);
    if (!report->lookup)
        return false;
    c->report = report;
    c->handles++;
    proxy->n_lookups++;
    return true;
}

void egress_report_drop(struct client *c)
{
    if (c->report && c->report->lookup)
        egress_lookup_cancel(c->report->lookup);
    c->report = NULL;
}

void egress_report(struct client *c, const struct egress_refusal *refusal)
{
    struct egress_addresses found = {0};
    if (!c->proxy->on_denial || !refusal->stage)
        return;
    struct report *report = report_new(c, refusal);
    bool known = c->route.addresses.n > 0 ||
                 egress_resolver_knows(&c->proxy->resolver, &report->target, &found);
    if (!known && look_up(c, report))
        return;
    tell(c->proxy, report, c->route.addresses.n ? &c->route.addresses : &found);
    egress_addresses_free(&found);
    report_free(report);
}

void egress_report_finding(const struct client *c, const struct egress_finding *finding,
                           const char *reason)
{
    const struct egress_denial denial = {
        .host = c->route.target.host, .port = c->route.target.port, .binary = c->caller.binary,
        .ancestors = (const char *const *)c->caller.ancestors,
        .n_ancestors = c->caller.n_ancestors, .reason = reason, .hint = "",
        .stage = EGRESS_STAGE_FINDING, .finding = finding->type, .at_ms = clock_now_ms()};
    if (c->proxy->on_denial)
        c->proxy->on_denial(c->proxy->ctx, &denial);
}
