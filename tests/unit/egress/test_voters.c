/* SPDX-License-Identifier: Apache-2.0 */
/* Voters on requests that the policy lets through, and on their answers. */
#include "support/chat.h"
#include "support/inspectors.h"

static const char deny_secrets[] =
    "if r.headers['x-secret'] then return ballot:deny('HEADER', 'headers', 'a secret header') end\n"
    "if r.query:find('secret', 1, true) then return ballot:deny('QUERY', 'query', 'in query') end\n"
    "if r.body:find('secret', 1, true) then return ballot:deny('BODY', 'body', 'in body') end\n";

static void expect(const char *rule, const char *request, int status, const char *code)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    judge_with(&s.rig, "", deny_secrets);
    struct end *client = ask_plain(&s, request, &origin);
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, status);
    assert_string_equal(json_string_value(json_object_get(json, "error")), "voter_denied");
    assert_string_equal(json_string_value(json_object_get(json, "voter")), "judge");
    assert_string_equal(json_string_value(json_object_get(json, "code")), code);
    assert_string_equal(json_string_value(json_object_get(json, "detail")),
                        "Request rejected by a voter");
    assert_true(end_has(client, "details=\"VOTER_DENIED\""));
    json_decref(json);
    assert_int_equal(origin->in.len, 0);
    assert_non_null(strstr(s.rig.lines.data, "engine:voter] [reason:voter judge: "));
    scene_close(&s);
}

static void a_voter_refuses_by_header_query_and_body(void **state)
{
    (void)state;
    expect(READ_ONLY, "GET / HTTP/1.1\r\n%HX-Secret: 1\r\n\r\n", 403, "HEADER");
    expect(READ_ONLY, "GET /?a=secret HTTP/1.1\r\n%H\r\n", 403, "QUERY");
    expect(L4, "POST / HTTP/1.1\r\n%HContent-Length: 10\r\n\r\nmy secret!", 403, "BODY");
    expect(L4, "POST / HTTP/1.1\r\n%HTransfer-Encoding: chunked\r\n\r\n"
           "4\r\nmy s\r\n6\r\necret!\r\n0\r\n\r\n", 403, "BODY");
}

/* The origin gets what the client sent, whether it was kept back or not. */
static void a_body_passes_as_it_was_sent(void **state)
{
    static const struct {
        const char *request, *expected;
    } cases[] = {
        {"POST / HTTP/1.1\r\n%HContent-Length: 5\r\n\r\nhello", "Content-Length: 5\r\n"},
        {"POST / HTTP/1.1\r\n%HTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         "\r\n\r\nhello"},
        {"GET / HTTP/1.1\r\n%H\r\n", "GET / HTTP/1.1\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        struct end *origin;
        scene_open(&s, L4);
        judge_with(&s.rig, "", deny_secrets);
        struct end *client = ask_plain(&s, cases[i].request, &origin);
        UNTIL(&s.rig, end_has(origin, i < 2 ? "hello" : "\r\n\r\n"));
        assert_true(end_has(origin, cases[i].expected));
        end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        UNTIL(&s.rig, end_has(client, "\r\n\r\nok"));
        scene_close(&s);
    }
}

/* Voters see 4 KiB of a body here; what follows passes: a documented limit. */
static void what_follows_the_prefix_passes_in_order(void **state)
{
    enum { BODY = 50000 };
    struct scene s;
    struct end *origin;
    struct buf request = {0};
    (void)state;
    scene_open(&s, L4);
    judge_with(&s.rig, "", deny_secrets);
    struct end *client = rig_tunnel(&s.rig, &s.puppet, "origin.test", &origin);
    buf_printf(&request, "POST / HTTP/1.1\r\nHost: origin.test:%u\r\nContent-Length: %d\r\n\r\n",
               s.rig.origin_port, BODY);
    size_t head = request.len;
    for (int i = 0; i < BODY; i++)
        buf_putc(&request, (char)('a' + i % 26));
    memcpy(request.data + request.len - 6, "secret", 6);
    end_send_bytes(client, request.data, request.len);
    UNTIL(&s.rig, end_has(origin, "secret"));
    const char *body = strstr(origin->in.data, "\r\n\r\n");
    assert_non_null(body);
    assert_memory_equal(body + 4, request.data + head, BODY);
    buf_free(&request);
    scene_close(&s);
}

static void requests_in_a_row_are_judged_one_by_one(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "", deny_secrets);
    struct end *client = ask_plain(
        &s, "GET /1 HTTP/1.1\r\n%H\r\nGET /2?secret HTTP/1.1\r\n%H\r\nGET /3 HTTP/1.1\r\n%H\r\n",
        &origin);
    UNTIL(&s.rig, end_has(origin, "GET /1 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 403 "));
    assert_false(end_has(origin, "/2"));
    assert_false(end_has(origin, "/3"));
    scene_close(&s);
}

/* ---- voters whose answers come later ---- */

static void requests_wait_for_a_voter_with_a_process_of_its_own(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_alone_with(&s.rig, "", deny_secrets);
    struct end *client = ask_plain(
        &s, "GET /1 HTTP/1.1\r\n%H\r\nGET /2?secret HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "GET /1 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "\"code\":\"QUERY\""));
    assert_false(end_has(origin, "/2"));
    scene_close(&s);
}

