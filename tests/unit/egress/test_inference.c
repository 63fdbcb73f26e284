/* SPDX-License-Identifier: Apache-2.0 */
/* https://inference.local: calls of models go to the server of a route with its key and model, and
 * come back as they stream; what is not served says why. */
#include "egress/local/inference.h"
#include "support/inspected.h"

#define JSON_POST(path, more, body, length)                                                   \
    "POST " path " HTTP/1.1\r\nHost: inference.local\r\nContent-Type: application/json\r\n" more \
    "Content-Length: " #length "\r\n\r\n" body

struct talk {
    struct scene s;
    struct tls_end client;
    struct end *origin;
    char url[64];
};

/* The client's TLS with inference.local is established. */
static void open_tunnel(struct talk *t)
{
    struct end *end = rig_end(&t->s.rig, t->s.puppet.socket);
    SSL *ssl = SSL_new(t->s.client);
    end_send(end, "CONNECT inference.local:443 HTTP/1.1\r\nHost: inference.local:443\r\n\r\n");
    UNTIL(&t->s.rig, end_has(end, "\r\n\r\n"));
    assert_string_equal(end->in.data, "HTTP/1.1 200 Connection Established\r\n\r\n");
    buf_clear(&end->in);
    SSL_set_tlsext_host_name(ssl, "inference.local");
    SSL_set1_host(ssl, "inference.local");
    SSL_set_connect_state(ssl);
    SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    tls_end_begin(&t->client, end, ssl);
    tls_end_step(&t->client);
    UNTIL(&t->s.rig, tls_end_step(&t->client) && t->client.ready);
}

static void begin(struct talk *t, const struct inference_route *routes, size_t n)
{
    memset(t, 0, sizeof *t);
    scene_open(&t->s, L4);
    snprintf(t->url, sizeof t->url, "http://origin.test:%u/v1", t->s.rig.origin_port);
    struct inference_route copies[2] = {0};
    for (size_t i = 0; i < n; i++) {
        copies[i] = routes[i];
        copies[i].base_url = routes[i].base_url ? routes[i].base_url : t->url;
        copies[i].timeout_ms = 60000;
    }
    egress_set_inference(t->s.rig.proxy, copies, n);
    open_tunnel(t);
}

static void end(struct talk *t)
{
    tls_end_free(&t->client);
    scene_close(&t->s);
}

static const struct inference_route routes[] = {
    {.protocol = INFERENCE_OPENAI, .model = "m-1", .key = "sk-real"},
    {.protocol = INFERENCE_ANTHROPIC, .model = "", .key = "ant-real"},
};

