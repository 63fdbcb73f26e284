/* SPDX-License-Identifier: Apache-2.0 */
/* Refused requests that wait for a decision: what ends the wait, and what never waits. */
#include "support/holding.h"

#define GRAPHQL(operations)                                                            \
    "    endpoints: [{host: origin.test, port: %P, protocol: graphql, "                \
    "enforcement: enforce, rules: [" operations "]}]\n"                                \
    "    binaries: [{path: /**}]\n"
#define QUERIES "{allow: {operation_type: query}}"
#define MUTATIONS "{allow: {operation_type: mutation}}"
#define BODY "{\"query\":\"mutation Add { add }\"}"
#define RPC                                                                            \
    "    endpoints: [{host: origin.test, port: %P, protocol: json-rpc, "               \
    "enforcement: enforce, rules: [{allow: {method: \"*\"}}]}]\n"                      \
    "    binaries: [{path: /**}]\n"
#define FULL REST("        enforcement: enforce\n        access: full\n")
#define UPGRADE                                                                        \
    "GET /chat HTTP/1.1\r\n%HConnection: Upgrade\r\nUpgrade: websocket\r\n"            \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define SWITCH                                                                         \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

/* ---- CONNECT ---- */

static void a_connect_waits_and_goes_on(void **state)
{
    struct holding h;
    char line[256];
    (void)state;
    holding_begin(&h);
    snprintf(line, sizeof line, "1 origin.test:%u %s\n", h.rig.origin_port, h.rig.client);
    assert_string_equal(h.rig.waiting.data, line);
    assert_int_equal(h.rig.n_denials, 1);
    assert_int_equal(count_in(&h.rig.lines, "NET:OPEN [MED] HELD "), 1);
    rig_allow(&h.rig, h.rig.client);
    struct end *origin = rig_origin(&h.rig);
    UNTIL(&h.rig, end_has(h.client, "\r\n\r\n"));
    assert_string_equal(h.client->in.data, "HTTP/1.1 200 Connection Established\r\n\r\n");
    end_send(h.client, "hello");
    UNTIL(&h.rig, end_has(origin, "hello"));
    assert_int_equal(waiting_now(&h.rig), 0);
    assert_int_equal(count_in(&h.rig.lines, "ALLOWED"), 1);
    assert_int_equal(count_in(&h.rig.lines, "DENIED"), 0);
    holding_end(&h);
}

/* Of a policy that still refuses it nothing is heard. */
static void a_policy_about_something_else_changes_nothing(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    rig_set(&h.rig, "other.test 0 /**");
    struct puppet other = rig_puppet(&h.rig, h.rig.other);
    struct end *tunnel, *origin;
    tunnel = rig_tunnel(&h.rig, &other, "other.test", &origin);
    end_send(tunnel, "hello");
    UNTIL(&h.rig, end_has(origin, "hello"));
    assert_int_equal(h.client->in.len, 0);
    assert_int_equal(h.rig.n_denials, 1);
    assert_int_equal(waiting_now(&h.rig), 1);
    puppet_end(&other);
    holding_end(&h);
}

static struct egress_waiting of_origin(const struct rig *rig)
{
    return (struct egress_waiting){
        .host = "origin.test", .port = rig->origin_port, .binary = rig->client};
}

static void expect_refusal(struct holding *h)
{
    UNTIL(&h->rig, h->client->eof);
    json_t *json = end_answer(h->client, 403);
    assert_string_equal(json_string_value(json_object_get(json, "error")), "policy_denied");
    assert_string_equal(json_string_value(json_object_get(json, "reason")),
                        "network connections not allowed by policy");
    json_decref(json);
    assert_int_equal(h->rig.n_denials, 1);          /* it was told when it began to wait */
    assert_int_equal(count_in(&h->rig.lines, "NET:OPEN [MED] DENIED "), 1);
    assert_int_equal(waiting_now(&h->rig), 0);
    holding_end(h);
}

static void a_rejection_refuses_it(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    struct egress_waiting what = of_origin(&h.rig);
    what.port++;
    egress_reject(h.rig.proxy, &what);              /* of something else */
    what.port--;
    egress_reject(h.rig.proxy, &what);
    expect_refusal(&h);
}

static void all_of_them_can_be_rejected(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    egress_reject(h.rig.proxy, &(struct egress_waiting){.host = ""});
    expect_refusal(&h);
}

static void its_time_ends(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    holding_set(&h.rig, 20);
    expect_refusal(&h);
}

static void a_setting_of_nothing_ends_it_at_once(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    holding_set(&h.rig, 0);
    expect_refusal(&h);
}

