/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a certificate is, by the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/certificate.h"
#include "net/certificate.h"

enum { NOW_MS = 1000 * 1000 };

static const struct auth_certificate by_name = {"CN=alice,O=team", "admin", "alice"},
                                     by_dns = {"dns:build.example", "user", "build"},
                                     again = {"CN=alice,O=team", "viewer", "second"};
static const struct auth_certificate *const entries[] = {&by_dns, &by_name, &again};

static const struct auth_certificate *find(const char *subject, char *dns, int64_t expires_s)
{
    char *names[] = {"other.example", dns};
    const struct net_certificate c = {.subject = (char *)subject,
                                      .dns = names,
                                      .n_dns = dns ? 2 : 0,
                                      .expires_s = expires_s};
    return auth_certificate_find(entries, 3, &c, NOW_MS);
}

static void a_certificate_is_found_by_subject_or_name(void **state)
{
    (void)state;
    assert_ptr_equal(find("CN=alice,O=team", NULL, 2000), &by_name);
    assert_ptr_equal(find("CN=bob", "build.example", 2000), &by_dns);
    assert_ptr_equal(find("", "BUILD.example", 2000), &by_dns);
    assert_ptr_equal(find("CN=alice,O=team", "build.example", 2000), &by_dns);
}

static void what_only_resembles_it_is_nobodys(void **state)
{
    (void)state;
    static const char *const subjects[] = {"",
                                           "CN=alice",
                                           "O=team,CN=alice",
                                           "CN=alice,O=team,C=DE",
                                           "CN=Alice,O=team",
                                           "CN=alice\\,O=team",
                                           "CN=dns:build.example",
                                           "dns:build.example"};
    static char *const names[] = {"build.example.org", "xbuild.example", "*.example",
                                  "build.example.", "CN=alice,O=team"};
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        assert_null(find(subjects[i], NULL, 2000));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_null(find("CN=bob", names[i], 2000));
}

static void one_that_expired_while_connected_is_nobodys(void **state)
{
    (void)state;
    assert_ptr_equal(find("CN=alice,O=team", NULL, NOW_MS / 1000 + 1), &by_name);
    assert_null(find("CN=alice,O=team", NULL, NOW_MS / 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_found_by_subject_or_name),
        cmocka_unit_test(what_only_resembles_it_is_nobodys),
        cmocka_unit_test(one_that_expired_while_connected_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
