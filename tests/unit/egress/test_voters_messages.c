/* SPDX-License-Identifier: Apache-2.0 */
/* Voters on messages of WebSocket clients and servers, binary ones included. */
#include <zlib.h>

#include "support/chat.h"
#include "support/inspectors.h"

#define LOOKS_AT_ANSWERS "inspect_responses = true,"

/* Refuses what has "secret" in a client's message, or "poison" in a server's. */
static const char both_ways[] =
    "local said = r.response and r.response.body or r.body\n"
    "if r.message == '' then return ballot:allow() end\n"
    "if r.response and r.response.status ~= 101 then return ballot:deny('STATUS') end\n"
    "if r.response and r.body ~= '' then return ballot:deny('BODY') end\n"
    "if said:find('secret', 1, true) or said:find('poison', 1, true) then\n"
    "  return ballot:deny('MESSAGE', '', '%s from %s', r.message,\n"
    "                     r.response and 'server' or 'client') end\n";

typedef void judge_fn(struct rig *rig, const char *flags, const char *body);

static void open_judged_with(struct chat *chat, const char *rule, const char *request,
                             const char *answer, judge_fn *judge, const char *flags,
                             const char *body)
{
    scene_open(&chat->s, rule);
    judge(&chat->s.rig, flags, body);
    chat->client = ask_plain(&chat->s, request, &chat->origin);
    UNTIL(&chat->s.rig, end_has(chat->origin, "\r\n\r\n"));
    end_send(chat->origin, answer);
    UNTIL(&chat->s.rig, end_has(chat->client, "\r\n\r\n"));
    buf_clear(&chat->client->in);
}

static void open_judged(struct chat *chat, const char *rule, judge_fn *judge, const char *flags)
{
    open_judged_with(chat, rule, GET("/chat", ""), SWITCH(""), judge, flags, both_ways);
    buf_clear(&chat->origin->in);
}

static judge_fn *const judges[] = {judge_with, judge_alone_with};
static const char *const endpoints[] = {CHAT("enforce"), L4};

#define EACH(judge, rule)                                                              \
    for (size_t j_ = 0; j_ < 4; j_++)                                                  \
        for (judge_fn *judge = judges[j_ / 2]; judge; judge = NULL)                    \
            for (const char *rule = endpoints[j_ % 2]; rule; rule = NULL)

/* ---- what the client sends ---- */

static void a_binary_message_of_the_client_is_judged(void **state)
{
    (void)state;
    EACH(judge, rule) {
        struct chat chat;
        open_judged(&chat, rule, judge, "");
        end_send_bytes(chat.client, BYTES("\x82\x84" KEY "\xff\0\x01z\x02\x83" KEY "a s"
                                          "\x89\x81" KEY "p\x00\x84" KEY "ecre\x80\x81" KEY "t"));
        closed_with(&chat, 1008, "voter judge: MESSAGE: binary from client");
        assert_true(has(chat.origin, BYTES("\x82\x84" KEY "\xff\0\x01z\x89\x81" KEY "p")));
        assert_false(has(chat.origin, BYTES("a s")));
        assert_non_null(strstr(chat.s.rig.lines.data, "engine:voter"));
        scene_close(&chat.s);
    }
}

static void fragments_of_a_binary_message_that_passes_become_one_frame(void **state)
{
    struct chat chat;
    (void)state;
    open_judged(&chat, L4, judge_alone_with, "");
    end_send_bytes(chat.client,
                   BYTES("\x02\x82" KEY "\xff\xfe\x80\x81" KEY "\xfd\x81\x81" KEY "t"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("\x82\x83" KEY "\xff\xfe\xfd\x81\x81" KEY "t")));
    scene_close(&chat.s);
}

static void a_binary_message_has_a_length(void **state)
{
    struct chat chat;
    (void)state;
    open_judged(&chat, L4, judge_with, "");
    end_send_bytes(chat.client, BYTES("\x82\xff\0\0\0\0\x01\0\0\x01" KEY));
    closed_with(&chat, 1009, "a binary message is longer than 16 MiB");
    scene_close(&chat.s);
}

