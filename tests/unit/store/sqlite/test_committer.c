/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of writes, who commits them, and failures of one and of all. */
#include "support/sqlite.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* SQLite's, too: it finds this one first. */
static _Atomic unsigned synced;

int fdatasync(int fd)
{
    synced++;
    return (int)syscall(SYS_fdatasync, fd);
}

/* ---- writes that wait for the commit thread, each on a thread of its own ---- */

struct queued {
    pthread_t thread;
    struct store *store;
    store_write_fn fn;
    void *arg;
    _Atomic pid_t id;                               /* of the thread, 0: not yet running */
    int rc;
    struct error err;
};

static void *write_it(void *arg)
{
    struct queued *q = arg;
    q->id = gettid();
    q->rc = store_write(q->store, q->fn, q->arg, &q->err);
    return NULL;
}

/* It waits for the answer: its write is in the queue. */
static bool asleep(pid_t id)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 0;
    if (file)
        fclose(file);
    return state == 'S';
}

static void queue_write(struct queued *q, store_write_fn fn, void *arg)
{
    q->fn = fn;
    q->arg = arg;
    assert_int_equal(pthread_create(&q->thread, NULL, write_it, q), 0);
    while (!q->id || !asleep(q->id))
        sched_yield();
}

/* ---- one gate that holds the commit thread until the queue is filled ---- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool entered, open;
};

static int wait_at_gate(struct store_tx *tx, void *arg, struct error *err)
{
    struct gate *gate = arg;
    (void)tx;
    (void)err;
    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->moved);
    while (!gate->open)
        pthread_cond_wait(&gate->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return 0;
}

static void close_gate(struct gate *gate, struct queued *write)
{
    *gate = (struct gate){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    queue_write(write, wait_at_gate, gate);
    pthread_mutex_lock(&gate->lock);
    while (!gate->entered)
        pthread_cond_wait(&gate->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->lock);
}

/* ---- writes that are queued and remember what came of them ---- */

struct outcome {
    char id[32];
    size_t padding;                                 /* bytes of candidate text */
    bool fail;
    int calls;
    bool failed;
    struct error err;
};

static int append_or_fail(struct store_tx *tx, void *arg, struct error *err)
{
    struct outcome *o = arg;
    struct store_decision decision = a_decision(o->id, "r");
    char *text = alloc_zero(o->padding + 1, 1);
    memset(text, 'x', o->padding);
    decision.candidate_json = text;
    o->calls++;
    int rc = store_tx_decision_append(tx, &decision, err);
    free(text);
    return o->fail ? error_set(err, ERROR_DENIED, "%s does not want to", o->id) : rc;
}

/* Files may not grow beyond what the log has now and some room. */
static void limit_files(struct fixture *f, rlim_t room)
{
    struct stat st;
    struct rlimit limit;
    char *log = alloc_printf("%s-wal", f->place.path);
    assert_int_equal(stat(log, &st), 0);
    free(log);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = room == RLIM_INFINITY ? limit.rlim_max : (rlim_t)st.st_size + room;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Lets the commit thread find n writes waiting, and returns when all are answered. */
static void run_queued(struct fixture *f, struct outcome *outcomes, size_t n, rlim_t room)
{
    struct gate gate;
    struct queued first = {.store = f->store}, *writes = alloc_zero(n, sizeof *writes);
    close_gate(&gate, &first);
    for (size_t i = 0; i < n; i++) {
        snprintf(outcomes[i].id, sizeof outcomes[i].id, "d%zu", i);
        writes[i].store = f->store;
        queue_write(&writes[i], append_or_fail, &outcomes[i]);
    }
    limit_files(f, room);
    open_gate(&gate);
    pthread_join(first.thread, NULL);
    for (size_t i = 0; i < n; i++) {
        pthread_join(writes[i].thread, NULL);
        outcomes[i].failed = writes[i].rc != 0;
        outcomes[i].err = writes[i].err;
    }
    limit_files(f, RLIM_INFINITY);
    free(writes);
}

static uint64_t verified_records(struct fixture *f)
{
    struct store_audit_report report;
    assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), 0);
    if (report.bad_seq)
        fail_msg("%s", report.why);
    return report.records;
}

static void a_group_keeps_the_chain_linear(void **state)
{
    struct fixture *f = *state;
    struct outcome outcomes[300] = {0};
    run_queued(f, outcomes, 300, RLIM_INFINITY);
    for (size_t i = 0; i < 300; i++) {
        assert_false(outcomes[i].failed);
        assert_int_equal(outcomes[i].calls, 1);
    }
    assert_int_equal(verified_records(f), 300);
}