static void a_call_goes_out_with_key_and_model_and_streams_back(void **state)
{
    struct talk t;
    (void)state;
    begin(&t, routes, 2);
    tls_end_send(&t.client,
                 JSON_POST("/v1/chat/completions?x=1",
                           "Authorization: Bearer anything\r\nX-Api-Key: k\r\nCookie: c\r\n"
                           "OpenAI-Organization: org\r\n",
                           "{\"model\":\"any\",\"stream\":true}", 29));
    t.origin = rig_origin(&t.s.rig);
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n{"));
    struct buf expected = {0};
    fill_in(&t.s.rig, "POST /v1/chat/completions HTTP/1.1\r\n%HContent-Type: application/json\r\n"
            "OpenAI-Organization: org\r\nAuthorization: Bearer sk-real\r\nContent-Length: 29\r\n"
            "Connection: close\r\n\r\n{\"model\":\"m-1\",\"stream\":true}", &expected);
    assert_string_equal(t.origin->in.data, expected.data);
    buf_free(&expected);
    end_send(t.origin, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
    UNTIL(&t.s.rig, tls_end_has(&t.client, "data: 1\n\n"));
    end_send(t.origin, "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    UNTIL(&t.s.rig, tls_end_has(&t.client, "data: 2\n\n\r\n0\r\n\r\n"));
    assert_true(tls_end_has(&t.client, "HTTP/1.1 200 OK\r\n"));
    assert_null(strstr(t.client.in.data, "sk-real"));
    assert_null(strstr(t.s.rig.lines.data, "sk-real"));
    assert_non_null(strstr(t.s.rig.lines.data, "HTTP:POST [INFO] ALLOWED "));
    assert_non_null(strstr(t.s.rig.lines.data, "POST https://inference.local:443/v1/chat/"
                           "completions?[redacted] [policy:- engine:inference]"));
    buf_clear(&t.client.in);

    /* The same connection, the other protocol, without a model of its own. */
    tls_end_send(&t.client, JSON_POST("/v1/messages", "", "{\"model\":\"claude\"}", 18));
    t.origin = rig_origin(&t.s.rig);
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n{\"model\":\"claude\"}"));
    assert_true(end_has(t.origin, "POST /v1/messages HTTP/1.1\r\n"));
    assert_true(end_has(t.origin, "x-api-key: ant-real\r\nanthropic-version: 2023-06-01\r\n"));
    end_send(t.origin, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}");
    UNTIL(&t.s.rig, tls_end_has(&t.client, "HTTP/1.1 429 ") && tls_end_has(&t.client, "{}"));
    assert_int_equal(t.s.rig.n_denials, 0);
    end(&t);
}

static void refused(const struct inference_route *list, size_t n, const char *request, int status,
                    const char *error)
{
    struct talk t;
    begin(&t, list, n);
    tls_end_send(&t.client, request);
    UNTIL(&t.s.rig, tls_end_has(&t.client, "}\n"));
    char *expected = alloc_printf("HTTP/1.1 %d ", status);
    struct buf body = {0};
    buf_printf(&body, "{\"error\":\"%s\"", error);
    if (!tls_end_has(&t.client, expected) || !tls_end_has(&t.client, body.data))
        fail_msg("%s", t.client.in.data);
    assert_int_equal(t.s.rig.accepted, 0);
    buf_free(&body);
    free(expected);
    end(&t);
}

static void what_is_not_served_says_why(void **state)
{
    static const char none[] = "cluster inference is not configured\",\"hint\":\"" INFERENCE_HINT;
    static const char denied[] = "connection not allowed by policy";
    static const char other[] = "no compatible inference route available";
    static const char *const elsewhere[] = {"..",       ".",  "%2e%2e", ".%2E", "..%2f..%2ffiles",
                                            "a%5c..",   "..;", "..;x=1", "%00",  "%252e%252e",
                                            "..\\files"};
    (void)state;
    refused(NULL, 0, JSON_POST("/v1/chat/completions", "", "{}", 2), 503, none);
    refused(NULL, 0, "GET /v1/models HTTP/1.1\r\nHost: inference.local\r\n\r\n", 503, none);
    refused(routes, 1, "GET / HTTP/1.1\r\nHost: inference.local\r\n\r\n", 403, denied);
    refused(routes, 1, "GET /v1/chat/completions HTTP/1.1\r\nHost: inference.local\r\n\r\n", 403,
            denied);
    refused(routes, 1, "GET /v1/models/a/b HTTP/1.1\r\nHost: inference.local\r\n\r\n", 403, denied);
    refused(routes, 1, "GET /v1/../v1/models HTTP/1.1\r\nHost: inference.local\r\n\r\n", 403,
            denied);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        char *request = alloc_printf("GET /v1/models/%s HTTP/1.1\r\nHost: inference.local\r\n\r\n",
                                     elsewhere[i]);
        refused(routes, 1, request, 403, denied);
        free(request);
    }
    refused(routes, 1, JSON_POST("/v1/messages", "", "{}", 2), 400, other);
    refused(routes, 1, JSON_POST("/model/x/invoke", "", "{}", 2), 400, other);
    refused(routes, 1, JSON_POST("/v1/completions", "", "[1]", 3), 400, "Bad Request");
    refused(routes, 1, JSON_POST("/v1/completions", "", "{\"a\":1,\"a\":2}", 13), 400,
            "Bad Request");
    refused(routes, 1, JSON_POST("/v1/completions", "", "", 10485761), 413, "Payload Too Large");
}

static void a_server_that_cannot_be_reached_is_unavailable(void **state)
{
    static const struct inference_route nowhere = {
        .protocol = INFERENCE_OPENAI, .model = "", .key = "sk-real",
        .base_url = "http://127.0.0.1:1/v1"};
    (void)state;
    refused(&nowhere, 1, "GET /v1/models HTTP/1.1\r\nHost: inference.local\r\n\r\n", 503,
            "inference service unavailable");
}

static void a_stream_that_breaks_ends_with_an_event(void **state)
{
    struct talk t;
    (void)state;
    begin(&t, routes, 1);
    tls_end_send(&t.client, JSON_POST("/v1/responses", "", "{}", 2));
    t.origin = rig_origin(&t.s.rig);
    UNTIL(&t.s.rig, end_has(t.origin, "{\"model\":\"m-1\"}"));
    end_send(t.origin, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
    UNTIL(&t.s.rig, tls_end_has(&t.client, "data: 1\n\n"));
    shutdown(t.origin->fd, SHUT_RDWR);
    UNTIL(&t.s.rig, tls_end_has(&t.client, "\r\n0\r\n\r\n"));
    assert_true(tls_end_has(&t.client, "data: {\"error\":{\"message\":\"the server broke its "
                            "answer off\",\"type\":\"proxy_stream_error\"}}\n\n\r\n0\r\n\r\n"));
    end(&t);
}

static void an_answer_is_bounded(void **state)
{
    struct talk t;
    char *piece = alloc_zero(1, 1 << 20);
    (void)state;
    begin(&t, routes, 1);
    memset(piece, 'x', (1 << 20) - 1);
    tls_end_send(&t.client, JSON_POST("/v1/responses", "", "{}", 2));
    t.origin = rig_origin(&t.s.rig);
    UNTIL(&t.s.rig, end_has(t.origin, "{\"model\":\"m-1\"}"));
    end_send(t.origin, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n");
    fcntl(t.origin->fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0;
    UNTIL(&t.s.rig, ({
              ssize_t n = send(t.origin->fd, piece, (1 << 20) - 1, MSG_NOSIGNAL);
              sent += n > 0 ? (size_t)n : 0;
              tls_end_step(&t.client);
              if (t.client.in.len > 1 << 20)
                  buf_consume(&t.client.in, t.client.in.len - 1024);
              tls_end_has(&t.client, "the answer is longer than 32 MiB");
          }));
    assert_true(sent > 32u << 20);
    free(piece);
    end(&t);
}

static void routes_change_while_connections_live(void **state)
{
    struct talk t;
    struct inference_route other = {.protocol = INFERENCE_OPENAI, .model = "m-2", .key = "sk-new",
                                    .timeout_ms = 60000};
    (void)state;
    begin(&t, routes, 1);
    other.base_url = t.url;
    egress_set_inference(t.s.rig.proxy, &other, 1);
    tls_end_send(&t.client, JSON_POST("/v1/embeddings", "", "{}", 2));
    t.origin = rig_origin(&t.s.rig);
    UNTIL(&t.s.rig, end_has(t.origin, "{\"model\":\"m-2\"}"));
    assert_true(end_has(t.origin, "Bearer sk-new\r\n"));
    egress_set_inference(t.s.rig.proxy, NULL, 0);   /* what is under way goes on */
    end_send(t.origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    UNTIL(&t.s.rig, tls_end_has(&t.client, "\r\n\r\n{}"));
    end(&t);
}

/* ---- without a proxy ---- */

static void base_urls_are_read(void **state)
{
    static const char *const bad[] = {"ftp://a", "https://", "https://a?b", "https://a/#b",
                                      "https://a b", "https://a:99999", "api.openai.com"};
    struct egress_target target;
    const char *path;
    bool secure;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(inference_url_read(bad[i], &target, &secure, &path));
    assert_null(inference_url_read("https://api.openai.com/v1", &target, &secure, &path));
    assert_true(secure);
    assert_string_equal(target.authority, "api.openai.com:443");
    assert_string_equal(path, "/v1");
    assert_null(inference_url_read("http://[::1]:8000", &target, &secure, &path));
    assert_false(secure);
    assert_int_equal(target.port, 8000);
    assert_string_equal(path, "");
}

static void a_version_is_not_doubled(void **state)
{
    static const struct {
        const char *base, *line;
    } rows[] = {
        {"https://h/v1", "GET /v1/models HTTP/1.1\r\nHost: h\r\n"},
        {"https://h/v1/", "GET /v1/models HTTP/1.1\r\nHost: h\r\n"},
        {"https://h", "GET /v1/models HTTP/1.1\r\nHost: h\r\n"},
        {"https://h:8443/api", "GET /api/v1/models HTTP/1.1\r\nHost: h:8443\r\n"},
        {"http://h/api/v1", "GET /api/v1/models HTTP/1.1\r\nHost: h\r\n"},
    };
    const struct http_head head = {.method = "GET"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct inference_route route = {.base_url = rows[i].base, .key = "k", .model = ""};
        struct buf out = {0};
        inference_print_head(&head, &route, "/v1/models?a=b", 0, &out);
        if (strncmp(out.data, rows[i].line, strlen(rows[i].line)) != 0)
            fail_msg("%s: %s", rows[i].base, out.data);
        buf_free(&out);
    }
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_goes_out_with_key_and_model_and_streams_back),
        cmocka_unit_test(what_is_not_served_says_why),
        cmocka_unit_test(a_server_that_cannot_be_reached_is_unavailable),
        cmocka_unit_test(a_stream_that_breaks_ends_with_an_event),
        cmocka_unit_test(an_answer_is_bounded),
        cmocka_unit_test(routes_change_while_connections_live),
        cmocka_unit_test(base_urls_are_read),
        cmocka_unit_test(a_version_is_not_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, all_tests);
}
