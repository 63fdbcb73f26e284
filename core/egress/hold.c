/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "egress/cure.h"
#include "egress/follow.h"
#include "egress/record.h"
#include "egress/report.h"
#include "egress/waiting.h"

/* A program with an event loop stands still in its connect, with all else that it does. */
enum { PATIENCE_MS = 50, FINISHED_AT_ONCE = 16, LOOK_AGAIN_MS = 10 };

struct egress_hold {
    struct exchange_wait wait;
    struct client *c;
    struct egress_hold *prev, *next;
    struct waiting_key *key;                        /* NULL: it does not wait */
    uint64_t since_ms;                              /* of the loop's clock: first refused */
    uint64_t reported;                              /* hash of the key that was reported last */
    uint64_t generation;                            /* of the policy that judged it last */
    size_t bytes;                                   /* counted for it */
    bool rejected;
};

struct egress_holds {
    struct egress_proxy *proxy;
    struct egress_hold *first, *last;               /* those that wait, the oldest first */
    struct egress_hold *next;                       /* to be looked at; NULL: all were */
    unsigned n, n_streams;
    size_t bytes;
    uv_timer_t timer;
    void (*closed)(struct egress_proxy *proxy);
};

static const struct client_state held_state;

/* ---- the list ---- */

static void tell(const struct egress_holds *holds, const struct waiting_key *key)
{
    if (holds->proxy->on_waiting)
        holds->proxy->on_waiting(holds->proxy->ctx, &key->what);
}

static uint64_t deadline_of(const struct egress_holds *holds, const struct egress_hold *hold)
{
    return hold->since_ms + holds->proxy->settings.hold_ms;
}

static bool is_over(const struct egress_holds *holds, const struct egress_hold *hold)
{
    return hold->rejected || uv_now(holds->proxy->loop) >= deadline_of(holds, hold);
}

/* Behind those that are older: one that was judged and waits again keeps its time. */
static void enlist(struct egress_holds *holds, struct egress_hold *hold)
{
    struct egress_hold *before = holds->last;
    while (before && before->since_ms > hold->since_ms)
        before = before->prev;
    hold->prev = before;
    hold->next = before ? before->next : holds->first;
    *(before ? &before->next : &holds->first) = hold;
    *(hold->next ? &hold->next->prev : &holds->last) = hold;
    holds->n++;
    holds->n_streams += hold->c->carrier != NULL;
}

static void delist(struct egress_holds *holds, struct egress_hold *hold)
{
    if (holds->next == hold)
        holds->next = hold->next;
    *(hold->prev ? &hold->prev->next : &holds->first) = hold->next;
    *(hold->next ? &hold->next->prev : &holds->last) = hold->prev;
    hold->prev = hold->next = NULL;
    holds->n--;
    holds->n_streams -= hold->c->carrier != NULL;
}

static void join(struct egress_holds *holds, struct egress_hold *hold,
                 const struct egress_waiting *what)
{
    hold->key = waiting_key_find(&holds->proxy->held_for, what);
    hold->key->what.waiting++;
    hold->key->bytes += hold->bytes;
    holds->bytes += hold->bytes;
    enlist(holds, hold);
    tell(holds, hold->key);
}

static void leave(struct egress_holds *holds, struct egress_hold *hold)
{
    struct waiting_key *key = hold->key;
    hold->key = NULL;
    key->bytes -= hold->bytes;
    holds->bytes -= hold->bytes;
    delist(holds, hold);
    key->what.waiting--;
    tell(holds, key);
    if (!key->what.waiting)
        waiting_key_drop(&holds->proxy->held_for, key);
}

static void leave_now(struct exchange_wait *wait)
{
    struct egress_hold *hold = (struct egress_hold *)wait;
    if (hold->key)
        leave(hold->c->proxy->holds, hold);
}

static void free_hold(struct exchange_wait *wait)
{
    leave_now(wait);
    free(wait);
}

/* NULL: its request has not waited. */
static struct egress_hold *hold_of(const struct client *c)
{
    return (struct egress_hold *)c->exchange.wait;
}

void egress_hold_leave(struct client *c)
{
    if (c->exchange.wait)
        leave_now(c->exchange.wait);
}

/* ---- what is judged anew ---- */

static void look(uv_timer_t *timer);

/* The next look is soon where something is due, else when the oldest one's time is over.  Within a
 * look soon is 1 ms: the loop would run a timer of 0 ms again before it looks at its sockets. */
static void schedule(struct egress_holds *holds, unsigned soon)
{
    uint64_t now = uv_now(holds->proxy->loop);
    uint64_t end = holds->first ? deadline_of(holds, holds->first) : 0;
    if (holds->next)
        uv_timer_start(&holds->timer, look, soon, 0);
    else if (holds->first)
        uv_timer_start(&holds->timer, look, end > now ? end - now : LOOK_AGAIN_MS, 0);
    else
        uv_timer_stop(&holds->timer);
}

