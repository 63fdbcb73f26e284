/* SPDX-License-Identifier: Apache-2.0 */
/* Which address stands for which name, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/dns/names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { LONG_MS = 3600 * 1000 };

static struct in_addr address_of(struct egress_names *names, const char *host, uint64_t now_ms)
{
    struct in_addr address;
    if (!egress_names_address(names, host, now_ms, &address))
        fail_msg("%s has no address", host);
    return address;
}

static void fill(struct egress_names *names, const char *end, int n, uint64_t now_ms)
{
    char host[32];
    for (int i = 0; i < n; i++) {
        snprintf(host, sizeof host, "n%d.%s", i, end);
        address_of(names, host, now_ms);
    }
}

static void stands_for(const struct egress_names *names, struct in_addr address, const char *host)
{
    const char *found = egress_names_host(names, address);
    assert_string_equal(found ? found : "nothing", host);
}

static void a_name_keeps_its_address(void **state)
{
    struct egress_names *names = egress_names_new(), *others = egress_names_new();
    (void)state;
    struct in_addr a = address_of(names, "a.test", 0);
    struct in_addr b = address_of(names, "b.test", 0);
    assert_int_not_equal(a.s_addr, b.s_addr);
    stands_for(names, a, "a.test");
    stands_for(names, b, "b.test");
    assert_int_equal(address_of(names, "a.test", LONG_MS).s_addr, a.s_addr);
    /* Elsewhere too, whatever was asked for before. */
    fill(others, "other.test", 100, 0);
    assert_int_equal(address_of(others, "a.test", 0).s_addr, a.s_addr);
    egress_names_free(names);
    egress_names_free(others);
}

static void addresses_are_of_one_range_and_each_is_one_names(void **state)
{
    struct egress_names *names = egress_names_new();
    char host[32];
    (void)state;
    fill(names, "test", EGRESS_NAMES_MAX, 0);
    for (int i = 0; i < EGRESS_NAMES_MAX; i++) {
        snprintf(host, sizeof host, "n%d.test", i);
        struct in_addr address = address_of(names, host, 0);
        uint32_t number = ntohl(address.s_addr);
        assert_true(egress_names_covers(address));
        assert_int_equal(number >> 17, 0xc6120000 >> 17);
        assert_int_not_equal(number & 255, 0);
        assert_int_not_equal(number & 255, 255);
        stands_for(names, address, host);
    }
    egress_names_free(names);
}

static void no_other_address_stands_for_a_name(void **state)
{
    static const char *const addresses[] = {"198.17.255.255", "198.20.0.0", "127.0.0.1", "0.0.0.0",
                                            "255.255.255.255", "198.18.0.0"};
    struct egress_names *names = egress_names_new();
    struct in_addr address;
    (void)state;
    address_of(names, "a.test", 0);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        inet_pton(AF_INET, addresses[i], &address);
        assert_null(egress_names_host(names, address));
        assert_int_equal(egress_names_covers(address), i == 5);
    }
    egress_names_free(names);
}

static void a_place_is_given_up_only_when_nobody_can_use_it(void **state)
{
    struct egress_names *names = egress_names_new();
    struct in_addr address;
    (void)state;
    struct in_addr first = address_of(names, "first.test", 0);
    fill(names, "test", EGRESS_NAMES_MAX - 1, 1000);
    /* Every answer holds for a while yet, then the oldest one does not. */
    assert_false(egress_names_address(names, "late.test", EGRESS_NAMES_TTL_S * 1000, &address));
    stands_for(names, first, "first.test");
    address_of(names, "late.test", (EGRESS_NAMES_TTL_S + 5) * 1000);
    assert_null(egress_names_host(names, first));
    assert_false(
        egress_names_address(names, "later.test", (EGRESS_NAMES_TTL_S + 5) * 1000, &address));
    egress_names_free(names);
}

static void asking_again_keeps_a_place(void **state)
{
    struct egress_names *names = egress_names_new();
    (void)state;
    struct in_addr first = address_of(names, "first.test", 0);
    fill(names, "test", EGRESS_NAMES_MAX - 1, 1);
    address_of(names, "first.test", LONG_MS);
    address_of(names, "late.test", 2 * LONG_MS);
    stands_for(names, first, "first.test");
    egress_names_free(names);
}

/* A program that asks for ever new names takes no place from those that are used. */
static void what_was_connected_to_goes_last(void **state)
{
    struct egress_names *names = egress_names_new();
    (void)state;
    struct in_addr used = address_of(names, "used.test", 0);
    egress_names_hold(names, used, 0);
    egress_names_release(names, used, 0);
    for (int i = 1; i < 5; i++)
        fill(names, "one.test", EGRESS_NAMES_MAX - 1, (uint64_t)(i * LONG_MS));
    fill(names, "two.test", EGRESS_NAMES_MAX - 1, (uint64_t)(6 * (uint64_t)LONG_MS));
    stands_for(names, used, "used.test");
    egress_names_free(names);
}

static void what_is_held_stays(void **state)
{
    struct egress_names *names = egress_names_new();
    struct in_addr address;
    char host[32];
    (void)state;
    struct in_addr held = address_of(names, "held.test", 0);
    egress_names_hold(names, held, 0);
    fill(names, "test", EGRESS_NAMES_MAX - 1, 0);
    for (int i = 0; i < EGRESS_NAMES_MAX - 1; i++) {        /* all of them are connected to */
        snprintf(host, sizeof host, "n%d.test", i);
        address = address_of(names, host, LONG_MS);
        egress_names_hold(names, address, LONG_MS);
        egress_names_release(names, address, LONG_MS);
    }
    fill(names, "late.test", EGRESS_NAMES_MAX - 1, 3 * (uint64_t)LONG_MS);
    stands_for(names, held, "held.test");
    /* Its time counts from when it ends. */
    egress_names_release(names, held, 3 * (uint64_t)LONG_MS);
    assert_false(egress_names_address(names, "no.test", 3 * (uint64_t)LONG_MS, &address));
    stands_for(names, held, "held.test");
    egress_names_free(names);
}

static void what_has_no_name_is_not_held(void **state)
{
    struct egress_names *names = egress_names_new();
    struct in_addr address;
    (void)state;
    inet_pton(AF_INET, "198.18.0.7", &address);
    egress_names_hold(names, address, 0);
    egress_names_release(names, address, 0);
    assert_null(egress_names_host(names, address));
    egress_names_free(names);
    egress_names_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_keeps_its_address),
        cmocka_unit_test(addresses_are_of_one_range_and_each_is_one_names),
        cmocka_unit_test(no_other_address_stands_for_a_name),
        cmocka_unit_test(a_place_is_given_up_only_when_nobody_can_use_it),
        cmocka_unit_test(asking_again_keeps_a_place),
        cmocka_unit_test(what_was_connected_to_goes_last),
        cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(what_has_no_name_is_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
