/* SPDX-License-Identifier: Apache-2.0 */
/* Origins of inspected tunnels that accept and then say nothing, and clients of HTTP/1.0. */
#include "support/inspected.h"

/* It has accepted the connection, and answers no TLS. */
static void an_origin_that_never_begins_tls_is_answered(void **state)
{
    struct scene s;
    struct end *origin;
    char reason[128];
    (void)state;
    scene_open_with(&s, READ_ONLY, (struct egress_limits){.secure_ms = 50});
    struct tls_end client = tls_client(&s, "origin.test", &origin);
    UNTIL(&s.rig, tls_end_step(&client) && client.ready);
    ask_within(&s, &client, "GET /1 HTTP/1.1\r\n%H\r\n");
    UNTIL(&s.rig, tls_end_step(&client) && client.eof);
    assert_true(tls_end_has(&client, "HTTP/1.1 504 Gateway Timeout\r\n"));
    assert_true(tls_end_has(&client, "Content-Type: application/json\r\n"));
    assert_true(tls_end_has(&client, "\"error\":\"upstream_timeout\""));
    snprintf(reason, sizeof reason, "\"TLS with origin.test:%u was not established within 50 ms\"",
             s.rig.origin_port);
    assert_true(tls_end_has(&client, reason));
    UNTIL(&s.rig, origin->eof);
    tls_end_free(&client);
    scene_close(&s);
}

/* It was begun together with TLS of the client, which is in no hurry to ask. */
static void the_time_to_begin_tls_is_each_connections(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open_with(&s, READ_ONLY, (struct egress_limits){.secure_ms = 3000});
    struct tls_end client = tls_client(&s, "origin.test", &origin);
    UNTIL(&s.rig, tls_end_step(&client) && client.ready && origin->eof);
    ask_within(&s, &client, "GET /1 HTTP/1.1\r\n%H\r\n");
    struct tls_end again = tls_origin(&s, rig_origin(&s.rig), "origin.test");
    UNTIL(&s.rig, tls_end_step(&again) && tls_end_has(&again, "GET /1 HTTP/1.1\r\n"));
    tls_end_send(&again, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s.rig, tls_end_has(&client, "\r\n\r\nok"));
    tls_end_free(&client);
    tls_end_free(&again);
    scene_close(&s);
}

/* An answer may take as long as its client waits for it. */
static void a_client_that_goes_ends_a_request_that_nobody_answers(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    ask_within(&s, &client, "GET /1 HTTP/1.1\r\n%H\r\n");
    UNTIL(&s.rig, tls_end_has(&origin, "GET /1 HTTP/1.1\r\n"));
    assert_true(puppet_do(&s.puppet, PUPPET_LET_GO));
    epoll_ctl(s.rig.epoll, EPOLL_CTL_DEL, client.end->fd, NULL);
    close(client.end->fd);
    client.end->fd = -1;
    UNTIL(&s.rig, tls_end_step(&origin) && origin.eof);
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

/* `curl -0` offers http/1.0 alone. */
static void a_client_of_http_1_0_is_served(void **state)
{
    static const unsigned char http_1_0[] = "\x08http/1.0";
    struct scene s;
    struct end *end;
    const unsigned char *chosen;
    unsigned len;
    (void)state;
    scene_open(&s, READ_ONLY);
    SSL_CTX_set_alpn_protos(s.client, http_1_0, sizeof http_1_0 - 1);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    SSL_get0_alpn_selected(client.ssl, &chosen, &len);
    assert_int_equal(len, sizeof http_1_0 - 2);
    ask_within(&s, &client, "GET /1 HTTP/1.0\r\n%H\r\n");
    UNTIL(&s.rig, tls_end_has(&origin, "GET /1 HTTP/1.1\r\n"));
    tls_end_send(&origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "2\r\nok\r\n0\r\n\r\n");
    UNTIL(&s.rig, tls_end_has(&client, "\r\n\r\nok") && client.eof);
    assert_false(tls_end_has(&client, "chunked"));
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(an_origin_that_never_begins_tls_is_answered),
        cmocka_unit_test(the_time_to_begin_tls_is_each_connections),
        cmocka_unit_test(a_client_that_goes_ends_a_request_that_nobody_answers),
        cmocka_unit_test(a_client_of_http_1_0_is_served),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
