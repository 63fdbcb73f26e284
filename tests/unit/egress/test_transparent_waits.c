/* SPDX-License-Identifier: Apache-2.0 */
/* Connects of programs that know no proxy, while their destination is silent: what they notice, and
 * what is left when they go. */
#include "support/deaf.h"
#include "support/transparent.h"

#include <pthread.h>

static int connect_slow(void *arg)
{
    struct task *task = arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    task->shared->ready++;
    task->shared->error = connect_to(fd, task);
    return 0;
}

struct waiting {
    struct rig rig;
    struct deaf deaf;
    struct task task;
    pid_t pid;
};

/* A caller waits for an address that does not answer. */
static void begin_waiting(struct waiting *w)
{
    memset(w, 0, sizeof *w);
    start_with_dial_ms(&w->rig, OTHER_ADDRESS, 600000);     /* longer than a test */
    w->deaf = deaf_begin(OTHER_ADDRESS, w->rig.origin_port);
    w->task = task_for(&w->rig, OTHER_ADDRESS);
    w->pid = begin(&w->rig, connect_slow, &w->task);
    UNTIL(&w->rig, open_clients(&w->rig) == 1 && w->rig.lines.len > 0);
}

static void a_caller_that_is_killed_leaves_nothing(void **state)
{
    struct waiting w;
    (void)state;
    begin_waiting(&w);
    kill(w.pid, SIGKILL);
    assert_int_equal(finish(&w.rig, w.pid), 128 + SIGKILL);
    until_nobody_is_left(&w.rig);
    deaf_end(&w.deaf);
    rig_stop(&w.rig);
}

static void a_caller_that_waits_is_refused_by_a_new_policy(void **state)
{
    struct waiting w;
    (void)state;
    begin_waiting(&w);
    rig_set(&w.rig, "");
    assert_int_equal(finish(&w.rig, w.pid), 0);
    assert_int_equal(w.task.shared->error, ECONNREFUSED);
    assert_non_null(strstr(w.rig.denials.data, "transparent-tcp " OTHER_ADDRESS));
    deaf_end(&w.deaf);
    rig_stop(&w.rig);
}

static void a_caller_that_waits_is_answered_when_the_proxy_ends(void **state)
{
    struct waiting w;
    (void)state;
    begin_waiting(&w);
    rig_close_proxy(&w.rig);
    int status;
    assert_int_equal(waitpid(w.pid, &status, 0), w.pid);
    rig_stop(&w.rig);
    assert_int_equal(w.task.shared->error, ECONNABORTED);
    deaf_end(&w.deaf);
}

static int connect_in_event_loop(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd hung = {.fd = fd, .events = POLLIN};
    int rc = connect_to(fd, arg);
    EXPECT(rc == 0 || rc == EINPROGRESS);
    EXPECT(error_of(fd) == 0 && send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
    EXPECT(poll(&hung, 1, 0) == 0);                 /* the time of a dial is still to come */
    EXPECT(poll(&hung, 1, patience_ms()) == 1 && error_of(fd) == ECONNRESET);
    return 0;
}

/* Its program does other things meanwhile: so it goes on, and is told later that there is no
 * way. */
static void a_connect_that_does_not_block_waits_for_no_silent_destination(void **state)
{
    struct rig rig;
    (void)state;
    start_for_this_program(&rig, OTHER_ADDRESS);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    struct task task = task_for(&rig, OTHER_ADDRESS);
    assert_int_equal(run(&rig, connect_in_event_loop, &task), 0);
    assert_non_null(strstr(rig.lines.data, "did not answer"));
    until_nobody_is_left(&rig);
    deaf_end(&deaf);
    rig_stop(&rig);
}

static void one_that_waits_holds_up_no_other(void **state)
{
    struct waiting w;
    char self[256], rules[800];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)state;
    self[len > 0 ? len : 0] = '\0';
    begin_waiting(&w);
    snprintf(rules, sizeof rules, OTHER_ADDRESS " 0 %s\norigin.test 0 %s", self, self);
    rig_set(&w.rig, rules);
    struct task other = task_for(&w.rig, "origin.test");
    pid_t pid = begin(&w.rig, connect_blocking, &other);
    UNTIL(&w.rig, w.rig.accepted == 1);
    assert_int_equal(finish(&w.rig, pid), 0);
    assert_int_equal(waitpid(w.pid, NULL, WNOHANG), 0);
    kill(w.pid, SIGKILL);
    assert_int_equal(finish(&w.rig, w.pid), 128 + SIGKILL);
    deaf_end(&w.deaf);
    rig_stop(&w.rig);
}

struct sender {
    struct task *task;
    int fd, sent;
};

static void *send_thread(void *arg)
{
    struct sender *sender = arg;
    while (!sender->task->shared->error)
        sender->sent |= send(sender->fd, "early", 5, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
    return NULL;
}

static int send_while_waiting(void *arg)
{
    struct sender sender = {.task = arg, .fd = socket(AF_INET, SOCK_STREAM, 0)};
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, send_thread, &sender) == 0);
    int error = connect_to(sender.fd, arg);
    sender.task->shared->error = error ? error : -1;
    pthread_join(thread, NULL);
    EXPECT(error == ETIMEDOUT);
    return 0;
}

/* Another thread writes to the socket before it is decided: nobody gets it, and it is bounded. */
static void bytes_before_the_decision_go_nowhere(void **state)
{
    struct rig rig;
    (void)state;
    start_for_this_program(&rig, OTHER_ADDRESS);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    struct task task = task_for(&rig, OTHER_ADDRESS);
    assert_int_equal(run(&rig, send_while_waiting, &task), 0);
    until_nobody_is_left(&rig);
    deaf_end(&deaf);
    rig_stop(&rig);
}

enum { CROWD = 300 };

static void *crowd_member(void *arg)
{
    struct task *task = arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int error = connect_to(fd, task);
    __atomic_add_fetch(error == ETIMEDOUT || error == ECONNREFUSED || error == EAGAIN
                           ? &task->shared->ready
                           : &task->shared->error,
                       1, __ATOMIC_SEQ_CST);
    close(fd);
    return NULL;
}

static int connect_crowd(void *arg)
{
    static pthread_t threads[CROWD];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 * 1024);
    for (int i = 0; i < CROWD; i++)
        EXPECT(pthread_create(&threads[i], &small, crowd_member, arg) == 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* More than may wait: those are refused, the others wait for their time. */
static void very_many_that_wait_are_bounded(void **state)
{
    struct rig rig;
    (void)state;
    start_with_dial_ms(&rig, OTHER_ADDRESS, 1000);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    struct task task = task_for(&rig, OTHER_ADDRESS);
    assert_int_equal(run(&rig, connect_crowd, &task), 0);
    assert_int_equal(task.shared->error, 0);
    assert_int_equal(task.shared->ready, CROWD);
    until_nobody_is_left(&rig);
    deaf_end(&deaf);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_caller_that_is_killed_leaves_nothing),
        cmocka_unit_test(a_caller_that_waits_is_refused_by_a_new_policy),
        cmocka_unit_test(a_caller_that_waits_is_answered_when_the_proxy_ends),
        cmocka_unit_test(a_connect_that_does_not_block_waits_for_no_silent_destination),
        cmocka_unit_test(one_that_waits_holds_up_no_other),
        cmocka_unit_test(bytes_before_the_decision_go_nowhere),
        cmocka_unit_test(very_many_that_wait_are_bounded),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
