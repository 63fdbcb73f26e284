/* SPDX-License-Identifier: Apache-2.0 */
/* Inspected requests that pass by a grant of so many uses, on connections that are kept. */
#include "support/inspected.h"

#define WRITES                                                                         \
    REST("        enforcement: enforce\n        rules: [{allow: {method: DELETE, path: /**}}]\n")

/* Reading passes for good; what else the rule "two" allows, as often as it is open. */
static void open_with(struct scene *s, int64_t uses)
{
    scene_open(s, READ_ONLY);
    struct policy *policy = policy_of(&s->rig, READ_ONLY "  two:\n" WRITES);
    const struct egress_grant grant = {.rule = "two", .uses_left = uses};
    egress_set_granted(s->rig.proxy, policy, &grant, 1);
    policy_unref(policy);
}

#define DELETE "DELETE /a HTTP/1.1\r\n%H\r\n"
#define GET    "GET /b HTTP/1.1\r\n%H\r\n"
#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void ask_again(struct scene *s, struct end *client, const char *request)
{
    struct buf text = {0};
    fill_in(&s->rig, request, &text);
    end_send(client, text.data);
    buf_free(&text);
}

static void answer(struct scene *s, struct end *client, struct end *origin, const char *sent)
{
    UNTIL(&s->rig, end_has(origin, sent));
    buf_clear(&origin->in);
    end_send(origin, OK);
    UNTIL(&s->rig, end_has(client, "\r\n\r\nok"));
    buf_clear(&client->in);
}

static void each_request_in_a_tunnel_is_a_use(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    open_with(&s, 2);
    struct end *client = ask_plain(&s, DELETE, &origin);
    answer(&s, client, origin, "DELETE /a ");
    ask_again(&s, client, GET);
    answer(&s, client, origin, "GET /b ");
    assert_int_equal(s.rig.n_uses, 1);
    ask_again(&s, client, DELETE);
    answer(&s, client, origin, "DELETE /a ");
    assert_int_equal(s.rig.n_uses, 2);
    ask_again(&s, client, DELETE);
    UNTIL(&s.rig, end_has(client, "HTTP/1.1 403 "));
    assert_int_equal(origin->in.len, 0);
    assert_int_equal(s.rig.n_uses, 2);
    scene_close(&s);
}

static void each_request_within_tls_is_a_use(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    open_with(&s, 2);
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    for (int i = 0; i < 2; i++) {
        ask_within(&s, &client, DELETE);
        UNTIL(&s.rig, tls_end_step(&client) && tls_end_has(&origin, "DELETE /a "));
        buf_clear(&origin.in);
        tls_end_send(&origin, OK);
        UNTIL(&s.rig, tls_end_step(&origin) && tls_end_has(&client, "\r\n\r\nok"));
        buf_clear(&client.in);
        assert_int_equal(s.rig.n_uses, i + 1);
    }
    ask_within(&s, &client, DELETE);
    UNTIL(&s.rig, tls_end_has(&client, "HTTP/1.1 403 "));
    assert_int_equal(s.rig.n_uses, 2);
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

/* Sent at once on one connection, they are judged one after another. */
static void pipelined_requests_never_exceed_the_uses(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    open_with(&s, 1);
    struct end *client = ask_plain(&s, DELETE DELETE, &origin);
    UNTIL(&s.rig, end_has(origin, "DELETE /a "));
    buf_clear(&origin->in);
    end_send(origin, OK);
    UNTIL(&s.rig, end_has(client, "HTTP/1.1 403 "));
    assert_int_equal(origin->in.len, 0);
    assert_int_equal(s.rig.n_uses, 1);
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(each_request_in_a_tunnel_is_a_use),
        cmocka_unit_test(each_request_within_tls_is_a_use),
        cmocka_unit_test(pipelined_requests_never_exceed_the_uses),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
