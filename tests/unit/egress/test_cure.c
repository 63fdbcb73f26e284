/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a refused request carries its cure and, if it comes in time, a forecast. */
#include "support/inspected.h"

#define POST_ASKED "POST /a HTTP/1.1\r\n%HContent-Length: 0\r\n\r\n"

static const json_t *member(const json_t *json, const char *name)
{
    return json_object_get(json, name);
}

static void assert_cure(const json_t *json, const char *forecast)
{
    const json_t *cure = member(json, "cure"), *effect = member(cure, "effect");
    const json_t *rule = member(
        member(json_array_get(member(cure, "operations"), 0), "add_rule"), "rule");
    const json_t *endpoint = json_array_get(member(rule, "endpoints"), 0);
    assert_string_equal(json_string_value(member(endpoint, "host")), "origin.test");
    assert_string_equal(json_string_value(member(effect, "relation")), "loosens");
    assert_int_equal(json_array_size(member(effect, "gained")), 1);
    const char *word = json_string_value(member(cure, "forecast"));
    if (forecast)
        assert_string_equal(word, forecast);
    else
        assert_null(word);
}

static struct end *refused(struct scene *s, struct egress_forecast forecast)
{
    struct end *origin;
    scene_open(s, READ_ONLY);
    s->rig.forecast = forecast;
    return ask_plain(s, POST_ASKED, &origin);
}

static void what_is_known_is_said_at_once(void **state)
{
    struct scene s;
    (void)state;
    struct end *client = refused(&s, (struct egress_forecast){.word = "held"});
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 403);
    assert_cure(json, "held");
    json_decref(json);
    scene_close(&s);
}

static void an_answer_waits_for_its_forecast(void **state)
{
    struct scene s;
    (void)state;
    struct end *client = refused(&s, (struct egress_forecast){.later = true});
    UNTIL(&s.rig, s.rig.forecast_id);
    egress_set_forecast(s.rig.proxy, s.rig.forecast_id + 1, "held");
    assert_int_equal(client->in.len, 0);
    egress_set_forecast(s.rig.proxy, s.rig.forecast_id, "denied");
    egress_set_forecast(s.rig.proxy, s.rig.forecast_id, "allowed");
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 403);
    assert_cure(json, "denied");
    json_decref(json);
    scene_close(&s);
}

static void a_forecast_that_does_not_come_is_left_out(void **state)
{
    struct scene s;
    (void)state;
    struct end *client = refused(&s, (struct egress_forecast){.later = true});
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 403);
    assert_cure(json, NULL);
    json_decref(json);
    scene_close(&s);
}

static void an_answer_that_waits_outlives_its_policy(void **state)
{
    struct scene s;
    (void)state;
    struct end *client = refused(&s, (struct egress_forecast){.later = true});
    UNTIL(&s.rig, s.rig.forecast_id);
    struct policy *other = policy_of(&s.rig, L4);
    egress_set_policy(s.rig.proxy, other);
    policy_unref(other);
    egress_set_forecast(s.rig.proxy, s.rig.forecast_id, "allowed");
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "X-OpenShell-Policy: one\r\n"));
    scene_close(&s);
}

static void a_proxy_that_ends_waits_for_no_forecast(void **state)
{
    struct scene s;
    (void)state;
    refused(&s, (struct egress_forecast){.later = true});
    UNTIL(&s.rig, s.rig.forecast_id);
    scene_close(&s);
}