static void a_write_that_fails_undoes_only_itself(void **state)
{
    struct fixture *f = *state;
    struct outcome outcomes[9] = {[0].fail = true, [4].fail = true, [8].fail = true};
    struct store_decision unused;
    run_queued(f, outcomes, 9, RLIM_INFINITY);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(outcomes[i].failed, i % 4 == 0);
    assert_int_equal(outcomes[4].err.kind, ERROR_DENIED);
    assert_string_equal(outcomes[4].err.text, "d4 does not want to");
    assert_int_equal(verified_records(f), 6);
    assert_int_equal(store_decision_get(f->store, "d4", f->arena, &unused, &f->err), -1);
}

/* While one write follows another, the log is seldom at its end for a checkpoint: each would be
 * two syncs more. */
static void writes_without_a_pause_cost_a_sync_each(void **state)
{
    enum { WRITES = 1500, PAGES_EACH = 3, PAGE = 4096, CHECKPOINT_EACH = 1000, MORE = 20 };
    struct fixture *f = *state;
    struct outcome o = {.padding = (PAGES_EACH - 1) * PAGE};
    synced = 0;
    for (int i = 0; i < WRITES; i++) {
        snprintf(o.id, sizeof o.id, "w%d", i);
        assert_int_equal(store_write(f->store, append_or_fail, &o, &f->err), 0);
    }
    assert_in_range(synced, WRITES, WRITES + MORE + 6 * WRITES * PAGES_EACH / CHECKPOINT_EACH);
    assert_int_equal(verified_records(f), WRITES);
}

/* ---- who commits ---- */

static int note_thread(struct store_tx *tx, void *arg, struct error *err)
{
    (void)tx;
    (void)err;
    *(pid_t *)arg = gettid();
    return 0;
}

static void a_caller_commits_itself_while_nobody_else_does(void **state)
{
    struct fixture *f = *state;
    pid_t thread = 0;
    assert_int_equal(store_write(f->store, note_thread, &thread, &f->err), 0);
    assert_int_equal(thread, gettid());
}

/* ---- writes that nobody waits for ---- */

struct later {
    struct outcome outcome;
    sem_t written;
    int rc;
    struct error err;
};

static int append_later(struct store_tx *tx, void *arg, struct error *err)
{
    return append_or_fail(tx, &((struct later *)arg)->outcome, err);
}

static void note_written(void *arg, int rc, const struct error *err)
{
    struct later *later = arg;
    later->rc = rc;
    later->err = *err;
    sem_post(&later->written);
}

static void write_later(struct fixture *f, struct later *later, const char *id)
{
    snprintf(later->outcome.id, sizeof later->outcome.id, "%s", id);
    sem_init(&later->written, 0, 0);
    store_write_later(f->store, append_later, note_written, later);
}

static void wait_written(struct later *later)
{
    while (sem_wait(&later->written) != 0)
        ;
    sem_destroy(&later->written);
}

static uint64_t place_of(struct fixture *f, const char *id)
{
    struct store_decision found;
    if (store_decision_get(f->store, id, f->arena, &found, &f->err) != 0)
        fail_msg("%s", f->err.text);
    return found.seq;
}

static void a_write_that_nobody_waits_for_is_made_without_another(void **state)
{
    struct fixture *f = *state;
    struct later alone = {.outcome.id = ""};
    write_later(f, &alone, "alone");
    wait_written(&alone);
    assert_int_equal(alone.rc, 0);
    assert_int_equal(place_of(f, "alone"), 1);
}

static void writes_that_nobody_waits_for_share_the_next_transaction(void **state)
{
    enum { LATER = 20 };
    struct fixture *f = *state;
    struct gate gate;
    struct queued first = {.store = f->store}, next = {.store = f->store};
    struct later later[LATER] = {0};
    struct outcome last = {.id = "last"};
    put_decision(f, "before", "r");
    close_gate(&gate, &first);
    for (int i = 0; i < LATER; i++) {
        char id[16];
        snprintf(id, sizeof id, "l%d", i);
        write_later(f, &later[i], id);
    }
    queue_write(&next, append_or_fail, &last);
    synced = 0;
    open_gate(&gate);
    pthread_join(first.thread, NULL);
    pthread_join(next.thread, NULL);
    for (int i = 0; i < LATER; i++)
        wait_written(&later[i]);
    assert_int_equal(synced, 1);
    assert_int_equal(place_of(f, "l0"), 2);         /* in the order in which they came */
    assert_int_equal(place_of(f, "l19"), 21);
    assert_int_equal(place_of(f, "last"), 22);
}

static void one_that_nobody_waits_for_fails_by_itself(void **state)
{
    struct fixture *f = *state;
    struct later good = {.outcome.id = ""}, bad = {.outcome.fail = true};
    write_later(f, &bad, "bad");
    write_later(f, &good, "good");
    wait_written(&bad);
    wait_written(&good);
    assert_int_equal(bad.rc, -1);
    assert_int_equal(bad.err.kind, ERROR_DENIED);
    assert_string_equal(bad.err.text, "bad does not want to");
    assert_int_equal(good.rc, 0);
    assert_int_equal(verified_records(f), 1);
}

