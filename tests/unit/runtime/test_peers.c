/* SPDX-License-Identifier: Apache-2.0 */
/* The asking end of a session with another gateway: frames come whole, and an EXIT comes always. */
#include "support/runtime.h"

#include "runtime/peers/connections.h"
#include "runtime/peers/peers.h"
#include "sandbox/wire/frame.h"

struct relayed {
    struct peers *peers;
    struct peer home, reader;                       /* reader.stream: the session */
};

static void begin(struct house *h, struct relayed *r, const char *first, size_t n)
{
    struct buf received = {0};
    const struct peer_home home = {"s2", "other", {.id = "b", .name = "host-b unix:/b"}};
    *r = (struct relayed){.peers = alloc_zero(1, sizeof *r->peers)};
    *r->peers = (struct peers){.all = h->runtime};
    buf_add(&received, first, n);
    r->reader.stream = peer_session_new(r->peers, peer_open(h, &r->home), &received, &home);
}

static void read_on(struct relayed *r)
{
    net_set_owner(r->reader.stream, &peer_calls, &r->reader);
    net_read(r->reader.stream);
}

static void finish(struct house *h, struct relayed *r)
{
    net_close(r->reader.stream);
    peer_close(h, &r->home);
    RUN_UNTIL(h, !r->reader.stream);
    assert_null(r->peers->sessions);
    buf_free(&r->reader.got);
    buf_free(&r->home.got);
    free(r->peers);
}

#define HELLO "\1\0\0\0\0\0\0\5hello"
#define EXIT "\3\0\0\0\0\0\0\2{}"
#define HALF "\1\0\0\0\0\0\0\5hel"

static void frames_come_whole_and_the_end_after_the_exit(void **state)
{
    struct house *h = *state;
    struct relayed r;
    begin(h, &r, HALF, sizeof HALF - 1);
    read_on(&r);
    net_write(r.home.stream, "lo" EXIT, sizeof "lo" EXIT - 1);
    net_finish(r.home.stream);
    RUN_UNTIL(h, r.reader.ended);
    assert_int_equal(r.reader.got.len, sizeof HELLO EXIT - 1);
    assert_memory_equal(r.reader.got.data, HELLO EXIT, sizeof HELLO EXIT - 1);
    finish(h, &r);
}

static void a_home_that_is_lost_in_a_frame_is_told_of_behind_the_last_whole_one(void **state)
{
    struct house *h = *state;
    struct relayed r;
    struct sandbox_frame frame;
    begin(h, &r, HELLO, sizeof HELLO - 1);
    read_on(&r);
    net_write(r.home.stream, HALF, sizeof HALF - 1);
    peer_close(h, &r.home);
    RUN_UNTIL(h, r.reader.ended);
    assert_memory_equal(r.reader.got.data, HELLO, sizeof HELLO - 1);
    buf_consume(&r.reader.got, sizeof HELLO - 1);
    assert_int_equal(sandbox_frame_next((const uint8_t *)r.reader.got.data, r.reader.got.len,
                                        &frame), r.reader.got.len);
    assert_int_equal(frame.type, FRAME_EXIT);
    assert_non_null(memmem(frame.payload, frame.len, "\"code\":255", 10));
    assert_non_null(strstr(buf_str(&r.reader.got) + FRAME_HEADER_SIZE,
                           "the gateway host-b unix:/b, where sandbox 'other' runs, was lost: it "
                           "ended the connection"));
    finish(h, &r);
}

static void what_is_no_frame_ends_the_session(void **state)
{
    struct house *h = *state;
    struct relayed r;
    begin(h, &r, "", 0);
    read_on(&r);
    net_write(r.home.stream, "\1\0\0\0\377\377\377\377", 8);    /* a frame of 4 GiB */
    RUN_UNTIL(h, r.reader.ended);
    assert_non_null(strstr(buf_str(&r.reader.got) + FRAME_HEADER_SIZE, "it sent what is no frame"));
    finish(h, &r);
}

static void a_reader_that_waits_is_told_when_it_reads(void **state)
{
    struct house *h = *state;
    struct relayed r;
    begin(h, &r, HELLO, sizeof HELLO - 1);
    peer_session_break(r.peers->sessions, "it is gone");
    read_on(&r);
    RUN_UNTIL(h, r.reader.ended);
    assert_memory_equal(r.reader.got.data, HELLO, sizeof HELLO - 1);
    finish(h, &r);
}

static void a_session_ends_when_its_sandbox_has_another_home(void **state)
{
    struct house *h = *state;
    const struct store_gateway gateways[] = {{.id = "b", .name = "host-b unix:/b", .alive = true}};
    struct sandbox *s = sandbox_find(h->runtime, "s2");
    struct relayed r;
    begin(h, &r, "", 0);
    h->runtime->peers = r.peers;
    free(s->home);
    s->home = alloc_str("b");
    read_on(&r);
    runtime_set_gateways(h->runtime, gateways, 1);
    net_write(r.home.stream, HELLO, sizeof HELLO - 1);
    RUN_UNTIL(h, r.reader.got.len == sizeof HELLO - 1);
    free(s->home);
    s->home = alloc_str("c");
    peers_check(h->runtime);
    RUN_UNTIL(h, r.reader.ended);
    assert_non_null(memmem(r.reader.got.data, r.reader.got.len, "another gateway's now", 21));
    h->runtime->peers = NULL;
    finish(h, &r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup_connected, house_teardown)
        TEST(frames_come_whole_and_the_end_after_the_exit),
        TEST(a_home_that_is_lost_in_a_frame_is_told_of_behind_the_last_whole_one),
        TEST(what_is_no_frame_ends_the_session),
        TEST(a_reader_that_waits_is_told_when_it_reads),
        TEST(a_session_ends_when_its_sandbox_has_another_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
