/* SPDX-License-Identifier: Apache-2.0 */
#include "export/exporter.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/thread.h"
#include "export/batch.h"
#include "export/record.h"
#include "export/sender.h"
#include "store/gateways.h"

enum {
    RETRY_MS = 500, RETRY_MAX_MS = 60000,           /* after a failure, doubled with each */
    RETRY_AFTER_MAX_MS = 3600000,                   /* the longest wait that a receiver may ask */
    STANDBY_MS = 3000,                              /* how often it looks whether it is to send */
};

/* The thread's own. */
struct stream {
    enum export_kind kind;
    bool on;
    uint64_t taken;
    size_t limit; /* of records of a request: halved where the receiver will not take them */
    unsigned failures;                              /* in a row */
    uint64_t next_ms;                               /* monotonic: not before */
};

struct exporter {
    const struct export_settings *s;
    struct store *store;
    const struct log *log;
    struct arena *arena;
    const char *target;
    struct sender *sender;
    struct thread *thread;
    struct thread_item work;
    bool held;                                      /* it is this gateway that sends */
    uint64_t hold_ms;                               /* monotonic: when that is to be said again */
    struct stream streams[EXPORT_KINDS];
    pthread_mutex_t lock;                           /* for what follows */
    pthread_cond_t woken;
    bool stopping;
    struct export_stream_status status[EXPORT_KINDS];
};

const char *export_state_word(enum export_state state)
{
    static const char *const words[] = {
#define X(id, word, meaning) [EXPORT_##id] = word,
        EXPORT_STATES(X)
#undef X
    };
    return words[state];
}

/* ---- failures ---- */

/* Between half of it and all of it, so that many exporters do not come at once. */
static uint64_t spread(uint64_t wait_ms)
{
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    return wait_ms / 2 + random % (wait_ms / 2 + 1);
}

