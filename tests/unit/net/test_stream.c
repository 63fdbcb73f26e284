/* SPDX-License-Identifier: Apache-2.0 */
/* What net/stream.h promises, of every transport alike. */
#include "base/alloc.h"
#include "net/stream.h"
#include "net/tls.h"
#include "support/patience.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world;

struct end {
    struct world *world;
    struct net_stream *stream;
    struct buf got;
    unsigned drained, finished, ended, closed, connected;
    int status;                                     /* the last error of any callback */
    bool late;                                      /* a callback came after net_close */
    bool closing;
};

struct world {
    uv_loop_t loop;
    uv_timer_t watchdog;
    bool too_late;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } listener;
    bool listening;
    struct end a, b;                                /* b: the accepted one */
    char dir[32];
};

static void note(struct end *e, int status)
{
    e->late |= e->closing;
    if (status < 0)
        e->status = status;
}

static void on_read(void *owner, const char *bytes, ssize_t n)
{
    struct end *e = owner;
    note(e, n < 0 && n != UV_EOF ? (int)n : 0);
    e->ended += n == UV_EOF;
    if (n > 0)
        buf_add(&e->got, bytes, (size_t)n);
}

static void on_drained(void *owner, int status)
{
    note(owner, status);
    ((struct end *)owner)->drained++;
}

static void on_finished(void *owner, int status)
{
    note(owner, status);
    ((struct end *)owner)->finished++;
}

static void on_connected(void *owner, int status)
{
    note(owner, status);
    ((struct end *)owner)->connected++;
}

static void on_closed(void *owner)
{
    ((struct end *)owner)->closed++;
}

static const struct net_calls calls = {on_read, on_drained, on_finished, on_connected, on_closed};

static void expire(uv_timer_t *timer)
{
    ((struct world *)timer->data)->too_late = true;
}

#define RUN_UNTIL(w, condition)                     \
    do {                                            \
        while (!(condition)) {                      \
            assert_false((w)->too_late);            \
            uv_run(&(w)->loop, UV_RUN_ONCE);        \
        }                                           \
    } while (0)