static void look_at_all(struct egress_holds *holds)
{
    holds->next = holds->first;
    schedule(holds, 0);
}

static void again(struct client *c)
{
    c->idle->again(c);
}

/* As if it had just come: nothing that was found out under an earlier policy counts. */
static void judge_anew(struct client *c, bool over)
{
    net_pause(c->stream);
    egress_client_expect(c, 0);
    policy_calls_free(&c->exchange.calls);
    c->exchange.rules = (struct policy_http_decision){0};
    c->route.generation = 0;
    hold_of(c)->generation = c->proxy->generation;
    if (over && !c->inspected)
        egress_follow_links(c, again);              /* the refusal says what it can about them */
    else
        again(c);
}

/* Judging takes time, which others need as well: the loop looks at its sockets in between. */
static void look(uv_timer_t *timer)
{
    struct egress_holds *holds = timer->data;
    unsigned finished = 0;
    if (!holds->next)
        holds->next = holds->first;
    while (holds->next && finished < FINISHED_AT_ONCE) {
        struct egress_hold *hold = holds->next;
        struct client *c = hold->c;
        bool over = is_over(holds, hold);
        holds->next = hold->next;
        if (c->state != &held_state || (!over && hold->generation == c->proxy->generation))
            continue;
        finished += over;
        judge_anew(c, over);
        if (egress_client_turn_is_over(c))
            break;
    }
    schedule(holds, 1);
}

/* ---- a client that waits ---- */

static size_t size_of(const struct http_head *head)
{
    size_t size = head ? strlen(head->target) + head->n_fields * sizeof *head->fields : 0;
    for (size_t i = 0; head && i < head->n_fields; i++)
        size += strlen(head->fields[i].name) + strlen(head->fields[i].value);
    return size;
}

/* One program leaves half of everything to the others. */
static bool has_room(const struct egress_holds *holds, const char *binary, unsigned more,
                     size_t bytes)
{
    const struct egress_limits *limits = &holds->proxy->limits;
    unsigned n;
    size_t of_program;
    waiting_share(&holds->proxy->held_for, binary, &n, &of_program);
    return holds->n + more <= limits->max_held && n + more <= limits->max_held / 2 &&
           holds->bytes + bytes <= limits->held_bytes &&
           of_program + bytes <= limits->held_bytes / 2;
}

/* A body that is to come stays where it is. */
static bool expects_body(const struct client *c)
{
    const struct http_head *head = c->exchange.head;
    return head && c->exchange.kind != EXCHANGE_CONNECT && !c->exchange.request_done &&
           (head->chunked || head->length);
}

/* To notice when the client goes.  Bytes tell nothing, and are memory. */
static void watch(struct client *c)
{
    bool read = c->pending.len < EGRESS_HELD_READ && (c->carrier || !expects_body(c));
    if (read && !c->ended) {
        net_read(c->stream);
    } else {
        net_pause(c->stream);
        egress_client_has_ended(c);
    }
}

static void held_client_read(struct client *c, const char *bytes, ssize_t n)
{
    struct egress_hold *hold = hold_of(c);
    struct egress_holds *holds = c->proxy->holds;
    if (n < 0 && n != UV_EOF) {
        egress_client_close(c);
    } else if (n < 0) {
        c->ended = true;
        watch(c);
    } else if (has_room(holds, c->caller.binary, 0, (size_t)n)) {
        buf_add(&c->pending, bytes, (size_t)n);
        hold->bytes += (size_t)n;
        hold->key->bytes += (size_t)n;
        holds->bytes += (size_t)n;
        watch(c);
    } else {
        buf_add(&c->pending, bytes, (size_t)n);
        hold->rejected = true;
        judge_anew(c, true);
    }
}

/* Its connect succeeds, and if the answer is no, it is reset. */
static void held_timed_out(struct client *c)
{
    if (!c->connect || !egress_client_admit(c)) {
        egress_client_close(c);
    } else {
        c->admitted_early = true;
        watch(c);
    }
}

static const struct client_state held_state = {
    .client_read = held_client_read,
    .timed_out = held_timed_out,
};

/* The origin is not kept waiting: what goes on connects anew. */
static void wait(struct client *c)
{
    hold_of(c)->generation = c->proxy->generation;
    c->state = &held_state;
    egress_client_expect(c, c->connect && !c->connect->blocks ? PATIENCE_MS : 0);
    if (!c->connect)
        watch(c);
    egress_client_drop_upstream(c);
}

/* ---- what a request waits for ---- */

struct egress_waiting egress_hold_reason(const struct client *c,
                                         const struct egress_refusal *refusal)
{
    const struct egress_refused_request *r = &refusal->request;
    bool request = r->method != NULL;
    return (struct egress_waiting){
        .host = c->route.target.host, .port = c->route.target.port, .binary = c->caller.binary,
        .method = r->method, .path = request ? r->path : NULL, .operation = r->operation,
        .field = r->field, .rpc_method = r->rpc_method, .tool = r->tool,
        .vote = refusal->held_by};
}