static uint64_t wait_of(const struct stream *stream)
{
    uint64_t wait = RETRY_MS;
    for (unsigned i = 1; i < stream->failures && wait < RETRY_MAX_MS; i++)
        wait *= 2;
    return spread(wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

static void say_failure(const struct exporter *e, const struct stream *stream, bool refused,
                        const char *text)
{
    if (refused)
        log_error(e->log, "exporter %s: the receiver refuses %s records behind %" PRIu64 ": %s: "
                  "none of them is sent until it takes them", e->s->name,
                  export_kind_word(stream->kind), stream->taken, text);
    else
        log_warn(e->log, "exporter %s: %s records behind %" PRIu64 " cannot be sent, which is "
                 "tried again: %s", e->s->name, export_kind_word(stream->kind), stream->taken,
                 text);
}

static void note_failure(struct exporter *e, struct stream *stream, enum export_state state,
                         int64_t retry_after_ms, const char *text)
{
    struct export_stream_status *status = &e->status[stream->kind];
    stream->failures++;
    uint64_t wait = wait_of(stream), asked = (uint64_t)retry_after_ms;
    asked = asked < RETRY_AFTER_MAX_MS ? asked : RETRY_AFTER_MAX_MS;
    stream->next_ms = clock_mono_ms() + (asked > wait ? asked : wait);
    pthread_mutex_lock(&e->lock);
    bool stopping = e->stopping, news = status->state != state || strcmp(status->error, text) != 0;
    if (!stopping) {
        status->state = state;
        status->failed++;
        status->failed_at_ms = clock_now_ms();
        snprintf(status->error, sizeof status->error, "%s", text);
        text_make_valid(status->error, sizeof status->error);
    }
    pthread_mutex_unlock(&e->lock);
    if (news && !stopping)
        say_failure(e, stream, state == EXPORT_REFUSED, text);
}

/* ---- success ---- */

/* A request that is under way ends before. */
static int64_t hold_until(const struct exporter *e)
{
    return clock_now_ms() + EXPORT_HOLD_MS + e->s->timeout_ms;
}

struct put {
    const struct exporter *exporter;
    struct store_export record;
};

static int put(struct store_tx *tx, void *arg, struct error *err)
{
    const struct put *p = arg;
    return store_tx_export_put(tx, &p->record, hold_until(p->exporter), err);
}

/* Notes in the store that a stream's receiver has taken all up to a place. */
static int keep(struct exporter *e, const struct stream *stream, uint64_t taken, struct error *err)
{
    struct put p = {e, {
        .name = e->s->name,
        .audit = e->streams[EXPORT_AUDIT].taken,
        .traffic = e->streams[EXPORT_TRAFFIC].taken,
    }};
    *(stream->kind == EXPORT_AUDIT ? &p.record.audit : &p.record.traffic) = taken;
    return store_write(e->store, put, &p, err);
}

/* A receiver has taken a batch: so has the store.  Where another gateway sends by now, what it has
 * noted counts. */
static int keep_or_let_go(struct exporter *e, const struct stream *stream, uint64_t taken,
                          struct error *err)
{
    int rc = keep(e, stream, taken, err);
    if (rc != 0 && err->kind == ERROR_MOVED)
        e->held = false;
    return rc;
}

static void note_success(struct exporter *e, struct stream *stream, const struct batch *batch,
                         uint64_t rejected)
{
    struct export_stream_status *status = &e->status[stream->kind];
    stream->taken = batch->last;
    stream->limit += stream->limit / 8 + 1;
    if (stream->limit > e->s->batch_records)
        stream->limit = e->s->batch_records;
    bool recovered = stream->failures > 0;
    stream->failures = 0;
    stream->next_ms = 0;
    pthread_mutex_lock(&e->lock);
    status->state = EXPORT_SENDING;
    status->sent += batch->n;
    status->refused += rejected;
    status->sent_at_ms = clock_now_ms();
    pthread_mutex_unlock(&e->lock);
    if (recovered)
        log_info(e->log, "exporter %s: %s records are sent again, from %" PRIu64, e->s->name,
                 export_kind_word(stream->kind), batch->first);
}

/* What failed was not about records: there are none. */
static void note_nothing(struct exporter *e, struct stream *stream)
{
    if (!stream->failures)
        return;
    stream->failures = 0;
    pthread_mutex_lock(&e->lock);
    e->status[stream->kind].state = EXPORT_SENDING;
    pthread_mutex_unlock(&e->lock);
}

/* OTLP: a receiver may take a request and drop records of it, which must not be sent again. */
static uint64_t read_rejected(const struct exporter *e, const struct stream *stream,
                              const struct batch *batch, const struct sender_answer *answer)
{
    char why[256];
    uint64_t n = strcmp(e->s->type, "otlp") == 0
                     ? export_otlp_rejected(buf_str(&answer->body), why) : 0;
    n = n < batch->n ? n : batch->n;
    if (n)
        log_error(e->log, "exporter %s: the receiver dropped %" PRIu64 " of the %s records %" PRIu64
                  " to %" PRIu64 ": %s", e->s->name, n, export_kind_word(stream->kind),
                  batch->first, batch->last, why);
    return n;
}

/* ---- one request ---- */

static bool is_for_later(int status)
{
    return status == 408 || status == 429 || status >= 500;
}

/* Whether fewer records may be taken: not where the place or the credentials are wrong. */
static bool is_about_contents(int status)
{
    return status == 400 || status == 413 || status == 422;
}

/* At once, as nothing is wrong with the receiver. */
static void try_fewer(struct exporter *e, struct stream *stream, size_t n)
{
    stream->limit = n / 2;
    stream->next_ms = 0;
    pthread_mutex_lock(&e->lock);
    e->status[stream->kind].failed++;
    pthread_mutex_unlock(&e->lock);
}

/* The receiver said no. */
static void refuse(struct exporter *e, struct stream *stream, const struct batch *batch,
                   const struct sender_answer *answer)
{
    char text[256];
    snprintf(text, sizeof text, "it answers %d%s%.180s", answer->status,
             answer->body.len ? ": " : "", buf_str(&answer->body));
    text[strcspn(text, "\r\n")] = '\0';
    text_make_valid(text, sizeof text);
    if (is_about_contents(answer->status) && batch->n > 1)
        try_fewer(e, stream, batch->n);
    else
        note_failure(e, stream, is_for_later(answer->status) ? EXPORT_RETRYING : EXPORT_REFUSED,
                     answer->retry_after_ms, text);
}

static void take(struct exporter *e, struct stream *stream, const struct batch *batch,
                 const struct sender_answer *answer)
{
    struct error err;
    if (answer->status < 200 || answer->status > 299)
        refuse(e, stream, batch, answer);
    else if (keep_or_let_go(e, stream, batch->last, &err) != 0)
        note_failure(e, stream, EXPORT_RETRYING, 0, err.text);
    else
        note_success(e, stream, batch, read_rejected(e, stream, batch, answer));
}

static void send_batch(struct exporter *e, struct stream *stream, const struct batch *batch)
{
    struct sender_answer answer = {0};
    struct error err;
    json_t *fields = json_array();
    const struct sender_request request = {.url = e->target, .ca = e->s->ca, .fields = fields,
                                           .body = &batch->body, .timeout_ms = e->s->timeout_ms};
    if (batch_fields(e->s, stream->kind, batch, fields, &err) != 0 ||
        sender_send(e->sender, &request, &answer, &err) != 0)
        note_failure(e, stream, EXPORT_RETRYING, 0, err.text);
    else
        take(e, stream, batch, &answer);
    buf_free(&answer.body);
    json_decref(fields);
}

/* Whether there may be more to send at once. */
static bool step(struct exporter *e, struct stream *stream)
{
    struct batch batch;
    struct error err;
    if (!stream->on || clock_mono_ms() < stream->next_ms)
        return false;
    uint64_t before = stream->taken;
    size_t limit = stream->limit;
    int rc = batch_read(e->store, e->s, stream->kind, before, limit, &batch, &err);
    if (rc != 0)
        note_failure(e, stream, EXPORT_RETRYING, 0, err.text);
    else if (batch.n)
        send_batch(e, stream, &batch);
    else
        note_nothing(e, stream);
    bool more = stream->taken > before || stream->limit < limit;
    buf_free(&batch.body);
    return more;
}

/* ---- the thread ---- */

static bool is_stopping(struct exporter *e)
{
    pthread_mutex_lock(&e->lock);
    bool stopping = e->stopping;
    pthread_mutex_unlock(&e->lock);
    return stopping;
}

/* Until the next look, or the next try where that is sooner. */
static void rest(struct exporter *e)
{
    uint64_t now = clock_mono_ms(), until = now + e->s->interval_ms;
    if (!e->held)
        until = now + (e->s->interval_ms > STANDBY_MS ? e->s->interval_ms : STANDBY_MS);
    else if (e->hold_ms > now && e->hold_ms < until && store_is_shared(e->store))
        until = e->hold_ms;
    for (size_t i = 0; i < EXPORT_KINDS; i++) {
        uint64_t next = e->streams[i].next_ms;
        until = next > now && next < until ? next : until;
    }
    struct timespec at = {(time_t)(until / 1000), (long)(until % 1000 * 1000000)};
    pthread_mutex_lock(&e->lock);
    while (!e->stopping && clock_mono_ms() < until)
        pthread_cond_clockwait(&e->woken, &e->lock, CLOCK_MONOTONIC, &at);
    pthread_mutex_unlock(&e->lock);
}

static int hold(struct store_tx *tx, void *arg, struct error *err)
{
    struct exporter *e = arg;
    int held = store_tx_export_hold(tx, e->s->name, clock_now_ms(), hold_until(e), err);
    if (held >= 0)
        e->held = held;
    return held < 0 ? -1 : 0;
}

static int let_go(struct store_tx *tx, void *arg, struct error *err)
{
    const struct exporter *e = arg;
    return store_tx_export_hold(tx, e->s->name, clock_now_ms(), 0, err) < 0 ? -1 : 0;
}

/* Reads what was taken, now that nobody else sends. */
static int know(struct exporter *e, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_export taken;
    int rc = store_export_get(e->store, e->s->name, arena, &taken, err);
    if (rc == 0) {
        e->streams[EXPORT_AUDIT].taken = taken.audit;
        e->streams[EXPORT_TRAFFIC].taken = taken.traffic;
    }
    arena_free(arena);
    return rc;
}

static void set_standby(struct exporter *e, bool standby)
{
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < EXPORT_KINDS; i++)
        if (standby || e->status[i].state == EXPORT_STANDBY)
            e->status[i].state = standby ? EXPORT_STANDBY : EXPORT_SENDING;
    pthread_mutex_unlock(&e->lock);
}

/* Whether it is this gateway that sends.  A store that is not shared is asked once. */
static bool holds(struct exporter *e)
{
    struct error err;
    bool held = e->held;
    if (held && (!store_is_shared(e->store) || clock_mono_ms() < e->hold_ms))
        return true;
    e->hold_ms = clock_mono_ms() + EXPORT_HOLD_MS / 3;
    int rc = store_write(e->store, hold, e, &err);
    if (rc == 0 && e->held && !held)
        rc = know(e, &err);
    if (rc != 0)
        e->held = false;
    for (size_t i = 0; rc != 0 && i < EXPORT_KINDS; i++)
        note_failure(e, &e->streams[i], EXPORT_RETRYING, 0, err.text);
    if (rc == 0)
        set_standby(e, !e->held);
    return e->held;
}

static void run(void *ctx, struct thread_item *items)
{
    struct exporter *e = ctx;
    (void)items;
    while (!is_stopping(e)) {
        bool more = false;
        for (size_t i = 0; i < EXPORT_KINDS && !is_stopping(e) && holds(e); i++)
            more |= step(e, &e->streams[i]);
        if (!more)
            rest(e);
    }
    if (e->held && store_is_shared(e->store))
        store_write(e->store, let_go, e, NULL);
}

/* ---- outside of it ---- */

struct exporter *exporter_start(const struct export_settings *settings, struct store *store,
                                const char *fetcher, const struct log *log, struct error *err)
{
    struct exporter *e = alloc_zero(1, sizeof *e);
    *e = (struct exporter){.s = settings, .store = store, .log = log, .arena = arena_new()};
    e->target = export_settings_target(settings, e->arena);
    for (size_t i = 0; i < EXPORT_KINDS; i++)
        e->streams[i] = (struct stream){.kind = (enum export_kind)i,
                                        .on = export_settings_has(settings, (enum export_kind)i),
                                        .limit = settings->batch_records};
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->woken, NULL);
    e->sender = sender_new(fetcher);
    e->thread = thread_new("export", 1, run, e, err);
    if (!e->thread) {
        exporter_free(e);
        return NULL;
    }
    thread_add(e->thread, &e->work);
    return e;
}

const struct export_settings *exporter_settings(const struct exporter *e)
{
    return e->s;
}

void exporter_status(struct exporter *e, enum export_kind kind, struct export_stream_status *out)
{
    pthread_mutex_lock(&e->lock);
    *out = e->status[kind];
    pthread_mutex_unlock(&e->lock);
}

void exporter_stop(struct exporter *e)
{
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_broadcast(&e->woken);
    pthread_mutex_unlock(&e->lock);
    sender_interrupt(e->sender);
    thread_free(e->thread);
    e->thread = NULL;
}

void exporter_free(struct exporter *e)
{
    if (!e)
        return;
    sender_free(e->sender);
    pthread_cond_destroy(&e->woken);
    pthread_mutex_destroy(&e->lock);
    arena_free(e->arena);
    free(e);
}