/* Whichever comes first, there is one answer. */
static void an_approval_after_the_end_is_too_late(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    holding_set(&h.rig, 1);
    UNTIL(&h.rig, count_in(&h.rig.lines, "NET:OPEN [MED] DENIED ") == 1);
    rig_allow(&h.rig, h.rig.client);
    UNTIL(&h.rig, h.client->eof);
    json_decref(end_answer(h.client, 403));
    assert_int_equal(h.rig.accepted, 0);
    holding_end(&h);
}

static void an_approval_at_the_end_counts(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    holding_set(&h.rig, 0);
    rig_allow(&h.rig, h.rig.client);                /* before the loop has looked */
    rig_origin(&h.rig);
    UNTIL(&h.rig, end_has(h.client, "HTTP/1.1 200 "));
    assert_int_equal(count_in(&h.rig.lines, "DENIED"), 0);
    holding_end(&h);
}

static void a_client_that_goes_frees_its_place(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    struct linger reset = {.l_onoff = 1};
    setsockopt(h.client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    puppet_end(&h.puppet);
    close(h.client->fd);
    h.client->fd = -1;
    UNTIL(&h.rig, waiting_now(&h.rig) == 0);
    rig_stop(&h.rig);
}

static void a_proxy_that_ends_waits_for_nothing(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    holding_end(&h);
}

static void those_that_ask_for_the_same_are_counted(void **state)
{
    struct holding h;
    (void)state;
    holding_begin(&h);
    struct puppet second = rig_puppet(&h.rig, h.rig.client);
    struct end *end = rig_end(&h.rig, second.socket);
    end_send(end, rig_connect(&h.rig, "origin.test"));
    UNTIL(&h.rig, waiting_now(&h.rig) == 2);
    assert_int_equal(h.rig.n_denials, 2);
    const struct egress_waiting what = of_origin(&h.rig);
    egress_reject(h.rig.proxy, &what);
    UNTIL(&h.rig, h.client->eof && end->eof);
    puppet_end(&second);
    holding_end(&h);
}

/* ---- forwarded requests ---- */

static void a_forwarded_request_waits_with_its_body(void **state)
{
    struct rig rig;
    char request[256];
    (void)state;
    rig_start(&rig, "");
    holding_set(&rig, HOLD_MS);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    snprintf(request, sizeof request,
             "POST http://origin.test:%u/a HTTP/1.1\r\nHost: origin.test:%u\r\n"
             "Content-Length: 4\r\n\r\nbo", rig.origin_port, rig.origin_port);
    end_send(client, request);
    holding_waits(&rig, client);
    end_send(client, "dy");
    rig_allow(&rig, rig.client);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\nbody"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&rig, end_has(client, "\r\n\r\nok"));
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* ---- requests in a tunnel ---- */

/* A request that waits for another rule, then what the origin gets of it. */
static void expect_goes_on(const char *before, const char *request, const char *after,
                           const char *sent)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, before);
    holding_set(&s.rig, HOLD_MS);
    struct end *client = ask_plain(&s, request, &origin);
    UNTIL(&s.rig, waiting_now(&s.rig) == 1);
    UNTIL(&s.rig, origin->eof);                     /* nobody keeps it waiting */
    assert_int_equal(origin->in.len, 0);
    assert_int_equal(client->in.len, 0);
    struct policy *policy = policy_of(&s.rig, after);
    egress_set_policy(s.rig.proxy, policy);
    policy_unref(policy);
    origin = rig_origin(&s.rig);
    UNTIL(&s.rig, end_has(origin, sent));
    assert_int_equal(waiting_now(&s.rig), 0);
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s.rig, end_has(client, "\r\n\r\nok"));
    scene_close(&s);
}

static void requests_in_a_tunnel_wait(void **state)
{
    (void)state;
    expect_goes_on(READ_ONLY, "DELETE /a HTTP/1.1\r\n%H\r\n", FULL, "DELETE /a HTTP/1.1\r\n");
    expect_goes_on(READ_ONLY, "POST /a HTTP/1.1\r\n%HContent-Length: 4\r\n\r\nbody", FULL,
                   "\r\n\r\nbody");
}

/* A body that was read for the first decision is read for the next one as that needs it. */
static void calls_wait_with_their_body(void **state)
{
    static const char post[] =
        "POST /graphql HTTP/1.1\r\n%HContent-Type: application/json\r\n"
        "Content-Length: 32\r\n\r\n" BODY;
    (void)state;
    assert_int_equal(strlen(BODY), 32);
    expect_goes_on(GRAPHQL(QUERIES), post, GRAPHQL(QUERIES "," MUTATIONS), "\r\n\r\n" BODY);
    expect_goes_on(GRAPHQL(QUERIES), post, FULL, "\r\n\r\n" BODY);
    expect_goes_on(READ_ONLY, post, GRAPHQL(MUTATIONS), "\r\n\r\n" BODY);
}

