/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/events.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/handle.h"
#include "runtime/jobs.h"
#include "store/store.h"

struct record {
    struct record *next;
    struct event event;
    char *type, *sandbox, *json;
};

struct queue {
    struct record *first, **last;
    uint64_t newest_id;                             /* of the last one */
    size_t n;
};

struct events_subscriber {
    struct events_subscriber *next;
    char *sandbox;                                  /* NULL: all */
    events_fn *fn;
    void *ctx;
    bool durable;
    bool gone;                                      /* unsubscribed while events are delivered */
};

enum event_class { CLASS_GATEWAY, CLASS_WORKLOAD, CLASS_COUNT };

struct events {
    uv_async_t wake;
    pthread_mutex_t lock;                           /* guards incoming */
    struct queue incoming;

    /* Of several gateways, each has every STRIDEth number, from its own one on. */
    uint64_t next_id, stride, own;
    struct queue kept[CLASS_COUNT];                 /* durable ones, oldest first */
    uint64_t lost_id;                               /* this one and older ones may be forgotten */
    struct events_subscriber *subscribers;
    bool delivering;

    struct store *store;                            /* NULL: they are kept in memory only */
    struct jobs *jobs;
    const struct log *log;
    struct queue unwritten;
    size_t n_untrimmed[CLASS_COUNT];                /* taken for the store since it was trimmed */
    struct batch *writing;                          /* NULL: none */
};

/* ---- records ---- */

static void free_record(struct record *r)
{
    free(r->type);
    free(r->sandbox);
    free(r->json);
    free(r);
}

static void push(struct queue *queue, struct record *r)
{
    r->next = NULL;
    *(queue->first ? queue->last : &queue->first) = r;
    queue->last = &r->next;
    queue->newest_id = r->event.id;
    queue->n++;
}

static struct record *pop(struct queue *queue)
{
    struct record *r = queue->first;
    if (r) {
        queue->first = r->next;
        queue->n--;
    }
    return r;
}

static void free_queue(struct queue *queue)
{
    for (struct record *r; (r = pop(queue));)
        free_record(r);
}

static struct record *record_new(const char *type, const char *sandbox, char *json)
{
    struct record *r = alloc_zero(1, sizeof *r);
    r->type = alloc_str(type);
    r->sandbox = alloc_str(sandbox);
    r->json = json;
    r->event = (struct event){0, r->type, r->sandbox, r->json};
    return r;
}

static enum event_class class_of(const char *type)
{
    static const char *const of_workload[] = {"denial", "held", "finding"};
    for (size_t i = 0; i < sizeof of_workload / sizeof *of_workload; i++)
        if (strcmp(type, of_workload[i]) == 0)
            return CLASS_WORKLOAD;
    return CLASS_GATEWAY;
}

/* Behind those with smaller numbers: what another gateway stored may come late. */
static void insert(struct queue *queue, struct record *r)
{
    struct record **at = &queue->first;
    while (*at && (*at)->event.id < r->event.id)
        at = &(*at)->next;
    r->next = *at;
    *at = r;
    queue->n++;
}

static void keep(struct events *events, struct record *r)
{
    struct queue *kept = &events->kept[class_of(r->type)];
    if (kept->first && r->event.id < kept->newest_id)
        insert(kept, r);
    else
        push(kept, r);
    if (kept->n <= EVENTS_KEPT)
        return;
    struct record *oldest = pop(kept);
    if (oldest->event.id > events->lost_id)
        events->lost_id = oldest->event.id;
    free_record(oldest);
}

/* ---- delivery ---- */

static bool concerns(const char *sandbox, const struct event *event)
{
    return !sandbox || strcmp(sandbox, event->sandbox) == 0;
}

static void sweep(struct events *events)
{
    for (struct events_subscriber **at = &events->subscribers; *at;) {
        struct events_subscriber *s = *at;
        if (!s->gone) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free(s->sandbox);
        free(s);
    }
}

static void deliver(struct events *events, const struct event *event, bool durable)
{
    events->delivering = true;
    for (struct events_subscriber *s = events->subscribers; s; s = s->next)
        if (!s->gone && s->durable == durable && concerns(s->sandbox, event))
            s->fn(s->ctx, event);
    events->delivering = false;
    sweep(events);
}

static void make_durable(struct events *events, struct record *r)
{
    keep(events, r);
    deliver(events, &r->event, true);
}

/* ---- writing ---- */

/* A trim costs a batch more than its rows do, so the store keeps up to so many more. */
enum { EVENTS_UNTRIMMED = 64 };

struct batch {
    struct events *events;
    struct queue records;
    bool trims[CLASS_COUNT];
};

