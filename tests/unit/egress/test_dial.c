/* SPDX-License-Identifier: Apache-2.0 */
/* Several addresses for one name: the first that answers is used, and none that was not judged. */
#include "egress/destination/dial.h"
#include "support/deaf.h"
#include "support/rig.h"

static void a_tunnel(struct rig *rig, const char *host)
{
    struct end *origin;
    struct puppet puppet = rig_puppet(rig, rig->client);
    rig_tunnel(rig, &puppet, host, &origin);
    puppet_end(&puppet);
}

/* With a deadline that no test waits for. */
static void a_dead_first_address_costs_no_deadline(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_with(&rig, "two.test 0 /**", (struct egress_limits){.dial_ms = 1000000});
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    a_tunnel(&rig, "two.test");
    deaf_end(&deaf);
    rig_stop(&rig);
}

static void all_addresses_refuse(void **state)
{
    struct rig rig;
    char request[128], reason[128];
    (void)state;
    rig_start(&rig, "two.test 9 /**\norigin.test 9 /**");
    snprintf(request, sizeof request, "CONNECT two.test:9 HTTP/1.1\r\nHost: h\r\n\r\n");
    snprintf(reason, sizeof reason, "two.test:9 cannot be reached: connection refused (2 of its 2 "
             "addresses tried)");
    rig_expect_refusal(&rig, request, 502, "upstream_unreachable",
                       "connection to two.test:9 failed", reason);
    rig_expect_refusal(&rig, "CONNECT origin.test:9 HTTP/1.1\r\nHost: h\r\n\r\n", 502,
                       "upstream_unreachable", NULL,
                       "origin.test:9 cannot be reached: connection refused");
    rig_stop(&rig);
}

static void no_address_answers_in_time(void **state)
{
    struct rig rig;
    char reason[128];
    (void)state;
    rig_start_with(&rig, "two.test 0 /**", (struct egress_limits){.dial_ms = 600});
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port), second;
    close(rig.origin);
    second = deaf_begin(ORIGIN_ADDRESS, rig.origin_port);
    snprintf(reason, sizeof reason, "two.test:%u did not answer: connection timed out (2 of its 2 "
             "addresses tried)", rig.origin_port);
    rig_expect_refusal(&rig, rig_connect(&rig, "two.test"), 504, "upstream_timeout", NULL, reason);
    rig.origin = dup(second.listener);
    deaf_end(&deaf);
    deaf_end(&second);
    rig_stop(&rig);
}

static void a_client_that_goes_ends_the_race(void **state)
{
    struct rig rig;
    struct egress_stats stats;
    (void)state;
    rig_start_with(&rig, "two.test 0 /**", (struct egress_limits){.dial_ms = 1000000});
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port), second;
    close(rig.origin);
    second = deaf_begin(ORIGIN_ADDRESS, rig.origin_port);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, rig_connect(&rig, "two.test"));
    UNTIL(&rig, rig.lines.len && strstr(rig.lines.data, "ALLOWED"));
    puppet_end(&puppet);
    close(client->fd);
    client->fd = -1;
    UNTIL(&rig, (egress_stats(rig.proxy, &stats), stats.open == 0));
    rig.origin = dup(second.listener);
    deaf_end(&deaf);
    deaf_end(&second);
    rig_stop(&rig);
}

struct race {
    struct rig rig;
    struct egress_dialer dialer;
    struct egress_dial_result result;
    bool done, closed, socket_closed;
    int listener;                                   /* of a service that came late */
};

static void race_done(void *owner, const struct egress_dial_result *result)
{
    struct race *race = owner;
    race->result = *result;
    race->done = true;
}

static void race_closed(void *owner)
{
    ((struct race *)owner)->closed = true;
}

static void socket_closed(void *owner)
{
    ((struct race *)owner)->socket_closed = true;
}

static const struct egress_dial_calls race_calls = {race_done, race_closed};
static const struct net_calls socket_calls = {.closed = socket_closed};

static void race_begin(struct race *race, unsigned dial_ms)
{
    memset(race, 0, sizeof *race);
    rig_start(&race->rig, "");
    race->dialer = (struct egress_dialer){.loop = &race->rig.loop,
                                          .dial_ms = dial_ms};
}

