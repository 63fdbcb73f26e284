/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a peer that says exactly the bytes of a case, however wrong. */
#include "support/http.h"

#include "http/client.h"

struct peer {
    struct fixture *f;
    uv_pipe_t listener;
    struct net_stream *socket;                      /* the accepted connection */
    unsigned open;                                  /* listener and sockets */
    const char *answer;
    bool hold;                                      /* says its answer but does not end */
    struct buf got;
    /* what the client heard */
    unsigned calls;
    int status;
    struct buf body;
    struct error err;
};

static void end_answer(void *owner, int status)
{
    struct peer *peer = owner;
    if (status == 0 && !peer->hold)
        net_finish(peer->socket);
}

static void heard(void *owner, const char *bytes, ssize_t n)
{
    struct peer *peer = owner;
    struct buf answer = {0};
    if (n < 0)
        return;
    buf_add(&peer->got, bytes, (size_t)n);
    if (!peer->answer || !strstr(peer->got.data, "\r\n\r\n"))
        return;
    buf_puts(&answer, peer->answer);
    peer->answer = NULL;
    net_send(peer->socket, &answer);
}

static void socket_closed(void *owner)
{
    ((struct peer *)owner)->open--;
}

static const struct net_calls socket_calls = {
    .read = heard,
    .drained = end_answer,
    .closed = socket_closed,
};

static void accepted(uv_stream_t *stream, int status)
{
    struct peer *peer = stream->data;
    assert_int_equal(status, 0);
    if (peer->socket)
        net_close(peer->socket);
    peer->socket = net_socket_new(&peer->f->loop, NET_PIPE, &socket_calls, peer);
    peer->open++;
    assert_int_equal(net_accept(peer->socket, stream), 0);
    net_read(peer->socket);
}

static void listener_closed(uv_handle_t *handle)
{
    ((struct peer *)handle->data)->open--;
}

static void peer_open(struct peer *peer, const char *answer)
{
    *peer = (struct peer){.f = fixture_new(), .answer = answer, .open = 1};
    snprintf(peer->f->address, sizeof peer->f->address, "unix:%s/socket", peer->f->dir);
    uv_pipe_init(&peer->f->loop, &peer->listener, 0);
    peer->listener.data = peer;
    assert_int_equal(uv_pipe_bind(&peer->listener, peer->f->address + 5), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&peer->listener, 5, accepted), 0);
}

static void peer_close(struct peer *peer)
{
    uv_close((uv_handle_t *)&peer->listener, listener_closed);
    if (peer->socket)
        net_close(peer->socket);
    RUN_UNTIL(peer->f, peer->open == 0);
    buf_free(&peer->got);
    buf_free(&peer->body);
    fixture_free(peer->f);
}

static void on_response(void *ctx, const struct http_response *response)
{
    struct peer *peer = ctx;
    peer->calls++;
    peer->status = response->head->status;
    buf_add(&peer->body, buf_str(&response->body), response->body.len);
}

static void on_error(void *ctx, const struct error *err)
{
    struct peer *peer = ctx;
    peer->calls++;
    peer->status = -1;
    peer->err = *err;
}

static const struct http_call_callbacks callbacks = {on_response, NULL, on_error};

static struct http_call_request get(const struct peer *peer)
{
    return (struct http_call_request){.address = peer->f->address,
                                      .method = "GET",
                                      .path = "/x?y=z",
                                      .timeout_ms = patience_ms()};
}

static void call(struct peer *peer, const struct http_call_request *request)
{
    http_client_send(&peer->f->loop, request, &callbacks, peer);
    assert_int_equal(peer->calls, 0);
    RUN_UNTIL(peer->f, peer->calls);
}

static void expect_body(const char *answer, int status, const char *body)
{
    struct peer peer;
    peer_open(&peer, answer);
    struct http_call_request request = get(&peer);
    call(&peer, &request);
    if (peer.status != status || strcmp(buf_str(&peer.body), body) != 0)
        fail_msg("%s: got %d, \"%s\", %s", answer, peer.status, buf_str(&peer.body), peer.err.text);
    peer_close(&peer);
}

static void expect_error(const char *answer, enum error_kind kind, const char *text)
{
    struct peer peer;
    peer_open(&peer, answer);
    struct http_call_request request = get(&peer);
    request.max_body = 10;
    call(&peer, &request);
    if (peer.status != -1 || peer.err.kind != kind || !strstr(peer.err.text, text))
        fail_msg("%s: got %d, %s", answer, peer.status, peer.err.text);
    peer_close(&peer);
}

