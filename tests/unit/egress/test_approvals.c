/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a voter holds: they wait for a person, whose approval lets them pass. */
#include "egress/hold.h"
#include "support/chat.h"
#include "support/holding.h"
#include "support/inspectors.h"

#define FULL REST("        enforcement: enforce\n        access: full\n")

static const char hold_deploys[] =
    "if r.message == '' and r.path == '/deploy' then return ballot:hold('DEPLOY', '', 'ask') end\n"
    "if r.body:find('two', 1, true) then return ballot:hold('TWO', '', 'ask again') end\n";

static const char deploy[] = "POST /deploy?now HTTP/1.1\r\n%HContent-Length: 3\r\n\r\none";

/* What the approval of such a request says. */
static struct egress_approval approval_of(const struct rig *rig, const char *vote)
{
    return (struct egress_approval){
        .what = {.host = "origin.test", .port = rig->origin_port, .binary = rig->client,
                 .method = "POST", .path = "/deploy", .vote = vote},
        .grant = {.chunk = "c1", .boot = ""}};
}

static void approve(struct rig *rig, const char *vote)
{
    const struct egress_approval approval = approval_of(rig, vote);
    egress_set_approvals(rig->proxy, &approval, 1);
}

struct waiter {
    struct scene s;
    struct end *client, *origin;
};

static void begin(struct waiter *w, const char *rule, bool alone, const char *request)
{
    scene_open(&w->s, rule);
    holding_set(&w->s.rig, HOLD_MS);
    (alone ? judge_alone_with : judge_with)(&w->s.rig, "", hold_deploys);
    w->client = ask_plain(&w->s, request, &w->origin);
    UNTIL(&w->s.rig, waiting_now(&w->s.rig) == 1);
}

/* Asks once more, from another process of the same program. */
static struct end *ask_again(struct scene *s, const char *request, struct end **origin)
{
    puppet_end(&s->puppet);
    s->puppet = rig_puppet(&s->rig, s->rig.client);
    return ask_plain(s, request, origin);
}

static void goes_on(struct waiter *w)
{
    struct end *origin = rig_origin(&w->s.rig);
    UNTIL(&w->s.rig, end_has(origin, "\r\n\r\none"));
    assert_true(end_has(origin, "POST /deploy?now HTTP/1.1"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&w->s.rig, end_has(w->client, "\r\n\r\nok"));
    scene_close(&w->s);
}

static void an_approval_lets_the_waiting_request_go_on(void **state)
{
    static const char *const rules[] = {FULL, L4};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct waiter w;
        begin(&w, rules[i % 2], i >= 2, deploy);
        assert_non_null(strstr(w.s.rig.waiting.data, " POST /deploy judge:DEPLOY\n"));
        assert_int_equal(count_in(&w.s.rig.denials, "-l7-deny "), 1);
        assert_non_null(strstr(w.s.rig.lines.data, "HELD"));
        assert_int_equal(w.client->in.len, 0);
        approve(&w.s.rig, "judge:DEPLOY");
        goes_on(&w);
    }
}

/* Another method, path, program, voter or code is another request. */
static void an_approval_of_something_else_is_none(void **state)
{
    struct waiter w;
    (void)state;
    begin(&w, FULL, false, deploy);
    struct egress_approval others[6];
    for (size_t i = 0; i < 6; i++)
        others[i] = approval_of(&w.s.rig, "judge:DEPLOY");
    others[0].what.method = "PUT";
    others[1].what.path = "/deploy/x";
    others[2].what.binary = "/bin/other";
    others[3].what.vote = "judge:TWO";
    others[4].what.vote = "other:DEPLOY";
    others[5].what.port++;
    egress_set_approvals(w.s.rig.proxy, others, 6);
    holding_set(&w.s.rig, 0);
    UNTIL(&w.s.rig, w.client->eof);
    json_t *json = end_answer(w.client, 403);
    assert_string_equal(json_string_value(json_object_get(json, "error")), "voter_denied");
    assert_string_equal(json_string_value(json_object_get(json, "code")), "DEPLOY");
    assert_string_equal(json_string_value(json_object_get(json, "detail")),
                        "Request waits for a person's approval, which a voter asks for");
    json_decref(json);
    assert_int_equal(count_in(&w.s.rig.denials, "-l7-deny "), 1);
    scene_close(&w.s);
}

static void a_rejection_refuses_what_waits(void **state)
{
    struct waiter w;
    (void)state;
    begin(&w, FULL, false, deploy);
    struct egress_waiting what = approval_of(&w.s.rig, "judge:OTHER").what;
    egress_reject(w.s.rig.proxy, &what);
    what.vote = "judge:DEPLOY";
    egress_reject(w.s.rig.proxy, &what);
    UNTIL(&w.s.rig, w.client->eof);
    json_decref(end_answer(w.client, 403));
    assert_int_equal(waiting_now(&w.s.rig), 0);
    scene_close(&w.s);
}

