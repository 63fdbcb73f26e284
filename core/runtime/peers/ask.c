/* SPDX-License-Identifier: Apache-2.0 */
/* The asking end of a question: the home is looked up, dialled, recognised and asked. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/tls.h"
#include "runtime/peers/connections.h"
#include "runtime/peers/peers.h"

enum { PEER_HOST_SIZE = 254 };

struct peer_ask {
    struct peer_ask *next;
    struct peers *peers;
    struct arena *arena;
    struct peer_question question;                  /* without what it borrowed */
    struct peer_home home;
    struct buf lines, received;                     /* to the home, from it */
    struct net_stream *stream;                      /* NULL: none yet, or handed on */
    uv_timer_t deadline;
    uv_getaddrinfo_t resolving;
    bool is_resolving, told;                        /* told: whoever asks has the answer */
    unsigned open_parts;
    struct error err;
    int rc;
};

static void part_closed(struct peer_ask *a)
{
    struct peers *peers = a->peers;
    struct peer_ask **at = &peers->asks;
    if (--a->open_parts)
        return;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    arena_free(a->arena);
    buf_wipe(&a->lines);
    buf_free(&a->received);
    free(a);
    peers_release(peers);
}

static void deadline_closed(uv_handle_t *timer)
{
    part_closed(timer->data);
}

/* The last thing that whoever asked hears. */
static void tell(struct peer_ask *a, struct net_stream *session, int64_t pid, size_t n_kept,
                 const struct error *err)
{
    const struct peer_question *q = &a->question;
    if (a->told)
        return;
    a->told = true;
    uv_close((uv_handle_t *)&a->deadline, deadline_closed);
    if (a->stream)
        net_close(a->stream);
    if (a->is_resolving)
        uv_cancel((uv_req_t *)&a->resolving);
    if (q->detached)
        q->detached(q->arg, pid, err);
    else if (q->done)
        q->done(q->arg, session, err);
    else
        q->logs(q->arg, session, n_kept, err);
}

static void fail(struct peer_ask *a, enum error_kind kind, const char *why)
{
    struct error err;
    error_set(&err, kind, "the gateway %s, where sandbox '%s' runs, cannot be asked: %s",
              a->home.gateway.name ? a->home.gateway.name : "elsewhere", a->home.sandbox, why);
    tell(a, NULL, 0, 0, &err);
}

static void on_deadline(uv_timer_t *timer)
{
    fail(timer->data, ERROR_TIMEOUT, "it has not answered in time");
}

void peer_asks_fail(struct peers *peers)
{
    for (struct peer_ask *a = peers->asks; a; a = a->next)
        fail(a, ERROR_DRAINING, "this gateway is stopping");
}

/* ---- the answer ---- */

