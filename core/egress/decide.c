/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/connection.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "egress/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_POLICY "l4"
#define ENGINE_ADDRESS "ssrf"
#define ENGINE_TLS "tls"
#define ENGINE_IDENTITY "identity"

enum { LOG_REASON_MAX = 256, LOG_PATH_MAX = 200, LOG_BINARY_MAX = 200, LOG_HINT_MAX = 512 };

void egress_flow_clear(struct flow *flow)
{
    http_head_free(flow->head);
    egress_links_free(&flow->links);
    buf_free(&flow->hint);
    egress_addresses_free(&flow->addresses);
    *flow = (struct flow){0};
}

/* The query is left out: it may be a secret, and says nothing about where. */
static void flow_text(const struct flow *flow, char *out, size_t size)
{
    size_t path = flow->connect ? 0 : strcspn(flow->path, "?");
    snprintf(out, size, "%s %s%.*s", flow->head->method, flow->target.authority,
             (int)(path < LOG_PATH_MAX ? path : LOG_PATH_MAX), flow->connect ? "" : flow->path);
}

static void print_what(struct buf *out, const struct flow *flow)
{
    const char *binary = flow->caller->binary;
    text_shorten(out, *binary ? binary : "unknown", LOG_BINARY_MAX);
    buf_printf(out, "(%d) -> ", (int)flow->caller->pid);
    if (flow->connect) {
        buf_puts(out, flow->target.authority);
        return;
    }
    size_t path = strcspn(flow->path, "?");
    buf_printf(out, "%s http://%s%.*s%s", flow->head->method, flow->target.authority,
               (int)(path < LOG_PATH_MAX ? path : LOG_PATH_MAX), flow->path,
               flow->path[path] ? "?[redacted]" : "");
}

/* The path of the rule, where it is not the program's own. */
static void print_link(struct buf *out, const struct flow *flow)
{
    struct policy_request request = egress_flow_request(flow);
    const struct policy_link *link =
        flow->decision.rule ? policy_rule_link(flow->decision.rule, &request) : NULL;
    if (!link)
        return;
    buf_puts(out, " [path:");
    text_shorten(out, link->path, LOG_BINARY_MAX);
    buf_putc(out, ']');
}

/* What a line says of a request besides what the request itself says. */
struct entry {
    const char *activity;                           /* that of a tunnel; a request is named by its method */
    const char *action, *engine, *reason;           /* reason NULL: none */
    enum log_kind kind;
    bool outcome;
    enum store_traffic_verdict verdict;
};

static char *print_line(const struct flow *flow, const struct entry *entry)
{
    struct buf raw = {0}, text = {0};
    const char *rule = flow->decision.rule ? flow->decision.rule->key : "-";
    if (flow->connect)
        buf_printf(&raw, "NET:%s %s ", entry->activity, entry->action);
    else
        buf_printf(&raw, "HTTP:%s %s ", flow->head->method, entry->action);
    print_what(&raw, flow);
    buf_printf(&raw, " [policy:%s engine:%s]", rule, entry->engine);
    print_link(&raw, flow);
    if (entry->reason) {
        buf_puts(&raw, " [reason:");
        text_shorten(&raw, entry->reason, LOG_REASON_MAX);
        buf_putc(&raw, ']');
    }
    if (entry->reason && flow->hint.len) {
        buf_puts(&raw, " [hint:");
        text_shorten(&raw, flow->hint.data, LOG_HINT_MAX);
        buf_putc(&raw, ']');
    }
    printable_escape(&text, raw.data, raw.len, "");
    buf_free(&raw);
    return buf_take(&text);
}

static void log_entry(const struct connection *c, const struct entry *entry)
{
    const struct egress_proxy *proxy = c->proxy;
    const struct flow *flow = &c->flow;
    if (!proxy->on_line)
        return;
    char *text = print_line(flow, entry);
    struct egress_line line = {
        .kind = entry->kind, .text = text, .outcome = entry->outcome, .verdict = entry->verdict,
        .host = flow->target.host, .port = flow->target.port, .binary = flow->caller->binary,
        .rule = flow->decision.rule && flow->decision.allowed ? flow->decision.rule->key : "",
        .reason = entry->reason ? entry->reason : ""};
    proxy->on_line(proxy->ctx, &line);
    free(text);
}

static void log_refusal(const struct connection *c, const char *engine, const char *reason)
{
    log_entry(c, &(struct entry){"OPEN", "[MED] DENIED", engine, reason, LOG_KIND_REFUSED, true,
                                 STORE_TRAFFIC_REFUSED});
}

/* outcome: it counts as one more refusal.  Otherwise what was permitted is ended. */
static void log_end(const struct connection *c, const char *engine, const char *reason, bool outcome)
{
    log_entry(c, &(struct entry){"CLOSE", "[MED] DENIED", engine, reason, LOG_KIND_REFUSED, outcome,
                                 STORE_TRAFFIC_REFUSED});
}

static const char *stage_of(const struct flow *flow)
{
    return flow->connect ? "connect" : "forward";
}

/* The request is over: told to the log, to the supervisor and to the client. */
static void deny(struct connection *c, struct egress_refusal *refusal)
{
    bool address = refusal->kind == REFUSAL_ADDRESS;
    c->proxy->denied++;
    log_refusal(c, address ? ENGINE_ADDRESS : ENGINE_POLICY, refusal->reason);
    egress_report(c, address ? "ssrf" : stage_of(&c->flow), refusal->reason);
    egress_connection_refuse(c, refusal);
}

