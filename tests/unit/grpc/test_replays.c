/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with a request_id, which clients may repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "grpc/replays.h"

#define ID "0b5f2a9e-8a52-4d7c-9a55-0f0f8f5d6a01"

struct outcome {
    uint64_t number;
    const struct buf *answer;
    const char *reason;
    struct error err;
};

static struct outcome begin_at(struct grpc_replays *replays, const char *caller, const char *method,
                               const char *id, const char *message, uint64_t now_ms)
{
    const struct grpc_request request = {caller, method, id, message, strlen(message)};
    struct outcome out = {0};
    out.number = grpc_replays_begin(replays, &request, now_ms, &out.answer, &out.reason, &out.err);
    return out;
}

#define BEGIN(replays, message) begin_at(replays, "alice", "CreateSandbox", ID, message, 1000)

static void end_with(struct grpc_replays *replays, uint64_t number, const char *text)
{
    struct buf answer = {0};
    buf_puts(&answer, text);
    grpc_replays_end(replays, number, &answer);
    buf_free(&answer);
}

static void what_was_answered_is_answered_again(void **state)
{
    struct grpc_replays replays = {0};
    (void)state;
    struct outcome first = BEGIN(&replays, "one");
    assert_int_not_equal(first.number, 0);
    struct outcome early = BEGIN(&replays, "one");
    assert_int_equal(early.number, 0);
    assert_null(early.answer);
    assert_string_equal(early.reason, "REQUEST_OUTCOME_UNCERTAIN");
    assert_int_equal(early.err.kind, ERROR_STATE);
    end_with(&replays, first.number, "made");
    struct outcome again = BEGIN(&replays, "one");
    assert_int_equal(again.number, 0);
    assert_string_equal(buf_str(again.answer), "made");
    struct outcome other = BEGIN(&replays, "two");
    assert_int_equal(other.number, 0);
    assert_null(other.answer);
    assert_string_equal(other.reason, "REQUEST_ID_PAYLOAD_MISMATCH");
    grpc_replays_free(&replays);
}

/* Nobody is shown what somebody else was answered. */
static void others_and_other_methods_have_ids_of_their_own(void **state)
{
    struct grpc_replays replays = {0};
    (void)state;
    end_with(&replays, BEGIN(&replays, "one").number, "made");
    assert_int_not_equal(begin_at(&replays, "bob", "CreateSandbox", ID, "one", 1000).number, 0);
    assert_int_not_equal(begin_at(&replays, "alice", "DeleteSandbox", ID, "one", 1000).number, 0);
    assert_int_not_equal(
        begin_at(&replays, "alice", "CreateSandbox", "1" ID, "one", 1000).number, 0);
    grpc_replays_free(&replays);
}

static void what_failed_is_not_done_again(void **state)
{
    struct grpc_replays replays = {0};
    (void)state;
    grpc_replays_end(&replays, BEGIN(&replays, "one").number, NULL);
    assert_string_equal(BEGIN(&replays, "one").reason, "REQUEST_OUTCOME_UNCERTAIN");
    grpc_replays_free(&replays);
}

static void after_a_day_it_is_forgotten(void **state)
{
    struct grpc_replays replays = {0};
    (void)state;
    end_with(&replays, BEGIN(&replays, "one").number, "made");
    assert_non_null(
        begin_at(&replays, "alice", "CreateSandbox", ID, "one", 1000 + REPLAY_MS).answer);
    assert_int_not_equal(
        begin_at(&replays, "alice", "CreateSandbox", ID, "one", 1001 + REPLAY_MS).number, 0);
    assert_int_equal(replays.n, 1);
    grpc_replays_free(&replays);
}

/* A client that sends many cannot make the gateway grow. */
static void of_many_the_newest_are_kept(void **state)
{
    struct grpc_replays replays = {0};
    char id[40], *large = malloc(100000);
    (void)state;
    memset(large, 'a', 99999);
    large[99999] = '\0';
    for (int i = 0; i < 3 * REPLAYS_MAX; i++) {
        snprintf(id, sizeof id, "%036d", i);
        end_with(&replays, begin_at(&replays, "alice", "X", id, "one", 1000).number,
                 i % 2 ? large : "small");
        assert_true(replays.n <= REPLAYS_MAX);
        assert_true(replays.bytes <= REPLAY_BYTES + 100000);
    }
    snprintf(id, sizeof id, "%036d", 3 * REPLAYS_MAX - 1);
    assert_non_null(begin_at(&replays, "alice", "X", id, "one", 1000).answer);
    grpc_replays_free(&replays);
    assert_int_equal(replays.bytes, 0);
    free(large);
}

static void an_id_is_a_uuid(void **state)
{
    static const char *const wrong[] = {
        "x", "00000000-0000-0000-0000-000000000000", "0b5f2a9e-8a52-4d7c-9a55-0f0f8f5d6a0",
        "0b5f2a9e-8a52-4d7c-9a55-0f0f8f5d6a011", "0b5f2a9e8a52-4d7c-9a55-0f0f8f5d6a01-1",
        "0b5f2a9e-8a52-4d7c-9a55-0f0f8f5d6a0g"};
    struct error err;
    (void)state;
    assert_int_equal(grpc_check_request_id("", &err), 0);
    assert_int_equal(grpc_check_request_id(ID, &err), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(grpc_check_request_id(wrong[i], &err), -1);
        assert_int_equal(err.kind, ERROR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_answered_is_answered_again),
        cmocka_unit_test(others_and_other_methods_have_ids_of_their_own),
        cmocka_unit_test(what_failed_is_not_done_again),
        cmocka_unit_test(after_a_day_it_is_forgotten),
        cmocka_unit_test(of_many_the_newest_are_kept),
        cmocka_unit_test(an_id_is_a_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
