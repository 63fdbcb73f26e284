/* SPDX-License-Identifier: Apache-2.0 */
/* Work that takes long leaves time to others: the loop looks at its sockets in between. */
#include <zlib.h>

#include "egress/client.h"
#include "egress/websocket/frame.h"
#include "support/inspected.h"

enum { MESSAGES = 16, LENGTH = 4 * 1024 * 1024 - 1024, CLIENTS = 10, NUMBERS = 30000 };

/* The most that one turn of the loop brings of what count counts, until there are n. */
static unsigned most_at_once(struct rig *rig, unsigned (*count)(const struct rig *rig), unsigned n)
{
    unsigned most = 0, before = count(rig);
    rig->timed_out = false;
    uv_timer_start(&rig->patience, rig_out_of_patience, patience_ms(), 0);
    while (before < n && !rig->timed_out) {
        uv_run(&rig->loop, UV_RUN_ONCE);
        unsigned now = count(rig);
        most = now - before > most ? now - before : most;
        before = now;
    }
    uv_timer_stop(&rig->patience);
    assert_false(rig->timed_out);
    return most;
}

static unsigned lines_with(const struct rig *rig, const char *text)
{
    unsigned n = 0;
    for (const char *at = buf_str(&rig->lines); (at = strstr(at, text)); at++)
        n++;
    return n;
}

/* ---- WebSocket ---- */

#define CHAT                                                                           \
    "    endpoints: [{host: origin.test, port: %P, protocol: websocket, "              \
    "enforcement: enforce, access: full}]\n    binaries: [{path: /**}]\n"
#define UPGRADE                                                                        \
    "GET / HTTP/1.1\r\n%HConnection: Upgrade\r\nUpgrade: websocket\r\n"                \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" DEFLATE "\r\n"
#define DEFLATE "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"
#define SWITCH                                                                         \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" DEFLATE "\r\n"

static void add_message(struct buf *out)
{
    enum { TAIL = 4 };
    static const uint8_t key[FRAME_KEY_SIZE];
    uLong room = compressBound(LENGTH) + 64;
    unsigned char *plain = malloc(LENGTH), *deflated = malloc(room);
    z_stream z = {0};
    memset(plain, ' ', LENGTH);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = plain;
    z.avail_in = LENGTH;
    z.next_out = deflated;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    frame_print(out, FRAME_TEXT, true, (char *)deflated, z.total_out - TAIL, key);
    deflateEnd(&z);
    free(deflated);
    free(plain);
}

static unsigned count_messages(const struct rig *rig)
{
    return lines_with(rig, "HTTP:WEBSOCKET_TEXT");
}

/* Few bytes that become many. */
static void compressed_messages_wait_for_their_turn(void **state)
{
    struct scene s;
    struct end *origin;
    struct buf all = {0};
    (void)state;
    scene_open(&s, CHAT);
    struct end *client = ask_plain(&s, UPGRADE, &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, SWITCH);
    UNTIL(&s.rig, end_has(client, "Sec-WebSocket-Accept"));
    buf_clear(&origin->in);
    for (int i = 0; i < MESSAGES; i++)
        add_message(&all);
    assert_true(all.len <= NET_READ_MAX);           /* so one read brings them all */
    end_send_bytes(client, all.data, all.len);
    assert_true(most_at_once(&s.rig, count_messages, MESSAGES) <= MESSAGES / 3);
    UNTIL(&s.rig, origin->in.len == all.len);
    assert_memory_equal(origin->in.data, all.data, all.len);
    buf_free(&all);
    scene_close(&s);
}

/* ---- bodies ---- */

#define CALLS                                                                          \
    "    endpoints: [{host: origin.test, port: %P, protocol: json-rpc, "               \
    "enforcement: enforce, rules: [{allow: {method: ping}}]}]\n"                       \
    "    binaries: [{path: /**}]\n"

static void add_request(struct buf *out)
{
    struct buf body = {0};
    buf_puts(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pong\",\"params\":[");
    for (int i = 0; i < NUMBERS; i++)
        buf_puts(&body, "1,");
    buf_puts(&body, "1]}");
    buf_printf(out, "POST / HTTP/1.1\r\n%%HContent-Length: %zu\r\n\r\n", body.len);
    buf_add(out, body.data, body.len);
    buf_free(&body);
}

static unsigned count_requests(const struct rig *rig)
{
    return lines_with(rig, "HTTP:POST [MED] DENIED");
}

/* All but the last byte of each. */
static bool bodies_have_come(const struct rig *rig, size_t len)
{
    unsigned n = 0;
    for (const struct client *c = rig->proxy->clients; c; c = c->next)
        n += c->exchange.body.len == len;
    return n == CLIENTS;
}

/* All become whole at once. */
static void bodies_wait_for_their_turn(void **state)
{
    struct scene s;
    struct puppet puppets[CLIENTS];
    struct end *clients[CLIENTS], *origin;
    struct buf form = {0}, request = {0};
    (void)state;
    scene_open(&s, CALLS);
    add_request(&form);
    fill_in(&s.rig, form.data, &request);
    for (int i = 0; i < CLIENTS; i++) {
        puppets[i] = rig_puppet(&s.rig, s.rig.client);
        clients[i] = rig_tunnel(&s.rig, &puppets[i], "origin.test", &origin);
        end_send_bytes(clients[i], request.data, request.len - 1);
    }
    size_t len = (size_t)(request.data + request.len - strstr(request.data, "\r\n\r\n")) - 4;
    UNTIL(&s.rig, bodies_have_come(&s.rig, len - 1));
    for (int i = 0; i < CLIENTS; i++)
        end_send_bytes(clients[i], "}", 1);
    assert_true(most_at_once(&s.rig, count_requests, CLIENTS) < CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        UNTIL(&s.rig, clients[i]->eof);
        puppet_end(&puppets[i]);
    }
    buf_free(&form);
    buf_free(&request);
    scene_close(&s);
}

/* ---- answers ---- */

/* Where the client does not read them, they would be memory of ours. */
static void interim_responses_without_end_are_no_answer(void **state)
{
    struct scene s;
    struct end *origin;
    struct buf interims = {0};
    (void)state;
    scene_open(&s, L4);
    struct end *client = ask_plain(&s, "GET / HTTP/1.1\r\n%H\r\n", &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    for (int i = 0; i < 32; i++)
        buf_puts(&interims, "HTTP/1.1 103 Early Hints\r\n\r\n");
    end_send(origin, interims.data);
    UNTIL(&s.rig, client->in.len == interims.len);
    end_send(origin, "HTTP/1.1 103 Early Hints\r\n\r\n");
    UNTIL(&s.rig, client->eof);
    assert_true(end_has(client, "it sent more than 32 interim responses"));
    buf_free(&interims);
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(compressed_messages_wait_for_their_turn),
        cmocka_unit_test(bodies_wait_for_their_turn),
        cmocka_unit_test(interim_responses_without_end_are_no_answer),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