/* ---- what the server sends ---- */

static void a_message_of_the_server_is_judged(void **state)
{
    (void)state;
    EACH(judge, rule) {
        struct chat chat;
        open_judged(&chat, rule, judge, LOOKS_AT_ANSWERS);
        end_send_bytes(chat.origin, BYTES("\x81\x02hi\x82\x02\xff\0\x01\x02po\x89\x01p\x00\x03iso"
                                          "\x80\x01n\x81\x05" "after"));
        closed_with(&chat, 1008, "voter judge: MESSAGE: text from server");
        assert_memory_equal(chat.client->in.data, "\x81\x02hi\x82\x02\xff\0\x89\x01p\x88", 12);
        scene_close(&chat.s);
        open_judged(&chat, rule, judge, LOOKS_AT_ANSWERS);
        end_send_bytes(chat.origin, BYTES("\x82\x08\xffpoison!"));
        closed_with(&chat, 1008, "voter judge: MESSAGE: binary from server");
        assert_int_equal(chat.client->in.data[0], '\x88');
        scene_close(&chat.s);
    }
}

static void without_a_voter_that_looks_at_answers_the_server_says_anything(void **state)
{
    struct chat chat;
    (void)state;
    open_judged(&chat, L4, judge_with, "");
    end_send_bytes(chat.origin, BYTES("\x01\x03poi\x80\x03son\xff"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("\x01\x03poi\x80\x03son\xff")));
    scene_close(&chat.s);
}

static void what_comes_with_the_101_is_judged_too(void **state)
{
    (void)state;
    EACH(judge, rule) {
        struct chat chat;
        scene_open(&chat.s, rule);
        judge(&chat.s.rig, LOOKS_AT_ANSWERS, both_ways);
        chat.client = ask_plain(&chat.s, GET("/chat", ""), &chat.origin);
        UNTIL(&chat.s.rig, end_has(chat.origin, "\r\n\r\n"));
        end_send(chat.origin, SWITCH("") "\x81\x02hi\x81\x06poison");
        closed_with(&chat, 1008, "voter judge: MESSAGE: text from server");
        assert_true(has(chat.client, BYTES("\r\n\r\n\x81\x02hi\x88")));
        scene_close(&chat.s);
    }
}

