/* SPDX-License-Identifier: Apache-2.0 */
/* Held requests: what a supervisor says of them, and what it is told. */
#include "support/runtime.h"

static void say_waiting(struct house *h, const char *binary, uint64_t count, uint32_t waiting)
{
    struct sandbox_denial item = {.host = "a.test", .port = 443, .binary = binary, .reason = "r",
                                  .stage = "connect", .count = count, .first_seen_ms = 1,
                                  .last_seen_ms = 2, .waiting = waiting};
    say(h, (struct sandbox_message){.type = MESSAGE_DENIALS, .denials = {&item, 1}});
}

static const char *until_held(struct house *h, const char *binary)
{
    RUN_UNTIL(h, has_heard(h, "held "));
    buf_clear(&h->heard);
    return chunk_of(h->f, "a.test", binary);
}

static void its_chunk_says_how_many_wait(void **state)
{
    struct house *h = *state;
    say_waiting(h, "/bin/a", 1, 2);
    const char *id = until_held(h, "/bin/a");
    assert_int_equal(view(h->f, id).waiting, 2);
    say_waiting(h, "/bin/a", 0, 0);
    until_held(h, "/bin/a");
    assert_int_equal(view(h->f, id).waiting, 0);
    assert_int_equal(view(h->f, id).draft.hits, 1);
    say_waiting(h, "/bin/a", 0, 4);
    until_held(h, "/bin/a");
    assert_int_equal(view(h->f, id).waiting, 4);
    net_close(h->supervisor.stream);                /* who knows what waits by now */
    RUN_UNTIL(h, view(h->f, id).waiting == 0);
}

static void one_that_is_rejected_has_nothing_to_wait_for(void **state)
{
    struct house *h = *state;
    say_waiting(h, "/bin/a", 1, 1);
    succeed(h->f, reject(h->f, "alice", until_held(h, "/bin/a"), "no"));
    say_waiting(h, "/bin/a", 1, 1);
    struct sandbox_message m = hear_next(h, MESSAGE_REJECTED);
    assert_string_equal(m.rejected.host, "a.test");
    assert_int_equal(m.rejected.port, 443);
    assert_string_equal(m.rejected.binary, "/bin/a");
}

static void nor_has_one_that_makes_no_chunk(void **state)
{
    struct house *h = *state;
    say_waiting(h, "/bin/*", 1, 1);
    assert_string_equal(hear_next(h, MESSAGE_REJECTED).rejected.binary, "/bin/*");
}

static void rejections_reach_the_supervisor(void **state)
{
    struct house *h = *state;
    say_waiting(h, "/bin/a", 1, 1);
    struct store_draft draft = view(h->f, until_held(h, "/bin/a")).draft;
    runtime_reject(h->runtime, "other", &draft);
    runtime_reject(h->runtime, "demo", &draft);
    assert_string_equal(hear_next(h, MESSAGE_REJECTED).rejected.binary, "/bin/a");
    runtime_reject(h->runtime, "demo", NULL);
    assert_string_equal(hear_next(h, MESSAGE_REJECTED).rejected.host, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(its_chunk_says_how_many_wait),
        HOUSE_TEST(one_that_is_rejected_has_nothing_to_wait_for),
        HOUSE_TEST(nor_has_one_that_makes_no_chunk),
        HOUSE_TEST(rejections_reach_the_supervisor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
