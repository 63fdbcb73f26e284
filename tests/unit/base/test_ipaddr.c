/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ipaddr.h"

static enum ipaddr_class class_of(const char *text)
{
    struct ipaddr addr;
    if (ipaddr_parse(text, &addr) != 0)
        fail_msg("%s is no address", text);
    return ipaddr_classify(&addr);
}

static const char *const blocked_v4[] = {
    "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "169.254.0.1", "169.254.169.254",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
};
static const char *const internal_v4[] = {
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1",
    "100.127.255.255", "192.0.0.1", "192.0.2.7", "198.18.0.1", "198.19.255.255", "198.51.100.9",
    "203.0.113.5", "192.88.99.1",
};
static const char *const public_v4[] = {
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
    "192.167.255.255", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "169.255.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
};

#define EACH(i, list) for (size_t i = 0; i < sizeof(list) / sizeof((list)[0]); i++)

static void test_v4_ranges(void **state)
{
    (void)state;
    EACH(i, blocked_v4)
        assert_int_equal(class_of(blocked_v4[i]), IPADDR_BLOCKED);
    EACH(i, internal_v4)
        assert_int_equal(class_of(internal_v4[i]), IPADDR_INTERNAL);
    EACH(i, public_v4)
        assert_int_equal(class_of(public_v4[i]), IPADDR_PUBLIC);
}

static const struct {
    const char *text;
    enum ipaddr_class class;
} v6[] = {
    {"::", IPADDR_BLOCKED},
    {"::1", IPADDR_BLOCKED},
    {"fe80::1", IPADDR_BLOCKED},
    {"febf::1", IPADDR_BLOCKED},
    {"fec0::1", IPADDR_BLOCKED},
    {"ff02::1", IPADDR_BLOCKED},
    {"fd00:ec2::254", IPADDR_BLOCKED},
    {"fd20:ce::254", IPADDR_BLOCKED},
    {"64:ff9b:1::1", IPADDR_BLOCKED},
    {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", IPADDR_BLOCKED},
    {"fc00::1", IPADDR_INTERNAL},
    {"fd00:ec2::253", IPADDR_INTERNAL},
    {"2001:db8::1", IPADDR_INTERNAL},
    {"3fff::1", IPADDR_INTERNAL},
    {"2001:2::1", IPADDR_INTERNAL},
    {"2001:20::1", IPADDR_INTERNAL},
    {"100::1", IPADDR_INTERNAL},
    {"4000::1", IPADDR_INTERNAL},
    {"5f00::1", IPADDR_INTERNAL},
    {"2606:4700::1111", IPADDR_PUBLIC},
    {"2001:4860:4860::8888", IPADDR_PUBLIC},
    {"64:ff9b::8.8.8.8", IPADDR_PUBLIC},
    {"::ffff:8.8.8.8", IPADDR_PUBLIC},
    {"2002:808:808::1", IPADDR_PUBLIC},
};

static void test_v6_ranges(void **state)
{
    (void)state;
    EACH(i, v6)
        if (class_of(v6[i].text) != v6[i].class)
            fail_msg("%s is not of class %d", v6[i].text, v6[i].class);
}

static void check_embedded(const char *v4, enum ipaddr_class class)
{
    unsigned b[4];
    char text[IPADDR_TEXT_SIZE];
    assert_int_equal(sscanf(v4, "%u.%u.%u.%u", b, b + 1, b + 2, b + 3), 4);
#define FORM(...)                                                                      \
    snprintf(text, sizeof text, __VA_ARGS__);                                          \
    if (class_of(text) < class)                                                        \
        fail_msg("%s is better than the %s in it", text, v4)
    FORM("::ffff:%s", v4);
    FORM("::ffff:0:%s", v4);
    FORM("::%s", v4);
    FORM("64:ff9b::%s", v4);
    FORM("64:ff9b:1::%s", v4);
    FORM("64:ff9b:1:%02x%02x:%02x:%02x00::", b[0], b[1], b[2], b[3]);
    FORM("2002:%02x%02x:%02x%02x::1", b[0], b[1], b[2], b[3]);
    FORM("2001:0:%02x%02x:%02x%02x:0:0:%x:%x", b[0], b[1], b[2], b[3], 0xf7f7, 0xf7f7);
    FORM("2001:0:808:808:0:0:%02x%02x:%02x%02x", b[0] ^ 255, b[1] ^ 255, b[2] ^ 255, b[3] ^ 255);
    FORM("2606:4700::5efe:%s", v4);
    FORM("2606:4700::200:5efe:%s", v4);
#undef FORM
}

static void test_embeddings(void **state)
{
    (void)state;
    EACH(i, blocked_v4)
        check_embedded(blocked_v4[i], IPADDR_BLOCKED);
    EACH(i, internal_v4)
        check_embedded(internal_v4[i], IPADDR_INTERNAL);
}

static void test_literals_are_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "1",         "127.1",     "2130706433",   "0x7f.0.0.1", "0177.0.0.1",
        "010.0.0.1", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4",     "1.2.3.4 ",   "fe80::1%eth0",
        "[::1]",     "::1::",     "1.2.3",     "::ffff:1.2.3",
    };
    struct ipaddr addr;
    EACH(i, bad)
        if (ipaddr_parse(bad[i], &addr) == 0)
            fail_msg("'%s' was read", bad[i]);
}