/* Nobody judges them. */
static void fields_of_a_101_that_is_watched_are_those_of_the_upgrade(void **state)
{
    (void)state;
    EACH(judge, rule) {
        struct chat chat;
        scene_open(&chat.s, rule);
        judge(&chat.s.rig, LOOKS_AT_ANSWERS, both_ways);
        chat.client = ask_plain(&chat.s, GET("/chat", "Sec-WebSocket-Protocol: a\r\n"),
                                &chat.origin);
        UNTIL(&chat.s.rig, end_has(chat.origin, "\r\n\r\n"));
        end_send(chat.origin, SWITCH("Sec-WebSocket-Protocol: a\r\nX-Note: poison\r\n"));
        UNTIL(&chat.s.rig, end_has(chat.client, "\r\n\r\n"));
        assert_true(end_has(chat.client, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert_true(end_has(chat.client, "Sec-WebSocket-Protocol: a\r\n"));
        assert_false(end_has(chat.client, "poison"));
        scene_close(&chat.s);
    }
}

static void frames_of_a_server_that_is_judged_are_read_strictly(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        unsigned status;
        const char *reason;
    } cases[] = {
        {BYTES("\x81\x86" KEY "poison"), 1002, "a server's frame is masked"},
        {BYTES("\xc1\x06poison"), 1002, "a frame has reserved bits set"},
        {BYTES("\x83\x06poison"), 1002, "a frame has a reserved opcode"},
        {BYTES("\x80\x06poison"), 1002, "a continuation frame continues no message"},
        {BYTES("\x01\x01p\x81\x05oison"), 1002, "a new message begins within a fragmented one"},
        {BYTES("\x81\x7e\0\x06poison"), 1002,
         "a frame's length is not written in its shortest form"},
        {BYTES("\x81\x01\xff"), 1007, "a text message is not UTF-8"},
        {BYTES("\x81\x7f\0\0\0\0\0\x40\0\1"), 1009, "a text message is longer than 4 MiB"},
        {BYTES("\x88\x02\x03\xe8\x81\x06poison"), 1002, "a frame follows the server's Close"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chat chat;
        open_judged(&chat, L4, judge_with, LOOKS_AT_ANSWERS);
        end_send_bytes(chat.origin, cases[i].bytes, cases[i].n);
        closed_with(&chat, cases[i].status, cases[i].reason);
        assert_false(has(chat.client, BYTES("poison")));
        scene_close(&chat.s);
    }
}

/* ---- compression ---- */

#define ALONE "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"
#define BOTH ALONE "; server_no_context_takeover"

static struct buf deflated(const char *text)
{
    struct buf out = {0};
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    buf_reserve(&out, 256);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)strlen(text);
    z.next_out = (unsigned char *)out.data;
    z.avail_out = 256;
    assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    out.len = z.total_out - 4;
    deflateEnd(&z);
    return out;
}

static void send_deflated(struct end *end, enum frame_opcode opcode, const char *text,
                          const char *key)
{
    struct buf out = {0}, payload = deflated(text);
    frame_print(&out, opcode, true, payload.data, payload.len, (const uint8_t *)key);
    end_send_bytes(end, out.data, out.len);
    buf_free(&payload);
    buf_free(&out);
}

static void compressed_messages_are_judged_as_what_they_say(void **state)
{
    (void)state;
    EACH(judge, rule) {
        struct chat chat;
        open_judged_with(&chat, rule, GET("/chat", ALONE "\r\n"), SWITCH(BOTH "\r\n"), judge,
                         LOOKS_AT_ANSWERS, both_ways);
        assert_true(end_has(chat.origin, BOTH "\r\n"));
        send_deflated(chat.client, FRAME_BINARY, "fine", KEY);
        UNTIL(&chat.s.rig, has(chat.origin, BYTES("\xc2")));
        send_deflated(chat.origin, FRAME_BINARY, "fine", NULL);
        UNTIL(&chat.s.rig, has(chat.client, BYTES("\xc2")));
        send_deflated(chat.origin, FRAME_BINARY, "a poison of the server", NULL);
        closed_with(&chat, 1008, "voter judge: MESSAGE: binary from server");
        scene_close(&chat.s);
        open_judged_with(&chat, rule, GET("/chat", ALONE "\r\n"), SWITCH(BOTH "\r\n"), judge,
                         LOOKS_AT_ANSWERS, both_ways);
        send_deflated(chat.client, FRAME_BINARY, "a secret of the client", KEY);
        closed_with(&chat, 1008, "voter judge: MESSAGE: binary from client");
        scene_close(&chat.s);
    }
}

/* An answer that keeps what it compressed is none to what was offered. */
static void a_server_that_keeps_its_context_is_not_accepted(void **state)
{
    struct chat chat;
    (void)state;
    scene_open(&chat.s, L4);
    judge_with(&chat.s.rig, LOOKS_AT_ANSWERS, both_ways);
    chat.client = ask_plain(&chat.s, GET("/chat", ALONE "\r\n"), &chat.origin);
    UNTIL(&chat.s.rig, end_has(chat.origin, "\r\n\r\n"));
    end_send(chat.origin, SWITCH(ALONE "\r\n"));
    UNTIL(&chat.s.rig, end_has(chat.client, "HTTP/1.1 502 "));
    scene_close(&chat.s);
}

/* ---- voters that come and go ---- */

/* From the next message on, however the frames before are cut. */
static void servers_are_judged_by_the_voters_that_there_are_now(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    end_send_bytes(chat.origin, BYTES("\x81\x06poison\x01\x09" "one poi"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("one poi")));
    judge_with(&chat.s.rig, LOOKS_AT_ANSWERS, both_ways);
    end_send_bytes(chat.origin, BYTES("so\x80"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("poiso\x80")));
    end_send_bytes(chat.origin, BYTES("\x01n\x81\x02ok\x81"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("poiso\x80\x01n\x81\x02ok")));
    judge_with(&chat.s.rig, "", "");
    end_send_bytes(chat.origin, BYTES("\x06poison\x81\x06poison"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("ok\x81\x06poison\x81\x06poison")));
    judge_alone_with(&chat.s.rig, LOOKS_AT_ANSWERS, both_ways);
    end_send_bytes(chat.origin, BYTES("\x81\x06poison"));
    closed_with(&chat, 1008, "voter judge: MESSAGE: text from server");
    scene_close(&chat.s);
}

static void what_was_compressed_before_them_ends_the_connection(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ALONE "\r\n"), SWITCH(ALONE "\r\n"));
    send_deflated(chat.origin, FRAME_TEXT, "poison", NULL);
    UNTIL(&chat.s.rig, has(chat.client, BYTES("\xc1")));
    judge_with(&chat.s.rig, LOOKS_AT_ANSWERS, both_ways);
    end_send_bytes(chat.origin, BYTES("\x81\x02ok"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("\x81\x02ok")));
    send_deflated(chat.origin, FRAME_TEXT, "poison", NULL);
    closed_with(&chat, 1008, "the server compresses its messages with parts of earlier ones, so "
                             "they cannot be judged");
    scene_close(&chat.s);
}

