/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket peers that flood, stall or hang voters: each side costs itself alone. */
#include "support/chat.h"
#include "support/inspectors.h"

#define LOOKS_AT_ANSWERS "inspect_responses = true,"

static const char hang_on_server[] =
    "while r.response and r.response.body == 'hang' do end\n";

static void open_judged(struct chat *chat, void (*judge)(struct rig *, const char *, const char *),
                        const char *body, struct egress_limits limits)
{
    scene_open_with(&chat->s, L4, limits);
    judge(&chat->s.rig, LOOKS_AT_ANSWERS, body);
    chat->client = ask_plain(&chat->s, GET("/chat", ""), &chat->origin);
    UNTIL(&chat->s.rig, end_has(chat->origin, "\r\n\r\n"));
    buf_clear(&chat->origin->in);
    end_send(chat->origin, SWITCH(""));
    UNTIL(&chat->s.rig, end_has(chat->client, "\r\n\r\n"));
    buf_clear(&chat->client->in);
}

/* The voter, which hangs on the server's message, is killed for it; the client's messages, which
 * wait behind it, are asked of the next process. */
static void a_hang_on_a_servers_message_ends_the_connection(void **state)
{
    struct chat chat;
    (void)state;
    open_judged(&chat, judge_alone_with, hang_on_server, (struct egress_limits){0});
    end_send_bytes(chat.origin, BYTES("\x81\x02ok\x81\x04hang"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("ok")));
    for (int i = 0; i < 1000; i++)
        send_text(chat.client, "hello");
    UNTIL(&chat.s.rig, chat.client->eof && chat.origin->eof);
    assert_true(has(chat.client, BYTES("voter judge: VOTER_ERROR")));
    assert_false(has(chat.client, BYTES("hang")));
    scene_close(&chat.s);
}

/* While a verdict about the server is awaited the proxy reads no more of it, and only so much of
 * the client that waits, too. */
static void nothing_piles_up_behind_a_verdict(void **state)
{
    enum { MUCH = 64 * 1024 * 1024 };
    static char frame[4 + 60000] = "\x82\x7e\xea\x60";
    struct chat chat;
    size_t sent = 0;
    (void)state;
    open_judged(&chat, judge_alone_with, hang_on_server, (struct egress_limits){0});
    end_send_bytes(chat.origin, BYTES("\x81\x02ok\x81\x04hang"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("ok")));
    for (int still = 0; still < 200 && sent < MUCH; still++) {
        size_t at = sent % sizeof frame;
        ssize_t n = send(chat.origin->fd, frame + at, sizeof frame - at, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        still = n > 0 ? 0 : still;
        uv_run(&chat.s.rig.loop, UV_RUN_NOWAIT);
    }
    assert_true(sent < MUCH);
    assert_true(chat.s.rig.proxy->messages_memory < 1024 * 1024);
    scene_close(&chat.s);
}

static void a_server_that_does_not_finish_a_message_ends_the_connection(void **state)
{
    static const struct egress_limits limits[] = {{.message_idle_ms = 60}, {.message_ms = 80}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct chat chat;
        open_judged(&chat, judge_with, "", limits[i]);
        end_send_bytes(chat.origin, BYTES("\x01\x03hel"));
        closed_with(&chat, 1002, "a message of the server took too long to arrive");
        scene_close(&chat.s);
    }
}

static void messages_of_servers_have_a_share_of_memory(void **state)
{
    struct chat chat;
    (void)state;
    open_judged(&chat, judge_with, "", (struct egress_limits){0});
    size_t *memory = &chat.s.rig.proxy->messages_memory;
    *memory += 64 * 1024 * 1024;                            /* of other connections */
    end_send_bytes(chat.origin, BYTES("\x81\x05hello"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("hello")));
    end_send_bytes(chat.origin, BYTES("\x01\x03hel"));
    closed_with(&chat, 1013, "the messages of this sandbox take too much memory");
    *memory -= 64 * 1024 * 1024;
    scene_close(&chat.s);
}

/* Both take turns, and nothing is lost or out of order. */
static void a_flood_of_either_side_waits_for_its_turn(void **state)
{
    enum { MESSAGES = 2000 };
    static const char slow[] = "local x = 0 for i = 1, 2000 do x = x + i end\n";
    struct chat chat;
    struct buf client = {0}, server = {0};
    (void)state;
    open_judged(&chat, judge_with, slow, (struct egress_limits){0});
    for (int i = 0; i < MESSAGES; i++) {
        frame_print(&client, FRAME_BINARY, false, "0123456789", 10, (const uint8_t *)KEY);
        frame_print(&server, FRAME_TEXT, false, "0123456789", 10, NULL);
    }
    end_send_bytes(chat.client, client.data, client.len);
    end_send_bytes(chat.origin, server.data, server.len);
    UNTIL(&chat.s.rig, chat.origin->in.len == client.len && chat.client->in.len == server.len);
    assert_memory_equal(chat.origin->in.data, client.data, client.len);
    assert_memory_equal(chat.client->in.data, server.data, server.len);
    buf_free(&client);
    buf_free(&server);
    scene_close(&chat.s);
}

/* What it has not taken is not kept, and the client's own messages go on. */
static void a_client_that_does_not_read_holds_back_the_server_alone(void **state)
{
    enum { MUCH = 64 * 1024 * 1024 };
    static char frame[4 + 60000] = "\x82\x7e\xea\x60";
    struct chat chat;
    size_t sent = 0;
    (void)state;
    open_judged(&chat, judge_with, "", (struct egress_limits){0});
    rig_hold(&chat.s.rig, chat.client, true);
    for (int still = 0; still < 200 && sent < MUCH; still++) {
        size_t at = sent % sizeof frame;
        ssize_t n = send(chat.origin->fd, frame + at, sizeof frame - at, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        still = n > 0 ? 0 : still;
        uv_run(&chat.s.rig.loop, UV_RUN_NOWAIT);
    }
    assert_true(sent < MUCH);
    send_text(chat.client, "hello");
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("hello")));
    rig_hold(&chat.s.rig, chat.client, false);
    UNTIL(&chat.s.rig, chat.client->in.len >= sent / sizeof frame * sizeof frame);
    scene_close(&chat.s);
}

