/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/record.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/printable.h"
#include "base/text.h"
#include "egress/audited.h"
#include "egress/passed.h"
#include "secret/placeholder.h"

enum { REASON_MAX = 256, PATH_MAX_SHOWN = 200, BINARY_MAX = 200, HINT_MAX = 512, FACTS_MAX = 512,
       LINE_ROOM = 256, OPERATION_MAX = 200 };

/* As it was judged, where rules judge it. */
static const char *path_of(const struct exchange *exchange)
{
    return egress_exchange_is_judged(exchange) ? exchange->canonical.data : exchange->path;
}

/* Without its query and with no placeholder of a credential. */
static void print_path(struct buf *out, const char *path)
{
    size_t len = strcspn(path, "?"), from = out->len;
    if (secret_has_plain_trace(path, len))
        secret_redact(path, len, out);
    else
        buf_add(out, path, len < PATH_MAX_SHOWN ? len : PATH_MAX_SHOWN);
    if (out->len - from > PATH_MAX_SHOWN) {
        out->len = from + PATH_MAX_SHOWN;
        out->data[out->len] = '\0';
    }
}

const char *egress_record_stage(const struct client *c)
{
    if (c->exchange.kind != EXCHANGE_CONNECT)
        return "forward";
    return c->transparent ? "transparent-tcp" : "connect";
}

static const char *method_of(const struct client *c)
{
    if (c->exchange.kind != EXCHANGE_CONNECT)
        return egress_exchange_method(&c->exchange);
    return c->transparent ? "TCP" : "CONNECT";
}

void egress_record_name(const struct client *c, char *out, size_t size)
{
    struct buf path = {0};
    if (c->exchange.kind != EXCHANGE_CONNECT)
        print_path(&path, path_of(&c->exchange));
    snprintf(out, size, "%s %s%s", method_of(c), c->route.target.authority, buf_str(&path));
    buf_free(&path);
}

static void print_what(struct buf *out, const struct client *c)
{
    const struct exchange *exchange = &c->exchange;
    const char *authority = c->route.target.authority;
    text_shorten(out, *c->caller.binary ? c->caller.binary : "unknown", BINARY_MAX);
    buf_putc(out, '(');
    buf_number(out, c->caller.pid);
    buf_puts(out, ") -> ");
    if (exchange->kind == EXCHANGE_CONNECT) {
        buf_puts(out, authority);
        return;
    }
    buf_puts(out, egress_exchange_method(exchange));
    buf_puts(out, exchange->message ? " ws" : " http");
    buf_puts(out, c->inspected == INSPECTED_TLS ? "s://" : "://");
    buf_puts(out, authority);
    print_path(out, path_of(exchange));
    buf_puts(out, strchr(exchange->path, '?') ? "?[redacted]" : "");
}

static const struct sluice_rule *rule_of(const struct client *c)
{
    return c->exchange.rules.rule ? c->exchange.rules.rule : c->route.decision.rule;
}

/* The path of the rule, where it is not the program's own. */
static void print_link(struct buf *out, const struct client *c)
{
    struct policy_request request = egress_route_request(&c->route, &c->caller);
    const struct policy_link *link = rule_of(c) ? policy_rule_link(rule_of(c), &request) : NULL;
    if (!link)
        return;
    buf_puts(out, " [path:");
    text_shorten(out, link->path, BINARY_MAX);
    buf_putc(out, ']');
}

/* What a line says of a request besides what the request itself says. */
struct entry {
    const char *activity; /* that of a tunnel; a request is named by its method */
    const char *action, *engine, *reason;           /* reason NULL: none */
    const char *facts;                              /* NULL: none */
    enum log_kind kind;
    bool outcome;
    enum store_traffic_class verdict;
};

/* With no placeholder of a credential: a reason may quote what the program sent. */
static void print_text(struct buf *out, const char *name, const char *text, size_t max)
{
    size_t len = strlen(text);
    struct buf redacted = {0};
    if (secret_has_plain_trace(text, len))
        secret_redact(text, len, &redacted);
    buf_puts(out, " [");
    buf_puts(out, name);
    buf_putc(out, ':');
    text_shorten(out, redacted.len ? redacted.data : text, max);
    buf_putc(out, ']');
    buf_free(&redacted);
}

/* ---- the calls in a body ---- */