static bool contains(const char *block_text, const char *addr_text)
{
    struct ipaddr_block block;
    struct ipaddr addr;
    assert_int_equal(ipaddr_block_parse(block_text, &block), 0);
    assert_int_equal(ipaddr_parse(addr_text, &addr), 0);
    return ipaddr_block_contains(&block, &addr);
}

static void test_blocks(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.0/ 8",
        "/8", "10.0.0/8", "::/129", "10.0.0.0/1000", "example.com",
    };
    struct ipaddr_block block;
    EACH(i, bad)
        if (ipaddr_block_parse(bad[i], &block) == 0)
            fail_msg("'%s' was read", bad[i]);
    assert_true(contains("10.0.0.0/8", "10.255.255.255"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_true(contains("10.1.2.3/8", "10.0.0.0"));
    assert_true(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert_false(contains("10.0.0.0/8", "a00::"));
    assert_true(contains("192.168.1.128/25", "192.168.1.129"));
    assert_false(contains("192.168.1.128/25", "192.168.1.127"));
    assert_true(contains("1.2.3.4", "1.2.3.4"));
    assert_false(contains("1.2.3.4", "1.2.3.5"));
    assert_true(contains("0.0.0.0/0", "1.2.3.4"));
    assert_false(contains("0.0.0.0/0", "2606::1"));
    assert_true(contains("fd00::/8", "fdff::1"));
    assert_false(contains("2606:4700::/33", "2606:4700:8000::"));
}

static const struct {
    const char *block;
    bool overlaps;
} overlaps[] = {
    {"127.0.0.1", true}, {"127.0.0.0/8", true}, {"126.0.0.0/7", true}, {"0.0.0.0/0", true},
    {"169.254.169.254/32", true}, {"169.0.0.0/8", true}, {"224.0.0.0/3", true}, {"0.0.0.0", true},
    {"10.0.0.0/8", false}, {"100.64.0.0/10", false}, {"100.100.100.200", true},
    {"100.100.100.200/31", false}, {"8.8.8.8", false}, {"172.16.0.0/12", false},
    {"::1", true}, {"::/0", true}, {"fe80::1", true}, {"fc00::/6", true}, {"fd00::/8", false},
    {"fd00:ec2::254", true}, {"::ffff:127.0.0.1", true}, {"::ffff:0:0/96", true},
    {"::ffff:10.0.0.0/104", false}, {"::ffff:126.0.0.0/103", true}, {"64:ff9b::7f00:0/104", true},
    {"64:ff9b::808:808", false}, {"2002:7f00::/24", true}, {"2002:a00::/24", false},
    {"2001:0:808:808::/64", true}, {"2606::5efe:127.0.0.1", true}, {"2606::/32", false},
};

static void test_blocks_that_reach_blocked_addresses(void **state)
{
    (void)state;
    struct ipaddr_block block;
    EACH(i, overlaps) {
        assert_int_equal(ipaddr_block_parse(overlaps[i].block, &block), 0);
        if (ipaddr_block_overlaps_blocked(&block) != overlaps[i].overlaps)
            fail_msg("%s: not %d", overlaps[i].block, overlaps[i].overlaps);
    }
}

static void test_socket_addresses(void **state)
{
    (void)state;
    static const char *const both[] = {"1.2.3.4", "2606:4700::1111"};
    EACH(i, both) {
        struct ipaddr addr, again;
        struct sockaddr_storage sa;
        socklen_t len;
        uint16_t port;
        char text[IPADDR_TEXT_SIZE];
        assert_int_equal(ipaddr_parse(both[i], &addr), 0);
        ipaddr_to_sockaddr(&addr, 4443, &sa, &len);
        assert_int_equal(ipaddr_from_sockaddr((struct sockaddr *)&sa, &again, &port), 0);
        assert_int_equal(port, 4443);
        assert_string_equal(ipaddr_text(&again, text), both[i]);
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    struct ipaddr addr;
    assert_int_equal(ipaddr_from_sockaddr(&other, &addr, NULL), -1);
}

static const struct {
    const char *host, *canonical;                   /* NULL: refused */
} hosts[] = {
    {"example.com", "example.com"},
    {"EXAMPLE.Com", "example.com"},
    {"example.com.", "example.com"},
    {"a_b-c.example.com", "a_b-c.example.com"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"localhost", "localhost"},
    {"1.2.3.4", "1.2.3.4"},
    {"1.2.3.4.", "1.2.3.4"},
    {"[::1]", "::1"},
    {"[2606:4700:0:0::1111]", "2606:4700::1111"},
    {"2606:4700::1111", "2606:4700::1111"},
    {"FD00::A", "fd00::a"},
    {"3com.com", "3com.com"},
    {"1.2.3.4.com", "1.2.3.4.com"},
    {"", NULL},
    {".", NULL},
    {"..", NULL},
    {"a..b", NULL},
    {".a", NULL},
    {"a..", NULL},
    {"2130706433", NULL},
    {"0x7f.1", NULL},
    {"0x7f000001", NULL},
    {"0177.0.0.1", NULL},
    {"127.1", NULL},
    {"0", NULL},
    {"1.2.3", NULL},
    {"a.1", NULL},
    {"a.0x1", NULL},
    {"a.0x", NULL},
    {"1.2.3.256", NULL},
    {"a b", NULL},
    {"a/b", NULL},
    {"a@b", NULL},
    {"a:80", NULL},
    {"*.a", NULL},
    {"b\xc3\xbc"
     "cher.example",
     NULL},
    {"a%00b", NULL},
    {"[1.2.3.4]", NULL},
    {"[::1", NULL},
    {"::1]", NULL},
    {"[]", NULL},
    {"[example.com]", NULL},
    {"[fe80::1%eth0]", NULL},
    {"fe80::1%1", NULL},
    {"[::1].", NULL},
    {"[[::1]]", NULL},
    {"a\\b", NULL},
    {"a,b", NULL},
};

static void test_hosts_are_made_canonical(void **state)
{
    (void)state;
    EACH(i, hosts) {
        char out[IPADDR_HOST_SIZE];
        int rc = ipaddr_canonical_host(hosts[i].host, strlen(hosts[i].host), out);
        if ((rc == 0) != (hosts[i].canonical != NULL))
            fail_msg("'%s' gave %d", hosts[i].host, rc);
        if (rc == 0)
            assert_string_equal(out, hosts[i].canonical);
    }
}

static void test_no_odd_byte_gets_into_a_host(void **state)
{
    static const char fit_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at <= 3; at++) {
            char host[] = "abc.example", out[IPADDR_HOST_SIZE];
            host[at] = (char)c;
            /* A dot may not stand at the front or beside the other dot. */
            bool fit = c == '.' ? at == 1 || at == 3 : c && strchr(fit_bytes, c);
            int rc = ipaddr_canonical_host(host, sizeof host - 1, out);
            if ((rc == 0) != fit)
                fail_msg("byte %d at %zu gave %d", c, at, rc);
            if (rc == 0)
                assert_int_equal(strlen(out), sizeof host - 1);
        }
    }
}

static void test_long_hosts_are_refused(void **state)
{
    (void)state;
    char host[300], out[IPADDR_HOST_SIZE];
    for (size_t i = 0; i < sizeof host; i++)
        host[i] = i % 2 ? '.' : 'a';
    assert_int_equal(ipaddr_canonical_host(host, 253, out), 0);
    assert_int_equal(ipaddr_canonical_host(host, 254, out), 0); /* its last byte is the root dot */
    assert_int_equal(ipaddr_canonical_host(host, 255, out), -1);
    memset(host, 'a', sizeof host);
    assert_int_equal(ipaddr_canonical_host(host, 63, out), 0);
    assert_int_equal(ipaddr_canonical_host(host, 64, out), -1);
}

static void test_blocked_names(void **state)
{
    (void)state;
    static const char *const blocked[] = {
        "localhost", "a.localhost", "a.b.localhost", "localhost.localdomain", "ip6-loopback",
        "metadata.google.internal", "metadata.goog",
    };
    static const char *const free_names[] = {"localhost.example.com", "mylocalhost",
                                             "google.internal"};
    EACH(i, blocked)
        assert_true(ipaddr_host_blocked(blocked[i]));
    EACH(i, free_names)
        assert_false(ipaddr_host_blocked(free_names[i]));
}

static void test_blocked_patterns(void **state)
{
    (void)state;
    static const char *const blocked[] = {
        "LocalHost.", "*.LOCALHOST", "**.a.localhost.", "Metadata", "127.0.0.1.",
        "::1",        "[FE80::A]",   "[::ffff:7f00:1]", "fe80::",
    };
    static const char *const open[] = {
        "",  ".",     "*",        "*.example.com",  "a:b",       "[",
        "]", "127.1", "10.0.0.1", "[2606:4700::A]", "dead.beef",
    };
    EACH(i, blocked)
        if (!ipaddr_pattern_blocked(blocked[i]))
            fail_msg("%s is open", blocked[i]);
    EACH(i, open)
        if (ipaddr_pattern_blocked(open[i]))
            fail_msg("%s is blocked", open[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v4_ranges),
        cmocka_unit_test(test_v6_ranges),
        cmocka_unit_test(test_embeddings),
        cmocka_unit_test(test_literals_are_strict),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_blocks_that_reach_blocked_addresses),
        cmocka_unit_test(test_socket_addresses),
        cmocka_unit_test(test_hosts_are_made_canonical),
        cmocka_unit_test(test_no_odd_byte_gets_into_a_host),
        cmocka_unit_test(test_long_hosts_are_refused),
        cmocka_unit_test(test_blocked_names),
        cmocka_unit_test(test_blocked_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
