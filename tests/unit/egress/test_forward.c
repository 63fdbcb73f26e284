/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/rig.h"

/* Sends a request whose %P is the origin's port; the client's end. */
static struct end *ask(struct rig *rig, const struct puppet *puppet, const char *text)
{
    struct buf request = {0};
    for (const char *at; (at = strstr(text, "%P")); text = at + 2) {
        buf_add(&request, text, (size_t)(at - text));
        buf_printf(&request, "%u", rig->origin_port);
    }
    buf_puts(&request, text);
    struct end *end = rig_end(rig, puppet->socket);
    end_send_bytes(end, request.data, request.len);
    buf_free(&request);
    return end;
}

struct exchange {
    const char *request, *sent_on;                  /* what the origin must get; %P is its port */
    const char *response, *answer;                  /* what the client must get */
    bool closes;                                    /* the origin ends its side after the response */
};

static void expect_text(struct rig *rig, struct end *end, const char *format)
{
    struct buf text = {0};
    for (const char *at; (at = strstr(format, "%P")); format = at + 2) {
        buf_add(&text, format, (size_t)(at - format));
        buf_printf(&text, "%u", rig->origin_port);
    }
    buf_puts(&text, format);
    UNTIL(rig, end->in.len >= text.len || end->eof);
    assert_string_equal(buf_str(&end->in), text.data);
    buf_free(&text);
}

static void run(const struct exchange *x)
{
    struct rig rig;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet, x->request), *origin = rig_origin(&rig);
    expect_text(&rig, origin, x->sent_on);
    end_send(origin, x->response);
    if (x->closes)
        shutdown(origin->fd, SHUT_WR);
    expect_text(&rig, client, x->answer);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_request_goes_on_in_origin_form(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "GET http://origin.test:%P/a/b?c=d HTTP/1.1\r\nHost: somewhere.else\r\n"
                   "X-One: 1\r\nx-two:  two \r\n\r\n",
        .sent_on = "GET /a/b?c=d HTTP/1.1\r\nHost: origin.test:%P\r\nX-One: 1\r\nx-two: two\r\n"
                   "Via: 1.1 sluice\r\nConnection: close\r\n\r\n",
        .response = "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        .answer = "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 2\r\nVia: 1.1 sluice\r\n\r\nok"});
}

static void hop_by_hop_headers_stay_behind(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "GET http://origin.test:%P HTTP/1.1\r\nHost: origin.test\r\nConnection: X-Mine, te\r\n"
                   "X-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Authorization: Basic x\r\n"
                   "Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nTrailer: a\r\nX-Kept: 1\r\n\r\n",
        .sent_on = "GET / HTTP/1.1\r\nHost: origin.test:%P\r\nX-Kept: 1\r\nVia: 1.1 sluice\r\n"
                   "Connection: close\r\n\r\n",
        .response = "HTTP/1.1 204 No Content\r\nConnection: X-Theirs\r\nX-Theirs: 1\r\n"
                    "Keep-Alive: 1\r\nProxy-Authenticate: Basic\r\n\r\n",
        .answer = "HTTP/1.1 204 No Content\r\nVia: 1.1 sluice\r\n\r\n"});
}

static void a_body_of_known_length_passes(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "POST http://origin.test:%P/?q HTTP/1.1\r\nHost: h\r\nContent-Length: 0005\r\n\r\n"
                   "12345",
        .sent_on = "POST /?q HTTP/1.1\r\nHost: origin.test:%P\r\nContent-Length: 5\r\n"
                   "Via: 1.1 sluice\r\nConnection: close\r\n\r\n12345",
        .response = "HTTP/1.1 201 Whatever\r\nContent-Length: 0\r\n\r\n",
        .answer = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nVia: 1.1 sluice\r\n\r\n"});
}

static void chunks_are_framed_anew(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "POST http://origin.test:%P/?q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n"
                   "\r\n0005\r\n12345\r\n01\r\n6\r\n000\r\n\r\n",
        .sent_on = "POST /?q HTTP/1.1\r\nHost: origin.test:%P\r\nTransfer-Encoding: chunked\r\n"
                   "Via: 1.1 sluice\r\nConnection: close\r\n\r\n5\r\n12345\r\n1\r\n6\r\n0\r\n\r\n",
        .response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n002\r\nok\r\n0\r\n\r\n",
        .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nVia: 1.1 sluice\r\n\r\n"
                  "2\r\nok\r\n0\r\n\r\n"});
}

static void a_response_that_ends_with_its_connection_is_chunked(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n",
        .sent_on = "GET / HTTP/1.1\r\nHost: origin.test:%P\r\nVia: 1.1 sluice\r\nConnection: close\r\n\r\n",
        .response = "HTTP/1.0 200 OK\r\n\r\nall of it",
        .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nVia: 1.1 sluice\r\n\r\n"
                  "9\r\nall of it\r\n0\r\n\r\n",
        .closes = true});
}

