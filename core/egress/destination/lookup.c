/* SPDX-License-Identifier: Apache-2.0 */
/* One look-up is one c-ares channel: its sockets are its own, so that each has an unpredictable
 * port, and ending the channel ends exactly this look-up.  c-ares does the transport (servers,
 * repeats, TCP for truncated answers); what an answer says is read in answer.c. */
#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "egress/destination/answer.h"
#include "egress/destination/nameservers.h"
#include "egress/destination/resolver.h"

enum {
    TRY_MS = 1000, /* for a server's answer; doubled in each round */
    TRIES = 3,                                      /* rounds through all servers */
    OTHER_FAMILY_MS = 300,                          /* once one family has addresses */
};

struct question {
    struct egress_lookup *lookup;
    int type;
    bool answered;
    int status;                                     /* a code of c-ares */
    struct egress_answer answer;
};

struct watch {                                      /* a socket of the channel */
    struct egress_lookup *lookup;
    struct watch *next;
    uv_poll_t poll;
    ares_socket_t fd;
};

struct egress_lookup {
    struct egress_resolver *resolver;
    const struct egress_lookup_calls *calls;
    void *owner;
    struct egress_target target;
    ares_channel channel;                           /* NULL: it could not be made, or is ended */
    struct question questions[2];
    struct watch *watches;
    uv_timer_t timer;
    uint64_t deadline;                              /* by the loop's clock */
    unsigned handles;                               /* the last one to be closed frees it */
    int broken;                                     /* a libuv error: a socket cannot be watched */
};

static void handle_closed(struct egress_lookup *lookup)
{
    if (--lookup->handles)
        return;
    lookup->calls->closed(lookup->owner);
    free(lookup);
}

static void timer_closed(uv_handle_t *timer)
{
    handle_closed(timer->data);
}

static void watch_closed(uv_handle_t *poll)
{
    struct watch *watch = poll->data;
    handle_closed(watch->lookup);
    free(watch);
}

static void end(struct egress_lookup *lookup)
{
    ares_channel channel = lookup->channel;
    lookup->channel = NULL;
    if (channel)
        ares_destroy(channel);
    lookup->resolver->n_lookups--;
    uv_close((uv_handle_t *)&lookup->timer, timer_closed);
}

void egress_lookup_cancel(struct egress_lookup *lookup)
{
    end(lookup);
}

/* IPv6 first, as RFC 8305 wants it. */
static struct egress_addresses join_answers(const struct egress_lookup *lookup)
{
    const struct egress_answer *six = &lookup->questions[0].answer,
                               *four = &lookup->questions[1].answer;
    struct egress_addresses out = {NULL, six->n + four->n};
    if (out.n == 0)
        return out;
    out.items = alloc_zero(out.n, sizeof *out.items);
    memcpy(out.items, six->addresses, six->n * sizeof *out.items);
    memcpy(out.items + six->n, four->addresses, four->n * sizeof *out.items);
    return out;
}

static const char *describe(int status)
{
    switch (status) {
    case ARES_ENOTFOUND: return "there is no such name";
    case ARES_ENODATA: return "the name has no address";
    case ARES_EBADRESP: return "the answer of the DNS server is malformed";
    /* What c-ares says, too, once each server has reported SERVFAIL, NOTIMP or REFUSED. */
    case ARES_ECONNREFUSED:
        return "the DNS servers of /etc/resolv.conf cannot be reached or report "
               "a failure";
    default: return ares_strerror(status);
    }
}

/* One family without addresses says less than the other one's failure. */
static int failure_of(const struct egress_lookup *lookup)
{
    const struct question *six = &lookup->questions[0], *four = &lookup->questions[1];
    if (!six->answered || !four->answered)
        return ARES_ETIMEOUT;
    return four->status == ARES_ENODATA ? six->status : four->status;
}

static void explain(const struct egress_lookup *lookup, struct egress_refusal *failure)
{
    int status = failure_of(lookup);
    if (lookup->broken)
        egress_refuse(failure, REFUSAL_UNREACHABLE, "DNS resolution failed for %s: %s",
                      lookup->target.authority, uv_strerror(lookup->broken));
    else if (status == ARES_ETIMEOUT)
        egress_refuse(failure, REFUSAL_SLOW, "the name %s could not be resolved in time: no DNS "
                      "server answered", lookup->target.host);
    else
        egress_refuse(failure, REFUSAL_UNREACHABLE, "DNS resolution failed for %s: %s",
                      lookup->target.authority, describe(status));
}

static void finish(struct egress_lookup *lookup)
{
    struct egress_refusal failure;
    struct egress_addresses addresses = join_answers(lookup);
    if (addresses.n == 0)
        explain(lookup, &failure);
    end(lookup);
    lookup->calls->done(lookup->owner, addresses, addresses.n ? NULL : &failure);
}

static void answered(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct question *question = arg;
    question->answered = true;
    question->status = status;
    if (status == ARES_SUCCESS)
        question->status = egress_answer_read(bytes, (size_t)len, question->lookup->target.host,
                                              question->type, &question->answer);
    if (question->answer.n)
        egress_nameservers_remember(question->lookup->channel, timeouts,
                                    &question->lookup->resolver->silent,
                                    uv_now(question->lookup->resolver->loop));
}

