/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/local.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "egress/local/answer.h"
#include "egress/local/proposal.h"

static const char host[] = "policy.local";

static const struct client_state body_state, asking_state, waiting_state, head_state;

bool egress_local_is(const struct egress_target *target)
{
    return target->port == 80 && strcmp(target->host, host) == 0;
}

bool egress_local_is_named(const char *url)
{
    const char *authority = strstr(url, "://");
    size_t len = sizeof host - 1;
    return authority && strncasecmp(authority + 3, host, len) == 0 &&
           (!authority[3 + len] || strchr(":/?", authority[3 + len]));
}

/* ---- answers ---- */

static void answer(struct client *c, struct buf *response)
{
    egress_client_answer(c, response);
    buf_free(response);
}

static void fail(struct client *c, enum local_error error, const char *detail)
{
    struct buf response = {0};
    local_print_error(error, detail, &response);
    answer(c, &response);
}

static void fail_many(struct client *c)
{
    fail(c, LOCAL_ERROR_MANY, "this sandbox asks policy.local too much: wait a second, and wait "
                              "for one decision at a time");
}

static void fail_away(struct client *c)
{
    fail(c, c->local->route.kind == LOCAL_PROPOSE ? LOCAL_ERROR_AWAY : LOCAL_ERROR_LOOKUP,
         "the gateway cannot be reached now: try again later");
}

void egress_local_refuse_scheme(struct client *c)
{
    fail(c, LOCAL_ERROR_SCHEME, "Use http://policy.local only");
}

/* ---- questions to the gateway ---- */

/* The client waits for the answer.  Bytes that it still sends are looked at by nobody. */
static void ignore_bytes(struct client *c, const char *bytes, ssize_t n)
{
    (void)bytes;
    if (n < 0)
        egress_client_close(c);
}

/* False: it was answered that nothing can be asked now. */
static bool may_ask(struct client *c, unsigned n)
{
    if (rate_spend(&c->proxy->local.questions, n, uv_now(c->proxy->loop)))
        return true;
    fail_many(c);
    return false;
}

static bool send_query(struct client *c)
{
    const struct egress_proxy *proxy = c->proxy;
    const struct agent_query query = {c->local->id, c->local->route.chunk};
    return proxy->look_up && proxy->look_up(proxy->ctx, &query);
}

static void ask_chunk(struct client *c)
{
    struct local_service *service = &c->proxy->local;
    bool waits = c->local->route.kind == LOCAL_WAIT;
    if (waits && service->n_waits >= LOCAL_WAITS_MAX) {
        fail_many(c);
        return;
    }
    if (!may_ask(c, 1))
        return;
    c->local->id = ++service->n_asked;
    service->n_waits += waits;
    c->local->deadline_ms = uv_now(c->proxy->loop) + c->local->route.number * 1000ull;
    c->state = waits ? &waiting_state : &asking_state;
    egress_client_expect(c, waits ? c->local->route.number * 1000 : LOCAL_GATEWAY_MS);
    net_read(c->stream);
    if (!send_query(c) && !waits)
        fail_away(c);
}

static void propose(struct client *c)
{
    struct egress_proxy *proxy = c->proxy;
    struct local_proposal proposal;
    struct arena *arena = arena_new();
    struct error err;
    if (local_proposal_read(buf_str(&c->local->body), c->local->body.len, arena, &proposal,
                            &err) != 0) {
        fail(c, LOCAL_ERROR_PROPOSAL, err.text);
    } else if (proxy->local.n_proposals >= LOCAL_PROPOSALS_MAX) {
        fail_many(c);
    } else if (may_ask(c, (unsigned)proposal.n)) {
        const struct agent_proposal message = {++proxy->local.n_asked, proposal.intent,
                                               proposal.operations, proposal.wishes, proposal.n};
        c->local->id = message.id;
        proxy->local.n_proposals++;
        c->state = &asking_state;
        egress_client_expect(c, LOCAL_GATEWAY_MS);
        net_read(c->stream);
        if (!proxy->propose || !proxy->propose(proxy->ctx, &message))
            fail_away(c);
    }
    arena_free(arena);
}

static void asking_timed_out(struct client *c)
{
    bool proposes = c->local->route.kind == LOCAL_PROPOSE;
    fail(c, proposes ? LOCAL_ERROR_SUBMIT : LOCAL_ERROR_LOOKUP,
         "the gateway did not answer within 30 seconds");
}

