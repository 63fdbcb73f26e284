/* SPDX-License-Identifier: Apache-2.0 */
/* What was acknowledged is there after the process is killed and after a power cut, at whichever
 * write it happens; what was not acknowledged is there in whole or not at all. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include "support/store_script.h"

/* Each child begins with a copy of all that the sanitizer keeps of freed memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=4";
}

enum { WRITERS = 8, KILLS = 10, ACKNOWLEDGED_BEFORE_KILL = 150 };

/* ---- the process ends at the n-th write ---- */

/* In a child: runs the script and says each step that was acknowledged.  Never returns. */
static _Noreturn void run_script(struct fixture *f, enum store_break how, unsigned at, int pipe)
{
    struct error err;
    f->factory->watch_disk(&f->place);
    f->factory->break_disk(&f->place, how, at);
    struct store *store = store_open(f->place.url, &f->log, &err);
    if (!store)
        _exit(1);
    for (int step = 0; step < script_steps(); step++) {
        if (run_step(store, step, &err) != 0)
            _exit(2);
        if (write(pipe, &step, sizeof step) != sizeof step)
            _exit(3);
    }
    store_close(store);
    _exit(0);
}

/* Returns whether the child was killed; last: the last step that it said was acknowledged. */
static bool run_until_break(struct fixture *f, enum store_break how, unsigned at, int *last)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        run_script(f, how, at, ends[1]);
    close(ends[1]);
    *last = -1;
    while (read(ends[0], last, sizeof *last) == sizeof *last)
        ;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void break_at_every_write(struct fixture *f, enum store_break how, unsigned least)
{
    unsigned at = 0;
    if (!f->factory->watch_disk)
        skip();
    for (bool killed = true; killed;) {
        struct fixture once = *f;
        struct store_place place;
        int last;
        f->factory->make(&place, true);
        once.place = place;
        killed = run_until_break(&once, how, ++at, &last);
        assert_true(killed || last == script_steps() - 1);
        if (killed && how == BREAK_POWER)
            f->factory->after_power_cut(&place, &once.place);
        check_afterwards(&once, last);
        f->factory->remove(&place);
    }
    assert_true(at > least);                        /* it did count them */
}

static void a_crash_at_any_write_leaves_whole_steps(void **state)
{
    break_at_every_write(*state, BREAK_END, 50);
}

static void a_power_cut_at_any_write_leaves_whole_steps(void **state)
{
    break_at_every_write(*state, BREAK_POWER, 8);
}

/* ---- killed at random, with many writers ---- */

struct child {
    struct store *store;
    int pipe, id;
    sem_t written;
};

/* ---- half of them by writes that nobody waits for ---- */

struct append {
    struct store_decision *decision;
    sem_t *written;
};

static int append_it(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_decision_append(tx, ((struct append *)arg)->decision, err);
}

static void append_went(void *arg, int rc, const struct error *err)
{
    (void)err;
    if (rc != 0)
        _exit(1);
    sem_post(((struct append *)arg)->written);
}

static void write_later(struct child *c, struct store_decision *decision)
{
    struct append append = {decision, &c->written};
    store_write_later(c->store, append_it, append_went, &append);
    while (sem_wait(&c->written) != 0)
        ;
}

/* Says each place in the chain that is durable. */
static void *write_for_ever(void *arg)
{
    struct child *c = arg;
    for (uint64_t i = 0;; i++) {
        char id[64];
        struct error err;
        snprintf(id, sizeof id, "%d-%d-%lu", (int)getpid(), c->id, (unsigned long)i);
        struct store_decision decision = a_decision(id, "r");
        if (c->id % 2)
            write_later(c, &decision);
        else if (store_write(c->store, append_decision, &decision, &err))
            _exit(1);
        if (write(c->pipe, &decision.seq, sizeof decision.seq) != sizeof decision.seq)
            _exit(2);
    }
    return NULL;
}

static _Noreturn void run_writers(struct fixture *f, int pipe)
{
    struct child children[WRITERS];
    pthread_t threads[WRITERS];
    struct store *store = store_open(f->place.url, &f->log, &f->err);
    if (!store)
        _exit(3);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = (struct child){.store = store, .pipe = pipe, .id = i};
        sem_init(&children[i].written, 0, 0);
        pthread_create(&threads[i], NULL, write_for_ever, &children[i]);
    }
    for (;;)
        pause();
}

/* The highest place that the child said is durable before it was killed. */
static uint64_t kill_while_writing(struct fixture *f)
{
    int ends[2], status;
    uint64_t highest = 0, seq;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        run_writers(f, ends[1]);
    close(ends[1]);
    int until = ACKNOWLEDGED_BEFORE_KILL + rand() % 50;
    for (int n = 0; read(ends[0], &seq, sizeof seq) == sizeof seq; n++) {
        highest = seq > highest ? seq : highest;
        if (n == until)
            kill(pid, SIGKILL);
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return highest;
}

static void what_was_acknowledged_outlives_a_kill(void **state)
{
    struct fixture *f = *state;
    struct store_audit_report report;
    for (int i = 0; i < KILLS; i++) {
        uint64_t acknowledged = kill_while_writing(f);
        assert_true(acknowledged > ACKNOWLEDGED_BEFORE_KILL);
        open_store(f);
        assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), 0);
        if (report.bad_seq)
            fail_msg("%s", report.why);
        assert_true(report.records >= acknowledged);
        close_store(f);
    }
}

int main(void)
{
    struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)
        TEST(a_crash_at_any_write_leaves_whole_steps),
        TEST(a_power_cut_at_any_write_leaves_whole_steps),
        TEST(what_was_acknowledged_outlives_a_kill),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
