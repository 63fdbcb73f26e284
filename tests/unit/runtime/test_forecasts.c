/* SPDX-License-Identifier: Apache-2.0 */
/* What the voters would say, for a supervisor that asks. */
#include "support/runtime.h"

#define OPERATIONS                                                                \
    "{\"operations\":[{\"add_rule\":{\"rule_name\":\"allow_ok\",\"rule\":{"           \
    "\"endpoints\":[{\"host\":\"ok.example\",\"port\":443}],"                         \
    "\"binaries\":[{\"path\":\"/bin/a\"}]}}}]}"

/* A slow voter would keep a worker like this. */
struct slow {
    uv_sem_t *go;
    bool done;
};

static void hold(void *arg)
{
    uv_sem_wait(((struct slow *)arg)->go);
}

static void held(void *arg)
{
    ((struct slow *)arg)->done = true;
}

static void ring(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void wait_for(struct house *h, unsigned ms)
{
    bool rung = false;
    uv_timer_t timer;
    uv_timer_init(&h->loop, &timer);
    timer.data = &rung;
    uv_timer_start(&timer, ring, ms, 0);
    RUN_UNTIL(h, rung);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&h->loop, UV_RUN_NOWAIT);
}

static void ask(struct house *h, uint64_t id)
{
    say(h, (struct sandbox_message){.type = MESSAGE_FORECAST,
                                    .forecast = {.id = id, .operations = OPERATIONS}});
}

static void assert_heard(struct house *h, uint64_t id, const char *outcome)
{
    struct sandbox_message m = hear_next(h, MESSAGE_OUTCOME);
    assert_int_equal(m.forecast.id, id);
    assert_string_equal(m.forecast.outcome, outcome);
}

static void a_question_is_answered(void **state)
{
    struct house *h = *state;
    ask(h, 7);
    assert_heard(h, 7, "allowed");
}

/* However many sandboxes there are, voters that take their time keep a few workers busy, and do not
 * catch up on what nobody waits for. */
static void questions_share_a_few_workers_and_grow_old(void **state)
{
    enum { QUEUES = 8 };
    struct house *h = *state;
    struct slow slow[QUEUES] = {0};
    uv_sem_t go;
    uv_sem_init(&go, 0);
    for (int i = 0; i < QUEUES; i++) {
        char key[32];
        slow[i].go = &go;
        snprintf(key, sizeof key, "forecast %d", i);
        jobs_run(h->jobs, key, hold, held, &slow[i]);
    }
    ask(h, 7);
    wait_for(h, 400);
    for (int i = 0; i < QUEUES; i++)
        uv_sem_post(&go);
    assert_heard(h, 7, "");
    for (int i = 0; i < QUEUES; i++)
        RUN_UNTIL(h, slow[i].done);
    uv_sem_destroy(&go);
    ask(h, 8);
    assert_heard(h, 8, "allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_question_is_answered),
        HOUSE_TEST(questions_share_a_few_workers_and_grow_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