static void the_store_closes_after_what_nobody_waits_for(void **state)
{
    struct fixture *f = *state;
    struct later last = {.outcome.id = ""};
    write_later(f, &last, "last");
    reopen_store(f);
    wait_written(&last);
    assert_int_equal(last.rc, 0);
    assert_int_equal(place_of(f, "last"), 1);
}

/* ---- a disk that is full ---- */

static void a_write_that_does_not_fit_is_refused_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct outcome big = {.id = "big", .padding = 1 << 20}, small = {.id = "small"};
    put_decision(f, "d1", "r");
    limit_files(f, 65536);
    assert_int_equal(store_write(f->store, append_or_fail, &big, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_IO);
    assert_contains(f->err.text, f->place.path);
    assert_contains(f->err.text, "disk I/O error (File too large)");
    assert_int_equal(verified_records(f), 1);
    assert_int_equal(store_write(f->store, append_or_fail, &small, &f->err), 0);
    limit_files(f, RLIM_INFINITY);
    assert_int_equal(store_write(f->store, append_or_fail, &big, &f->err), 0);
    reopen_store(f);
    assert_int_equal(verified_records(f), 3);
}

static void one_too_large_fails_no_other(void **state)
{
    struct fixture *f = *state;
    struct outcome outcomes[9] = {[4].padding = 1 << 20};
    put_decision(f, "first", "r");
    run_queued(f, outcomes, 9, 262144);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(outcomes[i].failed, i == 4);
    assert_contains(outcomes[4].err.text, "File too large");
    assert_int_equal(verified_records(f), 9);
}

static bool write_proc(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;
    if (fd >= 0)
        close(fd);
    return written;
}

static bool mount_small_disk(const char *folder)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %d 1", (int)geteuid());
    snprintf(groups, sizeof groups, "0 %d 1", (int)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_proc("/proc/self/uid_map", users) &&
           write_proc("/proc/self/setgroups", "deny") && write_proc("/proc/self/gid_map", groups) &&
           mount("none", folder, "tmpfs", 0, "size=1m") == 0;
}

enum { NO_MOUNT = 77 };

/* In a child with a file system of 1 MiB.  Returns the line of what was not as it should be. */
#define EXPECT(what) do { if (!(what)) return __LINE__ % 70 + 1; } while (0)
static int fill_small_disk(struct fixture *f)
{
    struct outcome o = {.padding = 20000};
    struct store_audit_report report;
    char ballast[128];
    uint64_t kept = 0;
    if (!mount_small_disk(f->place.folder))
        return NO_MOUNT;
    snprintf(ballast, sizeof ballast, "%s/ballast", f->place.folder);
    int fd = open(ballast, O_CREAT | O_WRONLY, 0600);
    EXPECT(posix_fallocate(fd, 0, 200000) == 0);
    f->store = store_open(f->place.url, &f->log, &f->err);
    EXPECT(f->store);
    do
        snprintf(o.id, sizeof o.id, "d%d", (int)++kept);
    while (store_write(f->store, append_or_fail, &o, &f->err) == 0);
    EXPECT(--kept > 3);
    EXPECT(f->err.kind == ERROR_IO &&
           strstr(f->err.text, "database or disk is full: nothing was changed"));
    EXPECT(store_audit_verify(f->store, NULL, &report, &f->err) == 0 && !report.bad_seq);
    EXPECT(report.records == kept);
    EXPECT(unlink(ballast) == 0 && close(fd) == 0);
    EXPECT(store_write(f->store, append_or_fail, &o, &f->err) == 0);
    store_close(f->store);
    EXPECT(store_audit_verify_at(f->place.path, NULL, &report, &f->err) == 0 &&
           report.records == kept + 1);
    return 0;
}

static void a_full_disk_keeps_what_was_there(void **state)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill_small_disk(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_MOUNT)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int teardown_limits(void **state)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_what_was_there, setup_closed, teardown),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown_limits)
        TEST(a_group_keeps_the_chain_linear),
        TEST(a_write_that_fails_undoes_only_itself),
        TEST(writes_without_a_pause_cost_a_sync_each),
        TEST(a_caller_commits_itself_while_nobody_else_does),
        TEST(a_write_that_nobody_waits_for_is_made_without_another),
        TEST(writes_that_nobody_waits_for_share_the_next_transaction),
        TEST(one_that_nobody_waits_for_fails_by_itself),
        TEST(the_store_closes_after_what_nobody_waits_for),
        TEST(a_write_that_does_not_fit_is_refused_and_leaves_nothing),
        TEST(one_too_large_fails_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
