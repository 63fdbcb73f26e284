/* SPDX-License-Identifier: Apache-2.0 */
/* What bounds a client: time, connections, memory. */
#include "support/rig.h"

static void a_head_that_does_not_come_is_answered(void **state)
{
    static const char *const beginnings[] = {"", "CONNECT origin",
                                             "GET http://origin.test/ HTTP/1.1\r\n"};
    struct rig rig;
    (void)state;
    rig_start_with(&rig, "origin.test 0 /**", (struct egress_limits){.head_ms = 50});
    for (size_t i = 0; i < 3; i++) {
        struct end *end = rig_end(&rig, puppet_connect(rig.port));
        if (*beginnings[i])
            end_send(end, beginnings[i]);
        rig_refused(&rig, end, 408, "header_timeout", "the request did not arrive within 50 ms",
                    "the request did not arrive within 50 ms");
    }
    rig_stop(&rig);
}

static void a_head_that_never_ends_is_answered(void **state)
{
    struct rig rig;
    char line[1024];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct end *end = rig_end(&rig, puppet_connect(rig.port));
    end_send(end, "GET http://origin.test/ HTTP/1.1\r\n");
    memset(line, 'a', sizeof line);
    memcpy(line, "X-Long: ", 8);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 17; i++)
        end_send_bytes(end, line, sizeof line);
    rig_refused(&rig, end, 431, "header_too_large", NULL,
                "the request line and header fields are too long");
    rig_stop(&rig);
}

static void a_head_that_is_cut_off_is_answered(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct end *end = rig_end(&rig, puppet_connect(rig.port));
    end_send(end, "GET http://origin.test/ HTTP/1.1\r\nHost");
    shutdown(end->fd, SHUT_WR);
    rig_refused(&rig, end, 400, "malformed_request", NULL,
                "the message ends before it is complete");
    rig_stop(&rig);
}

static void one_connection_too_many_is_answered(void **state)
{
    struct rig rig;
    struct end *origin;
    struct egress_stats stats;
    (void)state;
    rig_start_with(&rig, "origin.test 0 /**", (struct egress_limits){.max_connections = 2});
    struct puppet first = rig_puppet(&rig, rig.client), second = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &first, "origin.test", &origin);
    rig_end(&rig, second.socket);
    UNTIL(&rig, (egress_stats(rig.proxy, &stats), stats.open == 2));
    for (int i = 0; i < 100; i++) {
        struct end *end = rig_end(&rig, puppet_connect(rig.port));
        rig_refused(&rig, end, 503, "too_many_connections", NULL,
                    "the sandbox has 2 connections open already: close some of them");
        shutdown(end->fd, SHUT_WR);
    }
    close(first.socket);
    puppet_end(&first);
    client->fd = -1;
    shutdown(origin->fd, SHUT_WR);
    UNTIL(&rig, (egress_stats(rig.proxy, &stats), stats.open == 1));
    struct puppet third = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &third, "origin.test", &origin);
    puppet_end(&second);
    puppet_end(&third);
    rig_stop(&rig);
}

/* Clients that are too many and do not go away: the rest waits in the backlog, and then is
 * served. */
static void refused_clients_are_bounded_too(void **state)
{
    struct rig rig;
    struct egress_stats stats;
    enum { CLIENTS = 120 };
    (void)state;
    rig_start_with(&rig, "origin.test 0 /**", (struct egress_limits){.max_connections = 1});
    for (int i = 0; i < CLIENTS; i++)
        rig_end(&rig, puppet_connect(rig.port));
    UNTIL(&rig, (egress_stats(rig.proxy, &stats), stats.open == 65));
    for (int i = 0; i < 5; i++)
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    egress_stats(rig.proxy, &stats);
    assert_int_equal(stats.open, 65);
    for (int i = 1; i < CLIENTS; i++) {
        UNTIL(&rig, rig.ends[i].eof);
        assert_true(end_has(&rig.ends[i], "HTTP/1.1 503 Service Unavailable\r\n"));
        shutdown(rig.ends[i].fd, SHUT_WR);
    }
    rig_stop(&rig);
}

static void an_idle_connection_is_closed(void **state)
{
    struct rig rig;
    char request[256];
    (void)state;
    rig_start_with(&rig, "origin.test 0 /**", (struct egress_limits){.idle_ms = 50});
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    snprintf(request, sizeof request, "GET http://origin.test:%u/ HTTP/1.1\r\nHost: h\r\n\r\n",
             rig.origin_port);
    end_send(client, request);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&rig, client->eof);
    assert_true(client->in.len > 6 &&
                strcmp(client->in.data + client->in.len - 6, "\r\n\r\nok") == 0);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* A full backlog drops what comes, as a packet filter would. */
static void an_origin_that_does_not_answer_is_answered(void **state)
{
    struct rig rig;
    struct sockaddr_in at = {.sin_family = AF_INET};
    uint16_t port = 0;
    int fill[8];
    char rules[128], request[256], reason[128];
    (void)state;
    rig_start_with(&rig, "", (struct egress_limits){.dial_ms = 100});
    int deaf = network_listen(ORIGIN_ADDRESS, &port);
    listen(deaf, 0);
    at.sin_port = htons(port);
    inet_pton(AF_INET, ORIGIN_ADDRESS, &at.sin_addr);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fill[i], (struct sockaddr *)&at, sizeof at);
    }
    snprintf(rules, sizeof rules, "origin.test %u /**", port);
    rig_set(&rig, rules);
    snprintf(request, sizeof request, "CONNECT origin.test:%u HTTP/1.1\r\nHost: h\r\n\r\n", port);
    snprintf(reason, sizeof reason, "origin.test:%u did not answer: connection timed out", port);
    rig_expect_refusal(&rig, request, 504, "upstream_timeout", NULL, reason);
    for (int i = 0; i < 8; i++)
        close(fill[i]);
    close(deaf);
    rig_stop(&rig);
}