/* The engine of a verdict on a request, where rules are about the calls in its body. */
static const char *engine_of(const struct client *c, const char *engine)
{
    static const struct {
        const char *protocol, *engine;
    } engines[] = {
        {"graphql", "l7-graphql"}, {"json-rpc", "l7-jsonrpc"}, {"mcp", "l7-mcp"}};
    const struct sluice_endpoint *e = c->exchange.rules.endpoint;
    for (size_t i = 0; e && i < sizeof engines / sizeof *engines; i++)
        if (strcmp(engine, EGRESS_ENGINE_REQUEST) == 0 &&
            strcmp(e->protocol, engines[i].protocol) == 0)
            return engines[i].engine;
    return engine;
}

/* A name of the client's choice: control characters and what ends a list or a part of a line are
 * replaced. */
static void print_name(struct buf *out, const char *name)
{
    enum { NAME_MAX_SHOWN = 64 };
    size_t from = out->len;
    text_shorten(out, name, NAME_MAX_SHOWN);
    for (char *p = out->data + from; p < out->data + out->len; p++)
        if (iscntrl((unsigned char)*p) || strchr("[], ", *p))
            *p = '?';
}

/* The methods or the tools of the calls, each once in a row; "-": none.  Of a refused batch the
 * call that is refused counts alone. */
static void print_names(struct buf *out, const struct exchange *exchange, bool tools)
{
    enum { NAMES_MAX = 8 };
    const struct policy_call *only = exchange->rules.call, *calls = exchange->calls.items;
    const char *last = "";
    size_t n = 0;
    for (size_t i = 0; i < (only ? 1 : exchange->calls.n) && n < NAMES_MAX; i++) {
        const struct policy_call *call = only ? only : &calls[i];
        const char *name = tools ? call->tool : call->method;
        if (!*name || strcmp(name, last) == 0)
            continue;
        if (n++)
            buf_putc(out, ',');
        print_name(out, name);
        last = name;
    }
    buf_puts(out, n ? "" : "-");
}

static void print_calls(struct buf *out, const struct client *c)
{
    const struct exchange *exchange = &c->exchange;
    const char *protocol = exchange->calls.protocol;
    if (!protocol || (strcmp(protocol, "mcp") != 0 && strcmp(protocol, "json-rpc") != 0))
        return;
    buf_puts(out, " [rule_methods:");
    print_names(out, exchange, false);
    buf_puts(out, " tools:");
    print_names(out, exchange, true);
    buf_putc(out, ']');
}

/* The operation that was refused or audited, else the first one of the body. */
static void print_operation(struct buf *out, const struct client *c)
{
    const struct policy_calls *calls = &c->exchange.calls;
    const struct policy_call *call = c->exchange.rules.call;
    if (!call && calls->n)
        call = calls->items;
    if (!call || !*call->type)
        return;
    print_text(out, "operation", policy_call_operation(call, calls->arena), OPERATION_MAX);
    if (call->n_fields)
        print_text(out, "field", policy_call_field(call, calls->arena), OPERATION_MAX);
}

/* ---- the line ---- */

static char *print_line(const struct client *c, const struct entry *entry)
{
    struct buf raw = {0}, text = {0};
    bool connect = c->exchange.kind == EXCHANGE_CONNECT;
    buf_reserve(&raw, LINE_ROOM);
    buf_puts(&raw, connect ? "NET:" : "HTTP:");
    buf_puts(&raw, connect ? entry->activity : egress_exchange_method(&c->exchange));
    buf_putc(&raw, ' ');
    buf_puts(&raw, entry->action);
    buf_putc(&raw, ' ');
    print_what(&raw, c);
    buf_puts(&raw, " [policy:");
    buf_puts(&raw, rule_of(c) ? rule_of(c)->key : "-");
    buf_puts(&raw, " engine:");
    buf_puts(&raw, engine_of(c, entry->engine));
    buf_putc(&raw, ']');
    print_calls(&raw, c);
    print_link(&raw, c);
    print_operation(&raw, c);
    if (entry->reason)
        print_text(&raw, "reason", entry->reason, REASON_MAX);
    if (entry->facts)
        print_text(&raw, "facts", entry->facts, FACTS_MAX);
    if (entry->reason && c->route.hint.len)
        print_text(&raw, "hint", c->route.hint.data, HINT_MAX);
    buf_reserve(&text, raw.len);
    printable_escape(&text, raw.data, raw.len, "");
    buf_free(&raw);
    return buf_take(&text);
}