static void no_server_is_heard_while_voters_cannot_be_loaded(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    egress_set_inspectors(chat.s.rig.proxy, NULL, "the voters cannot be loaded");
    end_send_bytes(chat.origin, BYTES("\x81\x06poison"));
    closed_with(&chat, 1008, "the voters cannot be loaded");
    scene_close(&chat.s);
}

/* ---- middlewares ---- */

#define STAGE                                                                          \
    "network_middlewares:\n  stage: {middleware: judge, on_error: fail_closed, "       \
    "endpoints: {include: [origin.test]}}\n"

static void a_middleware_replaces_what_a_client_sends(void **state)
{
    static const char redact[] =
        "if r.response then return ballot:deny('ANSWER') end\n"
        "if r.headers.host == nil and r.message ~= '' then\n"
        "  ballot:set_body((r.body:gsub('secret', 'xxx'))) end\n";
    (void)state;
    EACH(judge, rule) {
        struct chat chat;
        struct buf with_stage = {0};
        buf_printf(&with_stage, "%s" STAGE, rule);
        open_judged_with(&chat, with_stage.data, GET("/chat", ""), SWITCH(""), judge, "", redact);
        end_send_bytes(chat.client, BYTES("\x82\x88" KEY "\xffsecret\0\x81\x86" KEY "secret"));
        UNTIL(&chat.s.rig, has(chat.origin, BYTES("\x82\x85" KEY "\xffxxx\0\x81\x83" KEY "xxx")));
        end_send_bytes(chat.origin, BYTES("\x81\x02ok"));
        UNTIL(&chat.s.rig, has(chat.client, BYTES("\x81\x02ok")));
        buf_free(&with_stage);
        scene_close(&chat.s);
    }
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_binary_message_of_the_client_is_judged),
        cmocka_unit_test(fragments_of_a_binary_message_that_passes_become_one_frame),
        cmocka_unit_test(a_binary_message_has_a_length),
        cmocka_unit_test(a_message_of_the_server_is_judged),
        cmocka_unit_test(without_a_voter_that_looks_at_answers_the_server_says_anything),
        cmocka_unit_test(what_comes_with_the_101_is_judged_too),
        cmocka_unit_test(fields_of_a_101_that_is_watched_are_those_of_the_upgrade),
        cmocka_unit_test(frames_of_a_server_that_is_judged_are_read_strictly),
        cmocka_unit_test(compressed_messages_are_judged_as_what_they_say),
        cmocka_unit_test(a_server_that_keeps_its_context_is_not_accepted),
        cmocka_unit_test(servers_are_judged_by_the_voters_that_there_are_now),
        cmocka_unit_test(what_was_compressed_before_them_ends_the_connection),
        cmocka_unit_test(no_server_is_heard_while_voters_cannot_be_loaded),
        cmocka_unit_test(a_middleware_replaces_what_a_client_sends),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