static int write_records(struct store_tx *tx, void *arg, struct error *err)
{
    const struct batch *batch = arg;
    for (const struct record *r = batch->records.first; r; r = r->next) {
        enum event_class class = class_of(r->type);
        struct store_event event = {r->event.id, class == CLASS_WORKLOAD, r->type, r->sandbox,
                                    r->json};
        if (store_tx_event_insert(tx, &event, err) != 0)
            return -1;
    }
    for (size_t class = 0; class < CLASS_COUNT; class++)
        if (batch->trims[class] &&
            store_tx_event_trim(tx, class == CLASS_WORKLOAD, EVENTS_KEPT, err) != 0)
            return -1;
    return 0;
}

static void begin_write(struct events *events);

/* Events are delivered even if they could not be stored: they happened. */
static void write_done(void *arg, int rc, const struct error *err)
{
    struct batch *batch = arg;
    struct events *events = batch->events;
    if (rc != 0)
        log_error(events->log, "cannot keep %zu events: %s", batch->records.n, err->text);
    for (struct record *r; (r = pop(&batch->records));)
        make_durable(events, r);
    events->writing = NULL;
    free(batch);
    if (events->unwritten.n)
        begin_write(events);
}

static struct batch *take_unwritten(struct events *events)
{
    struct batch *batch = alloc_zero(1, sizeof *batch);
    batch->events = events;
    batch->records = events->unwritten;
    events->unwritten = (struct queue){0};
    events->writing = batch;
    for (const struct record *r = batch->records.first; r; r = r->next)
        events->n_untrimmed[class_of(r->type)]++;
    for (size_t class = 0; class < CLASS_COUNT; class++) {
        batch->trims[class] = events->n_untrimmed[class] >= EVENTS_UNTRIMMED;
        if (batch->trims[class])
            events->n_untrimmed[class] = 0;
    }
    return batch;
}

static void begin_write(struct events *events)
{
    jobs_write(events->jobs, events->store, write_records, write_done, take_unwritten(events));
}

/* The numbers of several gateways grow with their clocks. */
static uint64_t next_number(struct events *events)
{
    enum { MS_NUMBERS = 1024 };
    uint64_t now = (uint64_t)clock_now_ms() * MS_NUMBERS + events->own, id = events->next_id;
    if (events->stride > 1 && now > id)
        id = now;
    events->next_id = id + events->stride;
    return id;
}

static void take_incoming(struct events *events)
{
    pthread_mutex_lock(&events->lock);
    struct queue incoming = events->incoming;
    events->incoming = (struct queue){0};
    pthread_mutex_unlock(&events->lock);
    for (struct record *r; (r = pop(&incoming));) {
        r->event.id = next_number(events);
        deliver(events, &r->event, false);
        if (events->store)
            push(&events->unwritten, r);
        else
            make_durable(events, r);
    }
}

static void on_wake(uv_async_t *wake)
{
    struct events *events = wake->data;
    take_incoming(events);
    if (events->unwritten.n && !events->writing)
        begin_write(events);
}

void events_finish(struct events *events)
{
    take_incoming(events);
    if (events->unwritten.n) {
        struct batch *batch = take_unwritten(events);
        struct error err;
        write_done(batch, store_write(events->store, write_records, batch, &err), &err);
    }
    events->store = NULL;
}

/* ---- life ---- */

struct events *events_new(uv_loop_t *loop)
{
    struct events *events = alloc_zero(1, sizeof *events);
    events->stride = 1;
    events->next_id = (uint64_t)clock_now_ms() * 1024;
    events->lost_id = events->next_id - 1;
    pthread_mutex_init(&events->lock, NULL);
    net_make_async(loop, &events->wake, on_wake);
    uv_unref((uv_handle_t *)&events->wake);
    events->wake.data = events;
    return events;
}

int events_keep(struct events *events, struct store *store, struct jobs *jobs,
                const struct log *log, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_event *stored;
    size_t n;
    uint64_t last_id;
    int rc = store_event_list(store, arena, &stored, &n, &last_id, err);
    events->store = store;
    events->jobs = jobs;
    events->log = log;
    if (rc == 0 && last_id >= events->next_id)
        events->next_id = last_id + 1;              /* the clock was set back */
    if (rc == 0 && n > 0)
        events->lost_id = stored[0].id - 1;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct record *r = record_new(stored[i].type, stored[i].sandbox, alloc_str(stored[i].json));
        r->event.id = stored[i].id;
        keep(events, r);
    }
    for (size_t class = 0; rc == 0 && class < CLASS_COUNT; class++)
        if (events->kept[class].n == EVENTS_KEPT &&
            events->kept[class].first->event.id > events->lost_id)
            events->lost_id = events->kept[class].first->event.id - 1;
    arena_free(arena);
    return rc;
}

