/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's end of a supervisor's stream: policies and commands go out, what became of them
 * comes in. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/sandbox.h"
#include "http/peer.h"
#include "sandbox/wire/json.h"

/* A connection outlives the sandbox's interest in it by the time it takes to close. */
struct stream {
    struct sandbox *s;                              /* NULL: nobody listens any more */
    struct http_tunnel *tunnel;
    struct buf in;                                  /* bytes that are no whole line yet */
};

void sandbox_send(struct sandbox *s, const struct sandbox_message *message)
{
    struct buf out = {0};
    if (!s->stream)
        return;
    sandbox_message_encode(message, &out);
    http_tunnel_write(s->stream->tunnel, out.data, out.len);
    buf_free(&out);
}

void sandbox_send_policy(struct sandbox *s, uint64_t revision, struct policy *policy)
{
    if (!s->stream || revision <= s->sent_revision)
        return;
    s->sent_revision = revision;
    sandbox_send(s, &(struct sandbox_message){
                        .type = MESSAGE_POLICY,
                        .revision = {.revision = revision, .hash = policy_hash(policy),
                                     .policy = policy_json(policy)}});
}

/* ---- what became of a revision ---- */

struct report {
    struct sandboxes *all;
    char *id, *name;
    uint64_t revision;
    char *failed;                                   /* why; NULL: loaded */
    int64_t at_ms;
    struct error err;
    int rc;
};

static int write_report(struct store_tx *tx, void *arg, struct error *err)
{
    const struct report *r = arg;
    if (r->failed)
        return store_tx_revision_failed(tx, r->id, r->revision, r->failed, err);
    return store_tx_revision_loaded(tx, r->id, r->revision, r->at_ms, err);
}

static void report_work(void *arg)
{
    struct report *r = arg;
    r->rc = store_write(r->all->setup.store, write_report, r, &r->err);
}

static void report_written(void *arg)
{
    struct report *r = arg;
    if (r->rc != 0)
        log_error(r->all->setup.log, "cannot record what became of revision %lu of sandbox %s: %s",
                  (unsigned long)r->revision, r->name, r->err.text);
    else
        events_publish(r->all->setup.events, "revision", r->name,
                       json_pack("{s:I, s:s, s:s}", "revision", (json_int_t)r->revision, "status",
                                 r->failed ? "failed" : "loaded", "error", r->failed ? r->failed : ""));
    free(r->id);
    free(r->name);
    free(r->failed);
    free(r);
}

static void report(struct sandbox *s, uint64_t revision, const char *failed)
{
    struct report *r = alloc_zero(1, sizeof *r);
    *r = (struct report){.all = s->all, .id = alloc_str(s->id), .name = alloc_str(s->name), .revision = revision,
                         .failed = alloc_str(failed), .at_ms = clock_now_ms()};
    sandbox_record(s, report_work, report_written, r);
}

/* ---- hello: what it enforces, and what it should ---- */

struct catch_up {
    struct sandboxes *all;
    char *id;
    struct policy *policy;
    uint64_t revision;
};

static void read_newest(void *arg)
{
    struct catch_up *c = arg;
    struct arena *arena = arena_new();
    struct store_revision r;
    struct error err;
    struct problems problems = {0};
    if (store_revision_get(c->all->setup.store, c->id, 0, arena, &r, &err) == 0) {
        c->policy = policy_parse(r.policy_json, strlen(r.policy_json), DOC_JSON, &problems);
        c->revision = r.revision;
    } else {
        log_error(c->all->setup.log, "cannot read the newest policy of a sandbox: %s", err.text);
    }
    problems_free(&problems);
    arena_free(arena);
}

static void send_newest(void *arg)
{
    struct catch_up *c = arg;
    struct sandbox *s = sandbox_find(c->all, c->id);
    if (s && s->ready && c->policy)
        sandbox_send_policy(s, c->revision, c->policy);
    policy_unref(c->policy);
    free(c->id);
    free(c);
}

static void on_hello(struct sandbox *s, const struct sandbox_hello *hello)
{
    if (hello->protocol != SANDBOX_PROTOCOL_VERSION || strcmp(hello->sandbox, s->id) != 0) {
        log_error(s->all->setup.log, "the supervisor of sandbox %s speaks protocol %u, this gateway speaks %u: restart the sandbox",
                  s->name, hello->protocol, SANDBOX_PROTOCOL_VERSION);
        sandbox_close_stream(s);
        return;
    }
    if (s->state == SANDBOX_STOPPING) {             /* it was asked to before it could say hello */
        sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_STOP, .stop.grace_ms = STOP_GRACE_MS});
        return;
    }
    s->ready = true;
    s->sent_revision = hello->loaded_revision;
    json_decref(s->warnings);
    s->warnings = sandbox_json_of_texts(hello->warnings, hello->n_warnings);
    log_info(s->all->setup.log, "sandbox %s is ready at revision %lu", s->name, (unsigned long)hello->loaded_revision);
    report(s, hello->loaded_revision, NULL);
    sandbox_is_ready(s);
    sandbox_exec_send_all(s);
    struct catch_up *c = alloc_zero(1, sizeof *c);
    *c = (struct catch_up){.all = s->all, .id = alloc_str(s->id)};
    jobs_run(s->all->setup.jobs, NULL, read_newest, send_newest, c);
}

