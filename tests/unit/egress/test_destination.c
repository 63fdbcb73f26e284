/* SPDX-License-Identifier: Apache-2.0 */
/* What may be connected to, and every blocked IPv4 range in every IPv6 form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/destination/destination.h"

#include <stdio.h>
#include <string.h>

static const char *const list[] = {"10.0.0.0/8", "2001:db8::/32"};
static const char *const wrong_list[] = {"10.0.0.0/33"};
static const struct sluice_endpoint plain = {.doc_path = "e", .host = "x"};
static const struct sluice_endpoint listed = {.doc_path = "e", .host = "x", .allowed_ips = list,
                                              .n_allowed_ips = 2};
static const struct sluice_endpoint broken = {
    .doc_path = "e", .host = "x", .allowed_ips = wrong_list, .n_allowed_ips = 1};

static const struct policy_decision wildcard = {true, NULL, &plain, false};
static const struct policy_decision declared = {true, NULL, &plain, true};
static const struct policy_decision by_list = {true, NULL, &listed, true};
static const struct policy_decision by_broken_list = {true, NULL, &broken, true};

/* NULL when admitted; the reason is in *refusal. */
static const char *check(const struct policy_decision *decision, const char *authority,
                         const char *address, struct egress_refusal *refusal)
{
    struct egress_target target;
    struct ipaddr ip;
    assert_int_equal(egress_target_authority(authority, &target, refusal), 0);
    assert_int_equal(ipaddr_parse(address, &ip), 0);
    return egress_check_addresses(decision, &target, &ip, 1, refusal);
}

