/* SPDX-License-Identifier: Apache-2.0 */
#include "box.h"

static void first(void **state)
{
    struct box box;
    struct box_options options = {.no_filesystem = true};
    (void)state;
    int rc = box_open(&box, &options);
    printf("rc=%d why=%s warnings=%s\n", rc, box.why.text, buf_str(&box.warnings));
    assert_int_equal(rc, 0);
    printf("%s\n", box_sh(&box, "id; cat /proc/self/uid_map /proc/self/status; ls -la / /dev /sandbox /tmp; echo hi > /sandbox/x; ls -la /sandbox; mount; echo x > /dev/null; touch /usr/x; ls /root /home; cat /etc/passwd /etc/shadow; cat /proc/net/tcp; ls -la /proc/self/fd; ulimit -c; env"));
    printf("code %d %s\n", box.code, box.exit_error);
    box_close(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
