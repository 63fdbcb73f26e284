/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels whose requests are judged, in plain HTTP and within TLS. */
#include "support/inspected.h"

/* ---- plain HTTP in a tunnel ---- */

static void a_permitted_request_goes_to_the_origin(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    const char *asked = "GET /a/../b?q=1 HTTP/1.1\r\n%HAccept: */*\r\n\r\n";
    struct end *client = ask_plain(&s, asked, &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    struct buf expected = {0};
    fill_in(&s.rig, "GET /b?q=1 HTTP/1.1\r\n%HAccept: */*\r\n\r\n", &expected);
    assert_string_equal(origin->in.data, expected.data);
    buf_free(&expected);
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s.rig, end_has(client, "\r\n\r\nok"));
    assert_string_equal(client->in.data, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_non_null(strstr(s.rig.lines.data, "HTTP:GET [INFO] ALLOWED "));
    assert_non_null(strstr(s.rig.lines.data, "/b?[redacted] [policy:one engine:l7]\n"));
    scene_close(&s);
}

static void a_refused_request_says_what_is_missing(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    const char *asked = "POST /repos?token=x HTTP/1.1\r\n%HContent-Length: 0\r\n\r\n";
    struct end *client = ask_plain(&s, asked, &origin);
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 403), *missing = json_object_get(json, "rule_missing");
    assert_true(end_has(client, "X-OpenShell-Policy: one\r\n"));
    assert_true(end_has(
        client, "Proxy-Status: sluice; error=http_request_denied; details=\"POLICY_DENIED\"\r\n"));
    assert_string_equal(json_string_value(json_object_get(json, "error")), "policy_denied");
    assert_string_equal(json_string_value(json_object_get(json, "layer")), "l7");
    assert_string_equal(json_string_value(json_object_get(json, "rule")), "POST /repos");
    assert_string_equal(json_string_value(json_object_get(json, "policy")), "one");
    assert_string_equal(json_string_value(json_object_get(json, "detail")),
                        "POST /repos not permitted by policy");
    assert_string_equal(json_string_value(json_object_get(missing, "type")), "rest_allow");
    assert_string_equal(json_string_value(json_object_get(missing, "path")), "/repos");
    assert_string_equal(json_string_value(json_object_get(missing, "binary")), s.rig.client);
    json_decref(json);
    assert_int_equal(s.rig.n_denials, 1);
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
}

static void expect_refusal(const char *rule, const char *request, int status, const char *error)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    struct end *client = ask_plain(&s, request, &origin);
    rig_refused(&s.rig, client, status, error, NULL, NULL);
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
}

static void what_is_not_for_the_tunnel_is_refused(void **state)
{
    (void)state;
    expect_refusal(READ_ONLY, "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", 403,
                   "request_authority_mismatch");
    expect_refusal(READ_ONLY, "GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n", 403,
                   "request_authority_mismatch");
    expect_refusal(L4, "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", 403,
                   "request_authority_mismatch");
    expect_refusal(READ_ONLY, "GET http://other.test/ HTTP/1.1\r\n%H\r\n", 403,
                   "request_authority_mismatch");
    expect_refusal(READ_ONLY, "OPTIONS * HTTP/1.1\r\n%H\r\n", 400, "invalid_request_target");
    expect_refusal(READ_ONLY, "CONNECT origin.test:1 HTTP/1.1\r\n%H\r\n", 400,
                   "invalid_request_target");
    expect_refusal(READ_ONLY, "GET /%2e%2e/%2fx HTTP/1.1\r\n%H\r\n", 400, "invalid_request_target");
    expect_refusal(READ_ONLY, "GET / HTTP/1.1\r\n%HConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
                   403, "policy_denied");
}

static void what_cannot_be_inspected_is_refused(void **state)
{
    (void)state;
    expect_refusal(READ_ONLY, "\001\002\003", 403, "unsupported_l7_protocol");
}

static void other_protocols_pass_where_nothing_is_to_be_judged(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, L4);
    struct end *client = ask_plain(&s, "SSH-2.0-x\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "SSH-2.0-x\r\n"));
    end_send(origin, "SSH-2.0-y\r\n");
    UNTIL(&s.rig, end_has(client, "SSH-2.0-y\r\n"));
    scene_close(&s);
}

static void a_server_may_speak_first(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, L4);
    struct end *client = rig_tunnel(&s.rig, &s.puppet, "origin.test", &origin);
    end_send(origin, "220 hello\r\n");
    UNTIL(&s.rig, end_has(client, "220 hello\r\n"));
    end_send(client, "GET is no HTTP here\r\n");
    UNTIL(&s.rig, end_has(origin, "GET is no HTTP here\r\n"));
    scene_close(&s);
}