static unsigned open_clients(const struct rig *rig)
{
    struct egress_stats stats;
    egress_stats(rig->proxy, &stats);
    return stats.open;
}

static void a_client_that_goes_ends_its_question(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_alone_with(&s.rig, "", "while r.path == '/hang' do end\n");
    ask_plain(&s, "GET /hang HTTP/1.1\r\n%H\r\n", &origin);
    puppet_end(&s.puppet);
    UNTIL(&s.rig, open_clients(&s.rig) == 0);
    s.puppet = rig_puppet(&s.rig, s.rig.client);
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
}

static void a_new_policy_refuses_what_waits_for_a_voter(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_alone_with(&s.rig, "", "while r.path == '/hang' do end\n");
    struct end *client = ask_plain(&s, "GET /hang HTTP/1.1\r\n%H\r\n", &origin);
    struct policy *stricter = policy_of(
        &s.rig, REST("        enforcement: enforce\n        rules:\n"
                     "          - allow: {method: GET, path: /2}\n"));
    for (int turns = 0; turns < 20; turns++)
        uv_run(&s.rig.loop, UV_RUN_NOWAIT);
    egress_set_policy(s.rig.proxy, stricter);
    policy_unref(stricter);
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 403 "));
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
}

/* ---- messages ---- */

static const char deny_messages[] =
    "if r.message == 'text' and r.body:find('secret', 1, true) then\n"
    "  return ballot:deny('MESSAGE', 'message', 'no secrets') end\n";

static void judge_messages(void (*judge)(struct rig *rig, const char *flags, const char *body),
                           const char *rule)
{
    struct chat chat;
    scene_open(&chat.s, rule);
    judge(&chat.s.rig, "", deny_messages);
    chat.client = ask_plain(&chat.s, GET("/chat", ""), &chat.origin);
    UNTIL(&chat.s.rig, end_has(chat.origin, "\r\n\r\n"));
    buf_clear(&chat.origin->in);
    end_send(chat.origin, SWITCH(""));
    UNTIL(&chat.s.rig, end_has(chat.client, "\r\n\r\n"));
    buf_clear(&chat.client->in);
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello\x81\x82" KEY "hi"
                                      "\x81\x86" KEY "secret\x81\x82" KEY "no"));
    closed_with(&chat, 1008, "voter judge: MESSAGE: no secrets");
    assert_true(has(chat.origin, BYTES("\x81\x85" KEY "hello\x81\x82" KEY "hi")));
    assert_false(has(chat.origin, BYTES("secret")));
    assert_false(has(chat.origin, BYTES("no")));
    scene_close(&chat.s);
}

static void each_text_message_is_judged(void **state)
{
    (void)state;
    judge_messages(judge_with, CHAT("enforce"));
    judge_messages(judge_with, L4);
    judge_messages(judge_alone_with, CHAT("enforce"));
    judge_messages(judge_alone_with, L4);
}

/* ---- answers ---- */

static const char deny_answers[] =
    "if r.response and r.response.body:find('poison', 1, true) then\n"
    "  return ballot:deny('POISON', 'response', 'bad answer') end\n"
    "if r.response and r.response.headers['x-bad'] then\n"
    "  return ballot:deny('HEADER', 'response', 'bad header') end\n";

