/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket connections whose messages are judged. */
#include "support/chat.h"

/* ---- messages ---- */

static void a_permitted_message_passes_and_is_logged(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat?token=x", ""), SWITCH(""));
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("\x81\x85" KEY "hello")));
    end_send_bytes(chat.origin, BYTES("\x81\x02hi"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("\x81\x02hi")));
    assert_non_null(strstr(chat.s.rig.lines.data, "HTTP:WEBSOCKET_TEXT [INFO] ALLOWED "));
    assert_non_null(strstr(chat.s.rig.lines.data, "-> WEBSOCKET_TEXT ws://origin.test:"));
    assert_non_null(strstr(chat.s.rig.lines.data,
                           "/chat?[redacted] [policy:one engine:l7-websocket]\n"));
    assert_null(strstr(chat.s.rig.lines.data, "hello"));
    scene_close(&chat.s);
}

static void a_refused_message_ends_the_connection_with_the_reason(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/quiet", ""), SWITCH(""));
    end_send_bytes(chat.client, BYTES("\x82\x81" KEY "b\x81\x85" KEY "hello\x81\x85" KEY "again"));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /quiet not permitted by policy");
    assert_true(has(chat.origin, BYTES("\x82\x81" KEY "b")));
    assert_false(has(chat.origin, BYTES("hello")));
    assert_int_equal(chat.s.rig.n_denials, 1);
    assert_non_null(strstr(chat.s.rig.denials.data, "WEBSOCKET_TEXT /quiet"));
    assert_non_null(strstr(chat.s.rig.lines.data, "HTTP:WEBSOCKET_TEXT [MED] DENIED "));
    assert_null(strstr(chat.s.rig.lines.data, "hello"));
    scene_close(&chat.s);
}

static void no_part_of_a_refused_message_passes(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/quiet", ""), SWITCH(""));
    end_send_bytes(chat.client, BYTES("\x01\x83" KEY "hel\x89\x80" KEY));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("\x89\x80" KEY)));
    assert_int_equal(chat.origin->in.len, 6);
    end_send_bytes(chat.client, BYTES("\x80\x82" KEY "lo"));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /quiet not permitted by policy");
    assert_int_equal(chat.origin->in.len, 6 + 8);
    scene_close(&chat.s);
}

static void audit_lets_it_pass_and_says_so(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("audit"), GET("/quiet", ""), SWITCH(""));
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("hello")));
    assert_non_null(strstr(chat.s.rig.lines.data, "[reason:audit: WEBSOCKET_TEXT /quiet not "
                                                  "permitted by policy]"));
    assert_string_equal(chat.s.rig.audited.data,
                        "WEBSOCKET_TEXT /quiet - - - - one: WEBSOCKET_TEXT /quiet not permitted by "
                        "policy\n");
    scene_close(&chat.s);
}

static void what_is_sent_with_the_upgrade_is_judged_too(void **state)
{
    struct chat chat;
    (void)state;
    scene_open(&chat.s, CHAT("enforce"));
    chat.client = ask_plain(&chat.s, GET("/quiet", ""), &chat.origin);
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, end_has(chat.origin, "\r\n\r\n"));
    end_send(chat.origin, SWITCH(""));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /quiet not permitted by policy");
    assert_false(has(chat.origin, BYTES("hello")));
    scene_close(&chat.s);
}

static void a_violation_ends_the_connection(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        unsigned status;
        const char *reason;
    } cases[] = {
        {BYTES("\x81\x05hello"), 1002, "a client's frame is not masked"},
        {BYTES("\xc1\x81" KEY "x"), 1002, "a frame has reserved bits set"},
        {BYTES("\x81\x81" KEY "\xff"), 1007, "a text message is not UTF-8"},
        {BYTES("\x81\xff\0\0\0\0\0\x40\0\1" KEY), 1009, "a text message is longer than 4 MiB"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chat chat;
        chat_open(&chat, CHAT("audit"), GET("/chat", ""), SWITCH(""));
        end_send_bytes(chat.client, cases[i].bytes, cases[i].n);
        closed_with(&chat, cases[i].status, cases[i].reason);
        assert_non_null(strstr(chat.s.rig.lines.data, cases[i].reason));
        assert_int_equal(chat.s.rig.n_denials, 0);
        scene_close(&chat.s);
    }
}