/* ---- ends while verdicts are awaited ---- */

static void reset(struct end *end)
{
    const struct linger linger = {.l_onoff = 1};
    setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    shutdown(end->fd, SHUT_RDWR);
}

static unsigned open_clients(const struct rig *rig)
{
    struct egress_stats stats;
    egress_stats(rig->proxy, &stats);
    return stats.open;
}

static void client_goes(struct chat *chat) { reset(chat->client); }
static void server_goes(struct chat *chat) { reset(chat->origin); }
static void policy_goes(struct chat *chat) { change_policy(&chat->s, READ_ONLY); }

static void other_voters(struct chat *chat)
{
    judge_alone_with(&chat->s.rig, LOOKS_AT_ANSWERS, "");
    judge_with(&chat->s.rig, LOOKS_AT_ANSWERS, "");
    client_goes(chat);
}

/* Both sides have a message that waits, and more behind it. */
static void everything_may_end_while_verdicts_are_awaited(void **state)
{
    static void (*const ends[])(struct chat *chat) = {client_goes, server_goes, policy_goes,
                                                      other_voters};
    static const char slow[] =
        "if r.message ~= '' then for i = 1, 20000000 do end return ballot:deny('LATE') end\n";
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct chat chat;
        open_judged(&chat, judge_alone_with, slow, (struct egress_limits){0});
        end_send_bytes(chat.client, BYTES("\x81\x82" KEY "ZQ\x82\x82" KEY "ZQ\x01\x82" KEY "ZQ"));
        end_send_bytes(chat.origin, BYTES("\x81\x02ZQ\x82\x02ZQ\x01\x02ZQ"));
        UNTIL(&chat.s.rig, chat.s.rig.proxy->n_questions == 2);
        ends[i](&chat);
        UNTIL(&chat.s.rig, open_clients(&chat.s.rig) == 0);
        assert_int_equal(chat.s.rig.proxy->n_questions, 0);
        assert_int_equal(chat.s.rig.proxy->messages_memory, 0);
        assert_false(has(chat.origin, BYTES("ZQ")));
        assert_false(has(chat.client, BYTES("ZQ")));
        scene_close(&chat.s);
    }
}

/* A program that has said all it wanted still hears the server, in turns. */
static void a_client_that_has_ended_hears_what_is_judged(void **state)
{
    enum { MESSAGES = 500 };
    static const char slow[] = "local x = 0 for i = 1, 2000 do x = x + i end\n";
    void (*const judges[])(struct rig *, const char *, const char *) = {judge_with,
                                                                        judge_alone_with};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct chat chat;
        struct buf all = {0};
        open_judged(&chat, judges[i], slow, (struct egress_limits){0});
        end_send_bytes(chat.client, BYTES("\x81\x84" KEY "last"));
        shutdown(chat.client->fd, SHUT_WR);
        for (int n = 0; n < MESSAGES; n++)
            frame_print(&all, FRAME_TEXT, false, "0123456789", 10, NULL);
        end_send_bytes(chat.origin, all.data, all.len);
        UNTIL(&chat.s.rig, has(chat.origin, BYTES("last")) && chat.client->in.len == all.len);
        assert_memory_equal(chat.client->in.data, all.data, all.len);
        shutdown(chat.origin->fd, SHUT_WR);
        UNTIL(&chat.s.rig, chat.client->eof && open_clients(&chat.s.rig) == 0);
        buf_free(&all);
        scene_close(&chat.s);
    }
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_hang_on_a_servers_message_ends_the_connection),
        cmocka_unit_test(nothing_piles_up_behind_a_verdict),
        cmocka_unit_test(a_server_that_does_not_finish_a_message_ends_the_connection),
        cmocka_unit_test(messages_of_servers_have_a_share_of_memory),
        cmocka_unit_test(a_flood_of_either_side_waits_for_its_turn),
        cmocka_unit_test(a_client_that_does_not_read_holds_back_the_server_alone),
        cmocka_unit_test(everything_may_end_while_verdicts_are_awaited),
        cmocka_unit_test(a_client_that_has_ended_hears_what_is_judged),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
