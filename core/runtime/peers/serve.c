/* SPDX-License-Identifier: Apache-2.0 */
/* The home's end of a question: who asks is recognised, what is asked is done here or refused. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/splice.h"
#include "net/tls.h"
#include "runtime/peers/connections.h"
#include "runtime/peers/peers.h"
#include "runtime/sessions/exec.h"
#include "runtime/sessions/logs.h"
#include "sandbox/wire/frame.h"

struct peer_conn {
    struct peer_conn *next;
    struct peers *peers;
    struct net_stream *stream;                      /* NULL: closed, or the splice's */
    struct net_splice *splice;
    struct log_follower *follower;
    struct buf received;
    struct arena *arena;
    char digest[DIGEST_HEX_SIZE];                   /* of the certificate of who asks */
    const char *gateway;                            /* its name; NULL: not known yet */
    uv_timer_t deadline;
    bool asked, ending;
    unsigned open_parts;                            /* stream, timer, job, command */
};

static void part_closed(struct peer_conn *c)
{
    struct peers *peers = c->peers;
    struct peer_conn **at = &peers->conns;
    if (--c->open_parts)
        return;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    peers->n_conns--;
    arena_free(c->arena);
    buf_wipe(&c->received);
    free(c);
    peers_release(peers);
}

static void deadline_closed(uv_handle_t *timer)
{
    part_closed(timer->data);
}

static void end(struct peer_conn *c)
{
    if (c->ending)
        return;
    c->ending = true;
    runtime_logs_unfollow(c->follower);
    c->follower = NULL;
    uv_close((uv_handle_t *)&c->deadline, deadline_closed);
    if (c->splice)
        net_splice_close(c->splice);
    if (c->stream)
        net_close(c->stream);
}

static void on_deadline(uv_timer_t *timer)
{
    end(timer->data);
}

void peer_conns_close(struct peers *peers)
{
    for (struct peer_conn *c = peers->conns; c; c = c->next)
        end(c);
}

/* ---- answers ---- */

static void send_json(struct peer_conn *c, json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    struct buf line = {0};
    buf_printf(&line, "%s\n", text ? text : "{}");
    net_write(c->stream, line.data, line.len);
    buf_free(&line);
    free(text);
    json_decref(answer);
}

/* The asking gateway reads it and closes; else the deadline does. */
static void refuse(struct peer_conn *c, const struct error *err)
{
    if (c->ending)
        return;
    send_json(c, json_pack("{s:b, s:s, s:s}", "ok", 0, "error", err->text, "kind",
                           error_word(err->kind)));
    net_finish(c->stream);
}

/* ---- commands ---- */

static void spliced_end(void *ctx, int status)
{
    struct peer_conn *c = ctx;
    (void)status;
    c->splice = NULL;
    end(c);
    part_closed(c);                                 /* for the stream, which was the splice's */
}

static void command_came(void *arg, struct net_stream *session, const struct error *err)
{
    struct peer_conn *c = arg;
    if (c->ending || err) {
        if (session)
            net_discard(session);
        if (err)
            refuse(c, err);
    } else {
        struct net_stream *far = c->stream;
        uv_timer_stop(&c->deadline);
        send_json(c, json_pack("{s:b}", "ok", 1));
        c->stream = NULL;
        c->splice = net_splice(far, session, spliced_end, c);
    }
    part_closed(c);                                 /* for the command */
}

static void command_runs(void *arg, int64_t pid, const struct error *err)
{
    struct peer_conn *c = arg;
    if (err)
        refuse(c, err);
    else if (!c->ending) {
        send_json(c, json_pack("{s:b, s:I}", "ok", 1, "pid", (json_int_t)pid));
        net_finish(c->stream);
    }
    part_closed(c);
}

/* ---- logs ---- */