static const struct client_state asking_state = {
    .client_read = ignore_bytes, .timed_out = asking_timed_out};

/* ---- waiting for a decision ---- */

static void answer_chunk(struct client *c, int reloaded, bool timed_out)
{
    struct buf response = {0};
    local_print_chunk(&c->local->chunk, reloaded, timed_out, &response);
    answer(c, &response);
}

static bool is_reloaded(const struct client *c)
{
    return c->local->revision <= c->proxy->local.revision;
}

static void waiting_timed_out(struct client *c)
{
    if (c->local->revision)
        answer_chunk(c, is_reloaded(c), false);
    else if (c->local->chunk.len)
        answer_chunk(c, -1, true);
    else
        fail_away(c);
}

static const struct client_state waiting_state = {
    .client_read = ignore_bytes, .timed_out = waiting_timed_out};

/* It is approved: what was waited for is that the sandbox enforces it. */
static void wait_for_reload(struct client *c)
{
    uint64_t now = uv_now(c->proxy->loop), deadline = c->local->deadline_ms;
    uint64_t left = deadline > now ? deadline - now : 0;
    if (is_reloaded(c))
        answer_chunk(c, true, false);
    else
        egress_client_expect(c, left > LOCAL_RELOAD_MS ? (unsigned)left : LOCAL_RELOAD_MS);
}

static void take_chunk(struct client *c, const struct agent_chunk *chunk)
{
    struct local_call *call = c->local;
    bool waits = call->route.kind == LOCAL_WAIT, approved = strcmp(chunk->status, "approved") == 0;
    buf_clear(&call->chunk);
    local_print_chunk_members(chunk, &call->chunk);
    call->revision = approved ? chunk->revision : 0;
    if (approved && waits)
        wait_for_reload(c);
    else if (!waits || strcmp(chunk->status, "pending") != 0)
        answer_chunk(c, approved ? is_reloaded(c) : -1, false);
}

/* ---- from the gateway ---- */

static bool asks(const struct client *c)
{
    return c->state == &asking_state || c->state == &waiting_state;
}

static struct client *find(struct egress_proxy *proxy, uint64_t id)
{
    struct client *c = proxy->clients;
    while (c && !(asks(c) && c->local->id == id))
        c = c->next;
    return c;
}

void egress_local_proposed(struct egress_proxy *proxy, const struct agent_proposed *message)
{
    struct client *c = find(proxy, message->id);
    struct buf response = {0};
    if (!c || c->local->route.kind != LOCAL_PROPOSE)
        return;
    if (*message->error)
        local_print_error(LOCAL_ERROR_SUBMIT, message->error, &response);
    else
        local_print_proposed(message, &response);
    answer(c, &response);
}

void egress_local_chunk(struct egress_proxy *proxy, const struct agent_chunk *chunk)
{
    struct client *c = find(proxy, chunk->id);
    if (!c || c->local->route.kind == LOCAL_PROPOSE)
        return;
    if (*chunk->error)
        fail(c, LOCAL_ERROR_LOOKUP, chunk->error);
    else if (!chunk->found)
        fail(c, LOCAL_ERROR_NO_CHUNK, "this sandbox has no such chunk");
    else
        take_chunk(c, chunk);
}

void egress_local_changed(struct egress_proxy *proxy, const char *chunk)
{
    for (struct client *c = proxy->clients; c; c = c->next)
        if (c->state == &waiting_state && (!*chunk || strcmp(c->local->route.chunk, chunk) == 0))
            send_query(c);
}

void egress_local_loaded(struct egress_proxy *proxy, uint64_t revision)
{
    proxy->local.revision = revision;
    for (struct client *c = proxy->clients, *next; c; c = next) {
        next = c->next;
        if (c->state == &waiting_state && c->local->revision && is_reloaded(c))
            answer_chunk(c, true, false);
    }
}

void egress_local_reconnected(struct egress_proxy *proxy)
{
    for (struct client *c = proxy->clients, *next; c; c = next) {
        next = c->next;
        if (!asks(c))
            continue;
        if (c->local->route.kind == LOCAL_PROPOSE)
            fail(c, LOCAL_ERROR_SUBMIT, "the connection to the gateway broke: ask for the policy "
                                        "and the denials again, and propose anew what is missing");
        else
            send_query(c);
    }
}

/* ---- requests ---- */

