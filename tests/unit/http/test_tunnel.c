/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http.h"

#include "http/client.h"
#include "net/splice.h"

/* One end of a tunnel and what was heard of it. */
struct end {
    struct http_tunnel *tunnel;
    struct buf got;
    bool ended, echo;
    unsigned drains, closes;
    bool broken;
    char why[1024];
};

static void end_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    struct end *end = ctx;
    buf_add(&end->got, bytes, len);
    end->ended |= len == 0;
    if (end->echo && len)
        http_tunnel_write(tunnel, bytes, len);
    if (end->echo && !len)
        http_tunnel_shutdown(tunnel);
}

static void end_drain(struct http_tunnel *tunnel, void *ctx)
{
    (void)tunnel;
    ((struct end *)ctx)->drains++;
}

static void end_close(void *ctx, const struct error *why)
{
    struct end *end = ctx;
    end->tunnel = NULL;
    end->closes++;
    end->broken = why != NULL;
    snprintf(end->why, sizeof end->why, "%s", why ? why->text : "");
}

static const struct http_tunnel_callbacks callbacks = {end_read, end_drain, end_close};

struct relay {
    struct fixture *f;
    struct end server[2];                           /* in the order of the requests */
    struct buf body[2];
    unsigned n;
};

static void upgrade(struct http_request *req, void *ctx)
{
    struct relay *relay = (struct relay *)ctx;
    struct end *end = &relay->server[relay->n];
    if (!http_upgrade_asked(req, "sluice-exec")) {
        http_respond_problem(req, 426, "upgrade-required", NULL, "ask for sluice-exec", NULL);
        return;
    }
    buf_add(&relay->body[relay->n++], buf_str(&req->body), req->body.len);
    end->tunnel = http_upgrade(req, "sluice-exec", &callbacks, end);
    assert_int_equal(end->got.len, 0);
}

static const struct http_route routes[] = {
    {.method = "POST", .pattern = "/exec", .handler = upgrade},
    {.method = "GET", .pattern = "/exec", .handler = upgrade},
};
static const struct http_router router = {.routes = routes, .n_routes = 2};

static struct relay *relay_new(bool tcp)
{
    struct relay *relay = alloc_zero(1, sizeof *relay);
    struct fixture *f = relay->f = fixture_new();
    char address[HTTP_ADDRESS_SIZE];
    snprintf(address, sizeof address, "unix:%s/socket", f->dir);
    f->server = http_server_new(&f->loop, NULL, &router, relay, &f->log);
    assert_int_equal(http_server_listen(f->server, tcp ? "tcp:127.0.0.1:0" : address, 0, NULL), 0);
    http_server_address(f->server, 0, f->address);
    return relay;
}

static void relay_free(struct relay *relay)
{
    fixture_free(relay->f);
    for (int i = 0; i < 2; i++) {
        buf_free(&relay->server[i].got);
        buf_free(&relay->body[i]);
    }
    free(relay);
}

#define ASK "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: sluice-exec\r\n"