bool egress_hold_has_reported(const struct client *c, const struct egress_refusal *refusal)
{
    const struct egress_hold *hold = hold_of(c);
    const struct egress_waiting what = egress_hold_reason(c, refusal);
    return hold && hold->reported == waiting_hash(&what);
}

/* Somebody is asked about it, once. */
static void report(struct client *c, const struct egress_refusal *refusal,
                   const struct egress_waiting *what)
{
    if (egress_hold_has_reported(c, refusal))
        return;
    hold_of(c)->reported = waiting_hash(what);
    egress_record_held(c, refusal->engine, refusal->reason);
    egress_report(c, refusal);
}

static struct egress_hold *hold_new(struct client *c)
{
    struct egress_hold *hold = alloc_zero(1, sizeof *hold);
    hold->wait = (struct exchange_wait){leave_now, free_hold};
    hold->c = c;
    hold->since_ms = uv_now(c->proxy->loop);
    c->exchange.wait = &hold->wait;
    return hold;
}

/* Whether somebody's decision could let it pass: about a rule, or where a voter asks for one. */
static bool may_help(struct client *c, const struct egress_refusal *refusal)
{
    return *refusal->held_by || egress_cure_may_help(c, refusal);
}

/* False: there is no room for one more. */
static bool begin(struct egress_holds *holds, struct client *c,
                  const struct egress_refusal *refusal)
{
    const struct egress_waiting what = egress_hold_reason(c, refusal);
    struct egress_hold *hold = hold_of(c);
    size_t bytes = size_of(c->exchange.head) + c->exchange.body.len + c->pending.len;
    if (hold && hold->key && !waiting_same(&hold->key->what, &what))
        leave(holds, hold);
    if (!hold || !hold->key) {
        if (!has_room(holds, what.binary, 1, bytes) || !may_help(c, refusal))
            return false;
        if (!hold)
            hold = hold_new(c);
        hold->bytes = bytes;
        join(holds, hold, &what);
    }
    report(c, refusal, &what);
    return true;
}

static bool may_hold(const struct egress_proxy *proxy)
{
    return proxy->holds && proxy->settings.hold_ms && proxy->on_denial && !proxy->closing;
}

bool egress_hold_begin(struct client *c, const struct egress_refusal *refusal)
{
    struct egress_holds *holds = c->proxy->holds;
    struct egress_hold *hold = hold_of(c);
    if (!may_hold(c->proxy) || (hold && is_over(holds, hold)))
        return false;
    if (c->route.links.incomplete) {
        c->route.generation = 0;
        egress_follow_links(c, again);
        return true;
    }
    if (!begin(holds, c, refusal))
        return false;
    wait(c);
    schedule(holds, 1);
    return true;
}

/* ---- the proxy's ---- */

struct egress_holds *egress_holds_new(struct egress_proxy *proxy)
{
    struct egress_holds *holds = alloc_zero(1, sizeof *holds);
    holds->proxy = proxy;
    uv_timer_init(proxy->loop, &holds->timer);
    holds->timer.data = holds;
    return holds;
}

static void timer_closed(uv_handle_t *timer)
{
    struct egress_holds *holds = timer->data;
    struct egress_proxy *proxy = holds->proxy;
    void (*closed)(struct egress_proxy *) = holds->closed;
    proxy->holds = NULL;
    free(holds);
    closed(proxy);
}

void egress_holds_close(struct egress_proxy *proxy, void (*closed)(struct egress_proxy *proxy))
{
    struct egress_holds *holds = proxy->holds;
    holds->closed = closed;
    uv_close((uv_handle_t *)&holds->timer, timer_closed);
}

void egress_hold_judge_all(struct egress_proxy *proxy)
{
    if (proxy->holds)
        look_at_all(proxy->holds);
}

void egress_hold_judge_voted(struct egress_proxy *proxy)
{
    struct egress_holds *holds = proxy->holds;
    for (struct egress_hold *hold = holds ? holds->first : NULL; hold; hold = hold->next)
        if (*hold->key->what.vote)
            hold->generation = 0;
    egress_hold_judge_all(proxy);
}

void egress_reject(struct egress_proxy *proxy, const struct egress_waiting *what)
{
    struct egress_holds *holds = proxy->holds;
    for (struct egress_hold *hold = holds->first; hold; hold = hold->next)
        if (!*what->host || waiting_same(&hold->key->what, what))
            hold->rejected = true;
    look_at_all(holds);
}

unsigned egress_held_clients(const struct egress_proxy *proxy)
{
    return proxy->holds ? proxy->holds->n : 0;
}

unsigned egress_held_streams(const struct egress_proxy *proxy)
{
    return proxy->holds ? proxy->holds->n_streams : 0;
}
