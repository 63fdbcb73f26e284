/* SPDX-License-Identifier: Apache-2.0 */
/* WatchSandbox: a snapshot of the sandbox, what is kept of its log and events, and then all of it
 * as it comes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "grpc/log_line.h"
#include "grpc/sandboxes.h"
#include "openshell/messages.h"
#include "runtime/events.h"
#include "runtime/jobs.h"
#include "runtime/sessions/log_reader.h"

enum { TAIL_LINES = 200, TAIL_LINES_MAX = 2000, CURSOR_LEN = 16 };

struct watch {
    struct grpc_work *work;                         /* NULL: the call has ended */
    struct grpc *grpc;
    char *id, *name;                                /* of the sandbox */
    int64_t created_ms;
    enum protobuf_modes modes;
    bool follow_status, follow_logs, follow_events, once, resumes;
    struct grpc_log_filter filter;
    size_t log_tail, event_tail;
    struct events_subscriber *subscriber;
    struct log_reader *log;
    uint64_t last_event;                            /* that was sent, or is known to the client */
    bool begun;                                     /* the first snapshot was sent */
    bool deleted;                                   /* events of its name are another one's */
    bool due;                                       /* the last snapshot is out of date already */
    /* Of the snapshot that a worker makes: */
    bool reading, gone, terminal;
    struct buf snapshot;
    struct error err;
};

static void free_watch(struct watch *watch)
{
    if (watch->work || watch->reading)
        return;
    buf_free(&watch->snapshot);
    free(watch->id);
    free(watch->name);
    free(watch);
}

static void stop_following(struct watch *watch)
{
    if (watch->subscriber)
        events_unsubscribe(watch->grpc->events, watch->subscriber);
    runtime_logs_close(watch->log);
    watch->subscriber = NULL;
    watch->log = NULL;
}

static void finish(struct watch *watch, enum grpc_code code, const char *text)
{
    struct grpc_work *work = watch->work;
    stop_following(watch);
    watch->work = NULL;
    work->gone = NULL;
    grpc_work_end(work, code, text);
    free_watch(watch);
}

static void client_gone(struct grpc_work *work)
{
    finish(work->then_arg, GRPC_CANCELLED, "");
}

/* ---- what is sent ---- */

static void send_message(struct watch *watch, void (*fill)(struct doc_writer *w, const void *arg),
                         const void *arg)
{
    struct buf event = {0};
    struct error err;
    if (grpc_encode(&openshell_sandbox_stream_event, watch->modes, fill, arg, &event, &err) == 0)
        grpc_send(watch->work->call, event.data, event.len);
    else
        log_error(watch->grpc->log, "an event of sandbox %s cannot be sent: %s", watch->name,
                  err.text);
    buf_free(&event);
}

struct line {
    const char *sandbox_id;
    const struct grpc_log_line *line;
    struct arena *arena;
};

static void put_line(struct doc_writer *w, const void *arg)
{
    const struct line *l = arg;
    doc_write_key(w, "log");
    doc_write_open(w, DOC_MAP);
    grpc_log_line_put(w, l->sandbox_id, l->line, l->arena);
    doc_write_close(w, DOC_MAP);
}

static void send_line(struct watch *watch, const struct grpc_log_line *line)
{
    struct arena *arena = arena_new();
    const struct line l = {watch->id, line, arena};
    send_message(watch, put_line, &l);
    arena_free(arena);
}

/* Of one width, so that clients can compare them as texts. */
static void put_cursor(struct doc_writer *w, uint64_t event)
{
    char cursor[24];
    snprintf(cursor, sizeof cursor, "%016" PRIx64, event);
    grpc_put_text(w, "cursor", cursor);
}

static void put_event(struct doc_writer *w, const void *arg)
{
    const struct event *event = arg;
    json_t *data = json_loads(event->json, 0, NULL);
    const char *at = json_string_value(json_object_get(data, "at"));
    doc_write_key(w, "event");
    doc_write_open(w, DOC_MAP);
    if (at)
        grpc_put_time(w, "timestamp_ms", "event_time", grpc_parse_time(at));
    grpc_put_text(w, "source", "gateway");
    grpc_put_text(w, "type", "Normal");
    grpc_put_text(w, "reason", event->type);
    grpc_put_text(w, "message", event->json);
    doc_write_close(w, DOC_MAP);
    put_cursor(w, event->id);
    json_decref(data);
}

/* ---- snapshots ---- */

struct snapshot {
    const struct store_sandbox *sandbox;
    const struct store_revision *revision;
};

static void put_snapshot(struct doc_writer *w, const void *arg)
{
    const struct snapshot *s = arg;
    doc_write_key(w, "sandbox");
    grpc_put_sandbox(w, s->sandbox, s->revision, s->sandbox->phase);
}