/* The new endpoint reads the body as something else, which it is not. */
static void a_body_that_cannot_be_read_any_more_is_refused(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, GRAPHQL(QUERIES));
    holding_set(&s.rig, HOLD_MS);
    struct end *client = ask_plain(&s,
                                   "POST / HTTP/1.1\r\n%HContent-Type: application/json\r\n"
                                   "Content-Length: 32\r\n\r\n" BODY, &origin);
    UNTIL(&s.rig, waiting_now(&s.rig) == 1);
    struct policy *policy = policy_of(&s.rig, RPC);
    egress_set_policy(s.rig.proxy, policy);
    policy_unref(policy);
    UNTIL(&s.rig, client->eof);
    json_decref(end_answer(client, 403));
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
}

static void an_upgrade_waits(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, REST("        enforcement: enforce\n"
                        "        rules: [{allow: {method: GET, path: /a}}]\n"));
    holding_set(&s.rig, HOLD_MS);
    struct end *client = ask_plain(&s, UPGRADE, &origin);
    UNTIL(&s.rig, waiting_now(&s.rig) == 1);
    struct policy *policy = policy_of(&s.rig, FULL);
    egress_set_policy(s.rig.proxy, policy);
    policy_unref(policy);
    origin = rig_origin(&s.rig);
    UNTIL(&s.rig, end_has(origin, "GET /chat HTTP/1.1\r\n"));
    end_send(origin, SWITCH);
    UNTIL(&s.rig, end_has(client, "HTTP/1.1 101 "));
    scene_close(&s);
}

static void a_request_within_tls_waits(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, READ_ONLY);
    holding_set(&s.rig, HOLD_MS);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    ask_within(&s, &client, "DELETE /a HTTP/1.1\r\n%H\r\n");
    UNTIL(&s.rig, waiting_now(&s.rig) == 1);
    UNTIL(&s.rig, end->eof);                        /* nobody keeps the origin waiting */
    struct policy *policy = policy_of(&s.rig, FULL);
    egress_set_policy(s.rig.proxy, policy);
    policy_unref(policy);
    struct tls_end again = tls_origin(&s, rig_origin(&s.rig), "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_has(&again, "DELETE /a HTTP/1.1\r\n"));
    tls_end_free(&client);
    tls_end_free(&origin);
    tls_end_free(&again);
    scene_close(&s);
}

/* ---- what never waits ---- */

static void expect_at_once(const char *rule, const char *request, int status)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    holding_set(&s.rig, HOLD_MS);
    struct end *client = ask_plain(&s, request, &origin);
    UNTIL(&s.rig, client->eof);
    json_decref(end_answer(client, status));
    assert_int_equal(s.rig.waiting.len, 0);
    scene_close(&s);
}

static void what_no_rule_can_help_is_refused_at_once(void **state)
{
    (void)state;
    expect_at_once(REST("        enforcement: enforce\n        access: full\n"
                        "        deny_rules: [{method: DELETE, path: /**}]\n"),
                   "DELETE /a HTTP/1.1\r\n%H\r\n", 403);
    expect_at_once(READ_ONLY, "DELETE /a* HTTP/1.1\r\n%H\r\n", 403);
    expect_at_once(READ_ONLY, "DELETE /%2e%2e/a HTTP/1.1\r\n%H\r\n", 400);
    expect_at_once(READ_ONLY, "DELETE /a HTTP/1.1\r\nHost: other.test\r\n\r\n", 403);
    expect_at_once(GRAPHQL(QUERIES),
                   "POST / HTTP/1.1\r\n%HContent-Type: application/json\r\n"
                   "Content-Length: 3\r\n\r\n[1]", 403);
}

static void addresses_that_are_closed_are_refused_at_once(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "mixed.test 0 /**");
    holding_set(&rig, HOLD_MS);
    rig_expect_refusal(&rig, rig_connect(&rig, "mixed.test"), 403, "ssrf_denied", NULL, NULL);
    rig_expect_refusal(&rig, rig_connect(&rig, "127.0.0.1"), 403, "policy_denied", NULL, NULL);
    assert_int_equal(rig.waiting.len, 0);
    rig_stop(&rig);
}

/* ---- how much waits ---- */

static struct end *connect_as(struct rig *rig, const char *program, struct puppet *puppet,
                              const char *host)
{
    *puppet = rig_puppet(rig, program);
    struct end *end = rig_end(rig, puppet->socket);
    end_send(end, rig_connect(rig, host));
    return end;
}

