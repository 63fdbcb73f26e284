/* SPDX-License-Identifier: Apache-2.0 */
/* What a tunnel turns out to be by its first bytes, and what a request may turn it into. */
#include "egress/inspect/inspect.h"
#include "support/inspected.h"

/* ---- what the first bytes are ---- */

static void the_first_bytes_tell_the_protocol(void **state)
{
    static const struct {
        const char *bytes;
        enum egress_protocol strict, wide;
    } cases[] = {
        {"", EGRESS_PROTOCOL_UNKNOWN, EGRESS_PROTOCOL_UNKNOWN},
        {"G", EGRESS_PROTOCOL_UNKNOWN, EGRESS_PROTOCOL_UNKNOWN},
        {"GET", EGRESS_PROTOCOL_UNKNOWN, EGRESS_PROTOCOL_UNKNOWN},
        {"GET ", EGRESS_PROTOCOL_HTTP, EGRESS_PROTOCOL_HTTP},
        {"get /", EGRESS_PROTOCOL_OTHER, EGRESS_PROTOCOL_HTTP},
        {"PROPFIND /", EGRESS_PROTOCOL_OTHER, EGRESS_PROTOCOL_HTTP},
        {"PRI * HTTP/2.0\r\n", EGRESS_PROTOCOL_HTTP2, EGRESS_PROTOCOL_HTTP2},
        {"PRI ", EGRESS_PROTOCOL_UNKNOWN, EGRESS_PROTOCOL_UNKNOWN},
        {"SSH-2.0", EGRESS_PROTOCOL_OTHER, EGRESS_PROTOCOL_UNKNOWN},
        {"SSH-2.0-x\r\n", EGRESS_PROTOCOL_OTHER, EGRESS_PROTOCOL_OTHER},
        {" GET /", EGRESS_PROTOCOL_OTHER, EGRESS_PROTOCOL_OTHER},
        {"\001", EGRESS_PROTOCOL_OTHER, EGRESS_PROTOCOL_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *bytes = cases[i].bytes;
        assert_int_equal(egress_inspect_guess(bytes, strlen(bytes), true), cases[i].strict);
        assert_int_equal(egress_inspect_guess(bytes, strlen(bytes), false), cases[i].wide);
    }
}

/* ---- WebSocket ---- */

#define UPGRADE "GET /chat HTTP/1.1\r\n%HConnection: Upgrade\r\nUpgrade: websocket\r\n" \
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void a_websocket_opens_where_its_request_is_permitted(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    const char *asked = UPGRADE;
    struct end *client = ask_plain(&s, asked, &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    assert_true(end_has(origin, "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    end_send(origin,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\201\002hi");
    UNTIL(&s.rig, end_has(client, "\201\002hi"));
    assert_true(end_has(client, "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    end_send_bytes(client, "\201\200abcd", 6);
    UNTIL(&s.rig, end_has(origin, "\201\200abcd"));
    scene_close(&s);
}

static void a_websocket_that_is_accepted_wrongly_does_not_open(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    const char *asked = UPGRADE;
    struct end *client = ask_plain(&s, asked, &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    end_send(origin,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
    rig_refused(&s.rig, client, 502, "invalid_upstream_response", NULL, NULL);
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(the_first_bytes_tell_the_protocol),
        cmocka_unit_test(a_websocket_opens_where_its_request_is_permitted),
        cmocka_unit_test(a_websocket_that_is_accepted_wrongly_does_not_open),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
