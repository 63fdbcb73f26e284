/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destination/dial.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct attempt {
    struct egress_dial *dial;
    struct net_stream *socket;                   /* NULL: not begun, failed or given away */
    struct ipaddr address;
    size_t index;                                   /* in the caller's list */
};

struct egress_dial {
    struct egress_dialer *dialer;
    const struct egress_dial_calls *calls;
    void *owner;
    uint16_t port;
    struct attempt attempts[EGRESS_DIALS_MAX];
    size_t n, next, under_way;
    int status;                                     /* of the last attempt that failed */
    uv_timer_t timer;                               /* the next attempt, or the deadline */
    uint64_t deadline, patience;                    /* patience: with addresses that all refuse */
    unsigned handles;                               /* the last one to be closed frees it */
};

static void add_by_turns(const struct ipaddr *addresses, size_t n, const bool *take,
                         size_t order[EGRESS_DIALS_MAX], size_t *count)
{
    int wanted = n ? addresses[0].family : AF_INET;
    size_t at[2] = {0, 0}; /* of the first address's family, of the other one */
    for (int turn = 0, missed = 0; *count < EGRESS_DIALS_MAX && missed < 2; turn = !turn) {
        while (at[turn] < n && !(take[at[turn]] && (addresses[at[turn]].family == wanted) == !turn))
            at[turn]++;
        missed = at[turn] < n ? 0 : missed + 1;
        if (at[turn] < n)
            order[(*count)++] = at[turn]++;
    }
}

size_t egress_dial_order(const struct egress_silent *silent, const struct ipaddr *addresses,
                         size_t n, uint16_t port, uint64_t now_ms, size_t order[EGRESS_DIALS_MAX])
{
    bool *take = alloc_zero(n ? n : 1, sizeof *take);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        take[i] = !egress_silent_has(silent, &addresses[i], port, now_ms);
    add_by_turns(addresses, n, take, order, &count);
    for (size_t i = 0; i < n; i++)
        take[i] = !take[i];
    add_by_turns(addresses, n, take, order, &count);
    free(take);
    return count;
}

static void handle_closed(struct egress_dial *dial)
{
    if (--dial->handles)
        return;
    dial->calls->closed(dial->owner);
    free(dial);
}

static void timer_closed(uv_handle_t *timer)
{
    handle_closed(timer->data);
}

static void attempt_closed(void *owner)
{
    handle_closed(((struct attempt *)owner)->dial);
}

static void drop(struct attempt *attempt)
{
    net_close(attempt->socket);
    attempt->socket = NULL;
    attempt->dial->under_way--;
}

static void end(struct egress_dial *dial)
{
    for (size_t i = 0; i < dial->next; i++)
        if (dial->attempts[i].socket)
            drop(&dial->attempts[i]);
    uv_close((uv_handle_t *)&dial->timer, timer_closed);
}

void egress_dial_cancel(struct egress_dial *dial)
{
    end(dial);
}

static void fail(struct egress_dial *dial, int status)
{
    const struct egress_dial_result result = {.status = status, .tried = dial->next};
    end(dial);
    dial->calls->done(dial->owner, &result);
}

static void succeed(struct egress_dial *dial, struct attempt *winner)
{
    const struct egress_dial_result result = {
        .socket = winner->socket, .index = winner->index, .tried = dial->next};
    egress_silent_remove(&dial->dialer->silent, &winner->address, dial->port);
    winner->socket = NULL;
    dial->handles--;                                /* its new owner waits for its end */
    end(dial);
    dial->calls->done(dial->owner, &result);
}

static void remember(struct egress_dial *dial, const struct attempt *attempt)
{
    egress_silent_add(&dial->dialer->silent, &attempt->address, dial->port,
                      uv_now(dial->dialer->loop));
}

static void connected(void *owner, int status);

static const struct net_calls attempt_calls = {.connected = connected,
                                                         .closed = attempt_closed};