/* They are no connections that take the place of others, and go on together. */
static void many_wait_at_a_time(void **state)
{
    enum { MANY = 40 };
    struct rig rig;
    struct puppet puppets[MANY];
    (void)state;
    rig_start_with(&rig, "", (struct egress_limits){.max_connections = MANY / 2});
    holding_set(&rig, HOLD_MS);
    for (unsigned i = 0; i < MANY; i++) {
        connect_as(&rig, rig.client, &puppets[i], "origin.test");
        UNTIL(&rig, waiting_now(&rig) == i + 1);
    }
    rig_allow(&rig, rig.client);
    UNTIL(&rig, rig.accepted == MANY);
    assert_int_equal(waiting_now(&rig), 0);
    for (unsigned i = 0; i < MANY; i++)
        puppet_end(&puppets[i]);
    rig_stop(&rig);
}

/* A program that has many requests refused: the one that is too many has its answer at once, and
 * those of others wait, or pass, as ever. */
static void a_flood_takes_half_of_the_places(void **state)
{
    enum { PLACES = 8 };
    struct rig rig;
    struct puppet puppets[PLACES / 2], one_more, other, allowed;
    struct end *origin;
    (void)state;
    rig_start_with(&rig, "", (struct egress_limits){.max_held = PLACES});
    holding_set(&rig, HOLD_MS);
    rig_set(&rig, "other.test 0 /**");
    for (unsigned i = 0; i < PLACES / 2; i++) {
        connect_as(&rig, rig.client, &puppets[i], "origin.test");
        UNTIL(&rig, waiting_now(&rig) == i + 1);
    }
    struct end *late = connect_as(&rig, rig.client, &one_more, "origin.test");
    UNTIL(&rig, late->eof);
    json_decref(end_answer(late, 403));
    buf_clear(&rig.waiting);
    struct end *waits = connect_as(&rig, rig.other, &other, "origin.test");
    UNTIL(&rig, waiting_now(&rig) == 1);
    allowed = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &allowed, "other.test", &origin);
    assert_int_equal(waits->in.len, 0);
    for (unsigned i = 0; i < PLACES / 2; i++)
        puppet_end(&puppets[i]);
    puppet_end(&one_more);
    puppet_end(&other);
    puppet_end(&allowed);
    rig_stop(&rig);
}

/* What a client sends while it waits counts, too. */
static void a_client_that_sends_much_is_refused(void **state)
{
    enum { LENGTH = 8000 };
    struct rig rig;
    struct puppet puppet;
    char *much = alloc_zero(1, LENGTH + 1);
    (void)state;
    memset(much, 'x', LENGTH);
    rig_start_with(&rig, "", (struct egress_limits){.held_bytes = LENGTH});
    holding_set(&rig, HOLD_MS);
    struct end *client = connect_as(&rig, rig.client, &puppet, "origin.test");
    UNTIL(&rig, waiting_now(&rig) == 1);
    end_send(client, much);
    UNTIL(&rig, client->eof);
    json_decref(end_answer(client, 403));
    assert_int_equal(waiting_now(&rig), 0);
    free(much);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_connect_waits_and_goes_on),
        cmocka_unit_test(a_policy_about_something_else_changes_nothing),
        cmocka_unit_test(a_rejection_refuses_it),
        cmocka_unit_test(all_of_them_can_be_rejected),
        cmocka_unit_test(its_time_ends),
        cmocka_unit_test(a_setting_of_nothing_ends_it_at_once),
        cmocka_unit_test(an_approval_after_the_end_is_too_late),
        cmocka_unit_test(an_approval_at_the_end_counts),
        cmocka_unit_test(a_client_that_goes_frees_its_place),
        cmocka_unit_test(a_proxy_that_ends_waits_for_nothing),
        cmocka_unit_test(those_that_ask_for_the_same_are_counted),
        cmocka_unit_test(a_forwarded_request_waits_with_its_body),
        cmocka_unit_test(requests_in_a_tunnel_wait),
        cmocka_unit_test(calls_wait_with_their_body),
        cmocka_unit_test(a_body_that_cannot_be_read_any_more_is_refused),
        cmocka_unit_test(an_upgrade_waits),
        cmocka_unit_test(a_request_within_tls_waits),
        cmocka_unit_test(what_no_rule_can_help_is_refused_at_once),
        cmocka_unit_test(addresses_that_are_closed_are_refused_at_once),
        cmocka_unit_test(many_wait_at_a_time),
        cmocka_unit_test(a_flood_takes_half_of_the_places),
        cmocka_unit_test(a_client_that_sends_much_is_refused),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