/* A Close of the proxy within a frame of the server would be part of its payload. */
static void the_client_is_told_between_two_frames(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/quiet", ""), SWITCH(""));
    end_send_bytes(chat.origin, BYTES("\x82\x05" "abc"));
    UNTIL(&chat.s.rig, has(chat.client, BYTES("abc")));
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, chat.origin->eof);
    assert_int_equal(chat.client->in.len, 5);
    end_send_bytes(chat.origin, BYTES("de\x82\x01z"));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /quiet not permitted by policy");
    assert_memory_equal(chat.client->in.data, "\x82\x05" "abcde\x88", 8);
    scene_close(&chat.s);
}

static void a_server_that_stops_within_a_frame_does_not_hold_the_client(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/quiet", ""), SWITCH("") "\x82\x05" "abc");
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, chat.client->eof);
    assert_true(has(chat.client, BYTES("abc")) || chat.client->in.len == 0);
    scene_close(&chat.s);
}

static void both_sides_may_close(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    end_send_bytes(chat.client, BYTES("\x88\x82" KEY "\x03\xe8"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("\x88\x82" KEY "\x03\xe8")));
    end_send_bytes(chat.origin, BYTES("\x88\x02\x03\xe8"));
    shutdown(chat.origin->fd, SHUT_WR);
    UNTIL(&chat.s.rig, chat.client->eof);
    assert_true(has(chat.client, BYTES("\x88\x02\x03\xe8")));
    shutdown(chat.client->fd, SHUT_WR);
    UNTIL(&chat.s.rig, chat.origin->eof);
    scene_close(&chat.s);
}

static void a_text_that_does_not_arrive_ends_the_connection(void **state)
{
    static const struct egress_limits limits[] = {{.message_idle_ms = 60},
                                                  {.message_ms = 80}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct chat chat;
        chat_open_with(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""), limits[i]);
        end_send_bytes(chat.client, BYTES("\x01\x83" KEY "hel"));
        closed_with(&chat, 1002, "a text message took too long to arrive");
        scene_close(&chat.s);
    }
}

static void a_server_that_takes_nothing_ends_the_connection(void **state)
{
    static char frame[6 + 65535 + 2] = "\x82\xfe\xff\xff" KEY;
    const struct egress_limits limits = {.blocked_ms = 100};
    struct chat chat;
    (void)state;
    chat_open_with(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""), limits);
    rig_hold(&chat.s.rig, chat.origin, true);
    size_t sent = 0;
    for (int still = 0; still < 200; still++) {
        ssize_t n = send(chat.client->fd, frame + sent, 8 + 65535 - sent, MSG_NOSIGNAL);
        sent = n > 0 ? (sent + (size_t)n) % (8 + 65535) : sent;
        still = n > 0 ? 0 : still;
        uv_run(&chat.s.rig.loop, UV_RUN_NOWAIT);
    }
    UNTIL(&chat.s.rig, chat.client->eof);
    assert_true(has(chat.client, BYTES("\x03\xf5the server does not take messages")));
    scene_close(&chat.s);
}

static void texts_that_are_held_have_a_share_of_memory(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    size_t *memory = &chat.s.rig.proxy->messages_memory;
    *memory += 64 * 1024 * 1024;                            /* of other connections */
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("hello")));
    end_send_bytes(chat.client, BYTES("\x01\x83" KEY "hel"));
    closed_with(&chat, 1013, "the messages of this sandbox take too much memory");
    *memory -= 64 * 1024 * 1024;
    scene_close(&chat.s);
}

static void a_new_policy_ends_a_connection_whose_client_has_ended(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    shutdown(chat.client->fd, SHUT_WR);
    UNTIL(&chat.s.rig, chat.origin->eof);
    change_policy(&chat.s, WS("        enforcement: enforce\n        rules: [{allow: {method: GET, "
                              "path: /other}}]\n"));
    UNTIL(&chat.s.rig, chat.client->eof);
    scene_close(&chat.s);
}

/* ---- GraphQL ---- */

#define GRAPHQL(enforcement)                                                           \
    WS("        enforcement: " enforcement "\n"                                        \
       "        rules:\n"                                                              \
       "          - allow: {method: GET, path: /**}\n"                                 \
       "          - allow: {operation_type: query, fields: [viewer]}\n"                \
       "        deny_rules: [{operation_type: mutation}]\n"                            \
       "        graphql_max_body_bytes: 200\n")