/* Byte i of a stream, so that a lost or doubled piece shows. */
static char pattern(size_t i)
{
    return (char)((i * 2654435761u) >> 13);
}

/* Sends until nobody takes more, with the loop running; returns how much was taken. */
static size_t flood(struct rig *rig, struct end *end, size_t sent, size_t most)
{
    char bytes[4096];
    int refusals = 0;
    while (refusals < 50 && sent < most) {
        size_t n = most - sent < sizeof bytes ? most - sent : sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = pattern(sent + i);
        ssize_t taken = send(end->fd, bytes, n, MSG_NOSIGNAL);
        refusals = taken > 0 ? 0 : refusals + 1;
        sent += taken > 0 ? (size_t)taken : 0;
        uv_run(&rig->loop, UV_RUN_NOWAIT);
    }
    return sent;
}

static void check_flood(struct rig *rig, struct end *from, struct end *to, size_t most)
{
    enum { BOUND = 1024 * 1024 };
    rig_hold(rig, to, true);
    size_t sent = flood(rig, from, 0, most);
    assert_true(sent < BOUND);
    rig_hold(rig, to, false);
    while (sent < most)
        sent = flood(rig, from, sent, most);
    UNTIL(rig, to->in.len >= most);
    assert_int_equal(to->in.len, most);
    for (size_t i = 0; i < most; i++)
        if (to->in.data[i] != pattern(i))
            fail_msg("byte %zu is wrong", i);
}

static void a_slow_reader_slows_its_writer(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    check_flood(&rig, origin, client, 4 * 1024 * 1024);
    check_flood(&rig, client, origin, 4 * 1024 * 1024);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_slow_origin_slows_an_upload(void **state)
{
    struct rig rig;
    char request[256];
    enum { SIZE = 3 * 1024 * 1024 };
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    snprintf(request, sizeof request, "POST http://origin.test:%u/ HTTP/1.1\r\nHost: h\r\n"
             "Content-Length: %d\r\n\r\n", rig.origin_port, SIZE);
    end_send(client, request);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    buf_clear(&origin->in);
    check_flood(&rig, client, origin, SIZE);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_slow_client_slows_a_download(void **state)
{
    struct rig rig;
    char request[256], response[128];
    enum { SIZE = 3 * 1024 * 1024 };
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    snprintf(request, sizeof request, "GET http://origin.test:%u/ HTTP/1.1\r\nHost: h\r\n\r\n",
             rig.origin_port);
    end_send(client, request);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
    end_send(origin, response);
    UNTIL(&rig, end_has(client, "\r\n\r\n"));
    buf_clear(&client->in);
    check_flood(&rig, origin, client, SIZE);
    puppet_end(&puppet);
    rig_stop(&rig);
}

enum { QUIET_NS = 300 * 1000 * 1000 };

/* Answers requests as they come; returns when none came for a while, or most were answered. */
static unsigned answer_all(struct rig *rig, unsigned served, unsigned most,
                           const struct buf *response)
{
    uint64_t last = uv_hrtime();
    while (served < most && uv_hrtime() - last < QUIET_NS) {
        uv_run(&rig->loop, UV_RUN_NOWAIT);
        if (rig->accepted == served)
            continue;
        struct end *origin = &rig->ends[rig->n_ends - 1];
        UNTIL(rig, end_has(origin, "\r\n\r\n"));
        end_send_bytes(origin, response->data, response->len);
        served++;
        last = uv_hrtime();
    }
    return served;
}

/* Many requests at once, and no interest in the answers: the next one waits for the reader. */
static void a_slow_client_waits_for_its_own_answers(void **state)
{
    enum { REQUESTS = 40, BODY = 20000 };
    struct rig rig;
    struct buf requests = {0}, response = {0};
    const char *closing = "Connection: close\r\n";
    const size_t longer = strlen("Via: 1.1 sluice\r\n") - strlen(closing);
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    rig_hold(&rig, client, true);
    for (int i = 0; i < REQUESTS; i++)
        buf_printf(&requests, "GET http://origin.test:%u/ HTTP/1.1\r\nHost: h\r\n\r\n",
                   rig.origin_port);
    buf_printf(&response, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%0*d", BODY,
               closing, BODY, 1);
    end_send_bytes(client, requests.data, requests.len);
    unsigned served = answer_all(&rig, 0, REQUESTS, &response);
    assert_true(served > 1 && served < REQUESTS / 2);
    rig_hold(&rig, client, false);
    for (int i = 0; i < 10000 && served < REQUESTS; i++)
        served = answer_all(&rig, served, REQUESTS, &response);
    assert_int_equal(served, REQUESTS);
    UNTIL(&rig, client->in.len >= REQUESTS * (response.len + longer));
    assert_int_equal(client->in.len, REQUESTS * (response.len + longer));
    puppet_end(&puppet);
    buf_free(&requests);
    buf_free(&response);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_head_that_does_not_come_is_answered),
        cmocka_unit_test(a_head_that_never_ends_is_answered),
        cmocka_unit_test(a_head_that_is_cut_off_is_answered),
        cmocka_unit_test(one_connection_too_many_is_answered),
        cmocka_unit_test(refused_clients_are_bounded_too),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(an_origin_that_does_not_answer_is_answered),
        cmocka_unit_test(a_slow_reader_slows_its_writer),
        cmocka_unit_test(a_slow_origin_slows_an_upload),
        cmocka_unit_test(a_slow_client_slows_a_download),
        cmocka_unit_test(a_slow_client_waits_for_its_own_answers),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
