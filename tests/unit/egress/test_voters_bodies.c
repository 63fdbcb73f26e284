/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that come slowly or are long, before voters on requests and middlewares. */
#include "egress/voters/question.h"
#include "support/chat.h"
#include "support/holding.h"
#include "support/inspectors.h"

static const char deny_secrets[] =
    "local all = r.response and r.response.body or r.body\n"
    "if all:find('secret', 1, true) then return ballot:deny('BODY', '', 'a secret') end\n";

/* ---- slowly ---- */

static void a_body_that_comes_slowly_does_not_pass(void **state)
{
    static const char *const requests[] = {
        "POST / HTTP/1.1\r\n%HTransfer-Encoding: chunked\r\n\r\n4\r\nmy s\r\n",
        "POST / HTTP/1.1\r\n%HContent-Length: 10\r\n\r\nmy s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct scene s;
        struct end *origin;
        scene_open_with(&s, L4, (struct egress_limits){.voted_body_ms = 50});
        judge_with(&s.rig, "", deny_secrets);
        struct end *client = ask_plain(&s, requests[i], &origin);
        UNTIL(&s.rig, client->eof);
        json_t *json = end_answer(client, 408);
        assert_string_equal(json_string_value(json_object_get(json, "reason")),
                            "what voters look at of the body did not arrive within 50 ms");
        json_decref(json);
        assert_int_equal(origin->in.len, 0);
        scene_close(&s);
    }
}

static void an_answer_that_comes_slowly_is_judged_piece_by_piece(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "inspect_responses = true,", deny_secrets);
    struct end *client = ask_plain(&s, "GET / HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    UNTIL(&s.rig, end_has(client, "data: 1"));
    end_send(origin, "data: my sec");
    UNTIL(&s.rig, end_has(client, "my sec"));
    end_send(origin, "ret, and more");
    UNTIL(&s.rig, client->eof);
    assert_false(end_has(client, "ret"));
    assert_false(end_has(client, "403"));
    assert_non_null(strstr(s.rig.lines.data, "engine:voter] [reason:voter judge: BODY"));
    scene_close(&s);
}

/* ---- long: middlewares see 4 KiB here ---- */

#define WITH_STAGE(more)                                                                \
    "    endpoints: [{host: origin.test, port: %P, protocol: rest, access: full, "       \
    "enforcement: enforce}]\n    binaries: [{path: /**}]\n"                              \
    "network_middlewares:\n  stage:\n    middleware: judge\n"                            \
    "    endpoints: {include: [\"*.test\"]}\n" more

#define OPEN "    on_error: fail_open\n"

enum { LONG = 5000 };

static struct end *ask_long(struct scene *s, const char *rule, bool chunked, struct end **origin)
{
    struct buf request = {0};
    scene_open(s, rule);
    judge_with(&s->rig, "", "if r.headers.host == nil then return ballot:deny('SEEN') end\n");
    buf_puts(&request, "POST /x HTTP/1.1\r\n%H");
    if (chunked)
        buf_printf(&request, "Transfer-Encoding: chunked\r\n\r\n%x\r\n", LONG);
    else
        buf_printf(&request, "Content-Length: %d\r\n\r\n", LONG);
    for (int i = 0; i < LONG; i++)
        buf_putc(&request, 'a');
    buf_puts(&request, chunked ? "\r\n0\r\n\r\n" : "");
    struct end *client = ask_plain(s, request.data, origin);
    buf_free(&request);
    return client;
}

static void a_longer_body_than_middlewares_take_is_refused(void **state)
{
    static const struct {
        const char *rule;
        bool chunked;
    } cases[] = {{WITH_STAGE(""), false}, {WITH_STAGE(""), true}, {WITH_STAGE(OPEN), true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        struct end *origin;
        struct end *client = ask_long(&s, cases[i].rule, cases[i].chunked, &origin);
        UNTIL(&s.rig, client->eof);
        json_t *json = end_answer(client, 403);
        assert_string_equal(json_string_value(json_object_get(json, "error")),
                            "middleware_failed");
        assert_string_equal(json_string_value(json_object_get(json, "detail")),
                            "Request could not be processed by configured middleware");
        assert_null(json_object_get(json, "middleware"));
        json_decref(json);
        assert_non_null(strstr(s.rig.lines.data,
                               "the body is longer than the 4096 bytes that middlewares take"));
        assert_int_equal(origin->in.len, 0);
        scene_close(&s);
    }
}

static void one_of_known_length_passes_where_none_is_required(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    ask_long(&s, WITH_STAGE(OPEN), false, &origin);
    UNTIL(&s.rig, origin->in.len > LONG);
    assert_true(end_has(origin, "POST /x "));
    assert_non_null(strstr(s.rig.denials.data, "its body is longer than middlewares take"));
    scene_close(&s);
}

/* ---- too many at a time ---- */

static void expect_full(const char *rule, const char *error)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    judge_with(&s.rig, "", "");
    s.rig.proxy->n_questions += QUESTION_WAITING_MAX;
    struct end *client = ask_plain(&s, "GET /x HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, client->eof);
    json_t *json = end_answer(client, 503);
    assert_string_equal(json_string_value(json_object_get(json, "error")), error);
    json_decref(json);
    assert_int_equal(origin->in.len, 0);
    s.rig.proxy->n_questions -= QUESTION_WAITING_MAX;
    scene_close(&s);
}

static void a_full_queue_refuses_whatever_on_error_says(void **state)
{
    (void)state;
    expect_full(WITH_STAGE(""), "middleware_failed");
    expect_full(WITH_STAGE(OPEN), "middleware_failed");
    expect_full(READ_ONLY, "voters_unavailable");
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_body_that_comes_slowly_does_not_pass),
        cmocka_unit_test(an_answer_that_comes_slowly_is_judged_piece_by_piece),
        cmocka_unit_test(a_longer_body_than_middlewares_take_is_refused),
        cmocka_unit_test(one_of_known_length_passes_where_none_is_required),
        cmocka_unit_test(a_full_queue_refuses_whatever_on_error_says),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
