/* SPDX-License-Identifier: Apache-2.0 */
/* A worker may do what it likes: the runner hears of it and lives. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "support/testkit.h"
#include "testkit/worker.h"

static void say_three(int to, void *arg)
{
    for (int i = 0; i < 3; i++)
        worker_say(to, json_pack("{s:s, s:i}", "text", arg, "i", i));
}

static void print_and_abort(int to, void *arg)
{
    (void)to;
    (void)arg;
    signal(SIGABRT, SIG_DFL);
    (void)!write(STDOUT_FILENO, "before the end\n", 15);
    abort();
}

static void leave(int to, void *arg)
{
    (void)to;
    _exit(*(int *)arg);
}

/* A child that holds the pipe open. */
static void leave_a_process(int to, void *arg)
{
    int *told = arg;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    worker_say(to, json_pack("{s:i}", "pid", (int)pid));
    *told = 1;
}

static void talk_nonsense(int to, void *arg)
{
    (void)arg;
    (void)!write(to, "no json\n{\"half\":", 16);
}

/* Reads until there is a message or the pipe ends. */
static json_t *wait_message(struct worker *w)
{
    json_t *message;
    while (!(message = worker_next(w))) {
        struct pollfd fd = {w->from, POLLIN, 0};
        assert_int_equal(poll(&fd, 1, 20000), 1);
        if (!worker_read(w))
            return worker_next(w);
    }
    return message;
}

static void start(struct worker *w, worker_fn fn, void *arg)
{
    struct error err;
    if (worker_start(w, fn, arg, &err) != 0)
        fail_msg("%s", err.text);
}

static void test_messages_come_whole_and_in_order(void **state)
{
    (void)state;
    enum { LENGTH = 200000 };                       /* more than a pipe holds */
    char *text = alloc_zero(LENGTH + 1, 1);
    struct worker w;
    memset(text, 'x', LENGTH);
    start(&w, say_three, text);
    for (int i = 0; i < 3; i++) {
        json_t *message = wait_message(&w);
        assert_int_equal(json_string_length(json_object_get(message, "text")), LENGTH);
        assert_int_equal(json_integer_value(json_object_get(message, "i")), i);
        json_decref(message);
    }
    assert_null(wait_message(&w));
    assert_null(worker_end(&w));
    worker_close(&w);
    free(text);
}

static void test_a_crash_is_told_with_what_was_printed(void **state)
{
    (void)state;
    struct worker w;
    start(&w, print_and_abort, NULL);
    assert_null(wait_message(&w));
    char *how = worker_end(&w), *output = worker_output(&w, 100), *tail = worker_output(&w, 4);
    assert_string_equal(how, "signal 6 (Aborted)");
    assert_string_equal(output, "before the end\n");
    assert_string_equal(tail, "end\n");
    free(how);
    free(output);
    free(tail);
    worker_close(&w);
}

static void test_an_exit_is_told_with_its_status(void **state)
{
    (void)state;
    int status = 3;
    struct worker w;
    start(&w, leave, &status);
    assert_null(wait_message(&w));
    char *how = worker_end(&w);
    assert_string_equal(how, "it ended its process with status 3");
    free(how);
    worker_close(&w);
}

static void test_processes_left_behind_are_killed(void **state)
{
    (void)state;
    int told = 0;
    struct worker w;
    start(&w, leave_a_process, &told);
    json_t *message = wait_message(&w);
    pid_t left = (pid_t)json_integer_value(json_object_get(message, "pid"));
    assert_true(left > 0);
    assert_int_equal(kill(left, 0), 0);
    json_decref(message);
    assert_null(worker_end(&w));
    /* The pipe ends when nobody holds it any more. */
    assert_null(wait_message(&w));
    worker_close(&w);
    assert_int_equal(told, 0);                      /* it ran in another process */
}

static void test_nonsense_is_an_empty_message(void **state)
{
    (void)state;
    struct worker w;
    start(&w, talk_nonsense, NULL);
    json_t *message = wait_message(&w);
    assert_int_equal(json_object_size(message), 0);
    json_decref(message);
    assert_null(wait_message(&w));
    worker_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_come_whole_and_in_order),
        cmocka_unit_test(test_a_crash_is_told_with_what_was_printed),
        cmocka_unit_test(test_an_exit_is_told_with_its_status),
        cmocka_unit_test(test_processes_left_behind_are_killed),
        cmocka_unit_test(test_nonsense_is_an_empty_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