static struct world *world_new(void)
{
    struct world *w = alloc_zero(1, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    uv_timer_init(&w->loop, &w->watchdog);
    w->watchdog.data = w;
    uv_timer_start(&w->watchdog, expire, patience_ms(), 0);
    strcpy(w->dir, "/tmp/net-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->a.world = w->b.world = w;
    return w;
}

static void accept_b(uv_stream_t *listener, int status)
{
    struct world *w = listener->data;
    assert_int_equal(status, 0);
    w->b.stream = net_socket_new(&w->loop, listener->type == UV_TCP ? NET_TCP : NET_PIPE, &calls,
                                 &w->b);
    assert_int_equal(net_accept(w->b.stream, listener), 0);
}

static void listen_on(struct world *w)
{
    w->listener.handle.data = w;
    w->listening = true;
    assert_int_equal(uv_listen(&w->listener.stream, 5, accept_b), 0);
}

static struct world *connect_tcp(void)
{
    struct world *w = world_new();
    struct sockaddr_in address;
    int len = sizeof address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&w->loop, &w->listener.tcp);
    assert_int_equal(uv_tcp_bind(&w->listener.tcp, (struct sockaddr *)&address, 0), 0);
    listen_on(w);
    uv_tcp_getsockname(&w->listener.tcp, (struct sockaddr *)&address, &len);
    w->a.stream = net_socket_new(&w->loop, NET_TCP, &calls, &w->a);
    assert_int_equal(net_connect_tcp(w->a.stream, (struct sockaddr *)&address), 0);
    RUN_UNTIL(w, w->a.connected && w->b.stream);
    return w;
}

static struct world *connect_pipe(void)
{
    struct world *w = world_new();
    char path[64];
    snprintf(path, sizeof path, "%s/s", w->dir);
    uv_pipe_init(&w->loop, &w->listener.pipe, 0);
    assert_int_equal(uv_pipe_bind(&w->listener.pipe, path), 0);
    listen_on(w);
    w->a.stream = net_socket_new(&w->loop, NET_PIPE, &calls, &w->a);
    assert_int_equal(net_connect_unix(w->a.stream, path), 0);
    RUN_UNTIL(w, w->a.connected && w->b.stream);
    return w;
}

static struct world *connect_memory(void)
{
    struct world *w = world_new();
    struct net_stream *pair[2];
    net_memory_pair(&w->loop, pair, &calls, &w->a, &w->b);
    w->a.stream = pair[0];
    w->b.stream = pair[1];
    return w;
}

static SSL_CTX *contexts[2];                        /* of a, a client, and of b */

static void make_contexts(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    contexts[0] = SSL_CTX_new(TLS_client_method());
    contexts[1] = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(contexts[1], cert);
    SSL_CTX_use_PrivateKey(contexts[1], key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static SSL *new_ssl(int side)
{
    SSL *ssl = SSL_new(contexts[side]);
    if (side)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

static struct world *wrap(struct world *w)
{
    w->a.connected = w->b.connected = 0;
    w->a.stream = net_tls_new(w->a.stream, new_ssl(0), NULL, 0, &calls, &w->a);
    w->b.stream = net_tls_new(w->b.stream, new_ssl(1), NULL, 0, &calls, &w->b);
    RUN_UNTIL(w, w->a.connected && w->b.connected);
    assert_int_equal(w->a.status, 0);
    assert_int_equal(w->b.status, 0);
    assert_string_equal(net_tls_problem(w->a.stream), "");
    return w;
}

static struct world *connect_tls(void)
{
    return wrap(connect_tcp());
}

static struct world *connect_tls_in_memory(void)
{
    return wrap(connect_memory());
}

static void end_close(struct end *e)
{
    if (!e->stream)
        return;
    if (!e->closing)
        net_close(e->stream);
    e->closing = true;
    RUN_UNTIL(e->world, e->closed);
    assert_int_equal(e->closed, 1);
    assert_false(e->late);
    buf_free(&e->got);
}

static void world_free(struct world *w)
{
    end_close(&w->a);
    end_close(&w->b);
    uv_close((uv_handle_t *)&w->watchdog, NULL);
    if (w->listening)
        uv_close(&w->listener.handle, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_null(w->loop.data);                      /* the read buffer went with the last stream */
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(rmdir(w->dir), 0);
    free(w);
}

static void turn(struct world *w, int times)
{
    while (times--)
        uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void bytes_arrive_in_order(struct world *w)
{
    struct buf text = {0};
    net_read(w->b.stream);
    net_write(w->a.stream, "one ", 4);
    buf_puts(&text, "two ");
    net_send(w->a.stream, &text);
    assert_int_equal(text.len, 0);
    net_write(w->a.stream, "three", 5);
    RUN_UNTIL(w, w->b.got.len == 13);
    assert_string_equal(w->b.got.data, "one two three");
}

static void send_always_drains_and_only_from_the_loop(struct world *w)
{
    struct buf text = {0};
    net_read(w->b.stream);
    buf_puts(&text, "x");
    net_send(w->a.stream, &text);
    assert_int_equal(w->a.drained, 0);
    RUN_UNTIL(w, w->a.drained == 1);
    net_send(w->a.stream, &text);                   /* nothing to send */
    assert_int_equal(w->a.drained, 1);
    RUN_UNTIL(w, w->a.drained == 2);
    assert_int_equal(w->a.status, 0);
}

static void a_reader_that_pauses_holds_the_writer_back(struct world *w)
{
    enum { BLOCK = 256 * 1024 };
    char *block = alloc_zero(1, BLOCK);
    size_t sent = 0;
    memset(block, 'y', BLOCK);
    while (net_write(w->a.stream, block, BLOCK))
        sent += BLOCK;
    sent += BLOCK;
    turn(w, 20);
    assert_true(net_queued(w->a.stream) > 0);
    assert_int_equal(w->a.drained, 0);
    assert_int_equal(w->b.got.len, 0);
    net_read(w->b.stream);
    RUN_UNTIL(w, w->a.drained && w->b.got.len == sent);
    assert_int_equal(w->a.drained, 1);
    assert_int_equal(net_queued(w->a.stream), 0);
    net_pause(w->b.stream);
    size_t before = w->b.got.len;
    net_write(w->a.stream, "z", 1);
    turn(w, 20);
    assert_int_equal(w->b.got.len, before);
    free(block);
}

static void pause_when_read(void *owner, const char *bytes, ssize_t n)
{
    on_read(owner, bytes, n);
    net_pause(((struct end *)owner)->stream);
}

/* Bytes and the end arrive together; the reader pauses at the bytes. */
static void the_end_waits_for_a_reader_that_pauses(struct world *w)
{
    struct net_calls pausing = calls;
    pausing.read = pause_when_read;
    net_set_owner(w->b.stream, &pausing, &w->b);
    net_write(w->a.stream, "last", 4);
    net_finish(w->a.stream);
    turn(w, 20);
    net_read(w->b.stream);
    RUN_UNTIL(w, w->b.got.len == 4);
    turn(w, 20);
    assert_int_equal(w->b.ended, 0);
    net_pause(w->b.stream);
    net_read(w->b.stream);                          /* as if it had not paused */
    RUN_UNTIL(w, w->b.ended);
    turn(w, 20);
    assert_int_equal(w->b.ended, 1);
    assert_int_equal(w->b.status, 0);
    net_set_owner(w->b.stream, &calls, &w->b);
}

static void half_a_stream_ends_after_what_is_queued(struct world *w)
{
    enum { BIG = 3 * 1024 * 1024 };
    struct buf big = {0};
    buf_reserve(&big, BIG);
    memset(big.data, 'q', BIG);
    big.len = BIG;
    net_read(w->a.stream);
    net_read(w->b.stream);
    net_send(w->a.stream, &big);
    net_finish(w->a.stream);
    net_finish(w->a.stream);                        /* once is enough */
    assert_true(net_write(w->a.stream, "late", 4)); /* dropped */
    RUN_UNTIL(w, w->b.ended && w->a.finished);
    assert_int_equal(w->b.got.len, BIG);
    assert_int_equal(w->a.finished, 1);
    assert_int_equal(w->a.drained, 1);
    net_write(w->b.stream, "answer", 6);            /* the other half goes on */
    RUN_UNTIL(w, w->a.got.len == 6);
    net_finish(w->b.stream);
    RUN_UNTIL(w, w->a.ended);
    assert_int_equal(w->b.ended, 1);
}

static void finish_from_drained(void *owner, int status)
{
    on_drained(owner, status);
    net_finish(((struct end *)owner)->stream);
}

static void ending_from_a_callback_ends_once(struct world *w)
{
    struct net_calls finishing = calls;
    struct buf text = {0};
    finishing.drained = finish_from_drained;
    net_set_owner(w->a.stream, &finishing, &w->a);
    net_read(w->b.stream);
    buf_puts(&text, "x");
    net_send(w->a.stream, &text);
    RUN_UNTIL(w, w->b.ended);
    turn(w, 20);
    assert_int_equal(w->a.finished, 1);
    assert_int_equal(w->a.status, 0);
    net_set_owner(w->a.stream, &calls, &w->a);
}

static void closing_ends_the_peer_and_calls_nothing_more(struct world *w)
{
    struct buf text = {0};
    net_read(w->b.stream);
    buf_puts(&text, "x");
    net_send(w->a.stream, &text);
    net_close(w->a.stream);
    w->a.closing = true;
    assert_true(net_write(w->a.stream, "x", 1));
    assert_int_equal(net_queued(w->a.stream), 0);
    net_read(w->a.stream);
    net_finish(w->a.stream);
    assert_int_equal(w->a.closed, 0);               /* from the loop, not from net_close */
    RUN_UNTIL(w, w->a.closed && (w->b.ended || w->b.status));
    assert_int_equal(w->a.drained + w->a.finished, 0);
}

static void writing_to_a_closed_peer_breaks_the_stream(struct world *w)
{
    char block[4096] = "";
    net_close(w->b.stream);
    w->b.closing = true;
    RUN_UNTIL(w, w->b.closed);
    while (!w->a.status) {
        struct buf text = {0};
        buf_add(&text, block, sizeof block);
        net_send(w->a.stream, &text);
        uv_run(&w->loop, UV_RUN_ONCE);
        assert_false(w->too_late);
    }
    assert_true(net_write(w->a.stream, block, sizeof block));
    assert_int_equal(net_queued(w->a.stream), 0);
}

static void a_new_owner_gets_what_follows(struct world *w)
{
    struct end other = {.world = w};
    net_read(w->b.stream);
    net_write(w->a.stream, "old", 3);
    RUN_UNTIL(w, w->b.got.len == 3);
    net_set_owner(w->b.stream, &calls, &other);
    net_write(w->a.stream, "new", 3);
    turn(w, 20);
    assert_int_equal(other.got.len, 0);             /* paused until it reads */
    net_read(w->b.stream);
    RUN_UNTIL(w, other.got.len == 3);
    assert_int_equal(w->b.got.len, 3);
    net_set_owner(w->b.stream, &calls, &w->b);
    buf_free(&other.got);
}

#define OVER(transport, what)                                    \
    static void what##_over_##transport(void **state)            \
    {                                                            \
        (void)state;                                             \
        struct world *w = connect_##transport();                 \
        what(w);                                                 \
        world_free(w);                                           \
    }

#define TRANSPORTS(X, what)                                       \
    X(tcp, what) X(pipe, what) X(memory, what) X(tls, what) X(tls_in_memory, what)
#define PROMISES(X)                                  \
    X(bytes_arrive_in_order)                         \
    X(send_always_drains_and_only_from_the_loop)     \
    X(the_end_waits_for_a_reader_that_pauses)        \
    X(half_a_stream_ends_after_what_is_queued)       \
    X(ending_from_a_callback_ends_once)              \
    X(closing_ends_the_peer_and_calls_nothing_more)  \
    X(writing_to_a_closed_peer_breaks_the_stream)    \
    X(a_new_owner_gets_what_follows)

#define DEFINE(what) TRANSPORTS(OVER, what)
PROMISES(DEFINE)
TRANSPORTS(OVER, a_reader_that_pauses_holds_the_writer_back)

static void a_port_nobody_listens_on_is_an_error(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", 1, &address);
    w->a.stream = net_socket_new(&w->loop, NET_TCP, &calls, &w->a);
    assert_int_equal(net_connect_tcp(w->a.stream, (struct sockaddr *)&address), 0);
    RUN_UNTIL(w, w->a.connected);
    assert_int_equal(w->a.status, UV_ECONNREFUSED);
    world_free(w);
}

/* What is written before the handshake is over waits for it, and so does the end. */
static void early_bytes_wait_for_the_handshake(void **state)
{
    (void)state;
    struct world *w = connect_memory();
    w->a.stream = net_tls_new(w->a.stream, new_ssl(0), NULL, 0, &calls, &w->a);
    net_read(w->b.stream);
    assert_false(net_write(w->a.stream, "early", 5));
    assert_int_equal(net_queued(w->a.stream), 5);
    net_finish(w->a.stream);
    RUN_UNTIL(w, w->b.got.len > 0);                 /* the hello, in the clear */
    struct buf hello = w->b.got;
    w->b.got = (struct buf){0};
    w->b.stream = net_tls_new(w->b.stream, new_ssl(1), hello.data, hello.len, &calls, &w->b);
    net_read(w->b.stream);
    RUN_UNTIL(w, w->b.ended && w->a.drained && w->a.finished);
    assert_string_equal(w->b.got.data, "early");
    assert_false(net_tls_cut_short(w->b.stream));
    buf_free(&hello);
    world_free(w);
}

static void an_end_without_notice_is_told_apart(void **state)
{
    (void)state;
    struct world *w = connect_tls_in_memory();
    net_read(w->b.stream);
    net_write(w->a.stream, "half", 4);
    net_read(w->a.stream);                          /* session tickets of the server */
    RUN_UNTIL(w, w->b.got.len == 4 && net_queued(w->b.stream) == 0);
    net_close(w->a.stream);
    w->a.closing = true;
    RUN_UNTIL(w, w->b.ended);
    assert_true(net_tls_cut_short(w->b.stream));
    world_free(w);
}

static void what_is_no_tls_fails_with_the_reason(void **state)
{
    (void)state;
    struct world *w = connect_memory();
    w->b.stream = net_tls_new(w->b.stream, new_ssl(1), NULL, 0, &calls, &w->b);
    net_write(w->a.stream, "GET / HTTP/1.1\r\n\r\n", 18);
    RUN_UNTIL(w, w->b.connected);
    assert_int_equal(w->b.status, UV_EPROTO);
    assert_string_equal(net_tls_problem(w->b.stream), "http request");
    world_free(w);
}

static void a_certificate_that_is_not_trusted_fails_with_the_reason(void **state)
{
    (void)state;
    struct world *w = connect_memory();
    SSL *ssl = new_ssl(0);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    w->a.stream = net_tls_new(w->a.stream, ssl, NULL, 0, &calls, &w->a);
    w->b.stream = net_tls_new(w->b.stream, new_ssl(1), NULL, 0, &calls, &w->b);
    RUN_UNTIL(w, w->a.connected && w->b.status);
    assert_int_equal(w->a.status, UV_EPROTO);
    assert_string_equal(net_tls_problem(w->a.stream), "self-signed certificate");
    assert_int_equal(w->b.status, UV_EPROTO);
    world_free(w);
}

static void a_peer_that_goes_during_the_handshake_is_an_error(void **state)
{
    (void)state;
    struct world *w = connect_tcp();
    w->a.connected = 0;
    w->a.stream = net_tls_new(w->a.stream, new_ssl(0), NULL, 0, &calls, &w->a);
    net_close(w->b.stream);
    w->b.closing = true;
    RUN_UNTIL(w, w->a.connected);
    assert_true(w->a.status == UV_ECONNRESET || w->a.status == UV_EPIPE);
    world_free(w);
}

#define TEST(transport, what) cmocka_unit_test(what##_over_##transport),
#define TESTS(what) TRANSPORTS(TEST, what)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISES(TESTS)
        TRANSPORTS(TEST, a_reader_that_pauses_holds_the_writer_back)
        cmocka_unit_test(a_port_nobody_listens_on_is_an_error),
        cmocka_unit_test(early_bytes_wait_for_the_handshake),
        cmocka_unit_test(an_end_without_notice_is_told_apart),
        cmocka_unit_test(what_is_no_tls_fails_with_the_reason),
        cmocka_unit_test(a_certificate_that_is_not_trusted_fails_with_the_reason),
        cmocka_unit_test(a_peer_that_goes_during_the_handshake_is_an_error),
    };
    make_contexts();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    SSL_CTX_free(contexts[0]);
    SSL_CTX_free(contexts[1]);
    return failed;
}
