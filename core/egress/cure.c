/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/cure.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "doc/writer.h"
#include "egress/cures.h"
#include "egress/inspect/override.h"
#include "egress/judge.h"
#include "policy/cure/cure.h"
#include "policy/match/target.h"

static const struct client_state forecast_state;

/* ---- what the cure is ---- */

/* A rule is about one method, and fields of the request may ask for others. */
static bool asks_for_another(const struct client *c, const struct policy_http_request *refused)
{
    const struct policy_candidates *candidates = &c->route.candidates;
    const struct http_field *field;
    size_t at = 0;
    while (c->exchange.head && (field = egress_override_next(c->exchange.head, &at))) {
        struct policy_http_request request = *refused;
        struct policy_http_decision decision = {0};
        request.method = field->value;
        if (candidates->n)
            policy_http_decide(candidates, &request, &decision, NULL);
        if (!decision.allowed && strcasecmp(request.method, refused->method) != 0)
            return true;
    }
    return false;
}

/* The request as it was judged.  False: there is none, or it cannot be named. */
static bool find_request(struct client *c, const struct egress_refusal *refusal,
                         struct arena *arena, struct policy_refused *refused,
                         struct policy_http_request *request, struct buf *path)
{
    struct exchange *exchange = &c->exchange;
    size_t len = exchange->path ? strcspn(exchange->path, "?") : 0;
    *request = egress_exchange_request(exchange);
    if (refusal->request.method) {
        request->method = refusal->request.method;  /* a field may ask for another one */
    } else {
        if (policy_target_path(len ? exchange->path : "/", len ? len : 1, false, path) != NULL)
            return false;
        request->path = path->data;
        request->query = len && exchange->path[len] ? exchange->path + len + 1 : "";
    }
    return !asks_for_another(c, request) &&
           policy_refused_request(refused, request->method, request->path, arena) == 0;
}

/* False: no rule lets it pass, or the answer is not read. */
static bool find_cure(struct client *c, const struct egress_refusal *refusal, struct arena *arena,
                      struct policy_cure *out)
{
    const struct policy_request caller = egress_route_request(&c->route, &c->caller);
    struct policy_refused refused;
    struct policy_http_request request;
    struct buf path = {0};
    bool is_request = c->exchange.kind != EXCHANGE_CONNECT;
    if (refusal->kind != REFUSAL_POLICY || c->connect || c->admitted_early || c->unidentified ||
        policy_refused_connection(caller.host, caller.port, caller.binary, arena, &refused) != 0)
        return false;
    bool found = (!is_request ||
                  find_request(c, refusal, arena, &refused, &request, &path)) &&
                 !policy_cure(policy_model(c->proxy->policy), &caller, &refused,
                              is_request ? &request : NULL, arena, out);
    buf_free(&path);
    return found;
}

/* ---- the answer ---- */

static void answer(struct client *c, const char *forecast)
{
    struct exchange_refused *refused = &c->exchange.refused;
    struct buf response = {0};
    if (forecast)
        buf_printf(&refused->body, ",\"forecast\":\"%s\"", forecast);
    buf_puts(&refused->body, "}");
    egress_refusal_print_response(refused->kind, refused->policy, &refused->body, &response);
    egress_client_answer(c, &response);
    buf_free(&response);
}

static void forecast_timed_out(struct client *c)
{
    answer(c, NULL);
}

/* Bytes of a client that has not its answer yet are looked at by nobody. */
static void forecast_client_read(struct client *c, const char *bytes, ssize_t n)
{
    (void)bytes;
    if (n < 0)
        egress_client_close(c);
}

static const struct client_state forecast_state = {
    .client_read = forecast_client_read, .timed_out = forecast_timed_out};

void egress_set_forecast(struct egress_proxy *proxy, uint64_t id, const char *word)
{
    struct client *c = proxy->clients;
    while (c && (c->state != &forecast_state || c->exchange.refused.id != id))
        c = c->next;
    if (c)
        answer(c, word);
}

static char *print_cure(const struct policy_cure *cure)
{
    struct buf json = {0};
    struct doc_json_writer writer;
    struct doc_writer *w = doc_json_writer(&writer, &json);
    doc_write_open(w, DOC_MAP);
    policy_cure_write(cure, w);                     /* its end comes with the forecast */
    return buf_take(&json);
}

static char *print_operations(const struct policy_cure *cure)
{
    struct buf json = {0};
    struct doc_json_writer writer;
    struct doc_writer *w = doc_json_writer(&writer, &json);
    doc_write_open(w, DOC_MAP);
    policy_cure_write_operations(cure, w);
    doc_write_close(w, DOC_MAP);
    return buf_take(&json);
}

static void answer_with(struct client *c, const struct egress_refusal *refusal,
                        const struct egress_cured *cured)
{
    struct egress_proxy *proxy = c->proxy;
    struct egress_forecast forecast = {0};
    struct exchange_refused *refused = &c->exchange.refused;
    refused->id = ++proxy->n_cures;
    refused->kind = refusal->kind;
    refused->policy = refusal->policy ? alloc_str(refusal->policy) : NULL;
    egress_refusal_print_members(refusal, proxy->settings.agent_proposals, &refused->body);
    buf_puts(&refused->body, ",\"cure\":");
    buf_puts(&refused->body, cured->cure);
    if (proxy->forecast)
        forecast = proxy->forecast(proxy->ctx, refused->id, cured->operations);
    if (!forecast.later) {
        answer(c, forecast.word);
        return;
    }
    c->state = &forecast_state;
    egress_client_expect(c, EGRESS_FORECAST_MS);
}

