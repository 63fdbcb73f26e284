/* SPDX-License-Identifier: Apache-2.0 */
/* Connects of programs that know no proxy, which wait for a decision. */
#include "support/holding.h"
#include "support/transparent.h"

static void begin_held(struct rig *rig)
{
    rig_start(rig, "");
    holding_set(rig, HOLD_MS);
}

static void allow_this_program(struct rig *rig)
{
    char self[256];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    rig_allow(rig, self);
}

static int connect_and_keep_error(void *arg)
{
    struct task *task = arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    task->shared->error = connect_to(fd, task);
    return 0;
}

static void a_connect_that_is_approved_succeeds(void **state)
{
    struct rig rig;
    (void)state;
    begin_held(&rig);
    struct task task = task_for(&rig, "origin.test");
    pid_t pid = begin(&rig, connect_blocking, &task);
    UNTIL(&rig, waiting_now(&rig) == 1);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    allow_this_program(&rig);
    UNTIL(&rig, rig.accepted == 1);
    assert_int_equal(finish(&rig, pid), 0);
    assert_int_equal(waiting_now(&rig), 0);
    rig_stop(&rig);
}

static void one_that_is_rejected_fails(void **state)
{
    struct rig rig;
    (void)state;
    begin_held(&rig);
    struct task task = task_for(&rig, "origin.test");
    pid_t pid = begin(&rig, connect_and_keep_error, &task);
    UNTIL(&rig, waiting_now(&rig) == 1);
    egress_reject(rig.proxy, &(struct egress_waiting){.host = ""});
    assert_int_equal(finish(&rig, pid), 0);
    assert_int_equal(task.shared->error, ECONNREFUSED);
    assert_int_equal(rig.n_denials, 1);
    until_nobody_is_left(&rig);
    rig_stop(&rig);
}

static void one_whose_caller_is_killed_frees_its_place(void **state)
{
    struct rig rig;
    (void)state;
    begin_held(&rig);
    struct task task = task_for(&rig, "origin.test");
    pid_t pid = begin(&rig, connect_and_keep_error, &task);
    UNTIL(&rig, waiting_now(&rig) == 1);
    kill(pid, SIGKILL);
    assert_int_equal(finish(&rig, pid), 128 + SIGKILL);
    UNTIL(&rig, waiting_now(&rig) == 0);
    until_nobody_is_left(&rig);
    rig_stop(&rig);
}

/* Its program has other things to do, so its connect succeeds, and what it sends waits. */
static int connect_in_event_loop(void *arg)
{
    struct task *task = arg;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd hung = {.fd = fd, .events = POLLIN};
    int rc = connect_to(fd, task);
    EXPECT(rc == 0 || rc == EINPROGRESS);
    EXPECT(error_of(fd) == 0 && send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
    task->shared->ready = 1;
    EXPECT(poll(&hung, 1, patience_ms()) == 1);
    task->shared->error = error_of(fd);
    return 0;
}

static void one_that_does_not_block_waits_behind_its_connect(void **state)
{
    struct rig rig;
    (void)state;
    begin_held(&rig);
    struct task task = task_for(&rig, "origin.test");
    pid_t pid = begin(&rig, connect_in_event_loop, &task);
    UNTIL(&rig, waiting_now(&rig) == 1);
    uv_timer_t tick;
    uv_timer_init(&rig.loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    UNTIL(&rig, task.shared->ready);
    uv_close((uv_handle_t *)&tick, NULL);
    assert_int_equal(waiting_now(&rig), 1);
    allow_this_program(&rig);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "hello"));
    end_send(origin, "well");
    assert_int_equal(finish(&rig, pid), 0);
    assert_int_equal(task.shared->error, 0);
    rig_stop(&rig);
}

static void and_is_reset_by_a_rejection(void **state)
{
    struct rig rig;
    (void)state;
    begin_held(&rig);
    struct task task = task_for(&rig, "origin.test");
    pid_t pid = begin(&rig, connect_in_event_loop, &task);
    UNTIL(&rig, waiting_now(&rig) == 1);
    uv_timer_t tick;
    uv_timer_init(&rig.loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    UNTIL(&rig, task.shared->ready);
    uv_close((uv_handle_t *)&tick, NULL);
    egress_reject(rig.proxy, &(struct egress_waiting){.host = ""});
    assert_int_equal(finish(&rig, pid), 0);
    assert_int_equal(task.shared->error, ECONNRESET);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_connect_that_is_approved_succeeds),
        cmocka_unit_test(one_that_is_rejected_fails),
        cmocka_unit_test(one_whose_caller_is_killed_frees_its_place),
        cmocka_unit_test(one_that_does_not_block_waits_behind_its_connect),
        cmocka_unit_test(and_is_reset_by_a_rejection),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
