/* SPDX-License-Identifier: Apache-2.0 */
/* A workload that wants a request or message past the voters which would refuse it. */
#include "support/chat.h"
#include "support/inspectors.h"

static void answered(const char *rule, const char *body, const char *request, int status,
                     const char *error)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    judge_with(&s.rig, "", body);
    struct end *client = ask_plain(&s, request, &origin);
    UNTIL(&s.rig, client->eof || origin->in.len);
    assert_int_equal(origin->in.len, 0);
    json_t *json = end_answer(client, status);
    assert_string_equal(json_string_value(json_object_get(json, "error")), error);
    json_decref(json);
    scene_close(&s);
}

/* Also where no rule is about requests. */
static void a_path_is_the_same_in_each_spelling(void **state)
{
    static const char deny_admin[] =
        "if r.path == '/admin' then return ballot:deny('PATH', 'path', 'not there') end\n";
    static const char *const same[] = {"/admin", "/%61dmin", "/./admin", "/x/../admin",
                                       "/x/%2e%2e/admin", "/%61%64%6d%69%6e?a=1"};
    static const char *const none[] = {"/%C0%AE/admin", "/%zz/admin", "/a%00/admin"};
    char request[256];
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n%%H\r\n", same[i]);
        answered(L4, deny_admin, request, 403, "voter_denied");
        answered(READ_ONLY, deny_admin, request, 403, "voter_denied");
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n%%H\r\n", none[i]);
        answered(L4, deny_admin, request, 400, "invalid_request_target");
    }
    answered(L4, deny_admin, "GET / HTTP/1.1\r\n%HX-Original-URL: /admin\r\n\r\n", 400,
             "malformed_request");
}

/* Some origins take a body that they do not read for the next request. */
static void no_request_hides_in_a_body(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, L4);
    judge_with(&s.rig, "", "if r.path == '/admin' then return ballot:deny('PATH', '', 'no') end\n");
    struct end *client = ask_plain(
        &s, "POST /1 HTTP/1.1\r\n%HContent-Length: 23\r\n\r\nGET /admin HTTP/1.1\r\n\r\n"
            "GET /2 HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "/admin"));
    assert_true(end_has(origin, "Connection: close\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s.rig, s.rig.accepted == 2);
    assert_true(end_has(client, "\r\n\r\nok"));
    assert_false(end_has(origin, "/2"));
    scene_close(&s);
}

/* What ends at the proxy is not what the origin obeys. */
static void fields_that_go_no_further_are_not_seen(void **state)
{
    static const char only_dry_runs[] =
        "if not r.headers['x-dry-run'] then return ballot:deny('REAL', 'headers', 'no') end\n";
    static const char only_at_home[] =
        "if r.headers['host'] ~= r.host .. ':' .. r.port then\n"
        "  return ballot:deny('AWAY', 'headers', r.headers['host']) end\n";
    struct scene s;
    struct buf text = {0};
    (void)state;
    answered(L4, only_dry_runs,
             "DELETE / HTTP/1.1\r\n%HX-Dry-Run: 1\r\nConnection: x-dry-run\r\n\r\n", 403,
             "voter_denied");
    answered(REST("        access: full\n"), only_dry_runs,
             "DELETE / HTTP/1.1\r\n%HX-Dry-Run: 1\r\nConnection: keep-alive, X-Dry-Run\r\n\r\n",
             403, "voter_denied");

    scene_open(&s, L4);
    judge_with(&s.rig, "", only_at_home);
    struct end *client = rig_end(&s.rig, s.puppet.socket);
    fill_in(&s.rig, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n", &text);
    end_send(client, text.data);
    struct end *origin = rig_origin(&s.rig);
    UNTIL(&s.rig, client->eof || end_has(origin, "\r\n\r\n"));
    assert_true(end_has(origin, "Host: origin.test:"));
    buf_free(&text);
    scene_close(&s);
}

/* Fields of an interim response are with the client before the answer is judged. */
static void nothing_comes_before_an_answer_that_is_judged(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "inspect_responses = true,", "");
    struct end *client = ask_plain(&s, "GET / HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 103 Early hints\r\nLink: </poison>\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&s.rig, end_has(client, "\r\n\r\nok"));
    assert_false(end_has(client, "103"));
    assert_false(end_has(client, "poison"));
    assert_true(end_has(client, "HTTP/1.1 200 OK\r\n"));
    scene_close(&s);
}

/* ---- connections that were opened before ---- */

static const char deny_messages[] =
    "if r.message == 'text' and r.body:find('secret', 1, true) then\n"
    "  return ballot:deny('MESSAGE', 'message', 'no secrets') end\n";

static void expect_refused(struct chat *chat, const char *reason)
{
    send_text(chat->client, "a secret");
    closed_with(chat, 1008, reason);
    assert_false(has(chat->origin, BYTES("secret")));
    scene_close(&chat->s);
}

static void expect_passed(struct chat *chat, const char *text)
{
    send_text(chat->client, text);
    UNTIL(&chat->s.rig, has(chat->origin, text, strlen(text)));
}

static void messages_are_judged_by_the_voters_that_there_are_now(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    expect_passed(&chat, "hello");
    judge_with(&chat.s.rig, "", "");
    expect_passed(&chat, "again");
    judge_with(&chat.s.rig, "", deny_messages);
    expect_refused(&chat, "voter judge: MESSAGE: no secrets");

    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    judge_alone_with(&chat.s.rig, "", deny_messages);
    expect_passed(&chat, "hello");
    judge_alone_with(&chat.s.rig, "", deny_messages);
    expect_refused(&chat, "voter judge: MESSAGE: no secrets");
}

static void no_message_passes_while_voters_cannot_be_loaded(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    egress_set_inspectors(chat.s.rig.proxy, NULL, "they cannot be loaded");
    expect_refused(&chat, "they cannot be loaded");
}

#define STAGE                                                                          \
    "network_middlewares:\n  stage: {middleware: judge, endpoints: {include: [\"*.test\"]}}\n"

/* A policy that requires a middleware holds for them from their next message on. */
static void a_new_middleware_is_asked_about_messages(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    change_policy(&chat.s, CHAT("enforce") STAGE);
    expect_refused(&chat, "the gateway's chain has no such voter that looks at requests");

    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    judge_with(&chat.s.rig, "",
               "if r.headers.host == nil and r.body:find('secret', 1, true) then\n"
               "  return ballot:deny('MESSAGE', 'message', 'no secrets') end\n");
    change_policy(&chat.s, CHAT("enforce") STAGE);
    expect_refused(&chat, "middleware stage: voter judge: MESSAGE: no secrets");
}

static void what_is_not_read_ends_under_a_new_middleware(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, L4, GET("/chat", ""), SWITCH(""));
    expect_passed(&chat, "hello");
    change_policy(&chat.s, L4 STAGE);
    UNTIL(&chat.s.rig, chat.client->eof && chat.origin->eof);
    scene_close(&chat.s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_path_is_the_same_in_each_spelling),
        cmocka_unit_test(no_request_hides_in_a_body),
        cmocka_unit_test(fields_that_go_no_further_are_not_seen),
        cmocka_unit_test(nothing_comes_before_an_answer_that_is_judged),
        cmocka_unit_test(messages_are_judged_by_the_voters_that_there_are_now),
        cmocka_unit_test(no_message_passes_while_voters_cannot_be_loaded),
        cmocka_unit_test(a_new_middleware_is_asked_about_messages),
        cmocka_unit_test(what_is_not_read_ends_under_a_new_middleware),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