static bool is_permitted(const struct client *c)
{
    return c->route.decision.allowed &&
           (!egress_exchange_is_judged(&c->exchange) || c->exchange.rules.allowed);
}

static void record(const struct client *c, const struct entry *entry)
{
    struct egress_proxy *proxy = c->proxy;
    if (!proxy->on_line)
        return;
    char *text = print_line(c, entry);
    if (entry->kind == LOG_KIND_REFUSED)
        local_denials_add(&proxy->local.denials, text, clock_now_ms());
    struct egress_line line = {
        .kind = entry->kind, .text = text, .outcome = entry->outcome, .verdict = entry->verdict,
        .host = c->route.target.host, .port = c->route.target.port, .binary = c->caller.binary,
        .rule = is_permitted(c) && rule_of(c) ? rule_of(c)->key : "",
        .reason = entry->reason ? entry->reason : ""};
    proxy->on_line(proxy->ctx, &line);
    free(text);
}

void egress_record_allowed(struct client *c, const char *engine, const char *reason)
{
    char *audited = c->exchange.rules.audited ? alloc_printf("audit: %s", reason) : NULL;
    c->proxy->allowed++;
    c->exchange.counted = true;
    record(c, &(struct entry){"OPEN", "[INFO] ALLOWED", engine, audited, NULL, LOG_KIND_ALLOWED,
                              true, STORE_TRAFFIC_ALLOWED});
    if (audited)
        egress_audited_report(c, reason);
    egress_passed_report(c);
    free(audited);
}

void egress_record_served(struct client *c, const char *engine)
{
    c->proxy->allowed++;
    c->exchange.counted = true;
    record(c, &(struct entry){"OPEN", "[INFO] ALLOWED", engine, NULL, NULL, LOG_KIND_ALLOWED, false,
                              STORE_TRAFFIC_ALLOWED});
}

void egress_record_refused(struct client *c, const char *engine, const char *reason)
{
    c->proxy->denied++;
    c->exchange.counted = true;
    record(c, &(struct entry){"OPEN", "[MED] DENIED", engine, reason, NULL, LOG_KIND_REFUSED, true,
                              STORE_TRAFFIC_REFUSED});
}

void egress_record_finding(const struct client *c, const struct egress_finding *finding,
                           const char *reason)
{
    struct buf raw = {0}, text = {0};
    if (!c->proxy->on_line)
        return;
    buf_printf(&raw, "FINDING:BLOCKED [HIGH] \"%s\" ", finding->title);
    print_what(&raw, c);
    buf_printf(&raw, " [type:%s confidence:high]", finding->type);
    print_text(&raw, "reason", reason, REASON_MAX);
    printable_escape(&text, raw.data, raw.len, "");
    c->proxy->on_line(c->proxy->ctx,
                      &(struct egress_line){
                          .kind = LOG_KIND_REFUSED, .text = text.data,
                          .verdict = STORE_TRAFFIC_REFUSED, .host = c->route.target.host,
                          .port = c->route.target.port, .binary = c->caller.binary, .rule = "",
                          .reason = finding->type});
    buf_free(&raw);
    buf_free(&text);
}

void egress_record_facts(const struct client *c, const char *facts)
{
    record(c, &(struct entry){.activity = "OPEN", .action = "[INFO] NOTED",
                              .engine = EGRESS_ENGINE_VOTER, .facts = facts,
                              .kind = LOG_KIND_ALLOWED, .verdict = STORE_TRAFFIC_ALLOWED});
}

void egress_record_held(const struct client *c, const char *engine, const char *reason)
{
    record(c, &(struct entry){"OPEN", "[MED] HELD", engine, reason, NULL, LOG_KIND_REFUSED, false,
                              STORE_TRAFFIC_REFUSED});
}

void egress_record_ended(const struct client *c, const char *engine, const char *reason,
                         bool refusal)
{
    record(c, &(struct entry){"CLOSE", "[MED] DENIED", engine, reason, NULL, LOG_KIND_REFUSED,
                              refusal, STORE_TRAFFIC_REFUSED});
}

void egress_record_failed(const struct client *c, const char *reason)
{
    record(c, &(struct entry){"FAIL", "[LOW] FAILED", EGRESS_ENGINE_CONNECTION, reason, NULL,
                              LOG_KIND_ERROR, !c->exchange.counted, STORE_TRAFFIC_FAILED});
}