static void an_address_that_no_rule_opens_has_no_cure(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct end *client = rig_end(&s.rig, s.puppet.socket);
    end_send(client, "GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 403);
    assert_null(member(json, "cure"));
    json_decref(json);
    scene_close(&s);
}

/* The cure of POST alone would not let pass what asks for DELETE, too. */
static void a_field_that_asks_for_another_method_needs_more_than_a_rule(void **state)
{
    static const struct { const char *request; bool cured; } cases[] = {
        {"POST /a HTTP/1.1\r\n%HX-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n\r\n",
         false},
        {"POST /a HTTP/1.1\r\n%HX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n\r\n", true},
        {"POST /a HTTP/1.1\r\n%HX-HTTP-Method-Override: POST\r\nContent-Length: 0\r\n\r\n", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        struct end *origin;
        scene_open(&s, READ_ONLY);
        struct end *client = ask_plain(&s, cases[i].request, &origin);
        UNTIL(&s.rig, client->eof);
        json_t *json = end_answer(client, 403);
        assert_int_equal(member(json, "cure") != NULL, cases[i].cured);
        json_decref(json);
        scene_close(&s);
    }
}

/* The answer to a program whose request goes where no rule leads; to be freed. */
static json_t *ask_elsewhere(struct scene *s, const char *program, const char *request)
{
    struct puppet puppet = rig_puppet(&s->rig, program);
    struct end *client = rig_end(&s->rig, puppet.socket);
    end_send(client, request);
    UNTIL(&s->rig, client->eof);
    json_t *json = end_answer(client, 403);
    puppet_end(&puppet);
    return json;
}

static const json_t *rule_of(const json_t *answer)
{
    const json_t *operations = member(member(answer, "cure"), "operations");
    return member(member(json_array_get(operations, 0), "add_rule"), "rule");
}

#define ELSEWHERE(method, path) method " http://other.test" path " HTTP/1.1\r\nHost: other.test\r\n"

/* What a program asks in many ways is refused without: the time for cures is used up. */
static void cures_take_a_share_of_the_time(void **state)
{
    struct scene s;
    unsigned n = 0;
    (void)state;
    scene_open_with(&s, READ_ONLY, (struct egress_limits){.cures_us = 1});
    for (bool cured = true; cured; n++) {
        char request[128];
        snprintf(request, sizeof request, "GET http://other.test/%u HTTP/1.1\r\n"
                 "Host: other.test\r\n\r\n", n);
        json_t *json = ask_elsewhere(&s, s.rig.client, request);
        cured = member(json, "cure") != NULL;
        json_decref(json);
    }
    assert_true(n > 1);
    scene_close(&s);
}

static void what_is_asked_again_takes_no_time(void **state)
{
    struct scene s;
    (void)state;
    scene_open_with(&s, READ_ONLY, (struct egress_limits){.cures_us = 1});
    json_t *first = ask_elsewhere(&s, s.rig.client, ELSEWHERE("GET", "/a") "\r\n");
    assert_non_null(rule_of(first));
    for (int i = 0; i < 5; i++) {
        json_t *again = ask_elsewhere(&s, s.rig.client, ELSEWHERE("GET", "/a") "\r\n");
        assert_true(json_equal(member(first, "cure"), member(again, "cure")));
        json_decref(again);
    }
    json_decref(first);
    scene_close(&s);
}

/* In turns, so that each may meet the cure of another one that is kept. */
static void a_cure_is_of_its_request(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, READ_ONLY);
    const struct { const char *program, *request, *path, *method; } cases[] = {
        {s.rig.client, ELSEWHERE("GET", "/a") "\r\n", "/a", "GET"},
        {s.rig.other, ELSEWHERE("GET", "/a") "\r\n", "/a", "GET"},
        {s.rig.client, ELSEWHERE("GET", "/b") "\r\n", "/b", "GET"},
        {s.rig.client, ELSEWHERE("DELETE", "/a") "\r\n", "/a", "DELETE"},
        {s.rig.client, ELSEWHERE("GET", "/a?q=1") "\r\n", "/a", "GET"},
        {s.rig.client, ELSEWHERE("GET", "/a") "X-HTTP-Method: DELETE\r\n\r\n", NULL, NULL},
    };
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        size_t k = i % (sizeof cases / sizeof *cases);
        json_t *json = ask_elsewhere(&s, cases[k].program, cases[k].request);
        const json_t *rule = rule_of(json), *allow = member(
            json_array_get(member(json_array_get(member(rule, "endpoints"), 0), "rules"), 0),
            "allow");
        if (cases[k].path) {
            assert_string_equal(json_string_value(member(allow, "path")), cases[k].path);
            assert_string_equal(json_string_value(member(allow, "method")), cases[k].method);
            assert_string_equal(json_string_value(member(
                json_array_get(member(rule, "binaries"), 0), "path")), cases[k].program);
        } else {
            assert_null(rule);
        }
        json_decref(json);
    }
    scene_close(&s);
}

static void a_cure_is_of_its_policy(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct end *client = ask_plain(&s, POST_ASKED, &origin);
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 403);
    assert_cure(json, NULL);
    json_decref(json);
    struct policy *denies = policy_of(&s.rig, REST("        enforcement: enforce\n"
        "        access: read-only\n        deny_rules: [{method: POST, path: /a}]\n"));
    egress_set_policy(s.rig.proxy, denies);
    policy_unref(denies);
    puppet_end(&s.puppet);
    s.puppet = rig_puppet(&s.rig, s.rig.client);
    client = ask_plain(&s, POST_ASKED, &origin);
    UNTIL(&s.rig, client->eof);
    json = end_answer(client, 403);
    assert_null(member(json, "cure"));
    json_decref(json);
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(what_is_known_is_said_at_once),
        cmocka_unit_test(an_answer_waits_for_its_forecast),
        cmocka_unit_test(a_forecast_that_does_not_come_is_left_out),
        cmocka_unit_test(an_answer_that_waits_outlives_its_policy),
        cmocka_unit_test(a_proxy_that_ends_waits_for_no_forecast),
        cmocka_unit_test(cures_take_a_share_of_the_time),
        cmocka_unit_test(what_is_asked_again_takes_no_time),
        cmocka_unit_test(a_cure_is_of_its_request),
        cmocka_unit_test(a_cure_is_of_its_policy),
        cmocka_unit_test(a_field_that_asks_for_another_method_needs_more_than_a_rule),
        cmocka_unit_test(an_address_that_no_rule_opens_has_no_cure),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