/* The next hold of the same request is about something else, and waits by itself. */
static void each_code_needs_its_own_approval(void **state)
{
    struct waiter w;
    (void)state;
    begin(&w, FULL, false, "POST /deploy HTTP/1.1\r\n%HContent-Length: 3\r\n\r\ntwo");
    approve(&w.s.rig, "judge:TWO");
    UNTIL(&w.s.rig, egress_held_clients(w.s.rig.proxy) == 1);
    assert_int_equal(w.client->in.len, 0);
    holding_set(&w.s.rig, 0);
    UNTIL(&w.s.rig, w.client->eof);
    assert_true(end_has(w.client, "\"code\":\"DEPLOY\""));
    scene_close(&w.s);
}

/* Without a hold time it is refused and reported, and the next one passes. */
static void without_waiting_the_next_one_passes(void **state)
{
    struct scene s;
    struct end *origin, *client;
    (void)state;
    scene_open(&s, FULL);
    judge_with(&s.rig, "", hold_deploys);
    client = ask_plain(&s, deploy, &origin);
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 403 "));
    assert_int_equal(count_in(&s.rig.denials, "-l7-deny "), 1);
    assert_int_equal(origin->in.len, 0);
    approve(&s.rig, "judge:DEPLOY");
    ask_again(&s, deploy, &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\none"));
    scene_close(&s);
}

/* ---- approvals that end ---- */

static int64_t used;
static bool ended;

static void on_used(void *ctx, const char *chunk, int64_t n, bool is_over)
{
    (void)ctx;
    assert_string_equal(chunk, "c1");
    used = n;
    ended = is_over;
}

static void an_approval_for_one_use_lets_one_request_pass(void **state)
{
    struct waiter w;
    (void)state;
    used = 0;
    begin(&w, FULL, false, deploy);
    ((struct egress_proxy *)w.s.rig.proxy)->on_approval_used = on_used;
    struct egress_approval approval = approval_of(&w.s.rig, "judge:DEPLOY");
    approval.ends = true;
    approval.grant.uses = 1;
    egress_set_approvals(w.s.rig.proxy, &approval, 1);
    struct end *origin = rig_origin(&w.s.rig);
    UNTIL(&w.s.rig, end_has(origin, "\r\n\r\none"));
    assert_int_equal(used, 1);
    assert_true(ended);
    egress_set_approvals(w.s.rig.proxy, &approval, 1);  /* the gateway has not heard of it */
    struct end *second = ask_again(&w.s, deploy, &origin);
    UNTIL(&w.s.rig, waiting_now(&w.s.rig) == 1);
    assert_int_equal(second->in.len, 0);
    assert_int_equal(used, 1);
    scene_close(&w.s);
}

static void an_approval_whose_time_is_over_is_none(void **state)
{
    struct waiter w;
    (void)state;
    begin(&w, FULL, false, deploy);
    struct egress_approval approval = approval_of(&w.s.rig, "judge:DEPLOY");
    approval.ends = true;
    approval.grant.expires_at_ms = 1;
    egress_set_approvals(w.s.rig.proxy, &approval, 1);
    holding_set(&w.s.rig, 0);
    UNTIL(&w.s.rig, w.client->eof);
    assert_true(end_has(w.client, "HTTP/1.1 403 "));
    scene_close(&w.s);
}

/* A denial of another voter is final, whatever is approved; so is the policy. */
static void a_policy_that_changed_refuses_what_is_approved(void **state)
{
    struct waiter w;
    (void)state;
    begin(&w, FULL, false, deploy);
    struct policy *policy = policy_of(&w.s.rig, READ_ONLY);
    egress_set_policy(w.s.rig.proxy, policy);
    policy_unref(policy);
    approve(&w.s.rig, "judge:DEPLOY");
    holding_set(&w.s.rig, 0);
    UNTIL(&w.s.rig, w.client->eof);
    assert_true(end_has(w.client, "HTTP/1.1 403 "));
    assert_false(end_has(w.client, "voter"));
    scene_close(&w.s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(an_approval_lets_the_waiting_request_go_on),
        cmocka_unit_test(an_approval_of_something_else_is_none),
        cmocka_unit_test(a_rejection_refuses_what_waits),
        cmocka_unit_test(each_code_needs_its_own_approval),
        cmocka_unit_test(without_waiting_the_next_one_passes),
        cmocka_unit_test(an_approval_for_one_use_lets_one_request_pass),
        cmocka_unit_test(an_approval_whose_time_is_over_is_none),
        cmocka_unit_test(a_policy_that_changed_refuses_what_is_approved),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
