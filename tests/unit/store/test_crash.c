/* SPDX-License-Identifier: Apache-2.0 */
/* What was acknowledged is there after the process is killed, after a power cut and after I/O
 * errors; and the audit chain is whole. */
#include "support/store_vfs.h"

#include <signal.h>


enum { WRITERS = 8, KILLS = 10, ACKNOWLEDGED_BEFORE_KILL = 150, POWER_CUTS = 40 };

static uint64_t verified_records(const char *path, struct error *err)
{
    struct store_audit_report report;
    if (store_audit_verify_at(path, NULL, &report, err))
        fail_msg("%s", err->text);
    if (report.bad_seq)
        fail_msg("%s", report.why);
    return report.records;
}

/* ---- killed ---- */

struct child {
    struct store *store;
    int pipe, id;
};

/* Says each place in the chain that is durable. */
static void *write_for_ever(void *arg)
{
    struct child *c = arg;
    for (uint64_t i = 0;; i++) {
        char id[64];
        struct error err;
        snprintf(id, sizeof id, "%d-%d-%lu", (int)getpid(), c->id, (unsigned long)i);
        struct store_decision decision = a_decision(id, "r");
        if (store_write(c->store, append_decision, &decision, &err))
            _exit(1);
        if (write(c->pipe, &decision.seq, sizeof decision.seq) != sizeof decision.seq)
            _exit(2);
    }
    return NULL;
}

static _Noreturn void run_child(struct fixture *f, int pipe)
{
    struct child children[WRITERS];
    pthread_t threads[WRITERS];
    struct store *store = store_open(f->url, &f->log, &f->err);
    if (!store)
        _exit(3);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = (struct child){store, pipe, i};
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
        run_child(f, ends[1]);
    close(ends[1]);
    for (int n = 0; read(ends[0], &seq, sizeof seq) == sizeof seq; n++) {
        highest = seq > highest ? seq : highest;
        if (n == ACKNOWLEDGED_BEFORE_KILL)
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
    for (int i = 0; i < KILLS; i++) {
        uint64_t acknowledged = kill_while_writing(f);
        assert_true(acknowledged > ACKNOWLEDGED_BEFORE_KILL);
        open_store(f);
        assert_true(verified_records(f->path, &f->err) >= acknowledged);
        store_close(f->store);
        f->store = NULL;
    }
}

/* ---- power cut ---- */

/* The store as a machine finds it that lost its power just now. */
static uint64_t records_after_cut(struct fixture *f, struct shim *shim)
{
    const char *names[] = {"sluice.db", "sluice.db-wal"};
    char cut[128], from[256], to[256];
    snprintf(cut, sizeof cut, "%s/cut", f->folder);
    nftw(cut, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(cut, 0700), 0);
    pthread_mutex_lock(&shim->lock);
    for (size_t i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s/%s", shim->synced, names[i]);
        snprintf(to, sizeof to, "%s/%s", cut, names[i]);
        if (access(from, F_OK) == 0)
            copy_file(from, to);
    }
    pthread_mutex_unlock(&shim->lock);
    snprintf(to, sizeof to, "%s/%s", cut, names[0]);
    return verified_records(to, &f->err);
}

static void what_was_acknowledged_outlives_a_power_cut(void **state)
{
    struct fixture *f = *state;
    struct shim shim;
    shim_install(&shim, f->folder);
    open_store(f);
    for (uint64_t i = 1; i <= POWER_CUTS; i++) {
        char id[32];
        snprintf(id, sizeof id, "d%d", (int)i);
        assert_int_equal(put_decision(f, id, "r"), 0);
        assert_true(records_after_cut(f, &shim) >= i);
    }
    store_close(f->store);
    f->store = NULL;
    shim_remove(&shim);
}

/* ---- input and output errors ---- */

static void fail_once(struct fixture *f, struct shim *shim, int *what, const char *words)
{
    uint64_t before = verified_records(f->path, &f->err);
    pthread_mutex_lock(&shim->lock);
    *what = 1;
    pthread_mutex_unlock(&shim->lock);
    assert_int_equal(put_decision(f, "once", "r"), -1);
    assert_int_equal(f->err.kind, ERROR_IO);
    assert_contains(f->err.text, words);
    assert_int_equal(verified_records(f->path, &f->err), before);
}

static void an_error_of_the_disk_is_told_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct shim shim;
    shim_install(&shim, f->folder);
    open_store(f);
    assert_int_equal(put_decision(f, "d1", "r"), 0);
    fail_once(f, &shim, &shim.fail_syncs, "disk I/O error");
    fail_once(f, &shim, &shim.fail_writes, "disk I/O error");
    assert_int_equal(put_decision(f, "once", "r"), 0);
    assert_int_equal(verified_records(f->path, &f->err), 2);
    store_close(f->store);
    f->store = NULL;
    shim_remove(&shim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)
        TEST(what_was_acknowledged_outlives_a_kill),
        TEST(what_was_acknowledged_outlives_a_power_cut),
        TEST(an_error_of_the_disk_is_told_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
