/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are open for a number of uses, or to one process tree. */
#include "base/clock.h"
#include "support/rig.h"

#define ANY "origin.test 0 /**"

/* The rules of a rig are rule1, rule2, … in the order of their lines. */
static void set(struct rig *rig, const char *rules, const struct egress_grant *grants, size_t n)
{
    struct policy *policy = rig_policy(rig, rules);
    egress_set_granted(rig->proxy, policy, grants, n);
    policy_unref(policy);
}

static void set_uses(struct rig *rig, const char *rules, int64_t uses)
{
    set(rig, rules, &(struct egress_grant){.rule = "rule1", .uses_left = uses}, 1);
}

static struct end *connect_as(struct rig *rig, const struct puppet *puppet)
{
    struct end *end = rig_end(rig, puppet->socket);
    end_send(end, rig_connect(rig, "origin.test"));
    return end;
}

static void expect_refused(struct rig *rig, const char *program)
{
    struct puppet puppet = rig_puppet(rig, program);
    rig_refused(rig, connect_as(rig, &puppet), 403, "policy_denied", NULL, NULL);
    puppet_end(&puppet);
}

static bool is_answered(const struct end *end)
{
    return end_has(end, "\r\n\r\n");
}

static void of_tunnels_at_once_exactly_as_many_pass_as_there_are_uses(void **state)
{
    enum { CLIENTS = 8, USES = 3 };
    struct rig rig;
    struct puppet puppets[CLIENTS];
    struct end *ends[CLIENTS];
    int passed = 0;
    (void)state;
    rig_start(&rig, ANY);
    set_uses(&rig, ANY, USES);
    for (int i = 0; i < CLIENTS; i++)
        puppets[i] = rig_puppet(&rig, rig.client);
    for (int i = 0; i < CLIENTS; i++)
        ends[i] = connect_as(&rig, &puppets[i]);
    for (int i = 0; i < CLIENTS; i++) {
        UNTIL(&rig, is_answered(ends[i]));
        passed += end_has(ends[i], "HTTP/1.1 200 ");
    }
    assert_int_equal(passed, USES);
    assert_int_equal(rig.n_uses, USES);
    for (int i = 0; i < CLIENTS; i++)
        puppet_end(&puppets[i]);
    rig_stop(&rig);
}

/* A client that sends requests in a row, each after the answer to the one before. */
static void each_forwarded_request_is_a_use(void **state)
{
    struct rig rig;
    struct buf request = {0};
    (void)state;
    rig_start(&rig, ANY);
    set_uses(&rig, ANY, 2);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket), *origin = NULL;
    buf_printf(&request, "GET http://origin.test:%u/ HTTP/1.1\r\nHost: origin.test\r\n\r\n",
               rig.origin_port);
    for (int i = 0; i < 2; i++) {
        end_send(client, request.data);
        origin = origin ? origin : rig_origin(&rig);
        UNTIL(&rig, end_has(origin, "\r\n\r\n"));
        buf_clear(&origin->in);
        end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        UNTIL(&rig, end_has(client, "ok"));
        buf_clear(&client->in);
    }
    end_send(client, request.data);
    rig_refused(&rig, client, 403, "policy_denied", NULL,
                "rule 'rule1' is not open to it: its grant is used up, or for the process tree of "
                "another process");
    assert_int_equal(rig.n_uses, 2);
    buf_free(&request);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void who_has_the_last_use_keeps_it_when_the_rule_is_gone(void **state)
{
    struct rig rig;
    struct end *origin;
    const struct egress_grant grant = {.rule = "rule2", .uses_left = 1};
    (void)state;
    rig_start(&rig, ANY);
    set(&rig, "other.test 0 /**\n" ANY, &grant, 1);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    set(&rig, "", NULL, 0);
    expect_refused(&rig, rig.client);
    set(&rig, "other.test 0 /**", NULL, 0);
    expect_refused(&rig, rig.client);
    end_send(client, "still here");
    UNTIL(&rig, end_has(origin, "still here"));
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void what_is_taken_back_with_uses_left_is_closed(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, ANY);
    set_uses(&rig, ANY, 2);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    set(&rig, "", NULL, 0);
    UNTIL(&rig, client->eof && origin->eof);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void uses_never_come_back(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, ANY);
    set_uses(&rig, ANY, 1);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    set_uses(&rig, ANY, 5);
    expect_refused(&rig, rig.client);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void what_another_rule_lets_through_is_no_use(void **state)
{
    struct rig rig;
    struct end *origin;
    char rules[512];
    (void)state;
    rig_start(&rig, ANY);
    snprintf(rules, sizeof rules, "origin.test 0 %s\norigin.test 0 %s", rig.client, rig.other);
    set_uses(&rig, rules, 1);
    struct puppet other = rig_puppet(&rig, rig.other), client = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &other, "origin.test", &origin);
    assert_int_equal(rig.n_uses, 0);
    rig_tunnel(&rig, &client, "origin.test", &origin);
    assert_int_equal(rig.n_uses, 1);
    expect_refused(&rig, rig.client);
    snprintf(rules, sizeof rules, "origin.test 0 %s\norigin.test 0 /**", rig.client);
    set_uses(&rig, rules, 1);
    struct puppet both = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &both, "origin.test", &origin);
    assert_int_equal(rig.n_uses, 1);
    puppet_end(&other);
    puppet_end(&client);
    puppet_end(&both);
    rig_stop(&rig);
}

static void a_process_tree_is_told_from_another_of_the_same_program(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, ANY);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct egress_grant grant = {.rule = "rule1", .uses_left = -1, .pid = puppet.pid};
    set(&rig, ANY, &grant, 1);
    expect_refused(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    assert_int_equal(rig.n_uses, 0);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* Its number was read before the process of the grant had started. */
static void a_number_of_before_the_process_is_another_ones(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, ANY);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct egress_grant grant = {.rule = "rule1", .uses_left = -1, .pid = puppet.pid,
                                 .pid_since_ms = clock_boot_ms() + 60000};
    set(&rig, ANY, &grant, 1);
    rig_refused(&rig, connect_as(&rig, &puppet), 403, "policy_denied", NULL, NULL);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_child_belongs_to_the_tree(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, ANY);
    const char *programs[] = {rig.parent, rig.client, NULL};
    struct puppet puppet = rig_puppet_chain(&rig, programs, 0);
    struct egress_grant grant = {.rule = "rule1", .uses_left = -1, .pid = puppet.pid};
    set(&rig, ANY, &grant, 1);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(of_tunnels_at_once_exactly_as_many_pass_as_there_are_uses),
        cmocka_unit_test(each_forwarded_request_is_a_use),
        cmocka_unit_test(who_has_the_last_use_keeps_it_when_the_rule_is_gone),
        cmocka_unit_test(what_is_taken_back_with_uses_left_is_closed),
        cmocka_unit_test(uses_never_come_back),
        cmocka_unit_test(what_another_rule_lets_through_is_no_use),
        cmocka_unit_test(a_process_tree_is_told_from_another_of_the_same_program),
        cmocka_unit_test(a_number_of_before_the_process_is_another_ones),
        cmocka_unit_test(a_child_belongs_to_the_tree),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
