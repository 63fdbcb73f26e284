/* SPDX-License-Identifier: Apache-2.0 */
/* A real runtime on a real store, with the sandbox demo, whose supervisor is at the other end of a
 * stream in memory: the test says what it says. */
#ifndef TESTS_SUPPORT_RUNTIME_H
#define TESTS_SUPPORT_RUNTIME_H

#include "support/drafts.h"

#include "net/stream.h"
#include "runtime/sessions/exec.h"
#include "runtime/sessions/logs.h"
#include "runtime/record.h"
#include "runtime/wait.h"
#include "support/patience.h"

struct peer {                                       /* the far end of a stream */
    struct net_stream *stream;                      /* NULL: closed */
    struct buf got;
    bool ended;
};

struct house {
    struct fixture *f;
    uv_loop_t loop;
    uv_timer_t watchdog;
    bool expired;
    struct jobs *jobs;
    struct events *events;
    struct events_subscriber *subscriber;
    struct buf heard;                               /* "type " of each event */
    struct runtime_counts counts;
    struct runtime *runtime;
    struct peer supervisor;
};

/* Turns the loop until the condition holds; a test that waits in vain fails after 30 seconds. */
#define RUN_UNTIL(h, condition)                                                                    \
    while (!(condition)) {                                                                         \
        if ((h)->expired)                                                                          \
            fail_msg("waited in vain for %s", #condition);                                         \
        uv_run(&(h)->loop, UV_RUN_ONCE);                                                           \
    }

static inline void expire(uv_timer_t *timer)
{
    ((struct house *)timer->data)->expired = true;
}

/* ---- the far end of a stream ---- */

static inline void peer_read(void *owner, const char *bytes, ssize_t n)
{
    struct peer *p = owner;
    if (n > 0)
        buf_add(&p->got, bytes, (size_t)n);
    else
        p->ended = true;
}

static inline void peer_closed(void *owner)
{
    ((struct peer *)owner)->stream = NULL;
}

static const struct net_calls peer_calls = {.read = peer_read, .closed = peer_closed};

/* The near end, which nobody owns yet. */
static inline struct net_stream *peer_open(struct house *h, struct peer *p)
{
    struct net_stream *pair[2];
    net_memory_pair(&h->loop, pair, &peer_calls, NULL, p);
    *p = (struct peer){.stream = pair[1]};
    net_read(p->stream);
    return pair[0];
}

static inline void peer_close(struct house *h, struct peer *p)
{
    if (p->stream)
        net_close(p->stream);
    RUN_UNTIL(h, !p->stream);
    buf_free(&p->got);
}

static inline void say(struct house *h, struct sandbox_message message)
{
    struct buf line = {0};
    sandbox_message_encode(&message, &line);
    net_send(h->supervisor.stream, &line);
}

/* The next message of a type, which the supervisor has not looked at yet. */
static inline struct sandbox_message hear_next(struct house *h, enum sandbox_message_type type)
{
    struct sandbox_message message;
    struct buf *got = &h->supervisor.got;
    char *end;
    do {
        RUN_UNTIL(h, got->len && memchr(got->data, '\n', got->len));
        end = memchr(got->data, '\n', got->len);
        if (sandbox_message_decode(got->data, (size_t)(end - got->data), h->f->arena, &message,
                                   &h->f->err) != 0)
            fail_msg("%s", h->f->err.text);
        buf_consume(got, (size_t)(end - got->data) + 1);
    } while (message.type != type);
    return message;
}

/* Returns what it is told first: its settings. */
static inline struct spec_settings connect_supervisor(struct house *h)
{
    runtime_connect(h->runtime, "s1", peer_open(h, &h->supervisor));
    say(h, (struct sandbox_message){.type = MESSAGE_HELLO,
                                    .hello = {.protocol = SANDBOX_PROTOCOL_VERSION,
                                              .sandbox = "s1",
                                              .loaded_revision = 1}});
    return hear_next(h, MESSAGE_SETTINGS).settings;
}

/* ---- the house ---- */

static inline void note_event(void *ctx, const struct event *event)
{
    struct house *h = ctx;
    buf_printf(&h->heard, "%s ", event->type);
}

static inline bool has_heard(const struct house *h, const char *type)
{
    return h->heard.len && strstr(h->heard.data, type);
}

static inline int write_stopped(struct store_tx *tx, void *arg, struct error *err)
{
    (void)arg;
    return store_tx_sandbox_phase(tx, "s1", "stopped", "", err) ||
                   store_tx_sandbox_phase(tx, "s2", "stopped", "", err)
               ? -1
               : 0;
}

static inline int house_setup(void **state)
{
    struct house *h = alloc_zero(1, sizeof *h);
    void *fixture;
    setup(&fixture);
    h->f = fixture;
    uv_loop_init(&h->loop);
    uv_timer_init(&h->loop, &h->watchdog);
    h->watchdog.data = h;
    uv_timer_start(&h->watchdog, expire, patience_ms(), 0);
    h->jobs = jobs_new(&h->loop);
    h->events = events_new(&h->loop);
    h->subscriber = events_subscribe(h->events, NULL, note_event, h);
    const struct runtime_setup parts = {
        .loop = &h->loop,
        .log = &h->f->log,
        .store = h->f->store,
        .updates = h->f->updates,
        .drafts = h->f->drafts,
        .jobs = h->jobs,
        .events = h->events,
        .counts = &h->counts,
        .state_dir = h->f->folder,
        .gateway_address = "unix:nowhere",
    };
    assert_int_equal(store_write(h->f->store, write_stopped, NULL, &h->f->err), 0);
    h->runtime = runtime_new(&parts);
    assert_int_equal(runtime_adopt(h->runtime, &h->f->err), 0);
    *state = h;
    return 0;
}

static inline int house_setup_connected(void **state)
{
    house_setup(state);
    struct house *h = *state;
    connect_supervisor(h);
    RUN_UNTIL(h, has_heard(h, "sandbox") && jobs_idle(h->jobs));
    return 0;
}

static inline void settings_set(void *set, const struct error *err)
{
    if (err)
        fail_msg("%s", err->text);
    *(bool *)set = true;
}

static inline void set_settings(struct house *h, const struct sandbox_changes *changes)
{
    bool set = false;
    struct problems problems = {0};
    struct settings_change change = {.sandbox = "demo", .changes = changes, .actor = "alice",
                                     .arena = h->f->arena, .problems = &problems};
    runtime_set_settings(h->runtime, &change, settings_set, &set);
    RUN_UNTIL(h, set);
}

static inline void count_open(uv_handle_t *handle, void *n)
{
    *(int *)n += !uv_is_closing(handle);
}

static inline int house_teardown(void **state)
{
    struct house *h = *state;
    int open = 0;
    void *fixture = h->f;
    peer_close(h, &h->supervisor);
    RUN_UNTIL(h, jobs_idle(h->jobs));
    runtime_close(h->runtime);
    events_unsubscribe(h->events, h->subscriber);
    events_close(h->events);
    uv_close((uv_handle_t *)&h->watchdog, NULL);
    uv_run(&h->loop, UV_RUN_DEFAULT);
    uv_walk(&h->loop, count_open, &open);
    assert_int_equal(open, 0);
    assert_int_equal(uv_loop_close(&h->loop), 0);
    jobs_free(h->jobs);
    buf_free(&h->heard);
    teardown(&fixture);
    free(h);
    return 0;
}

#define HOUSE_TEST(test) \
    cmocka_unit_test_setup_teardown(test, house_setup_connected, house_teardown)

#endif