/* Dials to the end; the losers are gone while the winner is still open. */
static void race_run(struct race *race, const char *const *texts, size_t n)
{
    struct ipaddr addresses[16];
    race->done = race->closed = race->socket_closed = false;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ipaddr_parse(texts[i], &addresses[i]), 0);
    egress_dial_start(&race->dialer, addresses, n, race->rig.origin_port, &race_calls, race);
    assert_false(race->done);
    UNTIL(&race->rig, race->done && race->closed);
    if (race->result.status != 0)
        return;
    net_set_owner(race->result.socket, &socket_calls, race);
    net_close(race->result.socket);
    UNTIL(&race->rig, race->socket_closed);
}

static void a_silent_address_is_tried_last_until_it_answers(void **state)
{
    static const char *const two[] = {OTHER_ADDRESS, ORIGIN_ADDRESS}, *const one[] = {
                                                                          OTHER_ADDRESS};
    struct race race;
    (void)state;
    race_begin(&race, 1000000);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, race.rig.origin_port);
    race_run(&race, two, 2);
    assert_int_equal(race.result.status, 0);
    assert_int_equal(race.result.index, 1);
    assert_int_equal(race.result.tried, 2);
    race_run(&race, two, 2);
    assert_int_equal(race.result.index, 1);
    assert_int_equal(race.result.tried, 1);
    deaf_end(&deaf);
    int listener = network_listen(OTHER_ADDRESS, &race.rig.origin_port);
    race_run(&race, one, 1);
    assert_int_equal(race.result.status, 0);
    race_run(&race, two, 2);
    assert_int_equal(race.result.index, 0);
    assert_int_equal(race.result.tried, 1);
    close(listener);
    rig_stop(&race.rig);
}

/* An address that refuses makes room for the next one without a delay; no route neither. */
static void a_failure_starts_the_next_attempt(void **state)
{
    static const char *const addresses[] = {"10.77.0.3", "fd00:dead::1", "127.0.0.1", "192.0.2.1",
                                            "10.77.0.2"};
    struct race race;
    (void)state;
    race_begin(&race, 1000000);
    race_run(&race, addresses, 5);
    assert_int_equal(race.result.status, 0);
    assert_int_equal(race.result.index, 4);
    assert_int_equal(race.result.tried, 5);
    for (size_t i = 0; i < EGRESS_SILENT_MAX; i++)
        assert_int_equal(race.dialer.silent.items[i].until_ms, 0);
    rig_stop(&race.rig);
}

static void listen_now(uv_timer_t *timer)
{
    struct race *race = timer->data;
    race->listener = network_listen(OTHER_ADDRESS, &race->rig.origin_port);
}

/* Refused first, as the listener comes later. */
static void a_service_that_restarts_is_waited_for(void **state)
{
    static const char *const one[] = {OTHER_ADDRESS};
    struct race race;
    uv_timer_t timer;
    (void)state;
    race_begin(&race, 1000000);
    uv_timer_init(&race.rig.loop, &timer);
    timer.data = &race;
    uv_timer_start(&timer, listen_now, EGRESS_AGAIN_MS / 2, 0);
    race_run(&race, one, 1);
    assert_int_equal(race.result.status, 0);
    assert_int_equal(race.result.tried, 1);
    uv_close((uv_handle_t *)&timer, NULL);
    close(race.listener);
    rig_stop(&race.rig);
}

static void a_dial_that_fails_at_once_says_so_later(void **state)
{
    static const char *const addresses[] = {"fd00:dead::1", "192.0.2.1"};
    struct race race;
    (void)state;
    race_begin(&race, 1000000);
    race_run(&race, addresses, 2);
    assert_int_equal(race.result.status, UV_ENETUNREACH);
    assert_int_equal(race.result.tried, 2);
    rig_stop(&race.rig);
}

static void a_race_can_be_cancelled(void **state)
{
    struct ipaddr addresses[2];
    struct race race;
    (void)state;
    race_begin(&race, 1000000);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, race.rig.origin_port);
    ipaddr_parse(OTHER_ADDRESS, &addresses[0]);
    ipaddr_parse(ORIGIN_ADDRESS, &addresses[1]);
    egress_dial_cancel(
        egress_dial_start(&race.dialer, addresses, 2, race.rig.origin_port, &race_calls, &race));
    UNTIL(&race.rig, race.closed);
    assert_false(race.done);
    deaf_end(&deaf);
    rig_stop(&race.rig);
}