/* The older wire ends with READY alone, in spite of the flag's name. */
static bool is_terminal(const struct watch *watch, const char *phase)
{
    bool ended = strcmp(phase, "stopped") == 0 || strcmp(phase, "error") == 0;
    return strcmp(phase, "ready") == 0 || (watch->modes == PROTOBUF_ENUMS && ended);
}

/* Worker thread. */
static void read_snapshot(void *arg)
{
    struct watch *watch = arg;
    struct arena *arena = arena_new();
    struct store *store = watch->grpc->store;
    struct store_sandbox s;
    struct store_revision r;
    watch->gone = store_sandbox_by_id(store, watch->id, arena, &s, &watch->err) != 0 ||
                  s.deleted_at_ms;
    if (!watch->gone && store_revision_get(store, s.id, 0, arena, &r, &watch->err) == 0) {
        const struct snapshot snapshot = {&s, &r};
        watch->terminal = is_terminal(watch, s.phase);
        grpc_encode(&openshell_sandbox_stream_event, watch->modes, put_snapshot, &snapshot,
                    &watch->snapshot, &watch->err);
    }
    arena_free(arena);
}

static void begin_live(struct watch *watch);

static void snapshot_read(void *arg);

/* A client that does not read gets one snapshot when it does, not each that was out of date by
 * then. */
static void take_snapshot(struct watch *watch)
{
    watch->due = watch->reading || watch->work->call->full;
    if (watch->due)
        return;
    watch->reading = true;
    jobs_run(watch->grpc->jobs, NULL, read_snapshot, snapshot_read, watch);
}

static void snapshot_read(void *arg)
{
    struct watch *watch = arg;
    watch->reading = false;
    if (!watch->work) {
        free_watch(watch);
        return;
    }
    if (watch->snapshot.len && (watch->follow_status || !watch->begun))
        grpc_send(watch->work->call, watch->snapshot.data, watch->snapshot.len);
    buf_clear(&watch->snapshot);
    if (!watch->begun && !watch->gone)
        begin_live(watch);
    if (watch->gone || (watch->once && watch->terminal))
        finish(watch, GRPC_OK, "");
    else if (watch->due)
        take_snapshot(watch);
}

static void drained(struct grpc_call *call)
{
    struct grpc_work *work = call->state;
    struct watch *watch = work->then_arg;
    if (watch->due)
        take_snapshot(watch);
}

/* ---- events: they have the name of their sandbox, which others had before or get later ---- */

static bool is_of_earlier(const struct watch *watch, const struct event *event)
{
    json_t *data = json_loads(event->json, 0, NULL);
    const char *at = json_string_value(json_object_get(data, "at"));
    bool earlier = !at || grpc_parse_time(at) < watch->created_ms;
    json_decref(data);
    return earlier;
}

static bool tells_of_deletion(const struct watch *watch, const struct event *event)
{
    json_t *data = json_loads(event->json, 0, NULL);
    const char *phase = json_string_value(json_object_get(data, "phase"));
    const char *id = json_string_value(json_object_get(data, "id"));
    bool tells = phase && id && strcmp(phase, "deleted") == 0 && strcmp(id, watch->id) == 0;
    json_decref(data);
    return tells;
}

static void have_event(void *ctx, const struct event *event)
{
    struct watch *watch = ctx;
    bool deleted = watch->deleted;
    if (strcmp(event->type, "sandbox") == 0 && tells_of_deletion(watch, event))
        watch->deleted = true;
    if (!deleted && watch->begun && watch->follow_events && event->id > watch->last_event) {
        watch->last_event = event->id;
        send_message(watch, put_event, event);
    }
    if (strcmp(event->type, "denial") != 0)
        take_snapshot(watch);
}

struct tail {
    struct watch *watch;
    size_t n, skip;
};

static void count_event(void *ctx, const struct event *event)
{
    struct tail *tail = ctx;
    tail->n += !is_of_earlier(tail->watch, event);
}

static void send_kept(void *ctx, const struct event *event)
{
    struct tail *tail = ctx;
    tail->watch->last_event = event->id;
    if (is_of_earlier(tail->watch, event))
        return;
    if (tail->skip)
        tail->skip--;
    else
        send_message(tail->watch, put_event, event);
}

/* The last ones, or all after the cursor. */
static void send_event_tail(struct watch *watch)
{
    struct tail tail = {.watch = watch};
    uint64_t after = watch->resumes ? watch->last_event : 0;
    events_replay(watch->grpc->events, after, watch->name, count_event, &tail);
    if (!watch->resumes && tail.n > watch->event_tail)
        tail.skip = tail.n - watch->event_tail;
    events_replay(watch->grpc->events, after, watch->name, send_kept, &tail);
}

