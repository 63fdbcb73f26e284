/* SPDX-License-Identifier: Apache-2.0 */
/* Processes whose descriptors an ordinary user may not list, such as key agents: the tests run as
 * one, as root may list everything. */
#include "egress/rig.h"

enum { ORDINARY_USER = 12345 };

static struct puppet start_veiled(struct rig *rig)
{
    const char *programs[] = {rig->client, rig->other, NULL};
    struct puppet puppet = puppet_start_spare(rig->port, programs, 1);
    assert_true(puppet.socket >= 0);
    assert_true(puppet_do(&puppet, PUPPET_VEIL));
    return puppet;
}

static void a_veiled_bystander_hinders_nobody(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet bystander = start_veiled(&rig), puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    close(bystander.socket);
    puppet_end(&bystander);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_veiled_process_that_shares_the_socket_is_found(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = start_veiled(&rig);
    rig_unidentified(&rig, &puppet, "ambiguous shared socket ownership: ");
    rig_stop(&rig);
}

static void a_veiled_caller_is_refused(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = start_veiled(&rig);
    assert_true(puppet_do(&puppet, PUPPET_LET_GO));
    rig_unidentified(&rig, &puppet, "may hold the connection, but does not let its descriptors be read");
    rig_stop(&rig);
}

/* The attack: an allowed program has the socket too and does nothing; who uses it lets the look begin, and
 * not go on. */
static void a_process_that_veils_itself_during_a_look_is_found(void **state)
{
    enum { ATTEMPTS = 40 };
    struct rig rig;
    (void)state;
    rig_start(&rig, "");
    rig_allow(&rig, rig.client);
    for (int i = 0; i < ATTEMPTS; i++) {
        const char *programs[] = {rig.client, rig.other, NULL};
        struct puppet puppet = puppet_start_spare(rig.port, programs, 1);
        assert_true(puppet_do(&puppet, PUPPET_FLICKER));
        struct end *end = rig_end(&rig, puppet.socket);
        end_send(end, rig_connect(&rig, "origin.test"));
        rig_forbidden(&rig, end, i);
        puppet_end(&puppet);
    }
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_veiled_bystander_hinders_nobody),
        cmocka_unit_test(a_veiled_process_that_shares_the_socket_is_found),
        cmocka_unit_test(a_veiled_caller_is_refused),
        cmocka_unit_test(a_process_that_veils_itself_during_a_look_is_found),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    bool first = argc == 1 && geteuid() == 0;
    if (first && (setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) != 0 ||
                  setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) != 0 ||
                  prctl(PR_SET_DUMPABLE, 1) != 0))
        network_fail("setresuid");
    return rig_main(argc, argv, tests);
}
