/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket connections through a proxy that inspects. */
#ifndef TESTS_SUPPORT_CHAT_H
#define TESTS_SUPPORT_CHAT_H

#include "egress/client.h"
#include "egress/websocket/frame.h"
#include "support/inspected.h"

#define WS(more)                                                                       \
    "    endpoints:\n"                                                                 \
    "      - host: origin.test\n"                                                      \
    "        port: %P\n"                                                               \
    "        protocol: websocket\n" more                                               \
    "    binaries: [{path: /**}]\n"

#define CHAT(enforcement)                                                              \
    WS("        enforcement: " enforcement "\n"                                        \
       "        rules:\n"                                                              \
       "          - allow: {method: GET, path: /**}\n"                                 \
       "          - allow: {method: WEBSOCKET_TEXT, path: /chat}\n")

#define GET(path, more)                                                                \
    "GET " path " HTTP/1.1\r\n%HConnection: Upgrade\r\nUpgrade: websocket\r\n"         \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" more "\r\n"

#define SWITCH(more)                                                                   \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" more "\r\n"

#define BYTES(text) text, sizeof text - 1
#define KEY "\0\0\0\0"

/* A connection after its upgrade. */
struct chat {
    struct scene s;
    struct end *client, *origin;
};

static inline bool has(const struct end *end, const char *bytes, size_t len)
{
    return end->in.len >= len && memmem(end->in.data, end->in.len, bytes, len);
}

static inline void chat_open_with(struct chat *chat, const char *rule, const char *request,
                           const char *answer, struct egress_limits limits)
{
    scene_open_with(&chat->s, rule, limits);
    chat->client = ask_plain(&chat->s, request, &chat->origin);
    UNTIL(&chat->s.rig, end_has(chat->origin, "\r\n\r\n"));
    end_send(chat->origin, answer);
    UNTIL(&chat->s.rig, end_has(chat->client, "Sec-WebSocket-Accept"));
    buf_clear(&chat->origin->in);
    buf_clear(&chat->client->in);
}

static inline void chat_open(struct chat *chat, const char *rule, const char *request,
                             const char *answer)
{
    chat_open_with(chat, rule, request, answer, (struct egress_limits){0});
}

/* Both sides are told; to the origin that is a masked Close with the status alone. */
static inline void closed_with(struct chat *chat, unsigned status, const char *reason)
{
    struct rig *rig = &chat->s.rig;
    char frame[4 + 123] = {(char)0x88, (char)(2 + strlen(reason)), (char)(status >> 8),
                           (char)status};
    strcpy(frame + 4, reason);
    UNTIL(rig, chat->client->eof && chat->origin->eof);
    assert_true(has(chat->client, frame, 4 + strlen(reason)));
    assert_int_equal(chat->client->in.data[chat->client->in.len - 1],
                     *reason ? reason[strlen(reason) - 1] : (char)status);
    assert_true(chat->origin->in.len >= 8);
    const uint8_t *close = (uint8_t *)chat->origin->in.data + chat->origin->in.len - 8;
    assert_int_equal(close[0], 0x88);
    assert_int_equal(close[1], 0x82);
    assert_int_equal((close[6] ^ close[2]) << 8 | (close[7] ^ close[3]), status);
}

static inline void change_policy(struct scene *s, const char *rule)
{
    struct policy *policy = policy_of(&s->rig, rule);
    egress_set_policy(s->rig.proxy, policy);
    policy_unref(policy);
}

static inline void send_text(struct end *end, const char *text)
{
    struct buf out = {0};
    frame_print(&out, FRAME_TEXT, false, text, strlen(text), (const uint8_t *)KEY);
    end_send_bytes(end, out.data, out.len);
    buf_free(&out);
}

#endif
