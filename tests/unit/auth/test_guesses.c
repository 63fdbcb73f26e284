/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong tokens are counted for each source that its user cannot change at will. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "auth/guesses.h"

static struct http_peer tcp_peer(const char *host)
{
    struct http_peer peer = {.kind = HTTP_TCP};
    struct http_address address;
    struct sockaddr_in *four = (struct sockaddr_in *)&peer.remote;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&peer.remote;
    peer.remote.ss_family = strchr(host, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(
        inet_pton(peer.remote.ss_family, host,
                  strchr(host, ':') ? (void *)&six->sin6_addr : (void *)&four->sin_addr),
        1);
    peer.loopback = http_address_loopback((struct sockaddr *)&peer.remote);
    http_address_from_ip((struct sockaddr *)&peer.remote, &address);
    http_address_format(&address, peer.text);
    return peer;
}

/* Whether guesses that one made hold the other up. */
static bool same_source(const char *one, const char *other)
{
    struct guesses g = {0};
    struct http_peer first = tcp_peer(one), second = tcp_peer(other);
    for (int i = 0; i < GUESSES_MAX; i++) {
        assert_int_equal(guesses_wait_ms(&g, &first, 1000), 0);
        guesses_count(&g, &first, 1000);
    }
    assert_true(guesses_wait_ms(&g, &first, 1000) > 0);
    return guesses_wait_ms(&g, &second, 1000) > 0;
}

static void another_address_of_the_same_network_is_no_other_source(void **state)
{
    (void)state;
    assert_true(same_source("127.0.0.1", "127.0.0.2"));
    assert_true(same_source("127.9.8.7", "::1"));
    assert_true(same_source("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_true(same_source("203.0.113.7", "203.0.113.7"));
}

static void another_host_is_another_source(void **state)
{
    (void)state;
    assert_false(same_source("127.0.0.1", "203.0.113.7"));
    assert_false(same_source("203.0.113.7", "203.0.113.8"));
    assert_false(same_source("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_false(same_source("2001:db8:1:2::1", "::1"));
}

static void sources_that_take_turns_are_counted_apart(void **state)
{
    (void)state;
    struct guesses g = {0};
    struct http_peer first = tcp_peer("203.0.113.7"), second = tcp_peer("203.0.113.8");
    for (int i = 0; i < GUESSES_MAX; i++) {
        assert_int_equal(guesses_wait_ms(&g, &first, 1000), 0);
        assert_int_equal(guesses_wait_ms(&g, &second, 1000), 0);
        guesses_count(&g, &first, 1000);
        guesses_count(&g, &second, 1000);
    }
    assert_true(guesses_wait_ms(&g, &first, 1000) > 0);
    assert_true(guesses_wait_ms(&g, &second, 1000) > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_address_of_the_same_network_is_no_other_source),
        cmocka_unit_test(another_host_is_another_source),
        cmocka_unit_test(sources_that_take_turns_are_counted_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