static void an_answer_is_refused_before_its_first_byte(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nsome poison",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\npoi\r\n3\r\nson\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Bad: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npoison",
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct scene s;
        struct end *origin;
        scene_open(&s, READ_ONLY);
        judge_with(&s.rig, "inspect_responses = true,", deny_answers);
        struct end *client =
            ask_plain(&s, "GET / HTTP/1.1\r\n%HAccept-Encoding: gzip\r\n\r\n", &origin);
        UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
        assert_false(end_has(origin, "Accept-Encoding"));
        end_send(origin, answers[i]);
        if (i == 3)
            shutdown(origin->fd, SHUT_WR);
        UNTIL(&s.rig, client->eof);
        json_t *json = end_answer(client, 403);
        assert_string_equal(json_string_value(json_object_get(json, "error")), "voter_denied");
        json_decref(json);
        assert_false(end_has(client, "poison"));
        scene_close(&s);
    }
}

static void an_answer_that_passes_is_as_it_was(void **state)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "inspect_responses = true,", deny_answers);
    struct end *client =
        ask_plain(&s, "GET /1 HTTP/1.1\r\n%H\r\nGET /2 HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "GET /1 "));
    end_send(origin, answer);
    UNTIL(&s.rig, end_has(client, "0\r\n\r\n"));
    assert_true(end_has(client, "one"));
    UNTIL(&s.rig, end_has(origin, "GET /2 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s.rig, end_has(client, "\r\n\r\nok"));
    assert_int_equal(s.rig.accepted, 1);
    scene_close(&s);
}

/* An origin that sends little and goes on talking is not kept back for ever. */
static void a_stream_is_judged_by_its_beginning(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "inspect_responses = true,", deny_answers);
    struct end *client = ask_plain(&s, "GET / HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    UNTIL(&s.rig, end_has(client, "data: 1"));
    end_send(origin, "data: 2\n\n");
    UNTIL(&s.rig, end_has(client, "data: 2"));
    scene_close(&s);
}

/* ---- middlewares ---- */

#define WITH_STAGE(more)                                                                \
    "    endpoints: [{host: origin.test, port: %P, protocol: rest, access: full, "       \
    "enforcement: enforce}]\n    binaries: [{path: /**}]\n"                              \
    "network_middlewares:\n  stage:\n    middleware: judge\n"                            \
    "    endpoints: {include: [\"*.test\"]}\n" more

static void a_middleware_changes_header_and_body(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, WITH_STAGE(""));
    judge_with(&s.rig, "",
               "if r.headers.authorization then return ballot:abstain() end\n"
               "ballot:set_header('x-openshell-middleware-seen', 'yes')\n"
               "ballot:remove_header('x-drop')\n"
               "ballot:set_body((r.body:gsub('secret', '[hidden]')))\n");
    struct end *client = ask_plain(&s, "POST / HTTP/1.1\r\n%HX-Drop: 1\r\nX-Keep: 2\r\n"
                                   "Authorization: Bearer t\r\nContent-Length: 9\r\n\r\na secret!",
                                   &origin);
    UNTIL(&s.rig, end_has(origin, "!") || client->eof);
    assert_true(end_has(origin, "\r\n\r\na [hidden]!"));
    assert_true(end_has(origin, "x-openshell-middleware-seen: yes\r\n"));
    assert_true(end_has(origin, "Content-Length: 11\r\n"));
    assert_true(end_has(origin, "X-Keep: 2\r\n"));
    assert_true(end_has(origin, "Authorization: Bearer t\r\n"));
    assert_false(end_has(origin, "X-Drop"));
    scene_close(&s);
}

static void expect_stage(const char *rule, const char *body, const char *error, bool shown)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    if (body)
        judge_with(&s.rig, "", body);
    struct end *client = ask_plain(&s, "GET /x HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 403);
    assert_string_equal(json_string_value(json_object_get(json, "error")), error);
    assert_string_equal(json_string_value(json_object_get(json, "policy")), "one");
    assert_string_equal(json_string_value(json_object_get(json, "layer")), "l7");
    assert_string_equal(json_string_value(json_object_get(json, "path")), "/x");
    assert_true((json_object_get(json, "middleware") != NULL) == shown);
    assert_null(json_object_get(json, "message"));
    assert_null(json_object_get(json, "reason"));
    assert_null(json_object_get(json, "next_steps"));
    json_decref(json);
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
}

static void a_middleware_denies_or_fails(void **state)
{
    (void)state;
    static const char only_stage[] =
        "if r.headers.host == nil then return ballot:deny('NO_WAY', '', 'private words') end\n";
    expect_stage(WITH_STAGE(""), only_stage, "middleware_denied", true);
    expect_stage(WITH_STAGE(""), NULL, "middleware_failed", false);
    expect_stage(WITH_STAGE(""), "if r.headers.host == nil then error('broken') end\n",
                 "middleware_failed", false);
}

static void a_middleware_that_fails_open_is_passed_by(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, WITH_STAGE("    on_error: fail_open\n"));
    ask_plain(&s, "GET /x HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "GET /x "));
    scene_close(&s);
}

static void traffic_that_cannot_be_read_needs_no_required_middleware(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, L4 "network_middlewares:\n  stage: {middleware: judge, endpoints: "
                   "{include: [origin.test]}}\n");
    struct end *client = ask_plain(&s, "SSH-2.0-x\r\n", &origin);
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "unsupported_l7_protocol"));
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
    scene_open(&s, L4 "network_middlewares:\n  stage: {middleware: judge, on_error: fail_open, "
                   "endpoints: {include: [origin.test]}}\n");
    ask_plain(&s, "SSH-2.0-x\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "SSH-2.0-x\r\n"));
    assert_non_null(strstr(s.rig.denials.data, "finding origin.test"));
    scene_close(&s);
}