/* False: some of the events after the cursor are forgotten, or it is of another gateway. */
static bool can_resume(struct watch *watch)
{
    struct tail tail = {.watch = watch};
    return !watch->resumes || events_replay(watch->grpc->events, watch->last_event, watch->name,
                                            count_event, &tail);
}

/* ---- the log ---- */

static void have_line(void *ctx, const char *text, size_t len)
{
    struct watch *watch = ctx;
    const struct grpc_log_filter live = {.least = watch->filter.least,
                                         .nothing = watch->filter.nothing};
    struct grpc_log_line line;
    if (len && grpc_log_line_read(&live, text, len - 1, &line))
        send_line(watch, &line);
}

static void log_ended(void *ctx, const char *why)
{
    (void)why;
    ((struct watch *)ctx)->log = NULL;
}

/* The last lines that pass: how many there are is known once all were read. */
static void send_log_tail(void *ctx, const struct buf *text, const struct error *err)
{
    struct watch *watch = ctx;
    struct grpc_log_line line;
    size_t n = 0;
    if (err) {
        watch->log = NULL;
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;
        for (const char *from = buf_str(text), *end; (end = strchr(from, '\n')); from = end + 1)
            if (grpc_log_line_read(&watch->filter, from, (size_t)(end - from), &line) &&
                ++at + watch->log_tail > n && pass)
                send_line(watch, &line);
        n = at;
    }
}

/* ---- the beginning ---- */

static void begin_live(struct watch *watch)
{
    static const struct log_reader_calls calls = {send_log_tail, have_line, log_ended};
    watch->begun = true;
    if (watch->follow_logs)
        watch->log = runtime_logs_read(watch->grpc->runtime, watch->id, &watch->work->who, true,
                                       &calls, watch);
    if (watch->follow_events)
        send_event_tail(watch);
}

/* Subscribes before the snapshot is read, so that nothing falls between. */
static void begin(struct grpc_work *work)
{
    struct watch *watch = work->then_arg;
    work->gone = client_gone;
    if (!work->call) {
        finish(watch, GRPC_CANCELLED, "");
        return;
    }
    if (!can_resume(watch)) {
        finish(watch, GRPC_OUT_OF_RANGE,
               "resume_after_cursor is none whose events are all kept: begin without one");
        return;
    }
    watch->subscriber = events_subscribe(watch->grpc->events, watch->name, have_event, watch);
    take_snapshot(watch);
}

static int check_cursor(struct grpc_work *work, const char *cursor)
{
    size_t digits = strspn(cursor, "0123456789abcdef");
    if (!*cursor || (digits == CURSOR_LEN && !cursor[digits]))
        return 0;
    return error_set(&work->err, ERROR_MALFORMED,
                     "resume_after_cursor is no cursor that this gateway gave");
}

/* Worker thread. */
static int find(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    uint64_t lines = grpc_number(work, "log_tail_lines");
    const char *cursor = grpc_text(work, "resume_after_cursor");
    (void)w;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0 || check_cursor(work, cursor) != 0)
        return -1;
    struct watch *watch = alloc_zero(1, sizeof *watch);
    watch->work = work;
    watch->grpc = work->grpc;
    watch->id = alloc_str(s.id);
    watch->name = alloc_str(s.name);
    watch->created_ms = s.created_at_ms;
    watch->modes = work->modes;
    watch->follow_status = grpc_flag(work, "follow_status");
    watch->follow_logs = grpc_flag(work, "follow_logs");
    watch->follow_events = grpc_flag(work, "follow_events");
    watch->once = grpc_flag(work, "stop_on_terminal");
    watch->filter = grpc_log_filter(work, "log_sources", "log_min_level",
                                    grpc_time(work, "log_since_ms", "since_time"));
    watch->log_tail = !lines ? TAIL_LINES : lines < TAIL_LINES_MAX ? lines : TAIL_LINES_MAX;
    watch->event_tail = grpc_number(work, "event_tail");
    watch->resumes = *cursor;
    watch->last_event = strtoull(cursor, NULL, 16);
    work->then_arg = watch;
    work->then = begin;
    return 0;
}

static const struct grpc_method methods[] = {
    {.name = "WatchSandbox",
     .permission = AUTH_SANDBOX_READ,
     .of_sandbox = true,
     .kind = GRPC_SERVER_STREAMS,
     .message = grpc_do,
     .cancelled = grpc_forget_work,
     .drained = drained,
     .work = find},
};

const struct grpc_methods grpc_watch_methods = {OPENSHELL_SERVICE, methods,
                                                sizeof methods / sizeof *methods};