static enum error_kind kind_of(const char *word)
{
#define X(id, status, name)                                                                        \
    if (strcmp(word, name) == 0)                                                                   \
        return ERROR_##id;
    ERROR_KINDS(X)
#undef X
    return ERROR_UPSTREAM;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static void take_answer(struct peer_ask *a, const json_t *answer)
{
    struct error err;
    struct net_stream *session = NULL;
    if (!json_is_true(json_object_get(answer, "ok"))) {
        error_set(&err, kind_of(text_of(answer, "kind")), "%.900s", text_of(answer, "error"));
        tell(a, NULL, 0, 0, &err);
        return;
    }
    if (!a->question.detached) {
        session = peer_session_new(a->peers, a->stream, &a->received, &a->home);
        a->stream = NULL;
    }
    tell(a, session, json_integer_value(json_object_get(answer, "pid")),
         (size_t)json_integer_value(json_object_get(answer, "kept")), NULL);
    if (session)
        part_closed(a);                             /* the stream is the session's now */
}

static void on_read(void *owner, const char *bytes, ssize_t n)
{
    struct peer_ask *a = owner;
    if (n < 0) {
        fail(a, ERROR_UPSTREAM, n == UV_EOF ? "it ended the connection: it may not know this "
                                              "gateway" : uv_strerror((int)n));
        return;
    }
    buf_add(&a->received, bytes, (size_t)n);
    char *end = memchr(a->received.data, '\n', a->received.len);
    if (!end && a->received.len > PEER_ANSWER_MAX)
        fail(a, ERROR_UPSTREAM, "its answer is too long");
    if (!end)
        return;
    size_t len = (size_t)(end - a->received.data);
    json_t *answer = json_loadb(a->received.data, len, 0, NULL);
    net_pause(a->stream);
    buf_consume(&a->received, len + 1);
    if (json_is_object(answer))
        take_answer(a, answer);
    else
        fail(a, ERROR_UPSTREAM, "its answer is no JSON object");
    json_decref(answer);
}

/* ---- the connection ---- */

static void on_closed(void *owner)
{
    struct peer_ask *a = owner;
    a->stream = NULL;
    part_closed(a);
}

static void on_broken(void *owner, int status)
{
    if (status < 0)
        fail(owner, ERROR_UPSTREAM, uv_strerror(status));
}

static void unread(void *owner, const char *bytes, ssize_t n)
{
    (void)owner, (void)bytes, (void)n;
}

static void tls_connected(void *owner, int status)
{
    struct peer_ask *a = owner;
    char digest[DIGEST_HEX_SIZE];
    if (a->told)
        return;
    if (status != 0)
        fail(a, ERROR_UPSTREAM,
             *net_tls_problem(a->stream) ? net_tls_problem(a->stream) : uv_strerror(status));
    else if (!peer_digest(net_tls_ssl(a->stream), digest) ||
             strcmp(digest, a->home.gateway.peer_digest) != 0)
        fail(a, ERROR_UPSTREAM, "who answers there has another certificate than the store says");
    else {
        net_write(a->stream, a->lines.data, a->lines.len);
        net_read(a->stream);
    }
}

static void tcp_connected(void *owner, int status)
{
    static const struct net_calls calls = {
        .read = on_read, .connected = tls_connected, .drained = on_broken, .closed = on_closed};
    struct peer_ask *a = owner;
    SSL *ssl = status == 0 && !a->told ? peer_ssl(a->peers->identity, false) : NULL;
    if (ssl)
        a->stream = net_tls_new(a->stream, ssl, NULL, 0, &calls, a);
    else
        fail(a, ERROR_UPSTREAM, status ? uv_strerror(status) : "TLS cannot be set up");
}

static void connect_to(struct peer_ask *a, const struct sockaddr *ip)
{
    static const struct net_calls calls = {
        .read = unread, .connected = tcp_connected, .closed = on_closed};
    a->stream = net_socket_new(a->peers->all->setup.loop, NET_TCP, &calls, a);
    a->open_parts++;
    int rc = net_connect_tcp(a->stream, ip);
    if (rc != 0)
        fail(a, ERROR_UPSTREAM, uv_strerror(rc));
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct peer_ask *a = req->data;
    a->is_resolving = false;
    if (!a->told && status == 0)
        connect_to(a, found->ai_addr);
    else
        fail(a, ERROR_UPSTREAM, uv_strerror(status));
    uv_freeaddrinfo(found);
    part_closed(a);
}

/* tcp:HOST:PORT, where HOST may stand in brackets.  False: it is none. */
static bool read_address(const char *text, char host[PEER_HOST_SIZE], char port[8])
{
    const char *colon = strrchr(text, ':');
    const char *first = strncmp(text, "tcp:", 4) == 0 ? text + 4 : NULL;
    if (!first || !colon || colon <= first)
        return false;
    size_t len = (size_t)(colon - first);
    if (*first == '[' && first[len - 1] == ']') {
        first++;
        len -= 2;
    }
    snprintf(host, PEER_HOST_SIZE, "%.*s", (int)len, first);
    snprintf(port, 8, "%s", colon + 1);
    return len > 0 && len < PEER_HOST_SIZE;
}

static void dial(struct peer_ask *a)
{
    char host[PEER_HOST_SIZE], port[8];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (!read_address(a->home.gateway.peer_address, host, port)) {
        fail(a, ERROR_UPSTREAM, "its address on record is none");
        return;
    }
    a->resolving.data = a;
    int rc = uv_getaddrinfo(a->peers->all->setup.loop, &a->resolving, on_resolved, host, port,
                            &hints);
    if (rc != 0) {
        fail(a, ERROR_UPSTREAM, uv_strerror(rc));
        return;
    }
    a->is_resolving = true;
    a->open_parts++;
}

/* ---- who has it, by the store ---- */

static int find_home(struct peer_ask *a)
{
    struct runtime *all = a->peers->all;
    struct store_sandbox record;
    struct store_gateway *list;
    size_t n;
    if (store_sandbox_by_id(all->setup.store, a->home.sandbox_id, a->arena, &record, &a->err) != 0)
        return -1;
    if (record.deleted_at_ms)
        return error_set(&a->err, ERROR_NOT_FOUND, "the sandbox was deleted");
    if (!*record.home || strcmp(record.home, all->setup.gateway_id) == 0)
        return error_set(&a->err, ERROR_STATE, "sandbox '%s' is just coming to this gateway: try "
                         "again", a->home.sandbox);
    if (store_gateway_list(all->setup.store, a->arena, &list, &n, &a->err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].id, record.home) == 0 && list[i].alive && *list[i].peer_address) {
            a->home.gateway = list[i];
            return 0;
        }
    return runtime_refuse_foreign(all, a->home.sandbox, record.home, &a->err);
}

static void look_up(void *arg)
{
    struct peer_ask *a = arg;
    a->rc = find_home(a);
}

static void looked_up(void *arg)
{
    struct peer_ask *a = arg;
    if (!a->told && a->rc == 0)
        dial(a);
    else
        tell(a, NULL, 0, 0, &a->err);
    part_closed(a);
}

/* ---- the question ---- */

static void write_question(const struct peer_question *q, const char *sandbox_id, struct buf *out)
{
    const struct auth_principal *who = q->who;
    json_t *head = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b}", "sluice_peer", PEER_VERSION, "op",
                             q->op, "sandbox", sandbox_id, "name", who ? who->name : "",
                             "origin", who ? who->origin : "", "follow", q->follow);
    char *text = json_dumps(head, JSON_COMPACT);
    buf_puts(out, text ? text : "{}");
    buf_putc(out, '\n');
    if (q->message)
        sandbox_message_encode(q->message, out);
    else
        buf_puts(out, "{}\n");
    free(text);
    json_decref(head);
}

void peers_ask(const struct sandbox *s, const struct peer_question *question)
{
    struct peers *peers = s->all->peers;
    struct peer_ask *a = alloc_zero(1, sizeof *a);
    a->peers = peers;
    a->next = peers->asks;
    peers->asks = a;
    a->arena = arena_new();
    a->question = *question;
    a->question.who = NULL;
    a->question.message = NULL;
    a->home.sandbox_id = arena_str(a->arena, s->id);
    a->home.sandbox = arena_str(a->arena, s->name);
    write_question(question, s->id, &a->lines);
    uv_timer_init(peers->all->setup.loop, &a->deadline);
    a->deadline.data = a;
    uv_timer_start(&a->deadline, on_deadline, PEER_ANSWER_MS, 0);
    a->open_parts = 2;                              /* the timer, and the job */
    jobs_run(peers->all->setup.jobs, NULL, look_up, looked_up, a);
}