/* ---- sets ---- */

static void without_a_set_that_loads_no_request_passes(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    egress_set_inspectors(s.rig.proxy, NULL, "the voters on requests cannot be loaded");
    struct end *client = ask_plain(&s, "GET / HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 503);
    assert_string_equal(json_string_value(json_object_get(json, "error")), "voters_unavailable");
    json_decref(json);
    scene_close(&s);
}

/* Each request is judged, and by one set, however often there is another one. */
static void sets_change_between_requests_and_within(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "inspect_responses = true,", "");
    struct end *client = rig_tunnel(&s.rig, &s.puppet, "origin.test", &origin);
    for (int i = 0; i < 100; i++) {
        struct buf text = {0};
        fill_in(&s.rig, "GET / HTTP/1.1\r\n%H\r\n", &text);
        buf_clear(&client->in);
        buf_clear(&origin->in);
        end_send(client, text.data);
        UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
        judge_with(&s.rig, "inspect_responses = true,", "");
        end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        UNTIL(&s.rig, end_has(client, "\r\n\r\nok"));
        buf_free(&text);
    }
    assert_int_equal(s.rig.accepted, 1);
    scene_close(&s);
}

static void an_answer_is_judged_by_the_set_that_judged_its_request(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "inspect_responses = true,", deny_answers);
    struct end *client = ask_plain(&s, "GET / HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    judge_with(&s.rig, "", "");
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 403 "));
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_voter_refuses_by_header_query_and_body),
        cmocka_unit_test(a_body_passes_as_it_was_sent),
        cmocka_unit_test(what_follows_the_prefix_passes_in_order),
        cmocka_unit_test(requests_in_a_row_are_judged_one_by_one),
        cmocka_unit_test(requests_wait_for_a_voter_with_a_process_of_its_own),
        cmocka_unit_test(a_client_that_goes_ends_its_question),
        cmocka_unit_test(a_new_policy_refuses_what_waits_for_a_voter),
        cmocka_unit_test(each_text_message_is_judged),
        cmocka_unit_test(sets_change_between_requests_and_within),
        cmocka_unit_test(an_answer_is_refused_before_its_first_byte),
        cmocka_unit_test(an_answer_that_passes_is_as_it_was),
        cmocka_unit_test(a_stream_is_judged_by_its_beginning),
        cmocka_unit_test(a_middleware_changes_header_and_body),
        cmocka_unit_test(a_middleware_denies_or_fails),
        cmocka_unit_test(a_middleware_that_fails_open_is_passed_by),
        cmocka_unit_test(traffic_that_cannot_be_read_needs_no_required_middleware),
        cmocka_unit_test(without_a_set_that_loads_no_request_passes),
        cmocka_unit_test(an_answer_is_judged_by_the_set_that_judged_its_request),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