/* Called after everything that may bring an answer: decides when to look again. */
static void progress(struct egress_lookup *lookup);

static void timed_out(uv_timer_t *timer)
{
    struct egress_lookup *lookup = timer->data;
    if (uv_now(lookup->resolver->loop) >= lookup->deadline) {
        finish(lookup);
        return;
    }
    ares_process_fd(lookup->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    progress(lookup);
}

static void progress(struct egress_lookup *lookup)
{
    uint64_t now = uv_now(lookup->resolver->loop), wait;
    const struct question *six = &lookup->questions[0], *four = &lookup->questions[1];
    struct timeval next;
    if (lookup->broken || (six->answered && four->answered))
        lookup->deadline = now;
    else if ((six->answer.n || four->answer.n) && lookup->deadline > now + OTHER_FAMILY_MS)
        lookup->deadline = now + OTHER_FAMILY_MS;
    wait = lookup->deadline > now ? lookup->deadline - now : 0;
    if (wait && ares_timeout(lookup->channel, NULL, &next)) {
        uint64_t repeat = (uint64_t)next.tv_sec * 1000 + (uint64_t)next.tv_usec / 1000 + 1;
        wait = repeat < wait ? repeat : wait;
    }
    uv_timer_start(&lookup->timer, timed_out, wait, 0);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    const struct watch *watch = poll->data;
    struct egress_lookup *lookup = watch->lookup;
    ares_process_fd(lookup->channel,
                    status < 0 || events & UV_READABLE ? watch->fd : ARES_SOCKET_BAD,
                    events & UV_WRITABLE ? watch->fd : ARES_SOCKET_BAD);
    progress(lookup);
}

static void watch_begin(struct egress_lookup *lookup, ares_socket_t fd, int events)
{
    struct watch *watch = alloc_zero(1, sizeof *watch);
    lookup->broken = uv_poll_init(lookup->resolver->loop, &watch->poll, fd);
    if (lookup->broken) {
        free(watch);
        return;
    }
    watch->lookup = lookup;
    watch->fd = fd;
    watch->poll.data = watch;
    watch->next = lookup->watches;
    lookup->watches = watch;
    lookup->handles++;
    uv_poll_start(&watch->poll, events, socket_ready);
}

/* The socket's number may be another socket's at once. */
static void watch_end(struct watch **at)
{
    struct watch *watch = *at;
    *at = watch->next;
    uv_close((uv_handle_t *)&watch->poll, watch_closed);
}

static void socket_wants(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct egress_lookup *lookup = arg;
    int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    struct watch **at = &lookup->watches;
    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    if (*at && events)
        uv_poll_start(&(*at)->poll, events, socket_ready);
    else if (*at)
        watch_end(at);
    else if (events)
        watch_begin(lookup, fd, events);
}

/* Nothing but the servers is taken from the environment and from resolv.conf: no search domains, no
 * aliases, our own bounds. */
static int open_channel(struct egress_lookup *lookup)
{
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES, .timeout = TRY_MS, .tries = TRIES,
        .lookups = "b", .sock_state_cb = socket_wants, .sock_state_cb_data = lookup};
    int status = ares_init_options(&lookup->channel, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS |
                                   ARES_OPT_TRIES | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS |
                                   ARES_OPT_NOROTATE | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS)
        lookup->channel = NULL;
    return status;
}

static void ask(struct egress_lookup *lookup, struct question *question, int type)
{
    question->lookup = lookup;
    question->type = type;
    ares_query(lookup->channel, lookup->target.host, ns_c_in, type, answered, question);
}

struct egress_lookup *egress_lookup_start(struct egress_resolver *resolver,
                                          const struct egress_target *target,
                                          const struct egress_lookup_calls *calls, void *owner,
                                          struct egress_refusal *failure)
{
    if (resolver->n_lookups >= resolver->max_lookups) {
        egress_refuse(failure, REFUSAL_LOOKUPS, "the sandbox is looking up %u names already: try "
                      "again when some of them are answered", resolver->max_lookups);
        return NULL;
    }
    struct egress_lookup *lookup = alloc_zero(1, sizeof *lookup);
    *lookup = (struct egress_lookup){.resolver = resolver, .calls = calls, .owner = owner,
        .target = *target, .handles = 1, .deadline = uv_now(resolver->loop) + resolver->resolve_ms};
    resolver->n_lookups++;
    uv_timer_init(resolver->loop, &lookup->timer);
    lookup->timer.data = lookup;
    if (open_channel(lookup) != ARES_SUCCESS) {
        lookup->broken = UV_ENOMEM;
    } else {
        egress_nameservers_sort(lookup->channel, &resolver->silent, uv_now(resolver->loop));
        ask(lookup, &lookup->questions[0], ns_t_aaaa);
        ask(lookup, &lookup->questions[1], ns_t_a);
    }
    progress(lookup);
    return lookup;
}