static void the_order_takes_turns_and_puts_silent_ones_last(void **state)
{
    static const struct {
        const char *addresses, *silent, *order;
    } rows[] = {
        {"1.0.0.1 1.0.0.2", "", "1.0.0.1 1.0.0.2 "},
        {"1.0.0.1 1.0.0.2", "1.0.0.1", "1.0.0.2 1.0.0.1 "},
        {"1.0.0.1 1.0.0.2", "1.0.0.1 1.0.0.2", "1.0.0.1 1.0.0.2 "},
        {"2::1 2::2 2::3 1.0.0.1 1.0.0.2", "", "2::1 1.0.0.1 2::2 1.0.0.2 2::3 "},
        {"1.0.0.1 1.0.0.2 2::1", "", "1.0.0.1 2::1 1.0.0.2 "},
        {"2::1 2::2 1.0.0.1", "2::1", "2::2 1.0.0.1 2::1 "},
        {"2::1 2::2 1.0.0.1", "2::1 2::2", "1.0.0.1 2::1 2::2 "},
        {"2::1 2::2 2::3 2::4 2::5 2::6 2::7 2::8 2::9 1.0.0.1", "",
         "2::1 1.0.0.1 2::2 2::3 2::4 2::5 2::6 2::7 "},
        {"", "1.0.0.1", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct egress_silent silent = {0};
        struct ipaddr list[16], one;
        size_t n = 0, order[EGRESS_DIALS_MAX];
        char words[256], said[512] = "", text[IPADDR_TEXT_SIZE], *rest;
        snprintf(words, sizeof words, "%s", rows[i].addresses);
        for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
            assert_int_equal(ipaddr_parse(w, &list[n++]), 0);
        snprintf(words, sizeof words, "%s", rows[i].silent);
        for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
            assert_int_equal(ipaddr_parse(w, &one), 0);
            egress_silent_add(&silent, &one, 443, 1000);
        }
        size_t count = egress_dial_order(&silent, list, n, 443, 1000, order);
        for (size_t k = 0; k < count; k++)
            snprintf(said + strlen(said), sizeof said - strlen(said), "%s ",
                     ipaddr_text(&list[order[k]], text));
        assert_string_equal(said, rows[i].order);
    }
}

static void silence_is_forgotten(void **state)
{
    struct egress_silent silent = {0};
    struct ipaddr address;
    char text[32];
    (void)state;
    ipaddr_parse("1.0.0.1", &address);
    egress_silent_add(&silent, &address, 443, 5000);
    assert_true(egress_silent_has(&silent, &address, 443, 5000 + EGRESS_SILENT_MS - 1));
    assert_false(egress_silent_has(&silent, &address, 443, 5000 + EGRESS_SILENT_MS));
    assert_false(egress_silent_has(&silent, &address, 80, 5000));
    egress_silent_remove(&silent, &address, 443);
    assert_false(egress_silent_has(&silent, &address, 443, 5000));
    egress_silent_add(&silent, &address, 443, 5000);
    for (unsigned i = 0; i < EGRESS_SILENT_MAX; i++) {
        snprintf(text, sizeof text, "2.0.0.%u", i);
        ipaddr_parse(text, &address);
        egress_silent_add(&silent, &address, 443, 5001 + i);
        egress_silent_add(&silent, &address, 443, 5001 + i);
    }
    assert_true(egress_silent_has(&silent, &address, 443, 6000));
    ipaddr_parse("1.0.0.1", &address);
    assert_false(egress_silent_has(&silent, &address, 443, 6000));
    ipaddr_parse("2.0.0.0", &address);
    assert_true(egress_silent_has(&silent, &address, 443, 6000));
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_dead_first_address_costs_no_deadline),
        cmocka_unit_test(all_addresses_refuse),
        cmocka_unit_test(no_address_answers_in_time),
        cmocka_unit_test(a_client_that_goes_ends_the_race),
        cmocka_unit_test(a_silent_address_is_tried_last_until_it_answers),
        cmocka_unit_test(a_failure_starts_the_next_attempt),
        cmocka_unit_test(a_service_that_restarts_is_waited_for),
        cmocka_unit_test(a_dial_that_fails_at_once_says_so_later),
        cmocka_unit_test(a_race_can_be_cancelled),
        cmocka_unit_test(the_order_takes_turns_and_puts_silent_ones_last),
        cmocka_unit_test(silence_is_forgotten),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