/* The next number of this gateway's that is greater. */
static void pass_number(struct events *events, uint64_t id)
{
    if (id >= events->next_id)
        events->next_id = id - id % events->stride + events->stride + events->own;
}

void events_share(struct events *events, uint64_t number)
{
    enum { STRIDE = 64 };
    events->stride = STRIDE;
    events->own = number % STRIDE;
    pass_number(events, events->next_id);
}

void events_receive(struct events *events, uint64_t id, const char *type, const char *sandbox,
                    const char *json)
{
    struct record *r = record_new(type, sandbox, alloc_str(json));
    r->event.id = id;
    pass_number(events, id);
    deliver(events, &r->event, false);
    make_durable(events, r);
}

static void on_closed(uv_handle_t *handle)
{
    struct events *events = handle->data;
    free_queue(&events->incoming);
    free_queue(&events->unwritten);
    for (size_t class = 0; class < CLASS_COUNT; class++)
        free_queue(&events->kept[class]);
    for (struct events_subscriber *s = events->subscribers; s; s = s->next)
        s->gone = true;
    sweep(events);
    pthread_mutex_destroy(&events->lock);
    free(events);
}

void events_close(struct events *events)
{
    if (events)
        uv_close((uv_handle_t *)&events->wake, on_closed);
}

void events_publish(struct events *events, const char *type, const char *sandbox, json_t *data)
{
    char now[CLOCK_TEXT_SIZE];
    json_object_set_new(data, "sandbox", json_string(sandbox));
    json_object_set_new(data, "at", json_string(clock_format(clock_now_ms(), now)));
    struct record *r = record_new(type, sandbox, json_dumps(data, JSON_COMPACT));
    json_decref(data);
    pthread_mutex_lock(&events->lock);
    push(&events->incoming, r);
    pthread_mutex_unlock(&events->lock);
    uv_async_send(&events->wake);
}

/* ---- subscribers ---- */

static struct events_subscriber *subscribe(struct events *events,
                                           struct events_subscriber subscriber)
{
    struct events_subscriber *s = alloc_zero(1, sizeof *s);
    *s = subscriber;
    s->next = events->subscribers;
    s->sandbox = alloc_str(subscriber.sandbox);
    events->subscribers = s;
    return s;
}

struct events_subscriber *events_subscribe(struct events *events, const char *sandbox,
                                           events_fn *fn, void *ctx)
{
    return subscribe(events,
                     (struct events_subscriber){.sandbox = (char *)sandbox, .fn = fn, .ctx = ctx});
}

struct events_subscriber *events_subscribe_durable(struct events *events, const char *sandbox,
                                                   events_fn *fn, void *ctx)
{
    return subscribe(events,
                     (struct events_subscriber){
                         .sandbox = (char *)sandbox, .fn = fn, .ctx = ctx, .durable = true});
}

void events_unsubscribe(struct events *events, struct events_subscriber *subscriber)
{
    if (!subscriber)
        return;
    subscriber->gone = true;
    if (!events->delivering)
        sweep(events);
}

/* Merges the classes by number: returns the oldest record that is left and advances its class. */
static const struct record *next_kept(const struct record *at[CLASS_COUNT])
{
    const struct record **older = &at[CLASS_GATEWAY];
    for (size_t class = 0; class < CLASS_COUNT; class++)
        if (at[class] && (!*older || at[class]->event.id < (*older)->event.id))
            older = &at[class];
    const struct record *r = *older;
    if (r)
        *older = r->next;
    return r;
}

bool events_replay(struct events *events, uint64_t last_id, const char *sandbox, events_fn *fn,
                   void *ctx)
{
    const struct record *at[CLASS_COUNT] = {events->kept[CLASS_GATEWAY].first,
                                            events->kept[CLASS_WORKLOAD].first};
    bool complete = last_id >= events->lost_id && last_id < events->next_id;
    for (const struct record *r; (r = next_kept(at));)
        if ((!complete || r->event.id > last_id) && concerns(sandbox, &r->event))
            fn(ctx, &r->event);
    return complete;
}

static void replay_queue(const struct queue *queue, uint64_t last_id, const char *sandbox,
                         events_fn *fn, void *ctx)
{
    for (const struct record *r = queue->first; r; r = r->next)
        if (r->event.id > last_id && concerns(sandbox, &r->event))
            fn(ctx, &r->event);
}

void events_replay_unwritten(struct events *events, uint64_t last_id, const char *sandbox,
                             events_fn *fn, void *ctx)
{
    if (events->writing)
        replay_queue(&events->writing->records, last_id, sandbox, fn, ctx);
    replay_queue(&events->unwritten, last_id, sandbox, fn, ctx);
}
