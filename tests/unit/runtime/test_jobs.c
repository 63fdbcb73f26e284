/* SPDX-License-Identifier: Apache-2.0 */
/* Order for each key, none between keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/jobs.h"
#include "base/alloc.h"

enum { KEYS = 3, JOBS_PER_KEY = 20 };

struct shop {
    uv_loop_t loop;
    struct jobs *jobs;
    pthread_barrier_t meeting; /* for two jobs that must run at the same time */
    atomic_int running[KEYS], overlaps;
    /* Written in the order of work, one key at a time. */
    int worked[KEYS][JOBS_PER_KEY], n_worked[KEYS];
    int finished[KEYS * JOBS_PER_KEY];              /* in the order of done */
    int n_finished;
    bool idle;
    int n_finished_when_idle;
};

struct errand {
    struct shop *shop;
    int key, number;
};

static int setup(void **state)
{
    struct shop *s = alloc_zero(1, sizeof *s);
    uv_loop_init(&s->loop);
    s->jobs = jobs_new(&s->loop);
    pthread_barrier_init(&s->meeting, NULL, 2);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct shop *s = *state;
    assert_true(jobs_idle(s->jobs));
    jobs_free(s->jobs);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    pthread_barrier_destroy(&s->meeting);
    free(s);
    return 0;
}

static struct errand *errand(struct shop *s, int key, int number)
{
    struct errand *e = alloc_zero(1, sizeof *e);
    *e = (struct errand){s, key, number};
    return e;
}

static void work(void *arg)
{
    struct errand *e = arg;
    struct shop *s = e->shop;
    if (atomic_fetch_add(&s->running[e->key], 1) != 0)
        atomic_fetch_add(&s->overlaps, 1);
    s->worked[e->key][s->n_worked[e->key]++] = e->number;
    atomic_fetch_sub(&s->running[e->key], 1);
}

static void done(void *arg)
{
    struct errand *e = arg;
    e->shop->finished[e->shop->n_finished++] = e->number;
    free(e);
}

static void jobs_of_a_key_run_in_order_one_at_a_time(void **state)
{
    struct shop *s = *state;
    for (int i = 0; i < JOBS_PER_KEY; i++)
        for (int key = 0; key < KEYS; key++) {
            char name[8];                           /* copied: it may go before the job runs */
            snprintf(name, sizeof name, "k%d", key);
            jobs_run(s->jobs, name, work, done, errand(s, key, i));
        }
    assert_false(jobs_idle(s->jobs));
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(s->n_finished, KEYS * JOBS_PER_KEY);
    assert_int_equal(s->overlaps, 0);
    for (int key = 0; key < KEYS; key++)
        for (int i = 0; i < JOBS_PER_KEY; i++)
            assert_int_equal(s->worked[key][i], i);
}

static void meet(void *arg)
{
    struct errand *e = arg;
    pthread_barrier_wait(&e->shop->meeting);
}

static void jobs_of_two_keys_run_at_once(void **state)
{
    struct shop *s = *state;
    jobs_run(s->jobs, "a", meet, done, errand(s, 0, 1));
    jobs_run(s->jobs, "b", meet, done, errand(s, 1, 2));
    uv_run(&s->loop, UV_RUN_DEFAULT);               /* would hang if one waited for the other */
    assert_int_equal(s->n_finished, 2);
}

static void jobs_without_a_key_run_at_once(void **state)
{
    struct shop *s = *state;
    jobs_run(s->jobs, NULL, meet, done, errand(s, 0, 1));
    jobs_run(s->jobs, NULL, meet, done, errand(s, 0, 2));
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(s->n_finished, 2);
}

static void note_idle(void *ctx)
{
    struct shop *s = ctx;
    s->idle = true;
    s->n_finished_when_idle = s->n_finished;
}

static void idle_is_told_at_once_when_nothing_runs(void **state)
{
    struct shop *s = *state;
    jobs_when_idle(s->jobs, note_idle, s);
    assert_true(s->idle);
}

static void idle_is_told_once_after_the_last_job(void **state)
{
    struct shop *s = *state;
    for (int i = 0; i < 5; i++)
        jobs_run(s->jobs, i < 3 ? "a" : NULL, work, done, errand(s, i < 3 ? 0 : 1, i));
    jobs_when_idle(s->jobs, note_idle, s);
    assert_false(s->idle);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_true(s->idle);
    assert_int_equal(s->n_finished_when_idle, 5);
    s->idle = false;
    jobs_run(s->jobs, NULL, work, done, errand(s, 0, 9));
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_false(s->idle);
}

static void done_and_one_more(void *arg)
{
    struct errand *e = arg;
    struct shop *s = e->shop;
    int left = e->number;
    done(e);
    if (left > 0)
        jobs_run(s->jobs, "a", work, done_and_one_more, errand(s, 0, left - 1));
}

static void a_job_may_beget_another(void **state)
{
    struct shop *s = *state;
    jobs_run(s->jobs, "a", work, done_and_one_more, errand(s, 0, 4));
    jobs_when_idle(s->jobs, note_idle, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(s->n_finished_when_idle, 5);
}

/* ---- writes that no worker waits for ---- */

struct note {
    struct shop *shop;
    pthread_t loop;
    bool fail;
};

static int write_note(struct store_tx *tx, void *arg, struct error *err)
{
    const struct note *note = arg;
    (void)tx;
    return note->fail ? error_set(err, ERROR_DENIED, "not this one") : 0;
}

static void note_written(void *arg, int rc, const struct error *err)
{
    const struct note *note = arg;
    assert_true(pthread_equal(note->loop, pthread_self()));
    assert_int_equal(rc, note->fail ? -1 : 0);
    assert_string_equal(note->fail ? err->text : "", note->fail ? "not this one" : "");
    note->shop->n_finished++;
}

static struct store *open_shop_store(char folder[])
{
    char url[96];
    struct error err;
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "sqlite:%s/db", folder);
    struct store *store = store_open(url, NULL, &err);
    assert_non_null(store);
    return store;
}

static void close_shop_store(struct store *store, const char *folder)
{
    char path[96];
    store_close(store);
    snprintf(path, sizeof path, "%s/db", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void a_write_is_a_job_that_takes_no_worker(void **state)
{
    struct shop *s = *state;
    char folder[] = "/tmp/sluice-jobs-XXXXXX";
    struct store *store = open_shop_store(folder);
    struct note notes[] = {{s, pthread_self(), false}, {s, pthread_self(), true}};
    for (size_t i = 0; i < 2; i++)
        jobs_write(s->jobs, store, write_note, note_written, &notes[i]);
    jobs_when_idle(s->jobs, note_idle, s);
    assert_false(s->idle);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_true(s->idle);
    assert_int_equal(s->n_finished_when_idle, 2);
    close_shop_store(store, folder);
}

#define JOBS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOBS_TEST(jobs_of_a_key_run_in_order_one_at_a_time),
        JOBS_TEST(jobs_of_two_keys_run_at_once),
        JOBS_TEST(jobs_without_a_key_run_at_once),
        JOBS_TEST(idle_is_told_at_once_when_nothing_runs),
        JOBS_TEST(idle_is_told_once_after_the_last_job),
        JOBS_TEST(a_job_may_beget_another),
        JOBS_TEST(a_write_is_a_job_that_takes_no_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