static int connect_to(struct attempt *attempt)
{
    struct sockaddr_storage to;
    socklen_t len;
    ipaddr_to_sockaddr(&attempt->address, attempt->dial->port, &to, &len);
    return net_connect_tcp(attempt->socket, (struct sockaddr *)&to);
}

/* Begins the next attempt that does not fail at once.  False: none is left. */
static bool begin_attempt(struct egress_dial *dial)
{
    while (dial->next < dial->n) {
        struct attempt *attempt = &dial->attempts[dial->next++];
        attempt->socket = net_socket_new(dial->dialer->loop, NET_TCP, &attempt_calls, attempt);
        dial->handles++;
        dial->under_way++;
        int rc = connect_to(attempt);
        if (rc == 0)
            return true;
        dial->status = rc;
        drop(attempt);
    }
    return false;
}

static void timed_out(uv_timer_t *timer);

/* Whether all have refused and are asked once more, as a service that restarts soon listens. */
static bool asks_again(const struct egress_dial *dial)
{
    return dial->under_way == 0 && dial->next == dial->n && dial->status == UV_ECONNREFUSED &&
           uv_now(dial->dialer->loop) + EGRESS_AGAIN_MS <= dial->patience;
}

static void wait_for_answer(struct egress_dial *dial)
{
    uint64_t now = uv_now(dial->dialer->loop);
    uint64_t left = now < dial->deadline ? dial->deadline - now : 0;
    if (dial->under_way == 0)
        left = asks_again(dial) ? EGRESS_AGAIN_MS : 0;          /* all have failed */
    else if (dial->next < dial->n && left > EGRESS_ATTEMPT_MS)
        left = EGRESS_ATTEMPT_MS;
    uv_timer_start(&dial->timer, timed_out, left, 0);
}

static void connected(void *owner, int status)
{
    struct attempt *attempt = owner;
    struct egress_dial *dial = attempt->dial;
    if (status == 0) {
        succeed(dial, attempt);
        return;
    }
    dial->status = status;
    drop(attempt);
    if (begin_attempt(dial) || dial->under_way || asks_again(dial))
        wait_for_answer(dial);
    else
        fail(dial, dial->status);
}

/* Every attempt that is under way has had its time: the latest one began the delay. */
static void remember_all(struct egress_dial *dial)
{
    for (size_t i = 0; i < dial->next; i++)
        if (dial->attempts[i].socket)
            remember(dial, &dial->attempts[i]);
}

static void timed_out(uv_timer_t *timer)
{
    struct egress_dial *dial = timer->data;
    bool late = uv_now(dial->dialer->loop) >= dial->deadline;
    remember_all(dial);
    if (asks_again(dial)) {
        dial->next = 0;
        begin_attempt(dial);
        wait_for_answer(dial);
    } else if (dial->under_way == 0 && dial->next == dial->n) {
        fail(dial, dial->status);
    } else if (late) {
        fail(dial, UV_ETIMEDOUT);
    } else {
        begin_attempt(dial);
        wait_for_answer(dial);
    }
}

struct egress_dial *egress_dial_start(struct egress_dialer *dialer, const struct ipaddr *addresses,
                                      size_t n, uint16_t port,
                                      const struct egress_dial_calls *calls, void *owner)
{
    size_t order[EGRESS_DIALS_MAX];
    uint64_t now = uv_now(dialer->loop);
    struct egress_dial *dial = alloc_zero(1, sizeof *dial);
    *dial = (struct egress_dial){.dialer = dialer, .calls = calls, .owner = owner, .port = port,
                                 .deadline = now + dialer->dial_ms, .handles = 1,
                                 .patience = now + EGRESS_PATIENCE_MS,
                                 .status = UV_EADDRNOTAVAIL};
    dial->n = egress_dial_order(&dialer->silent, addresses, n, port, now, order);
    for (size_t i = 0; i < dial->n; i++)
        dial->attempts[i] = (struct attempt){.dial = dial, .address = addresses[order[i]],
                                             .index = order[i]};
    uv_timer_init(dialer->loop, &dial->timer);
    dial->timer.data = dial;
    begin_attempt(dial);
    wait_for_answer(dial);
    return dial;
}