/* One connection, a verdict for each request. */
static void requests_follow_each_other(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    const char *asked = "GET /1 HTTP/1.1\r\n%H\r\nHEAD /2 HTTP/1.1\r\n%H\r\n"
             "DELETE /3 HTTP/1.1\r\n%H\r\nGET /4 HTTP/1.1\r\n%H\r\n";
    struct end *client = ask_plain(&s, asked, &origin);
    UNTIL(&s.rig, end_has(origin, "GET /1 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    UNTIL(&s.rig, end_has(origin, "HEAD /2 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 403 "));
    assert_false(end_has(origin, "/3"));
    assert_false(end_has(origin, "/4"));
    assert_int_equal(s.rig.accepted, 1);
    scene_close(&s);
}

/* An origin may leave a body unread and take it for a request. */
static void a_body_is_the_last_thing_on_its_connection(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct end *client =
        ask_plain(&s, "GET /1 HTTP/1.1\r\n%HContent-Length: 3\r\n\r\nabc", &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\nabc"));
    assert_true(end_has(origin, "Connection: close\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    UNTIL(&s.rig, end_has(client, "\r\n\r\none"));
    UNTIL(&s.rig, origin->eof);
    scene_close(&s);
}

static void audit_lets_pass_and_says_so(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, REST("        access: read-only\n"));
    const char *asked = "POST /x HTTP/1.1\r\n%HContent-Length: 0\r\n\r\n";
    ask_plain(&s, asked, &origin);
    UNTIL(&s.rig, end_has(origin, "POST /x "));
    assert_non_null(strstr(s.rig.lines.data, "ALLOWED"));
    assert_non_null(
        strstr(s.rig.lines.data, "engine:l7] [reason:audit: POST /x not permitted by policy]"));
    scene_close(&s);
}

static void a_new_policy_ends_what_it_no_longer_permits(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    const char *asked = "GET /1 HTTP/1.1\r\n%H\r\n";
    struct end *client = ask_plain(&s, asked, &origin);
    UNTIL(&s.rig, end_has(origin, "GET /1 "));
    struct policy *stricter =
        policy_of(&s.rig, REST("        enforcement: enforce\n        rules:\n"
                               "          - allow: {method: GET, path: /2}\n"));
    egress_set_policy(s.rig.proxy, stricter);
    policy_unref(stricter);
    rig_refused(&s.rig, client, 403, "policy_denied", NULL, NULL);
    assert_true(end_has(client, "because policy changed"));
    scene_close(&s);
}

static void an_uninspected_tunnel_ends_when_requests_are_to_be_judged(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, L4);
    struct end *client = ask_plain(&s, "SSH-2.0-x\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "SSH-2.0-x\r\n"));
    struct policy *stricter = policy_of(&s.rig, READ_ONLY);
    egress_set_policy(s.rig.proxy, stricter);
    policy_unref(stricter);
    UNTIL(&s.rig, client->eof);
    assert_non_null(strstr(s.rig.lines.data, "requests to this endpoint are inspected now"));
    scene_close(&s);
}

/* ---- TLS ---- */

static void requests_within_tls_are_judged(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    ask_within(&s, &client, "GET /1 HTTP/1.1\r\n%H\r\n");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_has(&origin, "GET /1 HTTP/1.1\r\n"));
    tls_end_send(&origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s.rig, tls_end_step(&origin) && tls_end_has(&client, "\r\n\r\nok"));
    ask_within(&s, &client, "PUT /2 HTTP/1.1\r\n%HContent-Length: 1\r\n\r\nx");
    UNTIL(&s.rig, tls_end_step(&origin) && tls_end_has(&client, "HTTP/1.1 403 ") && client.eof);
    assert_false(tls_end_has(&origin, "/2"));
    assert_non_null(strstr(s.rig.lines.data, "-> GET https://origin.test:"));
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

/* One inspected connection with one request, which its client then drops.  Whether TLS with the
 * origin went on with an earlier session. */
static bool ask_and_leave(struct scene *s)
{
    struct end *end;
    struct tls_end client = tls_client(s, "origin.test", &end),
                   origin = tls_origin(s, end, "origin.test");
    UNTIL(&s->rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    ask_within(s, &client, "GET /1 HTTP/1.1\r\n%H\r\n");
    UNTIL(&s->rig, tls_end_step(&client) && tls_end_has(&origin, "GET /1 HTTP/1.1\r\n"));
    tls_end_send(&origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s->rig, tls_end_step(&origin) && tls_end_has(&client, "\r\n\r\nok"));
    bool resumed = SSL_session_reused(origin.ssl);
    shutdown(client.end->fd, SHUT_RDWR);
    UNTIL(&s->rig, end->eof);
    tls_end_free(&client);
    tls_end_free(&origin);
    return resumed;
}

static void a_session_with_the_origin_outlives_its_connection(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, READ_ONLY);
    assert_false(ask_and_leave(&s));
    puppet_end(&s.puppet);
    s.puppet = rig_puppet(&s.rig, s.rig.client);
    assert_true(ask_and_leave(&s));
    scene_close(&s);
}

static void end_tls(struct tls_end *t)
{
    SSL_shutdown(t->ssl);
    tls_end_flush(t);
    shutdown(t->end->fd, SHUT_WR);
}

static bool has_been_ended(struct tls_end *t)
{
    tls_end_step(t);
    return SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN;
}

/* Whichever side ends first, the other one's end reaches it as TLS has it. */
static void what_follows_an_upgrade_ends_as_tls_does(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, L4);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    ask_within(&s, &client, "GET /1 HTTP/1.1\r\n%HConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_has(&origin, "\r\n\r\n"));
    tls_end_send(&origin, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                          "Upgrade: websocket\r\n"
                          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    UNTIL(&s.rig, tls_end_step(&origin) && tls_end_has(&client, "HTTP/1.1 101 "));
    end_tls(&client);
    UNTIL(&s.rig, has_been_ended(&origin));
    end_tls(&origin);
    UNTIL(&s.rig, client.end->eof);
    assert_true(has_been_ended(&client));
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

static void an_origin_that_is_not_trusted_is_named(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "other.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready);
    ask_within(&s, &client, "GET /1 HTTP/1.1\r\n%H\r\n");
    unsigned before = 1;
    struct tls_end again = {0};
    for (bool done = false; !done;) {
        UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) &&
                      (!again.ssl || tls_end_step(&again)) &&
                      (s.rig.accepted > before || tls_end_has(&client, "\r\n\r\n{")));
        if (s.rig.accepted > before) {
            before = s.rig.accepted;
            again = tls_origin(&s, &s.rig.ends[s.rig.n_ends - 1], "other.test");
        } else {
            done = true;
        }
    }
    assert_true(tls_end_has(&client, "HTTP/1.1 502 "));
    assert_true(tls_end_has(&client, "upstream_certificate_rejected"));
    assert_true(tls_end_has(&client, "the certificate of origin.test:"));
    assert_false(tls_end_has(&origin, "GET"));
    tls_end_free(&client);
    tls_end_free(&origin);
    if (again.ssl)
        tls_end_free(&again);
    scene_close(&s);
}

/* A response that lasts until the connection ends. */
static void end_response(bool properly)
{
    struct scene s;
    struct end *end;
    scene_open(&s, READ_ONLY);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    ask_within(&s, &client, "GET /1 HTTP/1.1\r\n%H\r\n");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_has(&origin, "GET /1 HTTP/1.1\r\n"));
    tls_end_send(&origin, "HTTP/1.1 200 OK\r\n\r\nbody");
    UNTIL(&s.rig, tls_end_has(&client, "4\r\nbody\r\n"));
    if (properly)
        SSL_shutdown(origin.ssl);
    tls_end_flush(&origin);
    shutdown(origin.end->fd, SHUT_WR);
    UNTIL(&s.rig, tls_end_step(&client) && (client.eof || tls_end_has(&client, "0\r\n\r\n")));
    assert_int_equal(tls_end_has(&client, "0\r\n\r\n"), properly);
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

/* Whoever is on the way can end a connection, but not TLS. */
static void a_response_that_was_cut_short_is_never_completed(void **state)
{
    (void)state;
    end_response(true);
    end_response(false);
}

static void tls_is_inspected_without_rules_about_requests_too(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, L4);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    tls_end_send(&client, "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n");
    UNTIL(&s.rig, tls_end_step(&origin) && tls_end_has(&client, "request_authority_mismatch"));
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

static void tls_for_another_name_is_refused(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct tls_end client = tls_client(&s, "other.test", &end);
    UNTIL(&s.rig, tls_end_step(&client) && client.failed);
    assert_non_null(strstr(s.rig.lines.data, "TLS asks for other.test in a tunnel to origin.test"));
    tls_end_free(&client);
    scene_close(&s);
}

static void without_an_authority_nothing_passes_uninspected(void **state)
{
    struct rig rig;
    (void)state;
    rig_begin(&rig);
    rig_start_proxy(&rig, policy_of(&rig, READ_ONLY), (struct egress_limits){0},
                    (struct egress_inspection){0});
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, rig_connect(&rig, "origin.test"));
    rig_refused(&rig, client, 503, "tls_termination_unavailable", NULL, NULL);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_permitted_request_goes_to_the_origin),
        cmocka_unit_test(a_refused_request_says_what_is_missing),
        cmocka_unit_test(what_is_not_for_the_tunnel_is_refused),
        cmocka_unit_test(what_cannot_be_inspected_is_refused),
        cmocka_unit_test(other_protocols_pass_where_nothing_is_to_be_judged),
        cmocka_unit_test(a_server_may_speak_first),
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(a_body_is_the_last_thing_on_its_connection),
        cmocka_unit_test(audit_lets_pass_and_says_so),
        cmocka_unit_test(a_new_policy_ends_what_it_no_longer_permits),
        cmocka_unit_test(an_uninspected_tunnel_ends_when_requests_are_to_be_judged),
        cmocka_unit_test(requests_within_tls_are_judged),
        cmocka_unit_test(a_session_with_the_origin_outlives_its_connection),
        cmocka_unit_test(what_follows_an_upgrade_ends_as_tls_does),
        cmocka_unit_test(an_origin_that_is_not_trusted_is_named),
        cmocka_unit_test(a_response_that_was_cut_short_is_never_completed),
        cmocka_unit_test(tls_is_inspected_without_rules_about_requests_too),
        cmocka_unit_test(tls_for_another_name_is_refused),
        cmocka_unit_test(without_an_authority_nothing_passes_uninspected),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