/* ---- lines ---- */

static void on_failed(struct sandbox *s, const struct sandbox_revision *revision)
{
    log_error(s->all->setup.log, "sandbox %s could not load revision %lu: %s", s->name,
              (unsigned long)revision->revision, revision->error);
    report(s, revision->revision, revision->error);
}

/* Returns true when the message's arena was taken over. */
static bool on_message(struct sandbox *s, const struct sandbox_message *m, struct arena *arena)
{
    switch (m->type) {
    case MESSAGE_HELLO:
        on_hello(s, &m->hello);
        return false;
    case MESSAGE_START_FAILED:
        error_set(&s->start_error, ERROR_UPSTREAM, "sandbox '%s' cannot be made: %s", s->name, m->log.text);
        return false;
    case MESSAGE_LOADED:
        report(s, m->revision.revision, NULL);
        return false;
    case MESSAGE_FAILED:
        on_failed(s, &m->revision);
        return false;
    case MESSAGE_DENIALS:
        sandbox_denied(s, &m->denials, arena);
        return true;
    case MESSAGE_TRAFFIC:
        sandbox_traffic(s, &m->traffic, arena);
        return true;
    case MESSAGE_LOG:
        sandbox_log_line(s, &m->log);
        return false;
    default:
        return false;
    }
}

static void on_line(struct sandbox *s, const char *line, size_t len)
{
    struct arena *arena = arena_new();
    struct sandbox_message message;
    struct error err;
    if (sandbox_message_decode(line, len, arena, &message, &err) != 0)
        log_warn(s->all->setup.log, "sandbox %s sent a line that cannot be read: %s", s->name, err.text);
    else if (on_message(s, &message, arena))
        return;
    arena_free(arena);
}

static void on_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    struct stream *stream = ctx;
    if (len == 0) {
        http_tunnel_close(tunnel);
        return;
    }
    buf_add(&stream->in, bytes, len);
    char *end;
    while (stream->s && stream->in.len && (end = memchr(stream->in.data, '\n', stream->in.len))) {
        size_t line = (size_t)(end - stream->in.data);
        on_line(stream->s, stream->in.data, line);
        buf_consume(&stream->in, line + 1);
    }
    if (stream->in.len > SANDBOX_LINE_MAX)
        http_tunnel_close(tunnel);
}

static void detach(struct sandbox *s)
{
    s->stream = NULL;
    s->ready = false;
    sandbox_exec_fail_all(s, "the connection to its supervisor broke");
}

static void on_close(void *ctx, const struct error *why)
{
    struct stream *stream = ctx;
    if (stream->s) {
        log_warn(stream->s->all->setup.log, "sandbox %s: the supervisor's stream ended%s%s", stream->s->name,
                 why ? ": " : "", why ? why->text : "");
        detach(stream->s);
    }
    buf_free(&stream->in);
    free(stream);
}

void sandbox_close_stream(struct sandbox *s)
{
    if (!s->stream)
        return;
    struct stream *stream = s->stream;
    stream->s = NULL;
    detach(s);
    http_tunnel_close(stream->tunnel);
}

void sandbox_accept_stream(struct sandbox *s, struct http_request *req)
{
    static const struct http_tunnel_callbacks callbacks = {.on_read = on_read, .on_close = on_close};
    if (!s || !http_upgrade_asked(req, SANDBOX_STREAM_UPGRADE)) {
        http_respond_problem(req, s ? 426 : 404, s ? "upgrade-required" : "not-found", NULL,
                             "this is a supervisor's stream: Upgrade: " SANDBOX_STREAM_UPGRADE, NULL);
        return;
    }
    sandbox_close_stream(s);                        /* a newer stream takes the older one's place */
    struct stream *stream = alloc_zero(1, sizeof *stream);
    stream->s = s;
    stream->tunnel = http_upgrade(req, SANDBOX_STREAM_UPGRADE, &callbacks, stream);
    if (!stream->tunnel) {
        free(stream);
        return;
    }
    s->stream = stream;
    sandbox_watch_holder(s);
}