static void an_old_client_gets_no_chunks(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "GET http://origin.test:%P/ HTTP/1.0\r\n\r\n",
        .sent_on = "GET / HTTP/1.1\r\nHost: origin.test:%P\r\nVia: 1.1 sluice\r\nConnection: close\r\n\r\n",
        .response = "HTTP/1.1 100 Continue\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        .answer = "HTTP/1.1 200 OK\r\nVia: 1.1 sluice\r\nConnection: close\r\n\r\nok"});
}

static void head_and_304_have_no_body(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "HEAD http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n",
        .sent_on = "HEAD / HTTP/1.1\r\nHost: origin.test:%P\r\nVia: 1.1 sluice\r\nConnection: close\r\n\r\n",
        .response = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nVia: 1.1 sluice\r\n\r\n"});
    run(&(struct exchange){
        .request = "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n",
        .sent_on = "GET / HTTP/1.1\r\nHost: origin.test:%P\r\nVia: 1.1 sluice\r\nConnection: close\r\n\r\n",
        .response = "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n",
        .answer = "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n"
                  "Via: 1.1 sluice\r\n\r\n"});
}

/* What has no body is complete, whatever length its head announces. */
static void a_request_may_follow_a_head(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    ask(&rig, &puppet, "HEAD http://origin.test:%P/1 HTTP/1.1\r\nHost: h\r\n\r\n"
                       "GET http://origin.test:%P/2 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "GET /2 "));
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void options_of_a_whole_server_has_a_star(void **state)
{
    (void)state;
    run(&(struct exchange){
        .request = "OPTIONS http://origin.test:%P HTTP/1.1\r\nHost: h\r\n\r\n",
        .sent_on = "OPTIONS * HTTP/1.1\r\nHost: origin.test:%P\r\nVia: 1.1 sluice\r\n"
                   "Connection: close\r\n\r\n",
        .response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 sluice\r\n\r\n"});
}

static void an_interim_response_passes(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet, "POST http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n"
                             "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "Expect: 100-continue\r\n"));
    end_send(origin, "HTTP/1.1 100 Continue\r\n\r\n");
    UNTIL(&rig, end_has(client, "HTTP/1.1 100 Continue\r\n\r\n"));
    end_send(client, "body");
    UNTIL(&rig, end_has(origin, "\r\n\r\nbody"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    UNTIL(&rig, end_has(client, "HTTP/1.1 200 OK\r\n"));
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* Each request of a connection may go somewhere else, and each is judged. */
static void requests_follow_each_other_on_one_connection(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**\nother.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet,
        "GET http://origin.test:%P/1 HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST http://other.test:%P/2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"
        "GET http://third.test:%P/3 HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET http://origin.test:%P/4 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "GET /1 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\nx"));
    assert_true(end_has(origin, "POST /2 HTTP/1.1\r\nHost: other.test:"));
    end_send(origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    UNTIL(&rig, client->eof);
    assert_true(end_has(client, "\r\n\r\none"));
    assert_true(end_has(client, "3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 403 Forbidden\r\n"));
    assert_int_equal(rig.accepted, 2);
    assert_true(strncmp(rig.denials.data, "forward third.test:", 19) == 0);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_denied_request_says_why(void **state)
{
    struct rig rig;
    char detail[128], line[256];
    (void)state;
    rig_start(&rig, "");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet, "DELETE http://origin.test:%P/x?token=y HTTP/1.1\r\n"
                             "Host: h\r\n\r\n");
    snprintf(detail, sizeof detail, "DELETE origin.test:%u/x not permitted by policy", rig.origin_port);
    rig_refused(&rig, client, 403, "policy_denied", detail,
                "network connections not allowed by policy");
    snprintf(line, sizeof line, "HTTP:DELETE [MED] DENIED %s(%d) -> DELETE http://origin.test:%u/x"
             "?[redacted] [policy:- engine:l4] [reason:network connections not allowed by policy]\n",
             rig.client, (int)puppet.pid, rig.origin_port);
    assert_string_equal(rig.lines.data, line);
    assert_int_equal(rig.accepted, 0);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void what_a_proxy_cannot_do_is_said(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**\norigin.test 443 /**");
    rig_expect_refusal(&rig, "GET https://origin.test/ HTTP/1.1\r\nHost: h\r\n\r\n", 400,
                       "unsupported_proxy_scheme", "Use CONNECT for HTTPS URLs", NULL);
    rig_expect_refusal(&rig, "GET ftp://origin.test/ HTTP/1.1\r\nHost: h\r\n\r\n", 400,
                       "unsupported_proxy_scheme", "Forward proxy requests must use http", NULL);
    rig_expect_refusal(&rig, "GET /path HTTP/1.1\r\nHost: origin.test\r\n\r\n", 400,
                       "invalid_request_target", "request-target must be canonical",
                       "this is a proxy: the request target must be a whole URL, such as "
                       "http://host/path");
    rig_expect_refusal(&rig, "GET http://origin.test/ HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
                       "Upgrade: WebSocket\r\n\r\n", 501, "upgrade_not_supported",
                       "WebSocket needs a tunnel: use CONNECT", NULL);
    rig_expect_refusal(&rig, "GET http://origin.test/ HTTP/1.1\r\nHost: h\r\nConnection: host\r\n\r\n",
                       400, "malformed_request",
                       "Connection names a header that the request cannot do without", NULL);
    assert_int_equal(rig.n_denials, 0);
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static void an_unreachable_origin_is_answered(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 1 /**");
    rig_expect_refusal(&rig, "GET http://origin.test:1/ HTTP/1.1\r\nHost: h\r\n\r\n", 502,
                       "upstream_unreachable", "connection to origin.test:1 failed",
                       "origin.test:1 cannot be reached: connection refused");
    rig_stop(&rig);
}

static void a_response_that_nobody_understands_is_not_passed_on(void **state)
{
    static const struct {
        const char *response, *reason, *error;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
         "Content-Length can't be present with Transfer-Encoding", "invalid_upstream_response"},
        {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
         "a line feed stands without a carriage return", "invalid_upstream_response"},
        {"SSH-2.0-OpenSSH_9\r\n\r\n", "the status line is not HTTP/1.1 and three digits",
         "invalid_upstream_response"},
        {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
         "it switched protocols without being asked to", "invalid_upstream_response"},
        {"", "broke the connection off before its answer was complete", "upstream_unreachable"},
        {"HTTP/1.1 200 OK\r\nConte", "broke the connection off before its answer was complete",
         "upstream_unreachable"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        rig_start(&rig, "origin.test 0 /**");
        struct puppet puppet = rig_puppet(&rig, rig.client);
        struct end *client = ask(&rig, &puppet, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
        struct end *origin = rig_origin(&rig);
        if (*cases[i].response)
            end_send(origin, cases[i].response);
        shutdown(origin->fd, SHUT_WR);
        rig_refused(&rig, client, 502, cases[i].error, NULL, NULL);
        if (!end_has(client, cases[i].reason))
            fail_msg("expected '%s' in %s", cases[i].reason, client->in.data);
        puppet_end(&puppet);
        rig_stop(&rig);
    }
}

/* What has begun cannot be taken back, but must not look complete. */
static void a_broken_response_is_never_completed(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(&rig);
    end_send(origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    UNTIL(&rig, end_has(client, "2\r\nok\r\n"));
    shutdown(origin->fd, SHUT_WR);
    UNTIL(&rig, client->eof);
    assert_false(end_has(client, "0\r\n\r\n"));
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void an_early_answer_ends_the_connection(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet, "POST http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n"
                             "Content-Length: 1000\r\n\r\nabc");
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\nabc"));
    end_send(origin, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    UNTIL(&rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 413 "));
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_client_that_only_ends_its_side_gets_its_answer(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
    shutdown(client->fd, SHUT_WR);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&rig, client->eof);
    assert_true(end_has(client, "\r\n\r\nok"));
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_client_that_is_gone_frees_its_origin(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask(&rig, &puppet, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    puppet_end(&puppet);
    epoll_ctl(rig.epoll, EPOLL_CTL_DEL, client->fd, NULL);
    close(client->fd);
    client->fd = -1;
    UNTIL(&rig, origin->eof);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_request_goes_on_in_origin_form),
        cmocka_unit_test(hop_by_hop_headers_stay_behind),
        cmocka_unit_test(a_body_of_known_length_passes),
        cmocka_unit_test(chunks_are_framed_anew),
        cmocka_unit_test(a_response_that_ends_with_its_connection_is_chunked),
        cmocka_unit_test(an_old_client_gets_no_chunks),
        cmocka_unit_test(head_and_304_have_no_body),
        cmocka_unit_test(a_request_may_follow_a_head),
        cmocka_unit_test(options_of_a_whole_server_has_a_star),
        cmocka_unit_test(an_interim_response_passes),
        cmocka_unit_test(requests_follow_each_other_on_one_connection),
        cmocka_unit_test(a_denied_request_says_why),
        cmocka_unit_test(what_a_proxy_cannot_do_is_said),
        cmocka_unit_test(an_unreachable_origin_is_answered),
        cmocka_unit_test(a_response_that_nobody_understands_is_not_passed_on),
        cmocka_unit_test(a_broken_response_is_never_completed),
        cmocka_unit_test(an_early_answer_ends_the_connection),
        cmocka_unit_test(a_client_that_only_ends_its_side_gets_its_answer),
        cmocka_unit_test(a_client_that_is_gone_frees_its_origin),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