static void send_frames(struct peer_conn *c, enum sandbox_frame_type type, const char *bytes,
                        size_t len)
{
    uint8_t header[FRAME_HEADER_SIZE];
    struct buf frames = {0};
    do {
        size_t n = len < FRAME_PAYLOAD_MAX ? len : FRAME_PAYLOAD_MAX;
        sandbox_frame_header(header, type, n);
        buf_add(&frames, header, sizeof header);
        buf_add(&frames, bytes, n);
        bytes += n;
        len -= n;
    } while (len);
    net_write(c->stream, frames.data, frames.len);
    buf_free(&frames);
}

static void log_line(void *ctx, const char *text, size_t len)
{
    struct peer_conn *c = ctx;
    if (net_queued(c->stream) <= PEER_LOG_QUEUE_MAX) {
        send_frames(c, FRAME_STDOUT, text, len);
        return;
    }
    runtime_logs_unfollow(c->follower);             /* without an EXIT: it was cut short */
    c->follower = NULL;
    net_finish(c->stream);
}

static void log_ended(void *ctx)
{
    static const char exit[] = "{\"code\":0}";
    struct peer_conn *c = ctx;
    c->follower = NULL;
    send_frames(c, FRAME_EXIT, exit, sizeof exit - 1);
    net_finish(c->stream);
}

static int send_logs(struct peer_conn *c, const char *id, bool follow, struct error *err)
{
    static const struct log_follower_calls calls = {log_line, log_ended};
    struct runtime *all = c->peers->all;
    struct buf text = {0};
    if (runtime_logs(all, id, &text, err) != 0)
        return -1;
    uv_timer_stop(&c->deadline);
    send_json(c, json_pack("{s:b, s:I}", "ok", 1, "kept", (json_int_t)text.len));
    if (text.len)
        send_frames(c, FRAME_STDOUT, text.data, text.len);
    buf_free(&text);
    if (follow)
        c->follower = runtime_logs_follow(all, id, &calls, c, err);
    if (!c->follower)
        log_ended(c);
    return 0;
}

/* ---- the question ---- */

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static int run(struct peer_conn *c, const char *id, struct sandbox_message *m, struct error *err)
{
    struct runtime *all = c->peers->all;
    if (m->type == MESSAGE_ATTACH)
        return runtime_attach(all, id, NULL, &m->attach, command_came, c, err);
    if (sandbox_exec_check(&m->exec, err) != 0)
        return -1;
    return m->exec.detach ? runtime_detach(all, id, NULL, &m->exec, command_runs, c, err)
                          : runtime_exec(all, id, NULL, &m->exec, command_came, c, err);
}

/* A sandbox that is at home elsewhere is refused: a question goes no further than here. */
static int answer(struct peer_conn *c, const json_t *head, const char *line, size_t len,
                  struct error *err)
{
    const char *op = text_of(head, "op"), *id = text_of(head, "sandbox");
    bool attaches = strcmp(op, PEER_ATTACH) == 0, logs = strcmp(op, PEER_LOGS) == 0;
    struct runtime *all = c->peers->all;
    struct sandbox_message m;
    if (json_integer_value(json_object_get(head, "sluice_peer")) != PEER_VERSION)
        return error_set(err, ERROR_UNSUPPORTED, "the gateways are of versions that do not "
                         "understand each other: upgrade the older one");
    if (!attaches && !logs && strcmp(op, PEER_EXEC) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "'%.32s' is nothing that a gateway does for "
                         "another one: upgrade the older one", op);
    if (all->draining)
        return error_set(err, ERROR_DRAINING, "the gateway is about to stop");
    const struct sandbox *s = sandbox_at_home(all, id, err);
    if (!s)
        return -1;
    log_info(all->setup.log, "sandbox %s: %.128s (%.280s) asks at the gateway %s: %s", s->name,
             text_of(head, "name"), text_of(head, "origin"), c->gateway, op);
    if (logs)
        return send_logs(c, id, json_is_true(json_object_get(head, "follow")), err);
    if (sandbox_message_decode(line, len, c->arena, &m, err) != 0)
        return -1;
    if (m.type != (attaches ? MESSAGE_ATTACH : MESSAGE_EXEC))
        return error_set(err, ERROR_MALFORMED, "the question has another message than it says");
    c->open_parts++;
    int rc = run(c, id, &m, err);
    if (rc != 0)
        c->open_parts--;
    return rc;
}