static void each_mode_has_its_rule(void **state)
{
    static const struct {
        const struct policy_decision *decision;
        const char *authority, *address, *failed, *reason;
    } rows[] = {
        {&wildcard, "a.test:443", "8.8.8.8", NULL, NULL},
        {&wildcard, "a.test:443", "2600::1", NULL, NULL},
        {&wildcard, "a.test:443", "10.1.2.3", "internal address",
         "a.test resolves to internal address 10.1.2.3, connection rejected"},
        {&wildcard, "a.test:443", "127.0.0.1", "internal address",
         "a.test resolves to always-blocked address 127.0.0.1, connection rejected"},
        {&wildcard, "a.test:6443", "8.8.8.8", NULL, NULL},
        {&declared, "a.test:443", "8.8.8.8", NULL, NULL},
        {&declared, "a.test:443", "10.1.2.3", NULL, NULL},
        {&declared, "a.test:443", "fd00::1", NULL, NULL},
        {&declared, "a.test:443", "169.254.169.254", "declared endpoint check failed",
         "a.test resolves to always-blocked address 169.254.169.254, connection rejected"},
        {&declared, "a.test:6443", "8.8.8.8", "declared endpoint check failed",
         "port 6443 is a blocked control-plane port, connection rejected"},
        {&declared, "a.test:2379", "8.8.8.8", "declared endpoint check failed",
         "port 2379 is a blocked control-plane port, connection rejected"},
        {&declared, "a.test:2380", "8.8.8.8", "declared endpoint check failed", NULL},
        {&declared, "a.test:10250", "8.8.8.8", "declared endpoint check failed", NULL},
        {&declared, "a.test:10255", "8.8.8.8", "declared endpoint check failed", NULL},
        {&declared, "10.1.2.3:443", "10.1.2.3", NULL, NULL},
        {&declared, "10.1.2.3:6443", "10.1.2.3", "allowed_ips check failed", NULL},
        {&declared, "127.0.0.1:443", "127.0.0.1", "allowed_ips check failed", NULL},
        {&by_list, "a.test:443", "10.1.2.3", NULL, NULL},
        {&by_list, "a.test:443", "2001:db8::1", NULL, NULL},
        {&by_list, "a.test:443", "11.1.2.3", "allowed_ips check failed",
         "a.test resolves to 11.1.2.3 which is not in allowed_ips, connection rejected"},
        {&by_list, "a.test:2379", "10.1.2.3", "allowed_ips check failed", NULL},
        {&by_broken_list, "a.test:443", "10.1.2.3", "invalid allowed_ips in policy",
         "allowed_ips of e contains 10.0.0.0/33, which is neither an address nor a block"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct egress_refusal refusal;
        const char *failed = check(rows[i].decision, rows[i].authority, rows[i].address, &refusal);
        if (!failed != !rows[i].failed || (failed && strcmp(failed, rows[i].failed) != 0))
            fail_msg("%s at %s: %s", rows[i].authority, rows[i].address,
                     failed ? failed : "admitted");
        if (failed)
            assert_int_equal(refusal.kind, REFUSAL_ADDRESS);
        if (rows[i].reason)
            assert_string_equal(refusal.reason, rows[i].reason);
    }
}

static void blocked_addresses_stay_blocked_in_every_form(void **state)
{
    static const struct {
        unsigned a, b, c, d;
        bool always;                                /* not even where it is declared */
    } v4[] = {
        {127, 0, 0, 1, true}, {127, 255, 255, 255, true}, {169, 254, 169, 254, true},
        {169, 254, 0, 1, true}, {0, 0, 0, 0, true}, {10, 0, 0, 1, false}, {172, 16, 0, 1, false},
        {172, 31, 255, 255, false}, {192, 168, 1, 1, false}, {100, 64, 0, 1, false},
        {192, 0, 0, 1, false}, {192, 0, 2, 1, false}, {198, 18, 0, 1, false},
        {198, 51, 100, 1, false}, {203, 0, 113, 1, false}, {255, 255, 255, 255, true},
    };
    static const char *const forms[] = {
        "%u.%u.%u.%u", "::ffff:%02x%02x:%02x%02x", "::%02x%02x:%02x%02x",
        "64:ff9b::%02x%02x:%02x%02x", "64:ff9b:1::%02x%02x:%02x%02x",
        "2002:%02x%02x:%02x%02x::1", "2001:0:%02x%02x:%02x%02x::1",
        "2600::5efe:%02x%02x:%02x%02x", "::ffff:0:%02x%02x:%02x%02x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof v4 / sizeof *v4; i++)
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
            char address[64];
            struct egress_refusal refusal;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(address, sizeof address, forms[k], v4[i].a, v4[i].b, v4[i].c, v4[i].d);
#pragma GCC diagnostic pop
            if (!check(&wildcard, "a.test:443", address, &refusal))
                fail_msg("a wildcard opens %s", address);
            if (v4[i].always && !check(&declared, "a.test:443", address, &refusal))
                fail_msg("a declared host opens %s", address);
        }
}

static void special_ipv6_addresses_are_blocked(void **state)
{
    static const char *const addresses[] = {"::",      "::1",           "fe80::1", "febf::1",
                                            "fec0::1", "fd00:ec2::254", "ff02::1"};
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct egress_refusal refusal;
        if (!check(&declared, "a.test:443", addresses[i], &refusal))
            fail_msg("a declared host opens %s", addresses[i]);
    }
}

static void one_bad_address_refuses_all(void **state)
{
    struct egress_target target;
    struct egress_refusal refusal;
    struct ipaddr ips[3];
    (void)state;
    egress_target_authority("a.test:443", &target, &refusal);
    ipaddr_parse("8.8.8.8", &ips[0]);
    ipaddr_parse("8.8.4.4", &ips[1]);
    ipaddr_parse("::ffff:127.0.0.1", &ips[2]);
    assert_null(egress_check_addresses(&declared, &target, ips, 2, &refusal));
    assert_non_null(egress_check_addresses(&declared, &target, ips, 3, &refusal));
}

static void some_names_are_never_opened(void **state)
{
    struct egress_target target;
    struct egress_refusal refusal;
    (void)state;
    egress_target_authority("Metadata.Google.Internal.:80", &target, &refusal);
    assert_string_equal(egress_check_host(&target, &refusal), "internal address");
    assert_string_equal(
        refusal.reason,
        "metadata.google.internal is an always-blocked host name, connection rejected");
    egress_target_authority("example.com:80", &target, &refusal);
    assert_null(egress_check_host(&target, &refusal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode_has_its_rule),
        cmocka_unit_test(blocked_addresses_stay_blocked_in_every_form),
        cmocka_unit_test(special_ipv6_addresses_are_blocked),
        cmocka_unit_test(one_bad_address_refuses_all),
        cmocka_unit_test(some_names_are_never_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
