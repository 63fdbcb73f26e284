/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that voters give on requests, answers and messages: in the log, and as a finding. */
#include "support/chat.h"
#include "support/inspectors.h"

static size_t count(const struct rig *rig, const char *text)
{
    size_t n = 0;
    for (const char *at = buf_str(&rig->lines); (at = strstr(at, text)); at++)
        n++;
    return n;
}

static const char notes[] =
    "if r.message ~= '' then ballot:fact(r.response and 'server' or 'client', r.message)\n"
    "elseif r.response then ballot:fact('status', tostring(r.response.status))\n"
    "else ballot:fact('path', r.path) ballot:fact('odd', '; a=b [policy:mine] \\27[31m') end\n"
    "if r.path == '/no' then return ballot:deny('NO', '', 'no') end\n";

static void facts_are_told_whatever_the_verdict(void **state)
{
    void (*const judges[])(struct rig *, const char *, const char *) = {judge_with,
                                                                        judge_alone_with};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct scene s;
        struct end *origin;
        scene_open(&s, READ_ONLY);
        judges[i / 2](&s.rig, "inspect_responses = true,", notes);
        struct end *client = ask_plain(&s, i % 2 ? "GET /no HTTP/1.1\r\n%H\r\n"
                                                 : "GET /yes HTTP/1.1\r\n%H\r\n", &origin);
        UNTIL(&s.rig, client->eof || end_has(origin, "\r\n\r\n"));
        assert_int_equal(count(&s.rig, "HTTP:GET [INFO] NOTED "), 1);
        assert_non_null(strstr(s.rig.lines.data,
                               i % 2 ? " engine:voter] [facts:judge.path=/no; judge.odd=? a=b "
                                       "?policy:mine? \\x1b?31m]\n"
                                     : " engine:voter] [facts:judge.path=/yes; judge.odd=? a=b "
                                       "?policy:mine? \\x1b?31m]\n"));
        assert_non_null(strstr(s.rig.denials.data, "judge.path=/"));
        if (i % 2 == 0) {
            end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            UNTIL(&s.rig, end_has(client, "\r\n\r\nok"));
            assert_int_equal(count(&s.rig, "[facts:judge.status=200]"), 1);
        }
        scene_close(&s);
    }
}

static void messages_have_facts(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    judge_with(&chat.s.rig, "inspect_responses = true,", notes);
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("hello")));
    assert_int_equal(count(&chat.s.rig, "[facts:judge.client=text]"), 1);
    end_send_bytes(chat.origin, BYTES("\x82\x02hi"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("hi")));
    assert_int_equal(count(&chat.s.rig, "[facts:judge.server=binary]"), 1);
    scene_close(&chat.s);
}

static void many_long_facts_are_cut(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    judge_with(&s.rig, "", "for i = 1, 32 do ballot:fact('k' .. i, ('x'):rep(900)) end\n");
    ask_plain(&s, "GET / HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    const char *facts = strstr(s.rig.lines.data, "[facts:judge.k1=");
    assert_non_null(facts);
    assert_true(strcspn(facts, "\n") <= 512 + sizeof "[facts:]");
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(facts_are_told_whatever_the_verdict),
        cmocka_unit_test(messages_have_facts),
        cmocka_unit_test(many_long_facts_are_cut),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