static void dispatch(struct client *c)
{
    struct egress_proxy *proxy = c->proxy;
    struct buf response = {0};
    switch (c->local->route.kind) {
    case LOCAL_POLICY:
        local_print_policy(proxy->policy, &response);
        answer(c, &response);
        break;
    case LOCAL_DENIALS:
        local_print_denials(&proxy->local.denials, c->local->route.number, &response);
        answer(c, &response);
        break;
    case LOCAL_PROPOSE:
        propose(c);
        break;
    case LOCAL_CHUNK:
    case LOCAL_WAIT:
        ask_chunk(c);
        break;
    case LOCAL_NONE:
        fail(c, LOCAL_ERROR_NO_ROUTE, c->local->route.detail);
        break;
    }
}

static void fail_long(struct client *c)
{
    fail(c, LOCAL_ERROR_LONG, "a body has at most 65536 bytes: propose it in parts");
}

static void take_body(struct client *c)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    struct buf *all = &c->local->body;
    enum http_event event;
    int status;
    while ((event = http_parser_next(c->requests, &bytes, &len, &body, &body_len)) ==
               HTTP_GOT_BODY &&
           all->len + body_len <= LOCAL_BODY_MAX)
        buf_add(all, body, body_len);
    buf_consume(&c->pending, c->pending.len - len);
    if (event == HTTP_GOT_BODY)
        fail_long(c);
    else if (event == HTTP_BAD)
        fail(c, LOCAL_ERROR_REQUEST, http_parser_error(c->requests, &status));
    else if (event == HTTP_GOT_END)
        dispatch(c);
}

static void body_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n < 0) {
        egress_client_close(c);
        return;
    }
    buf_add(&c->pending, bytes, (size_t)n);
    take_body(c);
}

static void body_timed_out(struct client *c)
{
    fail(c, LOCAL_ERROR_LATE, "the request did not arrive within 15 seconds");
}

static const struct client_state body_state = {
    .client_read = body_client_read, .timed_out = body_timed_out};

static void go_on(struct client *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct http_head *head = c->exchange.head;
    if (head->minor > 0 && http_head_lists(head, "Expect", "100-continue"))
        net_write(c->stream, text, sizeof text - 1);
}

static void fail_off(struct client *c)
{
    fail(c, LOCAL_ERROR_OFF,
         "agents cannot propose rules in this sandbox (agent_policy_proposals_enabled is off): "
         "whoever runs it can turn it on with 'sluice sandbox set --agent-proposals on'");
}

void egress_local_switch_off(struct egress_proxy *proxy)
{
    for (struct client *c = proxy->clients, *next; c; c = next) {
        next = c->next;
        if (asks(c))
            fail_off(c);
    }
}

void egress_local_begin(struct client *c)
{
    const struct http_head *head = c->exchange.head;
    struct local_service *service = &c->proxy->local;
    if (!c->proxy->settings.agent_proposals) {
        fail_off(c);
        return;
    }
    if (service->n_calls >= LOCAL_CALLS_MAX) {
        fail_many(c);
        return;
    }
    c->local = local_call_new(service);
    local_route_find(head->method, *c->exchange.path ? c->exchange.path : "/", &c->local->route);
    if (head->has_length && head->length > LOCAL_BODY_MAX) {
        fail_long(c);
        return;
    }
    c->state = &body_state;
    egress_client_expect(c, LOCAL_BODY_MS);
    take_body(c);
    if (c->state != &body_state)
        return;
    go_on(c);
    net_read(c->stream);
}

/* ---- programs that know no proxy ---- */

static void take_head(struct client *c)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    int status;
    enum http_event event = http_parser_next(c->requests, &bytes, &len, &body, &body_len);
    buf_consume(&c->pending, c->pending.len - len);
    if (event == HTTP_BAD)
        fail(c, LOCAL_ERROR_REQUEST, http_parser_error(c->requests, &status));
    if (event != HTTP_GOT_HEAD)
        return;
    c->exchange.head = http_parser_take_head(c->requests);
    c->exchange.path = c->exchange.head->target;
    egress_local_begin(c);
}

static void head_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n < 0) {
        egress_client_close(c);
        return;
    }
    buf_add(&c->pending, bytes, (size_t)n);
    take_head(c);
}

static const struct client_state head_state = {
    .client_read = head_client_read, .timed_out = body_timed_out};

void egress_local_accept(struct client *c)
{
    if (!egress_client_admit(c)) {
        egress_client_close(c);
        return;
    }
    c->state = &head_state;
    egress_client_expect(c, c->proxy->limits.head_ms);
    net_read(c->stream);
}