/* ---- cures that are kept ---- */

static void add_part(struct buf *key, const char *text)
{
    buf_number(key, (int64_t)strlen(text));
    buf_putc(key, ':');
    buf_puts(key, text);
}

static void add_caller(struct buf *key, const struct policy_request *caller)
{
    add_part(key, caller->host);
    buf_number(key, caller->port);
    add_part(key, caller->binary);
    for (size_t i = 0; i < caller->n_ancestors; i++)
        add_part(key, caller->ancestors[i]);
    buf_putc(key, ';');
    for (size_t i = 0; i < caller->n_links; i++) {
        add_part(key, caller->links[i].path);
        add_part(key, caller->links[i].program);
    }
}

static void add_request(struct buf *key, const struct client *c,
                        const struct egress_refusal *refusal)
{
    const struct policy_http_request request = egress_exchange_request(&c->exchange);
    buf_putc(key, request.websocket ? 'w' : request.form ? 'f' : 'r');
    add_part(key, refusal->request.method ? refusal->request.method : "");
    add_part(key, request.method);
    add_part(key, c->exchange.path ? c->exchange.path : "");
    add_part(key, request.path ? request.path : "");
    add_part(key, request.query ? request.query : "");
    add_part(key, request.accept ? request.accept : "");
}

/* Everything that the cure depends on but the policy.  False: there is more than that. */
static bool print_key(const struct client *c, const struct egress_refusal *refusal, struct buf *key)
{
    const struct policy_request caller = egress_route_request(&c->route, &c->caller);
    const struct exchange *exchange = &c->exchange;
    bool is_request = exchange->kind != EXCHANGE_CONNECT;
    size_t at = 0;
    if (refusal->kind != REFUSAL_POLICY || c->connect || c->admitted_early || c->unidentified ||
        caller.n_closed || exchange->message || exchange->calls.protocol ||
        (is_request && egress_override_next(exchange->head, &at)))
        return false;
    add_caller(key, &caller);
    if (is_request)
        add_request(key, c, refusal);
    return key->len <= EGRESS_CURES_KEY_MAX;
}

/* A workload may have any number of requests refused, and others wait meanwhile. */
static bool has_time(struct egress_proxy *proxy)
{
    uint64_t second = uv_now(proxy->loop) / 1000;
    if (second != proxy->cures_second)
        proxy->cures_ns = 0;
    proxy->cures_second = second;
    return proxy->cures_ns < proxy->limits.cures_us * 1000ull;
}

static struct egress_cured make_cured(struct client *c, const struct egress_refusal *refusal)
{
    struct egress_cured made = {0};
    struct policy_cure cure;
    struct arena *arena = arena_new();
    uint64_t begun = uv_hrtime();
    if (find_cure(c, refusal, arena, &cure))
        made = (struct egress_cured){print_cure(&cure), print_operations(&cure)};
    arena_free(arena);
    c->proxy->cures_ns += uv_hrtime() - begun;
    return made;
}

void egress_cure_refuse(struct client *c, const struct egress_refusal *refusal)
{
    struct egress_proxy *proxy = c->proxy;
    struct egress_cured made = {0};
    struct buf key = {0};
    bool keeps = print_key(c, refusal, &key);
    const struct egress_cured *known = keeps ? egress_cures_find(&proxy->cures, &key) : NULL;
    if (!known && has_time(proxy)) {
        made = make_cured(c, refusal);
        known = keeps ? egress_cures_add(&proxy->cures, &key, &made) : &made;
    }
    if (known && known->cure)
        answer_with(c, refusal, known);
    else
        egress_client_refuse(c, refusal);
    egress_cured_free(&made);
    buf_free(&key);
}

/* ---- whether there may be one ---- */

/* As a proposal is made of the same texts (core/drafts/denials.c). */
static bool finds_rule(struct client *c, const struct egress_refused_request *request,
                       struct arena *arena)
{
    const struct policy_request caller = egress_route_request(&c->route, &c->caller);
    const struct sluice_rule *rule;
    struct policy_refused refused;
    if (policy_refused_connection(caller.host, caller.port, caller.binary, arena, &refused) != 0)
        return false;
    if (!request->method)
        return true;
    return policy_refused_request(&refused, request->method, request->path, arena) == 0 &&
           policy_refused_call(&refused, request->operation, request->field, request->rpc_method,
                               request->tool, arena) == 0 &&
           !policy_cure_rule(policy_model(c->proxy->policy), &caller, &refused, NULL, arena, &rule);
}

bool egress_cure_may_help(struct client *c, const struct egress_refusal *refusal)
{
    struct egress_proxy *proxy = c->proxy;
    if (refusal->kind != REFUSAL_POLICY || !refusal->stage || c->unidentified)
        return false;
    if (!has_time(proxy))
        return true;
    struct arena *arena = arena_new();
    uint64_t begun = uv_hrtime();
    bool found = finds_rule(c, &refusal->request, arena);
    proxy->cures_ns += uv_hrtime() - begun;
    arena_free(arena);
    return found;
}