static void expect_graphql(const char *enforcement, const char *text, const char *reason)
{
    struct chat chat;
    bool audited = strcmp(enforcement, "audit") == 0;
    chat_open(&chat, audited ? GRAPHQL("audit") : GRAPHQL("enforce"), GET("/graphql", ""),
              SWITCH(""));
    send_text(chat.client, text);
    if (reason)
        closed_with(&chat, 1008, reason);
    else
        UNTIL(&chat.s.rig, end_has(chat.origin, text));
    if (audited && !reason && strstr(text, "mutation"))
        assert_string_equal(chat.s.rig.audited.data,
                            "WEBSOCKET_TEXT /graphql mutation viewer - - one: GraphQL operation "
                            "blocked by endpoint policy\n");
    assert_true(!reason || !end_has(chat.origin, text));
    assert_null(strstr(chat.s.rig.lines.data, "payload"));
    scene_close(&chat.s);
}

#define SUBSCRIBE(query) \
    "{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{\"query\":\"" query "\"}}"

static void operations_within_messages_are_judged(void **state)
{
    static const struct {
        const char *text, *reason;
        bool hard;
    } cases[] = {
        {SUBSCRIBE("{ viewer { id } }"), NULL, false},
        {"{\"id\":\"1\",\"type\":\"start\",\"payload\":{\"query\":\"{ me: viewer { id } }\"}}",
         NULL, false},
        {"{\"type\":\"connection_init\",\"payload\":{\"token\":\"x\"}}", NULL, false},
        {"{\"type\":\"ping\"}", NULL, false},
        {"{\"id\":\"1\",\"type\":\"complete\"}", NULL, false},
        {SUBSCRIBE("{ viewer { id } admin { id } }"),
         "GraphQL operation blocked by endpoint policy", false},
        {SUBSCRIBE("{ viewer: admin { id } }"), "GraphQL operation blocked by endpoint policy",
         false},
        {SUBSCRIBE("mutation { viewer { id } }"), "GraphQL operation blocked by endpoint policy",
         false},
        {"{\"type\":\"made_up\"}",
         "GraphQL request rejected: unknown GraphQL WebSocket message type \"made_up\"", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_graphql("enforce", cases[i].text, cases[i].reason);
        expect_graphql("audit", cases[i].text, cases[i].hard ? cases[i].reason : NULL);
    }
}

/* Whatever is not what it should be, with whatever reason. */
static void messages_that_cannot_be_read_are_refused(void **state)
{
    static const char *const texts[] = {
        "hello", "[]", "\"x\"", "", "{}", "{\"type\":1}", "{\"type\":\"ping\"}{}",
        "{\"type\":\"ping\",\"type\":\"subscribe\"}",
        "{\"type\":\"subscribe\",\"payload\":{\"query\":\"{ viewer { id } }\"}}",
        "{\"id\":\"\",\"type\":\"subscribe\",\"payload\":{\"query\":\"{ viewer { id } }\"}}",
        "{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":[]}", SUBSCRIBE("{ viewer { id "),
        SUBSCRIBE("{ viewer { id } }                                                            "
                  "                                                                             "
                  "                                                                           "),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct chat chat;
        chat_open(&chat, GRAPHQL("audit"), GET("/graphql", ""), SWITCH(""));
        send_text(chat.client, texts[i]);
        UNTIL(&chat.s.rig, chat.client->eof && chat.origin->eof);
        assert_true(has(chat.client, BYTES("\x03\xf0")));
        assert_int_equal(chat.origin->in.len, 8);
        scene_close(&chat.s);
    }
}

static void expect_no_binary(const char *rule, const char *bytes, size_t len)
{
    struct chat chat;
    chat_open(&chat, rule, GET("/graphql", ""), SWITCH(""));
    end_send_bytes(chat.client, bytes, len);
    closed_with(&chat, 1008, "operations of GraphQL are judged in text messages alone");
    assert_int_equal(chat.origin->in.len, 8);
    scene_close(&chat.s);
}

/* A server may read it as it reads a text. */
static void an_operation_in_a_binary_message_is_refused(void **state)
{
    (void)state;
    expect_no_binary(GRAPHQL("enforce"), BYTES("\x82\x83" KEY "any"));
    expect_no_binary(GRAPHQL("audit"), BYTES("\x82\x83" KEY "any"));
    expect_no_binary(GRAPHQL("enforce"), BYTES("\x02\x81" KEY "a\x80\x82" KEY "ny"));
    expect_no_binary(GRAPHQL("enforce"), BYTES("\x82\x80" KEY));
}

/* ---- extensions ---- */

static void expect_offer(const char *rule, const char *extensions, const char *offered)
{
    struct scene s;
    struct end *origin;
    struct buf request = {0}, line = {0};
    scene_open(&s, rule);
    buf_puts(&request, "GET /chat HTTP/1.1\r\n%HConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    buf_puts(&request, extensions);
    buf_puts(&request, "\r\n");
    ask_plain(&s, request.data, &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    buf_printf(&line, "Sec-WebSocket-Extensions: %s\r\n", offered ? offered : "");
    if (offered)
        assert_true(end_has(origin, line.data));
    else
        assert_false(end_has(origin, "Sec-WebSocket-Extensions"));
    buf_free(&request);
    buf_free(&line);
    scene_close(&s);
}

#define EXT(value) "Sec-WebSocket-Extensions: " value "\r\n"
#define CANONICAL "permessage-deflate; client_no_context_takeover"

static void only_compression_that_can_be_read_is_offered(void **state)
{
    static const struct {
        const char *extensions, *offered;
    } cases[] = {
        {"", NULL},
        {EXT(CANONICAL), CANONICAL},
        {EXT("Permessage-Deflate;CLIENT_no_context_takeover"), CANONICAL},
        {EXT("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
         CANONICAL "; server_no_context_takeover"},
        {EXT("permessage-deflate; client_max_window_bits"), NULL},
        {EXT("permessage-deflate"), NULL},
        {EXT("permessage-deflate; client_no_context_takeover; client_max_window_bits"), NULL},
        {EXT("permessage-deflate; client_no_context_takeover; client_no_context_takeover"), NULL},
        {EXT("permessage-deflate; client_no_context_takeover=1"), NULL},
        {EXT("permessage-deflate; client_no_context_takeover; server_max_window_bits=10"), NULL},
        {EXT("x-webkit-deflate-frame, " CANONICAL), CANONICAL},
        {EXT("permessage-deflate; client_max_window_bits") EXT(CANONICAL), CANONICAL},
        {EXT("x-own"), NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_offer(CHAT("enforce"), cases[i].extensions, cases[i].offered);
    expect_offer(READ_ONLY, EXT("permessage-deflate; client_max_window_bits"),
                 "permessage-deflate; client_max_window_bits");
}

static void a_compressed_message_is_judged(void **state)
{
    static const char frame[] = "\xc1\x87" KEY "\xf2\x48\xcd\xc9\xc9\x07\x00";
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", EXT(CANONICAL)), SWITCH(EXT(CANONICAL)));
    end_send_bytes(chat.client, BYTES(frame));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES(frame)));
    scene_close(&chat.s);
    chat_open(&chat, CHAT("enforce"), GET("/quiet", EXT(CANONICAL)), SWITCH(EXT(CANONICAL)));
    end_send_bytes(chat.client, BYTES(frame));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /quiet not permitted by policy");
    scene_close(&chat.s);
    chat_open(&chat, CHAT("enforce"), GET("/chat", EXT(CANONICAL)), SWITCH(""));
    end_send_bytes(chat.client, BYTES(frame));              /* the origin did not take it up */
    closed_with(&chat, 1002, "a frame has reserved bits set");
    scene_close(&chat.s);
}

/* ---- the answer to the upgrade ---- */

static void an_answer_that_was_not_asked_for_is_not_passed_on(void **state)
{
    static const struct {
        const char *request, *answer, *reason;          /* reason NULL: it is passed on */
    } cases[] = {
        {GET("/chat", ""), SWITCH(EXT("permessage-deflate")), "Extensions"},
        {GET("/chat", ""), SWITCH(EXT(CANONICAL)), "Extensions"},
        {GET("/chat", EXT(CANONICAL)), SWITCH(EXT("permessage-deflate")), "Extensions"},
        {GET("/chat", EXT(CANONICAL)), SWITCH(EXT(CANONICAL "; client_max_window_bits=9")),
         "Extensions"},
        {GET("/chat", EXT(CANONICAL)), SWITCH(EXT(CANONICAL) EXT(CANONICAL)), "Extensions"},
        {GET("/chat", EXT(CANONICAL)), SWITCH(EXT(CANONICAL ", x-own")), "Extensions"},
        {GET("/chat", EXT(CANONICAL)), SWITCH(EXT(CANONICAL)), NULL},
        {GET("/chat", EXT(CANONICAL)), SWITCH(EXT("permessage-deflate; server_max_window_bits=12; "
                                                  "client_no_context_takeover")), NULL},
        {GET("/chat", EXT("permessage-deflate; client_max_window_bits")),
         SWITCH(EXT("permessage-deflate; client_max_window_bits=15")), "Extensions"},
        {GET("/chat", ""), SWITCH("Sec-WebSocket-Protocol: a\r\n"), "Sec-WebSocket-Protocol"},
        {GET("/chat", "Sec-WebSocket-Protocol: a, b\r\n"),
         SWITCH("Sec-WebSocket-Protocol: c\r\n"), "Sec-WebSocket-Protocol"},
        {GET("/chat", "Sec-WebSocket-Protocol: a, b\r\n"),
         SWITCH("Sec-WebSocket-Protocol: A\r\n"), "Sec-WebSocket-Protocol"},
        {GET("/chat", "Sec-WebSocket-Protocol: a, b\r\n"),
         SWITCH("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n"),
         "Sec-WebSocket-Protocol"},
        {GET("/chat", "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n"),
         SWITCH("Sec-WebSocket-Protocol: b\r\n"), NULL},
        {GET("/chat", ""), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
         "Connection: Upgrade\r\n\r\n", "Sec-WebSocket-Accept"},
        {GET("/chat", ""), SWITCH("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
         "Sec-WebSocket-Accept"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        struct end *origin;
        scene_open(&s, CHAT("enforce"));
        struct end *client = ask_plain(&s, cases[i].request, &origin);
        UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
        end_send(origin, cases[i].answer);
        if (cases[i].reason)
            rig_refused(&s.rig, client, 502, "invalid_upstream_response", NULL, NULL);
        else
            UNTIL(&s.rig, end_has(client, "101 Switching"));
        assert_int_equal(cases[i].reason != NULL,
                         cases[i].reason && end_has(client, cases[i].reason));
        scene_close(&s);
    }
}

static void a_request_that_is_no_upgrade_is_refused(void **state)
{
    static const char *const requests[] = {
        "GET /chat HTTP/1.1\r\n%H\r\n",
        GET("/chat", "Sec-WebSocket-Protocol: a b\r\n"),
        GET("/chat", "Sec-WebSocket-Protocol: \r\n"),
        GET("/chat", "Sec-WebSocket-Protocol: a,,b\r\n"),
        GET("/chat", "Sec-WebSocket-Version: 13\r\n"),
        GET("/chat", "Content-Length: 1\r\n") "x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct scene s;
        struct end *origin;
        scene_open(&s, CHAT("audit"));
        struct end *client = ask_plain(&s, requests[i], &origin);
        rig_refused(&s.rig, client, 403, "policy_denied", NULL,
                    "websocket endpoint requires a valid WebSocket upgrade request");
        assert_int_equal(origin->in.len, 0);
        scene_close(&s);
    }
}

/* ---- a new policy ---- */

static void a_policy_that_forbids_the_upgrade_ends_the_connection(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    change_policy(&chat.s,
                  WS("        enforcement: enforce\n        rules: [{allow: {method: GET, path: "
                     "/other}}]\n"));
    closed_with(&chat, 1012, "the policy changed");
    scene_close(&chat.s);
}

static void a_policy_that_allows_it_still_leaves_it_alone(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/chat", ""), SWITCH(""));
    change_policy(&chat.s, WS("        enforcement: enforce\n        access: read-only\n"));
    end_send_bytes(chat.client, BYTES("\x89\x80" KEY));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("\x89\x80" KEY)));
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /chat not permitted by policy");
    scene_close(&chat.s);
}

static void where_messages_are_no_longer_judged_they_pass(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, CHAT("enforce"), GET("/quiet", ""), SWITCH(""));
    change_policy(&chat.s, READ_ONLY);
    end_send_bytes(chat.client, BYTES("\x81\x85" KEY "hello"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("\x81\x85" KEY "hello")));
    assert_null(strstr(chat.s.rig.lines.data, "WEBSOCKET_TEXT"));
    scene_close(&chat.s);
}

static void an_uninspected_connection_ends_where_messages_are_judged_now(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, READ_ONLY, GET("/chat", ""), SWITCH(""));
    change_policy(&chat.s, CHAT("enforce"));
    UNTIL(&chat.s.rig, chat.client->eof && chat.origin->eof);
    assert_non_null(strstr(chat.s.rig.lines.data, "messages to this endpoint are inspected now"));
    scene_close(&chat.s);
}

/* ---- within TLS ---- */

static void messages_within_tls_are_judged(void **state)
{
    struct scene s;
    struct end *end;
    (void)state;
    scene_open(&s, CHAT("enforce"));
    struct tls_end client = tls_client(&s, "origin.test", &end),
                   origin = tls_origin(&s, end, "origin.test");
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_step(&origin) && client.ready && origin.ready);
    ask_within(&s, &client, GET("/chat", ""));
    UNTIL(&s.rig, tls_end_step(&client) && tls_end_has(&origin, "\r\n\r\n"));
    tls_end_send(&origin, SWITCH(""));
    UNTIL(&s.rig, tls_end_step(&origin) && tls_end_has(&client, "Sec-WebSocket-Accept"));
    tls_end_send(&client, "\x81\x85kkkk\x03\x0e\x07\x07\x04");
    UNTIL(&s.rig, tls_end_step(&client) &&
                      tls_end_has(&origin, "\x81\x85kkkk\x03\x0e\x07\x07\x04"));
    change_policy(&s, WS("        enforcement: enforce\n        access: read-only\n"));
    tls_end_send(&client, "\x81\x85kkkk\x03\x0e\x07\x07\x04");
    UNTIL(&s.rig, tls_end_step(&origin) && tls_end_has(&client, "not permitted by policy") &&
                      client.eof && origin.eof);
    assert_non_null(strstr(s.rig.lines.data, "-> WEBSOCKET_TEXT wss://origin.test:"));
    tls_end_free(&client);
    tls_end_free(&origin);
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_permitted_message_passes_and_is_logged),
        cmocka_unit_test(a_refused_message_ends_the_connection_with_the_reason),
        cmocka_unit_test(no_part_of_a_refused_message_passes),
        cmocka_unit_test(audit_lets_it_pass_and_says_so),
        cmocka_unit_test(what_is_sent_with_the_upgrade_is_judged_too),
        cmocka_unit_test(a_violation_ends_the_connection),
        cmocka_unit_test(the_client_is_told_between_two_frames),
        cmocka_unit_test(a_server_that_stops_within_a_frame_does_not_hold_the_client),
        cmocka_unit_test(both_sides_may_close),
        cmocka_unit_test(a_text_that_does_not_arrive_ends_the_connection),
        cmocka_unit_test(a_server_that_takes_nothing_ends_the_connection),
        cmocka_unit_test(texts_that_are_held_have_a_share_of_memory),
        cmocka_unit_test(a_new_policy_ends_a_connection_whose_client_has_ended),
        cmocka_unit_test(operations_within_messages_are_judged),
        cmocka_unit_test(messages_that_cannot_be_read_are_refused),
        cmocka_unit_test(an_operation_in_a_binary_message_is_refused),
        cmocka_unit_test(only_compression_that_can_be_read_is_offered),
        cmocka_unit_test(a_compressed_message_is_judged),
        cmocka_unit_test(an_answer_that_was_not_asked_for_is_not_passed_on),
        cmocka_unit_test(a_request_that_is_no_upgrade_is_refused),
        cmocka_unit_test(a_policy_that_forbids_the_upgrade_ends_the_connection),
        cmocka_unit_test(a_policy_that_allows_it_still_leaves_it_alone),
        cmocka_unit_test(where_messages_are_no_longer_judged_they_pass),
        cmocka_unit_test(an_uninspected_connection_ends_where_messages_are_judged_now),
        cmocka_unit_test(messages_within_tls_are_judged),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
