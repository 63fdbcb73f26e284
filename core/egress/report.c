/* SPDX-License-Identifier: Apache-2.0 */
/* Refused requests are reported with the addresses that their host has, as far as these are known:
 * looking up a name tells its name servers something, which a refused request must not do.  Where
 * resolve_denied says so the name is looked up, after the client has its answer. */
#include "egress/connection.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdlib.h>

enum { LOOKUPS_MAX = 16 };                          /* at once; more denials are reported without addresses */

struct report {
    struct connection *c;
    struct egress_lookup *lookup;                   /* NULL: it has its answer */
    struct flow flow;                               /* target and caller of the refused request */
    struct egress_caller caller;
    const char *stage;
    char *reason;
};

static void tell(const struct egress_proxy *proxy, const struct flow *flow, const char *stage,
                 const char *reason, const struct egress_addresses *addresses)
{
    const struct egress_denial denial = {
        .host = flow->target.host, .port = flow->target.port, .binary = flow->caller->binary,
        .ancestors = (const char *const *)flow->caller->ancestors,
        .n_ancestors = flow->caller->n_ancestors, .reason = reason,
        .hint = buf_str(&flow->hint), .stage = stage, .at_ms = clock_now_ms(), .addresses = addresses->items, .n_addresses = addresses->n};
    proxy->on_denial(proxy->ctx, &denial);
}

static void report_free(struct report *report)
{
    egress_caller_free(&report->caller);
    buf_free(&report->flow.hint);
    free(report->reason);
    free(report);
}

static void copy_caller(const struct egress_caller *from, struct egress_caller *to)
{
    *to = (struct egress_caller){.pid = from->pid, .binary = alloc_str(from->binary)};
    to->ancestors = alloc_zero(from->n_ancestors + 1, sizeof *to->ancestors);
    for (; to->n_ancestors < from->n_ancestors; to->n_ancestors++)
        to->ancestors[to->n_ancestors] = alloc_str(from->ancestors[to->n_ancestors]);
}

static void resolved(void *owner, struct egress_addresses addresses, const struct egress_refusal *failure)
{
    struct report *report = owner;
    (void)failure;                                  /* then there are no addresses */
    report->lookup = NULL;
    tell(report->c->proxy, &report->flow, report->stage, report->reason, &addresses);
    egress_addresses_free(&addresses);
}

static void closed(void *owner)
{
    struct report *report = owner;
    struct connection *c = report->c;
    c->proxy->n_lookups--;
    if (c->report == report)
        c->report = NULL;
    report_free(report);
    egress_connection_handle_closed(c);             /* the last one may end the proxy */
}

/* False: it is not looked up. */
static bool look_up(struct connection *c, const char *stage, const char *reason)
{
    static const struct egress_lookup_calls calls = {resolved, closed};
    struct egress_proxy *proxy = c->proxy;
    struct egress_refusal busy;
    if (!proxy->resolve_denied || c->report || proxy->n_lookups == LOOKUPS_MAX)
        return false;
    struct report *report = alloc_zero(1, sizeof *report);
    *report = (struct report){.c = c, .stage = stage, .reason = alloc_str(reason)};
    report->flow.target = c->flow.target;
    copy_caller(c->flow.caller, &report->caller);
    report->flow.caller = &report->caller;
    buf_puts(&report->flow.hint, buf_str(&c->flow.hint));
    report->lookup = egress_lookup_start(&proxy->resolver, &report->flow.target, &calls, report, &busy);
    if (!report->lookup) {
        report_free(report);
        return false;
    }
    c->report = report;
    c->handles++;
    proxy->n_lookups++;
    return true;
}

void egress_report_drop(struct connection *c)
{
    if (c->report && c->report->lookup)
        egress_lookup_cancel(c->report->lookup);
    c->report = NULL;
}

void egress_report(struct connection *c, const char *stage, const char *reason)
{
    struct egress_addresses found = {0};
    if (!c->proxy->on_denial)
        return;
    if (c->flow.addresses.n) {
        tell(c->proxy, &c->flow, stage, reason, &c->flow.addresses);
        return;
    }
    if (!egress_resolver_knows(&c->proxy->resolver, &c->flow.target, &found) && look_up(c, stage, reason))
        return;
    tell(c->proxy, &c->flow, stage, reason, &found);
    egress_addresses_free(&found);
}