static void test_bytes_behind_the_request(void **state)
{
    (void)state;
    struct relay *relay = relay_new(false);
    struct end *end = &relay->server[0];
    struct raw *raw = raw_new(relay->f);
    raw_puts(raw, "GET /exec HTTP/1.1\r\n" ASK "\r\nGET / HTTP/1.1\r\n");
    RUN_UNTIL(relay->f, end->got.len == 16);
    assert_string_equal(end->got.data, "GET / HTTP/1.1\r\n");
    RUN_UNTIL(relay->f, raw_has(raw, "sluice-exec\r\n\r\n"));
    assert_true(raw_has(raw, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_true(raw_has(raw, "Connection: upgrade\r\nUpgrade: sluice-exec\r\n\r\n"));
    assert_int_equal(http_server_stats(relay->f->server).tunnels, 1);
    http_tunnel_write(end->tunnel, "\0raw", 4);
    RUN_UNTIL(relay->f, memcmp(raw->got.data + raw->got.len - 4, "\0raw", 4) == 0);
    assert_int_equal(end->drains, 0);               /* the kernel took them at once */
    raw_end(raw);
    RUN_UNTIL(relay->f, end->ended);
    assert_int_equal(end->closes, 0);
    http_tunnel_write(end->tunnel, "last", 4);
    http_tunnel_shutdown(end->tunnel);
    RUN_UNTIL(relay->f, raw->eof && end->closes == 1);
    assert_true(raw_has(raw, "last") || raw->got.data[raw->got.len - 1] == 't');
    assert_false(end->broken);
    raw_free(raw);
    relay_free(relay);
}

static void test_body_first_then_upgrade(void **state)
{
    (void)state;
    struct relay *relay = relay_new(true);
    struct end *end = &relay->server[0];
    struct raw *raw = raw_new(relay->f);
    raw_puts(raw, "POST /exec HTTP/1.1\r\n" ASK "Content-Type: application/json\r\n"
                  "Content-Length: 16\r\n\r\n{\"cmd\":");
    raw_puts(raw, "[\"true\"]}stdin");
    RUN_UNTIL(relay->f, end->got.len == 5);
    assert_string_equal(buf_str(&relay->body[0]), "{\"cmd\":[\"true\"]}");
    assert_string_equal(end->got.data, "stdin");
    raw_free(raw);
    RUN_UNTIL(relay->f, end->ended || end->closes);
    if (end->tunnel)
        http_tunnel_close(end->tunnel);
    RUN_UNTIL(relay->f, end->closes == 1);
    relay_free(relay);
}

static void test_not_asked(void **state)
{
    (void)state;
    struct relay *relay = relay_new(false);
    struct raw *raw = raw_new(relay->f);
    raw_puts(raw, "GET /exec HTTP/1.1\r\nHost: a\r\nUpgrade: sluice-exec\r\n\r\n");
    RUN_UNTIL(relay->f, raw_has(raw, "HTTP/1.1 426 Upgrade Required"));
    raw_free(raw);
    relay_free(relay);
}

static void test_server_close_closes_tunnels(void **state)
{
    (void)state;
    struct relay *relay = relay_new(false);
    struct end *end = &relay->server[0];
    struct raw *raw = raw_new(relay->f);
    raw_puts(raw, "GET /exec HTTP/1.1\r\n" ASK "\r\n");
    RUN_UNTIL(relay->f, raw_has(raw, "101"));
    http_server_close(relay->f->server, mark, &relay->f->server_closed);
    assert_int_equal(end->closes, 0);
    RUN_UNTIL(relay->f, relay->f->server_closed);
    relay->f->server = NULL;
    assert_int_equal(end->closes, 1);
    assert_false(end->broken);
    raw_free(raw);
    relay_free(relay);
}

static void test_slow_reader(void **state)
{
    (void)state;
    struct relay *relay = relay_new(false);
    struct end *end = &relay->server[0];
    struct raw *raw = raw_new(relay->f);
    char block[64 * 1024];
    bool asked_to_wait = false;
    memset(block, 'x', sizeof block);
    raw_puts(raw, "GET /exec HTTP/1.1\r\n" ASK "\r\n");
    RUN_UNTIL(relay->f, raw_has(raw, "101"));
    net_pause(raw->socket);
    for (int i = 0; i < 140; i++)
        asked_to_wait |= !http_tunnel_write(end->tunnel, block, sizeof block);
    assert_true(asked_to_wait);
    RUN_UNTIL(relay->f, end->closes == 1);
    assert_true(end->broken);
    assert_string_equal(end->why, "writing to the tunnel failed: the peer reads too slowly");
    raw_free(raw);
    relay_free(relay);
}

/* The client side: a call that becomes a tunnel. */
struct caller {
    struct end end;
    struct http_tunnel *tunnel;
    int status;
    struct buf body;
    struct error err;
    bool failed;
};

static void on_response(void *ctx, const struct http_response *response)
{
    struct caller *caller = ctx;
    caller->status = response->head->status;
    buf_add(&caller->body, buf_str(&response->body), response->body.len);
}

static void on_upgrade(void *ctx, const struct http_head *head, struct http_tunnel *tunnel)
{
    struct caller *caller = ctx;
    caller->status = head->status;
    caller->tunnel = tunnel;
}

static void on_error(void *ctx, const struct error *err)
{
    struct caller *caller = ctx;
    caller->failed = true;
    caller->err = *err;
}

static const struct http_call_callbacks call_callbacks = {on_response, on_upgrade, on_error};

static void dial(struct relay *relay, struct caller *caller)
{
    struct http_call_request request = {
        .address = relay->f->address, .method = "POST", .path = "/exec", .type = "text/plain",
        .body = "hi", .len = 2, .upgrade = "sluice-exec"};
    http_client_send(&relay->f->loop, &request, &call_callbacks, caller);
    assert_false(caller->tunnel || caller->failed);
    RUN_UNTIL(relay->f, caller->tunnel || caller->failed);
    if (caller->failed)
        fail_msg("%s", caller->err.text);
    assert_int_equal(caller->status, 101);
}

static void test_client_tunnel(void **state)
{
    (void)state;
    struct relay *relay = relay_new(true);
    struct caller caller = {0};
    relay->server[0].echo = true;
    dial(relay, &caller);
    assert_string_equal(buf_str(&relay->body[0]), "hi");
    caller.end.tunnel = caller.tunnel;
    http_tunnel_start(caller.tunnel, &callbacks, &caller.end);
    http_tunnel_write(caller.tunnel, "ping", 4);
    http_tunnel_shutdown(caller.tunnel);
    RUN_UNTIL(relay->f, caller.end.closes == 1 && relay->server[0].closes == 1);
    assert_string_equal(caller.end.got.data, "ping");
    assert_true(caller.end.ended && relay->server[0].ended);
    assert_false(caller.end.broken || relay->server[0].broken);
    buf_free(&caller.end.got);
    relay_free(relay);
}

struct sender {
    unsigned drained, closed;
};

static void ignore_read(void *owner, const char *bytes, ssize_t n)
{
    (void)owner, (void)bytes, (void)n;
}

static void count_drained(void *owner, int status)
{
    ((struct sender *)owner)->drained += status == 0;
}

static void count_closed(void *owner)
{
    ((struct sender *)owner)->closed++;
}

/* Also of bytes that the kernel takes at once: who waits for that to end would wait for ever. */
static void test_stream_is_drained_of_what_is_sent(void **state)
{
    static const struct net_calls calls = {
        .read = ignore_read, .drained = count_drained, .closed = count_closed};
    (void)state;
    struct relay *relay = relay_new(false);
    struct caller caller = {0};
    struct sender sender = {0};
    struct buf bytes = {0};
    dial(relay, &caller);
    caller.end.tunnel = caller.tunnel;
    http_tunnel_start(caller.tunnel, &callbacks, &caller.end);
    struct net_stream *stream =
        http_tunnel_stream(relay->server[0].tunnel, &calls, &sender);
    buf_puts(&bytes, "hello");
    net_send(stream, &bytes);
    RUN_UNTIL(relay->f, sender.drained == 1);
    assert_int_equal(bytes.len, 0);
    net_close(stream);
    http_tunnel_shutdown(caller.tunnel);
    RUN_UNTIL(relay->f, sender.closed == 1 && caller.end.closes == 1);
    assert_string_equal(caller.end.got.data, "hello");
    buf_free(&caller.end.got);
    relay_free(relay);
}

static void spliced(void *ctx, int status)
{
    struct end *end = ctx;
    end->closes++;
    end->broken = status != 0;
}

/* a ─ server[0] ⇄ server[1] ─ b, where the server splices its two tunnels. */
struct pair {
    struct relay *relay;
    struct caller a, b;
    struct end splice;
};

static void pair_open(struct pair *pair)
{
    struct relay *relay = pair->relay = relay_new(false);
    dial(relay, &pair->a);
    dial(relay, &pair->b);
    pair->a.end.tunnel = pair->a.tunnel;
    pair->b.end.tunnel = pair->b.tunnel;
    net_splice(http_tunnel_stream(relay->server[0].tunnel, NULL, NULL),
               http_tunnel_stream(relay->server[1].tunnel, NULL, NULL), spliced, &pair->splice);
}

static void pair_close(struct pair *pair)
{
    buf_free(&pair->a.end.got);
    buf_free(&pair->b.end.got);
    relay_free(pair->relay);
}

static void test_splice(void **state)
{
    (void)state;
    enum { N = 4 << 20 };
    struct pair pair = {0};
    char *bytes = alloc_zero(1, N);
    memset(bytes, 'z', N);
    pair_open(&pair);
    http_tunnel_start(pair.a.tunnel, &callbacks, &pair.a.end);
    http_tunnel_write(pair.a.tunnel, bytes, N);
    http_tunnel_shutdown(pair.a.tunnel);
    /* b does not read yet: what is in the middle is bounded, the rest stays with a. */
    for (int i = 0; i < 200; i++)
        uv_run(&pair.relay->f->loop, UV_RUN_NOWAIT);
    assert_true(http_tunnel_queued(pair.relay->server[1].tunnel) <= HTTP_TUNNEL_QUEUE_HIGH + 65536);
    assert_true(http_tunnel_queued(pair.a.tunnel) > N / 2);
    http_tunnel_start(pair.b.tunnel, &callbacks, &pair.b.end);
    RUN_UNTIL(pair.relay->f, pair.b.end.ended);
    assert_int_equal(pair.b.end.got.len, N);
    assert_memory_equal(pair.b.end.got.data, bytes, N);
    assert_int_equal(pair.splice.closes, 0);
    http_tunnel_write(pair.b.tunnel, "answer", 6);      /* the other way is still open */
    http_tunnel_shutdown(pair.b.tunnel);
    RUN_UNTIL(pair.relay->f, pair.splice.closes && pair.a.end.closes && pair.b.end.closes);
    assert_string_equal(pair.a.end.got.data, "answer");
    assert_false(pair.splice.broken || pair.a.end.broken || pair.b.end.broken);
    free(bytes);
    pair_close(&pair);
}

/* One side is done while bytes for the other still wait: they arrive. */
static void test_splice_sends_what_is_queued(void **state)
{
    (void)state;
    enum { N = 400 * 1024 };
    struct pair pair = {0};
    char *bytes = alloc_zero(1, N);
    pair_open(&pair);
    http_tunnel_start(pair.a.tunnel, &callbacks, &pair.a.end);
    http_tunnel_write(pair.a.tunnel, bytes, N);
    http_tunnel_shutdown(pair.a.tunnel);
    http_tunnel_shutdown(pair.b.tunnel);
    RUN_UNTIL(pair.relay->f, pair.a.end.closes == 1);
    http_tunnel_start(pair.b.tunnel, &callbacks, &pair.b.end);
    RUN_UNTIL(pair.relay->f, pair.splice.closes && pair.b.end.closes);
    assert_int_equal(pair.b.end.got.len, N);
    assert_false(pair.splice.broken || pair.b.end.broken);
    free(bytes);
    pair_close(&pair);
}

static void test_splice_hang_up(void **state)
{
    (void)state;
    struct pair pair = {0};
    pair_open(&pair);
    http_tunnel_start(pair.b.tunnel, &callbacks, &pair.b.end);
    http_tunnel_start(pair.a.tunnel, &callbacks, &pair.a.end);
    http_tunnel_close(pair.a.tunnel);
    RUN_UNTIL(pair.relay->f, pair.b.end.ended);
    http_tunnel_shutdown(pair.b.tunnel);
    RUN_UNTIL(pair.relay->f, pair.splice.closes && pair.b.end.closes);
    assert_int_equal(pair.splice.closes, 1);
    pair_close(&pair);
}

static void test_splice_closed_early(void **state)
{
    (void)state;
    struct pair pair = {0};
    pair_open(&pair);
    http_tunnel_start(pair.a.tunnel, &callbacks, &pair.a.end);
    http_tunnel_start(pair.b.tunnel, &callbacks, &pair.b.end);
    http_tunnel_close(pair.relay->server[0].tunnel);
    RUN_UNTIL(pair.relay->f, pair.splice.closes == 1);
    RUN_UNTIL(pair.relay->f, pair.a.end.ended && pair.b.end.ended);
    http_tunnel_close(pair.a.tunnel);
    http_tunnel_close(pair.b.tunnel);
    RUN_UNTIL(pair.relay->f, pair.a.end.closes && pair.b.end.closes);
    pair_close(&pair);
}

/* Nobody reads what it sent: that its sender is gone is noticed nevertheless. */
static void test_hang_up_while_paused(void **state)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        (void)state;
        struct relay *relay = relay_new(tcp);
        struct end *end = &relay->server[0];
        struct raw *raw = raw_new(relay->f);
        raw_puts(raw, "GET /exec HTTP/1.1\r\n" ASK "\r\n");
        RUN_UNTIL(relay->f, raw_has(raw, "101"));
        http_tunnel_pause(end->tunnel);
        http_tunnel_close_at_end(end->tunnel);
        raw_puts(raw, "unread");
        assert_int_equal(end->closes, 0);
        raw_free(raw);
        RUN_UNTIL(relay->f, end->closes == 1);
        assert_int_equal(end->got.len, 0);
        assert_false(end->broken);
        relay_free(relay);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_behind_the_request),
        cmocka_unit_test(test_body_first_then_upgrade), cmocka_unit_test(test_not_asked),
        cmocka_unit_test(test_server_close_closes_tunnels), cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_client_tunnel),
        cmocka_unit_test(test_stream_is_drained_of_what_is_sent), cmocka_unit_test(test_splice),
        cmocka_unit_test(test_splice_sends_what_is_queued),
        cmocka_unit_test(test_splice_hang_up), cmocka_unit_test(test_splice_closed_early),
        cmocka_unit_test(test_hang_up_while_paused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