static void deny_by_policy(struct connection *c, const char *reason, const char *because)
{
    struct egress_refusal refusal;
    char what[320];
    flow_text(&c->flow, what, sizeof what);
    egress_refuse(&refusal, REFUSAL_POLICY, "%s", reason);
    refusal.hint = buf_str(&c->flow.hint);
    snprintf(refusal.detail, sizeof refusal.detail, "%s not permitted %s", what, because);
    deny(c, &refusal);
}

static void deny_address(struct connection *c, const char *check, struct egress_refusal *refusal)
{
    char what[320];
    flow_text(&c->flow, what, sizeof what);
    snprintf(refusal->detail, sizeof refusal->detail, "%s blocked: %s", what, check);
    deny(c, refusal);
}

static void deny_unidentified(struct connection *c)
{
    char *reason = alloc_printf("the calling process could not be identified: %s", c->unidentified);
    deny_by_policy(c, reason, "by policy");
    free(reason);
}

struct policy_request egress_flow_request(const struct flow *flow)
{
    return (struct policy_request){
        .host = flow->target.host, .port = flow->target.port, .binary = flow->caller->binary,
        .ancestors = (const char *const *)flow->caller->ancestors,
        .n_ancestors = flow->caller->n_ancestors,
        .links = flow->links.items, .n_links = flow->links.n};
}

/* What the paths of the policy lead to was looked up before, or when the flow was last judged; but there
 * may be another policy by now. */
static bool ask_policy(struct connection *c, struct buf *reason)
{
    struct flow *flow = &c->flow;
    struct policy *policy = c->proxy->policy;
    struct policy_request request = egress_flow_request(flow);
    policy_match(policy_model(policy), &request, &flow->decision, NULL);
    if (!flow->decision.allowed && flow->links.policy != policy) {
        buf_clear(&flow->hint);
        egress_links_find(&flow->links, c->proxy->root, policy, &request, true);
        request = egress_flow_request(flow);
    }
    if (!flow->decision.allowed)
        policy_match(policy_model(policy), &request, &flow->decision, reason);
    return flow->decision.allowed;
}

void egress_decide(struct connection *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    const char *check;
    if (c->unidentified)
        deny_unidentified(c);
    else if (!ask_policy(c, &reason))
        deny_by_policy(c, buf_str(&reason), "by policy");
    else if ((check = egress_check_host(&c->flow.target, &refusal)))
        deny_address(c, check, &refusal);
    else
        egress_reach(c);
    buf_free(&reason);
}

bool egress_decide_addresses(struct connection *c)
{
    struct egress_refusal refusal;
    struct flow *flow = &c->flow;
    const char *check = egress_check_addresses(&flow->decision, &flow->target,
                                               flow->addresses.items, flow->addresses.n, &refusal);
    if (check) {
        deny_address(c, check, &refusal);
        return false;
    }
    c->proxy->allowed++;
    log_entry(c, &(struct entry){"OPEN", "[INFO] ALLOWED", ENGINE_POLICY, NULL, LOG_KIND_ALLOWED, true,
                                 STORE_TRAFFIC_ALLOWED});
    return true;
}

/* A server of many names would answer for the one that TLS asks for: that one has to be the one that
 * was judged.  An address has no name to differ from. */
bool egress_decide_hello(struct connection *c, enum egress_hello_state state)
{
    static const char unrecognized_name[] = "\x15\x03\x03\x00\x02\x02\x70";    /* a fatal alert (RFC 8446 6) */
    const struct egress_hello *hello = c->hello;
    const char *host = c->flow.target.host;
    char *reason = NULL;
    if (state == HELLO_BAD)
        reason = alloc_printf("the TLS client hello cannot be read: %s", hello->problem);
    else if (state == HELLO_READ && *hello->name && strcmp(hello->name, host) != 0)
        reason = alloc_printf("TLS asks for %s in a tunnel to %s", hello->name, host);
    if (!reason)
        return true;
    c->proxy->denied++;
    log_end(c, ENGINE_TLS, reason, true);
    net_write(c->client, unrecognized_name, sizeof unrecognized_name - 1);
    egress_connection_end(c);
    free(reason);
    return false;
}

void egress_log_failure(const struct connection *c, const char *reason)
{
    bool dialled = c->state > CONNECTION_RESOLVING; /* then it counts as allowed already */
    log_entry(c, &(struct entry){"FAIL", "[LOW] FAILED", ENGINE_POLICY, reason, LOG_KIND_ERROR, !dialled,
                                 STORE_TRAFFIC_FAILED});
}

/* Bytes of the answer are with the client already: no other answer can take its place. */
static bool answering(const struct connection *c)
{
    return c->state == CONNECTION_TUNNEL || (c->state == CONNECTION_FORWARD && c->response);
}

static void stop(struct connection *c, const char *reason)
{
    if (!answering(c)) {
        deny_by_policy(c, reason, "because policy changed");
        return;
    }
    log_end(c, ENGINE_POLICY, reason, false);
    egress_connection_close(c);
}

void egress_decide_again(struct connection *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    struct flow *flow = &c->flow;
    bool dialled = c->state == CONNECTION_TUNNEL || c->state == CONNECTION_FORWARD;
    if (c->state < CONNECTION_RESOLVING || c->state > CONNECTION_FORWARD)
        return;
    if (!ask_policy(c, &reason))
        stop(c, buf_str(&reason));
    else if (egress_check_addresses(&flow->decision, &flow->target,
                                    flow->addresses.items + (dialled ? flow->dialled : 0),
                                    dialled ? 1 : flow->addresses.n, &refusal))
        stop(c, refusal.reason);
    buf_free(&reason);
}