static void test_answers(void **state)
{
    (void)state;
    expect_body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc");
    expect_body("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "");
    expect_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 200, "abc");
    expect_body("HTTP/1.0 404 Not Found\r\n\r\nuntil the end", 404, "until the end");
    expect_body("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
    expect_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 201 Created\r\n"
                "Content-Length: 1\r\n\r\nx", 201, "x");
}

static void test_wrong_answers(void **state)
{
    (void)state;
    expect_error("", ERROR_UPSTREAM, "the connection ended before the answer was complete");
    expect_error("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", ERROR_UPSTREAM,
                 "the connection ended before the answer was complete");
    expect_error("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nabcdefghijk", ERROR_UPSTREAM,
                 "the body is too large: at most 10 bytes are taken here");
    expect_error("HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\nabc", ERROR_UPSTREAM,
                 "a line feed stands without a carriage return");
    expect_error("SSH-2.0-OpenSSH\r\n\r\n", ERROR_UPSTREAM, "the status line is not HTTP/1.1");
    expect_error("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
                 ERROR_UPSTREAM, "Duplicate Content-Length");
    expect_error("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
                 ERROR_UPSTREAM, "switched protocols without being asked to");
}

static void test_head_request(void **state)
{
    (void)state;
    struct peer peer;
    peer_open(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    struct http_call_request request = get(&peer);
    request.method = "HEAD";
    call(&peer, &request);
    assert_int_equal(peer.status, 200);
    peer_close(&peer);
}

static void test_what_is_sent(void **state)
{
    (void)state;
    struct peer peer;
    peer_open(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct http_field header = {"Sluice-Reason", "because"};
    struct http_call_request request = get(&peer);
    request.method = "PUT";
    request.headers = &header;
    request.n_headers = 1;
    request.type = "application/json";
    request.body = "{}";
    request.len = 2;
    call(&peer, &request);
    assert_string_equal(peer.got.data, "PUT /x?y=z HTTP/1.1\r\nHost: localhost\r\n"
                        "Sluice-Reason: because\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    peer_close(&peer);
}

static void test_timeout(void **state)
{
    (void)state;
    struct peer peer;
    peer_open(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
    peer.hold = true;
    struct http_call_request request = get(&peer);
    request.timeout_ms = 30;
    call(&peer, &request);
    assert_int_equal(peer.err.kind, ERROR_TIMEOUT);
    assert_non_null(strstr(peer.err.text, "socket: no complete answer in time"));
    peer_close(&peer);
}

static void fails(struct peer *peer, const struct http_call_request *request, enum error_kind kind,
                  const char *text)
{
    peer->calls = 0;
    call(peer, request);
    assert_int_equal(peer->err.kind, kind);
    if (!strstr(peer->err.text, text))
        fail_msg("wanted \"%s\" in \"%s\"", text, peer->err.text);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct peer peer;
    peer_open(&peer, "");
    struct http_call_request request = get(&peer);
    request.address = "unix:/no/such/socket";
    fails(&peer, &request, ERROR_UPSTREAM, "unix:/no/such/socket: no such file or directory");
    request.address = "tcp:127.0.0.1:1";
    fails(&peer, &request, ERROR_UPSTREAM, "tcp:127.0.0.1:1: connection refused");
    request.address = "ftp:x";
    fails(&peer, &request, ERROR_MALFORMED, "begins with neither unix: nor tcp:");
    request.address = "tcp:no-such-host.invalid:80";
    fails(&peer, &request, ERROR_UPSTREAM, "tcp:no-such-host.invalid:80: ");
    request = get(&peer);
    request.path = "/a\r\nEvil: yes";
    fails(&peer, &request, ERROR_MALFORMED, "contains what HTTP does not allow");
    struct http_field header = {"X", "a\nb"};
    request.path = "/";
    request.headers = &header;
    request.n_headers = 1;
    fails(&peer, &request, ERROR_MALFORMED, "contains what HTTP does not allow");
    assert_null(peer.socket);
    peer_close(&peer);
}

static void test_cancel(void **state)
{
    (void)state;
    struct peer peer;
    peer_open(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct http_call_request request = get(&peer);
    http_client_cancel(http_client_send(&peer.f->loop, &request, &callbacks, &peer));
    struct http_call *second = http_client_send(&peer.f->loop, &request, &callbacks, &peer);
    RUN_UNTIL(peer.f, peer.got.len);
    http_client_cancel(second);
    request.address = "tcp:localhost.invalid:1";
    http_client_cancel(http_client_send(&peer.f->loop, &request, &callbacks, &peer));
    for (int i = 0; i < 20; i++)
        uv_run(&peer.f->loop, UV_RUN_NOWAIT);
    assert_int_equal(peer.calls, 0);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_wrong_answers),
        cmocka_unit_test(test_head_request), cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_timeout), cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
