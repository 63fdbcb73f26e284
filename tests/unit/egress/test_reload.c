/* SPDX-License-Identifier: Apache-2.0 */
/* A new revision applies to the next decision; what it still allows lives on, the rest ends. */
#include "support/rig.h"

static void a_tunnel_that_is_still_allowed_lives_on(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    rig_set(&rig, "*.test 0 /usr/bin/nothing\norigin.test 0 /tmp/**");
    end_send(client, "still here");
    UNTIL(&rig, end_has(origin, "still here"));
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_tunnel_that_is_not_allowed_any_more_is_closed(void **state)
{
    struct rig rig;
    struct end *origin, *kept_origin;
    char line[256];
    (void)state;
    rig_start(&rig, "origin.test 0 /**\nother.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client), keeper = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    struct end *kept = rig_tunnel(&rig, &keeper, "other.test", &kept_origin);
    buf_clear(&rig.lines);
    rig_set(&rig, "other.test 0 /**");
    UNTIL(&rig, client->eof && origin->eof);
    snprintf(line, sizeof line,
             "NET:CLOSE [MED] DENIED %s(%d) -> origin.test:%u [policy:- engine:l4] "
             "[reason:endpoint origin.test:%u is not allowed by any policy]\n",
             rig.client, (int)puppet.pid, rig.origin_port, rig.origin_port);
    assert_string_equal(rig.lines.data, line);
    end_send(kept, "kept");
    UNTIL(&rig, end_has(kept_origin, "kept"));
    puppet_end(&puppet);
    puppet_end(&keeper);
    rig_stop(&rig);
}

static void the_address_in_use_is_judged_again(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    rig_set(&rig, "origin.test 0 /** 10.77.0.0/24");
    end_send(client, "listed");
    UNTIL(&rig, end_has(origin, "listed"));
    buf_clear(&rig.lines);
    rig_set(&rig, "origin.test 0 /** 10.78.0.0/24");
    UNTIL(&rig, client->eof);
    assert_true(strstr(rig.lines.data, "resolves to 10.77.0.2 which is not in allowed_ips") !=
                NULL);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* Of several addresses only the one that is connected to counts. */
static void addresses_that_were_not_used_do_not_matter(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "two.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "two.test", &origin);
    rig_set(&rig, "two.test 0 /** 10.77.0.2/32");
    end_send(client, "second address");
    UNTIL(&rig, end_has(origin, "second address"));
    rig_set(&rig, "two.test 0 /** 10.77.0.3/32");
    UNTIL(&rig, client->eof);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void the_binary_is_judged_again(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    rig_set(&rig, "origin.test 0 /usr/bin/curl");
    UNTIL(&rig, client->eof);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* The connection to the origin is being made when the policy changes: nothing listens for it. */
static void a_tunnel_being_set_up_is_refused(void **state)
{
    struct rig rig;
    char detail[128];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, rig_connect(&rig, "origin.test"));
    UNTIL(&rig, rig.lines.len > 0);                 /* allowed, and dialling from now on */
    rig_set(&rig, "");
    snprintf(detail, sizeof detail, "CONNECT origin.test:%u not permitted because policy changed",
             rig.origin_port);
    rig_refused(&rig, client, 403, "policy_denied", detail,
                "network connections not allowed by policy");
    assert_int_equal(rig.n_denials, 1);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_new_rule_opens_at_once(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "");
    rig_expect_refusal(&rig, rig_connect(&rig, "origin.test"), 403, "policy_denied", NULL, NULL);
    rig_set(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static struct buf get(const struct rig *rig, const char *path)
{
    struct buf request = {0};
    buf_printf(&request, "GET http://origin.test:%u%s HTTP/1.1\r\nHost: origin.test\r\n\r\n",
               rig->origin_port, path);
    return request;
}

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Wherever in the second request the policy changes, the request is judged by the new one. */
static void the_next_request_of_a_connection_is_judged_anew(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "");
    struct buf first = get(&rig, "/1"), second = get(&rig, "/2");
    for (size_t at = 0; at < second.len; at++) {
        rig_set(&rig, "origin.test 0 /**");
        struct puppet puppet = rig_puppet(&rig, rig.client);
        struct end *client = rig_end(&rig, puppet.socket);
        end_send(client, first.data);
        struct end *origin = rig_origin(&rig);
        UNTIL(&rig, end_has(origin, "\r\n\r\n"));
        end_send(origin, ANSWER);
        UNTIL(&rig, end_has(client, "\r\n\r\nok"));
        buf_clear(&client->in);
        unsigned accepted = rig.accepted;
        if (at)
            end_send_bytes(client, second.data, at);
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        rig_set(&rig, "");
        end_send_bytes(client, second.data + at, second.len - at);
        rig_refused(&rig, client, 403, "policy_denied", NULL,
                    "network connections not allowed by policy");
        assert_int_equal(rig.accepted, accepted);
        puppet_end(&puppet);
        close(client->fd);
        close(origin->fd);
        buf_free(&client->in);
        buf_free(&origin->in);
        rig.n_ends -= 2;
    }
    buf_free(&first);
    buf_free(&second);
    rig_stop(&rig);
}

static void another_place_on_the_same_connection_is_judged_on_its_own(void **state)
{
    struct rig rig;
    char other[128];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct buf first = get(&rig, "/1");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    for (int i = 0; i < 2; i++) {
        end_send(client, first.data);
        if (i == 0)
            rig_origin(&rig);
        struct end *origin = &rig.ends[rig.n_ends - 1];
        UNTIL(&rig, end_has(origin, "\r\n\r\n"));
        buf_clear(&origin->in);
        end_send(origin, ANSWER);
        UNTIL(&rig, end_has(client, "\r\n\r\nok"));
        buf_clear(&client->in);
    }
    snprintf(other, sizeof other, "GET http://other.test:%u/1 HTTP/1.1\r\nHost: h\r\n\r\n",
             rig.origin_port);
    end_send(client, other);
    rig_refused(&rig, client, 403, "policy_denied", NULL, NULL);
    assert_int_equal(rig.accepted, 1);
    puppet_end(&puppet);
    buf_free(&first);
    rig_stop(&rig);
}

static void a_request_without_an_answer_yet_gets_one(void **state)
{
    struct rig rig;
    char detail[128];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct buf request = get(&rig, "/slow?secret");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, request.data);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    rig_set(&rig, "");
    snprintf(detail, sizeof detail, "GET origin.test:%u/slow not permitted because policy changed",
             rig.origin_port);
    rig_refused(&rig, client, 403, "policy_denied", detail, NULL);
    UNTIL(&rig, origin->eof);
    puppet_end(&puppet);
    buf_free(&request);
    rig_stop(&rig);
}

/* Wherever in a request's body the policy changes, the origin never gets a whole request. */
static void a_request_whose_body_is_on_its_way_is_refused(void **state)
{
    static const char body[] = "4\r\nbody\r\n0\r\n\r\n";
    struct rig rig;
    char head[256];
    (void)state;
    rig_start(&rig, "");
    snprintf(head, sizeof head, "POST http://origin.test:%u/ HTTP/1.1\r\nHost: h\r\n"
             "Transfer-Encoding: chunked\r\n\r\n", rig.origin_port);
    for (size_t at = 0; at < sizeof body - 1; at++) {
        rig_set(&rig, "origin.test 0 /**");
        struct puppet puppet = rig_puppet(&rig, rig.client);
        struct end *client = rig_end(&rig, puppet.socket);
        end_send(client, head);
        end_send_bytes(client, body, at);
        struct end *origin = rig_origin(&rig);
        UNTIL(&rig, end_has(origin, "\r\n\r\n"));
        rig_set(&rig, "");
        send(client->fd, body + at, sizeof body - 1 - at, MSG_NOSIGNAL);
        rig_refused(&rig, client, 403, "policy_denied", NULL, NULL);
        assert_true(end_has(client, "because policy changed"));
        UNTIL(&rig, origin->eof);
        assert_false(end_has(origin, "0\r\n\r\n"));
        puppet_end(&puppet);
    }
    rig_stop(&rig);
}

static void a_response_under_way_is_cut(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct buf request = get(&rig, "/");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, request.data);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    UNTIL(&rig, end_has(client, "begun"));
    rig_set(&rig, "");
    UNTIL(&rig, client->eof);
    assert_false(end_has(client, "policy"));
    puppet_end(&puppet);
    buf_free(&request);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_tunnel_that_is_still_allowed_lives_on),
        cmocka_unit_test(a_tunnel_that_is_not_allowed_any_more_is_closed),
        cmocka_unit_test(the_address_in_use_is_judged_again),
        cmocka_unit_test(addresses_that_were_not_used_do_not_matter),
        cmocka_unit_test(the_binary_is_judged_again),
        cmocka_unit_test(a_tunnel_being_set_up_is_refused),
        cmocka_unit_test(a_new_rule_opens_at_once),
        cmocka_unit_test(the_next_request_of_a_connection_is_judged_anew),
        cmocka_unit_test(another_place_on_the_same_connection_is_judged_on_its_own),
        cmocka_unit_test(a_request_without_an_answer_yet_gets_one),
        cmocka_unit_test(a_request_whose_body_is_on_its_way_is_refused),
        cmocka_unit_test(a_response_under_way_is_cut),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
