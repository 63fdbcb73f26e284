/* SPDX-License-Identifier: Apache-2.0 */
/* Looking through processes that do not hold still, and through very many descriptors. */
#include "egress/rig.h"

/* The attack: an allowed program has the socket too and does nothing; who uses it runs away from
 * the look by being somebody else all the time. */
static void a_holder_that_keeps_forking_is_found(void **state)
{
    enum { ATTEMPTS = 40, CROWD = 10 };
    struct rig rig;
    (void)state;
    /* Where a look is slow, the chain outruns it for ever: then it may take that long. */
    rig_start_with(&rig, "", (struct egress_limits){.look_ms = 300});
    rig_allow(&rig, rig.other);
    struct puppet crowd = rig_puppet(&rig, rig.client);
    for (int i = 0; i < CROWD; i++)
        assert_true(puppet_do(&crowd, PUPPET_FORK));
    for (int i = 0; i < ATTEMPTS; i++) {
        const char *programs[] = {rig.client, rig.other, NULL};
        struct puppet puppet = puppet_start_spare(rig.port, programs, 1);
        assert_true(puppet_do(&puppet, PUPPET_EXEC));
        assert_true(puppet_do(&puppet, PUPPET_HOP));
        struct end *end = rig_end(&rig, puppet.socket);
        end_send(end, rig_connect(&rig, "origin.test"));
        rig_forbidden(&rig, end, i);
        puppet_end(&puppet);
    }
    assert_int_equal(rig.accepted, 0);
    close(crowd.socket);
    puppet_end(&crowd);
    rig_stop(&rig);
}

/* A client whose process has very many descriptors. */
static struct puppet start_heavy(struct rig *rig)
{
    struct puppet puppet = rig_puppet(rig, rig->client);
    assert_true(puppet_do(&puppet, PUPPET_FILL));
    return puppet;
}

static uint64_t looks(const struct rig *rig)
{
    struct egress_stats stats;
    egress_stats(rig->proxy, &stats);
    return stats.looks;
}

static struct end *ask(struct rig *rig, const struct puppet *puppet)
{
    uint64_t before = looks(rig);
    struct end *end = rig_end(rig, puppet->socket);
    end_send(end, rig_connect(rig, "origin.test"));
    UNTIL(rig, looks(rig) > before);
    return end;
}

static void a_new_policy_is_not_held_up_by_a_look(void **state)
{
    struct rig rig;
    struct end *tunnel_origin;
    (void)state;
    rig_start(&rig, "origin.test 0 /**\nother.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client), heavy = start_heavy(&rig);
    struct end *tunnel = rig_tunnel(&rig, &puppet, "other.test", &tunnel_origin);
    struct end *asker = ask(&rig, &heavy);
    rig_set(&rig, "");
    UNTIL(&rig, tunnel->eof);
    assert_int_equal(asker->in.len, 0);             /* still being looked for */
    rig_refused(&rig, asker, 403, "policy_denied", NULL,
                "network connections not allowed by policy");
    puppet_end(&puppet);
    puppet_end(&heavy);
    rig_stop(&rig);
}

static void one_look_serves_all_who_wait(void **state)
{
    enum { CLIENTS = 20 };
    struct rig rig;
    struct puppet puppets[CLIENTS];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet heavy = start_heavy(&rig);
    for (int i = 0; i < CLIENTS; i++)
        puppets[i] = rig_puppet(&rig, rig.client);
    ask(&rig, &heavy);
    uint64_t before = looks(&rig);
    for (int i = 0; i < CLIENTS; i++)
        end_send(rig_end(&rig, puppets[i].socket), rig_connect(&rig, "origin.test"));
    UNTIL(&rig, rig.accepted == CLIENTS + 1);
    assert_true(looks(&rig) - before < CLIENTS / 2);
    for (int i = 0; i < CLIENTS; i++)
        puppet_end(&puppets[i]);
    puppet_end(&heavy);
    rig_stop(&rig);
}

static void a_look_that_takes_too_long_is_a_refusal(void **state)
{
    struct rig rig;
    (void)state;
    rig_start_with(&rig, "origin.test 0 /**", (struct egress_limits){.look_ms = 1});
    struct puppet heavy = start_heavy(&rig);
    rig_unidentified(&rig, &heavy, "the processes of the sandbox cannot be looked through in time: "
                     "they hold too many descriptors, or come and go too quickly");
    rig_stop(&rig);
}

/* The attack: while the table of the first thread is looked through, the one that has the socket in a
 * table of its own takes that one's place; an allowed program has the socket too and does nothing. */
static void a_thread_that_takes_its_process_over_is_found(void **state)
{
    enum { ATTEMPTS = 6 };
    struct rig rig;
    (void)state;
    rig_start(&rig, "");
    rig_allow(&rig, rig.other);
    for (int i = 0; i < ATTEMPTS; i++) {
        const char *programs[] = {rig.client, rig.other, NULL};
        struct puppet puppet = puppet_start_spare(rig.port, programs, 1);
        assert_true(puppet_do(&puppet, PUPPET_EXEC));
        assert_true(puppet_do(&puppet, PUPPET_HIDE));
        assert_true(puppet_do(&puppet, PUPPET_FILL));
        struct end *end = ask(&rig, &puppet);
        puppet_tell(&puppet, PUPPET_TAKE_OVER);
        rig_forbidden(&rig, end, i);
        puppet_end(&puppet);
    }
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static void a_proxy_can_end_during_a_look(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet heavy = start_heavy(&rig), waiting = rig_puppet(&rig, rig.client);
    ask(&rig, &heavy);
    end_send(rig_end(&rig, waiting.socket), rig_connect(&rig, "origin.test"));
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    rig_stop(&rig);
    puppet_end(&heavy);
    puppet_end(&waiting);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_holder_that_keeps_forking_is_found),
        cmocka_unit_test(a_new_policy_is_not_held_up_by_a_look),
        cmocka_unit_test(one_look_serves_all_who_wait),
        cmocka_unit_test(a_look_that_takes_too_long_is_a_refusal),
        cmocka_unit_test(a_thread_that_takes_its_process_over_is_found),
        cmocka_unit_test(a_proxy_can_end_during_a_look),
    };
    /* As in a sandbox, orphans become children of its first process, which nobody waits for. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGCHLD, SIG_IGN);
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