static void take_question(struct peer_conn *c)
{
    const char *bytes = c->received.data, *first, *second;
    struct error err;
    first = memchr(bytes, '\n', c->received.len);
    second = first ? memchr(first + 1, '\n', c->received.len - (size_t)(first + 1 - bytes)) : NULL;
    if (!second) {
        if (c->received.len > PEER_ANSWER_MAX + PEER_LINE_MAX)
            end(c);
        return;
    }
    c->asked = true;
    json_t *head = json_loadb(bytes, (size_t)(first - bytes), 0, NULL);
    if (answer(c, head, first + 1, (size_t)(second - first - 1), &err) != 0)
        refuse(c, &err);
    json_decref(head);
}

/* Once it has asked, what is read is the end: nothing else comes before the answer. */
static void on_read(void *owner, const char *bytes, ssize_t n)
{
    struct peer_conn *c = owner;
    if (n < 0 || c->asked) {
        end(c);
        return;
    }
    buf_add(&c->received, bytes, (size_t)n);
    take_question(c);
}

/* ---- who asks ---- */

static void find_gateway(void *arg)
{
    struct peer_conn *c = arg;
    struct store_gateway *list;
    struct error ignored;                           /* nobody is known then */
    size_t n;
    if (store_gateway_list(c->peers->all->setup.store, c->arena, &list, &n, &ignored) != 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (list[i].alive && strcmp(list[i].peer_digest, c->digest) == 0)
            c->gateway = list[i].name;
}

static void found_gateway(void *arg)
{
    struct peer_conn *c = arg;
    if (!c->ending && c->gateway) {
        net_read(c->stream);
    } else if (!c->ending) {
        log_warn(c->peers->all->setup.log, "somebody whose certificate is that of no gateway of "
                 "the store has connected to peers.address, and is sent away");
        end(c);
    }
    part_closed(c);
}

static void on_connected(void *owner, int status)
{
    struct peer_conn *c = owner;
    if (c->ending)
        return;
    if (status != 0 || !peer_digest(net_tls_ssl(c->stream), c->digest)) {
        end(c);
        return;
    }
    c->open_parts++;
    jobs_run(c->peers->all->setup.jobs, NULL, find_gateway, found_gateway, c);
}

static void on_drained(void *owner, int status)
{
    if (status < 0)
        end(owner);
}

static void on_closed(void *owner)
{
    struct peer_conn *c = owner;
    c->stream = NULL;
    end(c);
    part_closed(c);
}

static void unread(void *owner, const char *bytes, ssize_t n)
{
    (void)owner, (void)bytes, (void)n;
}

void peer_accept(uv_stream_t *listener, int status)
{
    static const struct net_calls raw = {.read = unread, .closed = on_closed},
                                  calls = {.read = on_read, .connected = on_connected,
                                           .drained = on_drained, .closed = on_closed};
    struct peers *peers = listener->data;
    if (status != 0)
        return;
    struct peer_conn *c = alloc_zero(1, sizeof *c);
    *c = (struct peer_conn){.next = peers->conns, .peers = peers, .arena = arena_new(),
                            .open_parts = 2};
    peers->conns = c;
    peers->n_conns++;
    uv_timer_init(listener->loop, &c->deadline);
    c->deadline.data = c;
    uv_timer_start(&c->deadline, on_deadline, PEER_ANSWER_MS, 0);
    c->stream = net_socket_new(listener->loop, NET_TCP, &raw, c);
    SSL *ssl = NULL;
    if (net_accept(c->stream, listener) == 0 && peers->n_conns <= PEER_CONNECTIONS_MAX)
        ssl = peer_ssl(peers->identity, true);
    if (!ssl) {
        end(c);
        return;
    }
    c->stream = net_tls_new(c->stream, ssl, NULL, 0, &calls, c);
    net_tls_expect(c->stream, PEER_HANDSHAKE_MS);
}
