/* SPDX-License-Identifier: Apache-2.0 */
#include "support/box.h"

#include <sys/resource.h>

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

static void it_is_ready_with_its_sockets(void **state)
{
    struct box *box = *state;
    assert_true(box->ready.init_pid > 1);
    assert_int_equal(kill(box->ready.init_pid, 0), 0);
    assert_true(box->ready.network);
    for (int i = 0; i < NETWORK_FDS; i++)
        assert_true(fcntl(box->ready.fds[i], F_GETFD) >= 0);
    assert_string_equal(buf_str(&box->warnings), "");
}

static void codes_come_back(void **state)
{
    struct box *box = *state;
    box_run(box, "true", NULL);
    assert_int_equal(box->code, 0);
    box_sh(box, "exit 42");
    assert_int_equal(box->code, 42);
    box_sh(box, "kill -TERM $$");
    assert_int_equal(box->code, 128 + SIGTERM);
    box_sh(box, "kill -SEGV $$");
    assert_int_equal(box->code, 128 + SIGSEGV);
    assert_string_equal(box->exit_error, "");
}

static void what_cannot_run_says_why(void **state)
{
    struct box *box = *state;
    box_run(box, "no-such-program", NULL);
    assert_int_equal(box->code, 127);
    assert_string_equal(box->exit_error, "cannot run no-such-program: No such file or directory");
    box_run(box, "/etc/passwd", NULL);
    assert_int_equal(box->code, 126);
    assert_string_equal(box->exit_error, "cannot run /etc/passwd: Permission denied");
}

static void a_folder_that_is_not_there_says_so(void **state)
{
    struct box *box = *state;
    const char *const argv[] = {"true"};
    struct container_command command = {.argv = argv, .n_argv = 1, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox/none"};
    box_start_command(box, &command);
    box_finish_command(box);
    assert_int_equal(box->code, 126);
    assert_string_equal(box->exit_error,
                        "cannot enter the folder /sandbox/none: No such file or directory");
}

static void the_environment_is_what_was_given(void **state)
{
    struct box *box = *state;
    assert_string_equal(box_run(box, "/usr/bin/env", NULL), "PATH=/usr/bin:/bin\nHOME=/sandbox\n");
}

static void both_outputs_and_the_input_are_there(void **state)
{
    struct box *box = *state;
    const char *const argv[] = {"/bin/sh", "-c", "cat; echo err >&2; echo again > /dev/stdout"};
    struct container_command command = {.argv = argv, .n_argv = 3, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox"};
    box_start_command(box, &command);
    assert_int_equal(box->n_fds, 3);
    assert_int_equal(write(box->fds[0], "in\n", 3), 3);
    const char *said = box_finish_command(box);
    assert_non_null(strstr(said, "in\n"));
    assert_non_null(strstr(said, "err\n"));
    assert_non_null(strstr(said, "again\n"));
}

static void a_large_command_arrives_whole(void **state)
{
    struct box *box = *state;
    static char big[30000];
    const char *argv[12] = {"/bin/sh", "-c", "echo $# ${#1} ${#8}", "sh"};
    memset(big, 'x', sizeof big - 1);
    for (int i = 4; i < 12; i++)
        argv[i] = big;
    struct container_command command = {.argv = argv, .n_argv = 12, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox"};
    box_start_command(box, &command);
    assert_string_equal(box_finish_command(box), "8 29999 29999\n");
}

static void a_terminal_has_a_name_a_size_and_job_control(void **state)
{
    struct box *box = *state;
    const char *const argv[] = {"/bin/bash", "-c",
                                "tty; stty size; echo >/dev/tty; trap 'stty size; exit 0' WINCH;"
                                "echo ready; while :; do sleep 0.05; done"};
    struct container_command command = {.argv = argv, .n_argv = 3, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox", .streams = EXEC_TERMINAL,
                                   .cols = 100, .rows = 30};
    struct winsize size = {.ws_row = 50, .ws_col = 132};
    char bytes[512];
    struct buf said = {0};
    box_start_command(box, &command);
    assert_int_equal(box->n_fds, 1);
    while (!strstr(buf_str(&said), "ready")) {
        box_await_readable(box, box->fds[0]);
        ssize_t got = read(box->fds[0], bytes, sizeof bytes);
        assert_true(got > 0);
        buf_add(&said, bytes, (size_t)got);
    }
    assert_non_null(strstr(said.data, "/dev/pts/0\r\n30 100\r\n"));
    assert_int_equal(ioctl(box->fds[0], TIOCSWINSZ, &size), 0);
    assert_non_null(strstr(box_finish_command(box), "50 132"));
    assert_int_equal(box->code, 0);
    buf_free(&said);
}

static void killing_reaches_the_whole_group(void **state)
{
    struct box *box = *state;
    const char *const argv[] = {"/bin/sh", "-c", "sleep 1000 & echo $!; wait"};
    struct container_command command = {.argv = argv, .n_argv = 3, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox"};
    char first;
    box_start_command(box, &command);
    uv_poll_t unused;
    (void)unused;
    assert_int_equal(read(box->fds[1], &first, 1), 1);
    container_kill(box->container, box->last_id, SIGTERM);
    box_finish_command(box);
    assert_int_equal(box->code, 128 + SIGTERM);
    assert_string_equal(box_sh(box, "ps -e -o comm= | grep sleep"), "");
}

static void orphans_are_reaped(void **state)
{
    struct box *box = *state;
    assert_string_equal(
        box_sh(box,
               "mkfifo /tmp/go; (sh -c 'echo $$ >/tmp/orphan; read go </tmp/go' &); echo >/tmp/go; "
               "timeout 20 sh -c 'while [ -e /proc/$0 ]; do :; done' $(cat /tmp/orphan) && echo "
               "reaped"),
        "reaped\n");
}

static void stop_asks_first(void **state)
{
    struct box *box = *state;
    const char *const argv[] = {
        "/bin/sh", "-c",
        "trap 'echo bye > /sandbox/bye; exit 0' TERM; echo up; while :; do sleep 0.02; done"};
    struct container_command command = {.argv = argv, .n_argv = 3, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox"};
    char path[128], first;
    box_start_command(box, &command);
    assert_int_equal(read(box->fds[1], &first, 1), 1);
    container_stop(box->container, 5000);
    bool never = false;
    box_wait(box, &never);
    assert_true(box->gone);
    assert_false(box->has_why);
    snprintf(path, sizeof path, "%s/bye", box->workdir);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(kill(box->ready.init_pid, 0), -1);
}

static void stop_does_not_wait_for_ever(void **state)
{
    struct box *box = *state;
    const char *const argv[] = {"/bin/sh", "-c",
                                "trap '' TERM; echo up; while :; do sleep 1; done"};
    struct container_command command = {.argv = argv, .n_argv = 3, .env = box_env, .n_env = 2,
                                   .folder = "/sandbox"};
    char first;
    bool never = false;
    box_start_command(box, &command);
    assert_int_equal(read(box->fds[1], &first, 1), 1);
    uint64_t begin = uv_hrtime();
    container_stop(box->container, 100);
    while (!box->gone)
        box_wait(box, &never);
    assert_true((uv_hrtime() - begin) / 1000000 >= 100);
    assert_false(box->has_why);
}

static void a_killed_init_is_told(void **state)
{
    struct box *box = *state;
    bool never = false;
    kill(box->ready.init_pid, SIGKILL);
    box_wait(box, &never);
    assert_true(box->gone && box->has_why);
    assert_string_equal(box->why.text, "the sandbox has ended: its first process was killed");
}

/* Descriptors in flight are counted for a host uid, and init may have the workload's. */
static void a_command_whose_descriptors_cannot_be_passed_fails_alone(void **state)
{
    static const char *const fill[] = {"/usr/bin/python3", "-c",
        "import os, resource, socket, time\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
        "kept = []\n"
        "try:\n"
        "    while True:\n"
        "        kept.append(socket.socketpair())\n"
        "        socket.send_fds(kept[-1][0], [b'x'], [0] * 200)\n"
        "except OSError as e: why = e\n"
        "print(why.strerror, flush=True); time.sleep(100)"};
    static const char *const after[] = {"/bin/echo", "there"};
    struct container_command filler = {.argv = fill, .n_argv = 3, .env = box_env, .n_env = 2,
                                  .folder = "/sandbox"};
    struct container_command next = {.argv = after, .n_argv = 2, .env = box_env, .n_env = 2,
                                .folder = "/sandbox"};
    struct box *box = *state;
    char said[64] = "";
    struct error err;
    box_start_command(box, &filler);
    assert_true(read(box->fds[1], said, sizeof said - 1) > 0);
    assert_string_equal(said, "Too many references: cannot splice\n");
    assert_int_equal(container_run(box->container, 1000, &next, &err), 0);
    box_wait(box, &box->exited);
    assert_false(box->gone);
    assert_int_equal(box->code, 126);
    assert_string_equal(box->exit_error, "cannot pass the command's descriptors to the supervisor: "
                                         "Too many references: cannot splice");
    box->exited = false;
    container_kill(box->container, box->last_id, SIGKILL);
    box_wait(box, &box->exited);
    assert_string_equal(box_run(box, "/bin/echo", "there", NULL), "there\n");
}

/* Its init may have as many in flight as the workload: more is what a supervisor gives it. */
static int open_box_of_few_files(void **state)
{
    struct rlimit own, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
    few = (struct rlimit){200, own.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int rc = open_plain_box(state);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &own), 0);
    return rc;
}

static void without_a_network_there_are_no_sockets(void **state)
{
    struct box box;
    struct box_options options = {.no_filesystem = true, .no_network = true};
    (void)state;
    assert_int_equal(box_open(&box, &options), 0);
    assert_false(box.ready.network);
    box_run(&box, "/bin/bash", "-c", "exec 3<>/dev/tcp/10.200.0.1/3128", NULL);
    assert_int_not_equal(box.code, 0);
    box_close(&box);
}

static void the_workload_has_the_uid_that_the_policy_names(void **state)
{
    struct box box;
    struct box_options options = {.no_filesystem = true, .user = "4321"};
    (void)state;
    assert_int_equal(box_open(&box, &options), 0);
    assert_string_equal(box_sh(&box, "id -u; id -g; id -un"), "4321\n4321\nsandbox\n");
    box_close(&box);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void expect_failure(const struct box_options *options, const char *text)
{
    struct box box;
    assert_int_equal(box_open(&box, options), -1);
    assert_string_equal(box.why.text, text);
    box_close(&box);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);       /* nothing of it runs on */
}

static void a_strict_policy_fails_by_name(void **state)
{
    static const char *const missing[] = {"/usr", "/no/such/folder"}, *const links[] = {"/lib"};
    (void)state;
    struct box_options options = {
        .filesystem = {sizeof options.filesystem, true, missing, 2, NULL, 0},
        .compatibility = "hard_requirement"};
    expect_failure(&options, "landlock.compatibility is hard_requirement, but "
                             "filesystem_policy.read_only[1], /no/such/folder, does not exist");
    options.filesystem =
        (struct sluice_filesystem){sizeof options.filesystem, true, NULL, 0, links, 1};
    expect_failure(&options,
                   "landlock.compatibility is hard_requirement, but "
                   "filesystem_policy.read_write[0], /lib, is a symbolic link, or leads through "
                   "one that the sandbox may write: list what it points to");
}

static void a_strict_policy_that_can_be_met_is(void **state)
{
    static const char *const read_only[] = {"/usr", "/lib", "/etc", "/proc", "/dev/urandom"};
    static const char *const read_write[] = {"/tmp", "/dev/null", "/sandbox"};
    struct box_options options = {
        .filesystem = {sizeof options.filesystem, true, read_only, 5, read_write, 3},
        .compatibility = "hard_requirement"};
    struct box box;
    (void)state;
    assert_int_equal(box_open(&box, &options), 0);
    assert_string_equal(box_sh(&box, "echo fine"), "fine\n");
    box_close(&box);
}

static void without_bubblewrap_it_says_so(void **state)
{
    struct box_options options = {.no_filesystem = true, .bwrap = "/nonexistent/bwrap"};
    (void)state;
    expect_failure(&options,
                   "no sandbox can be made: cannot run /nonexistent/bwrap: No such file or "
                   "directory: install bubblewrap and restart the gateway");
}

static void each_place_where_it_cannot_work_is_explained(void **state)
{
    static const struct { const char *said, *text;
    } cases[] = {
        {"", "no sandbox can be made: bubblewrap ended without a word"},
        {"bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
         "no sandbox can be made: /proc is partly masked here, as in many containers, so the "
         "sandbox cannot "
         "have its own: run the container with an unmasked /proc "
         "(bwrap: Can't mount proc on /newroot/proc: Operation not permitted)"},
        {"bwrap: Can't find source path /x: Permission denied",
         "no sandbox can be made: bwrap: Can't find source path /x: Permission denied"},
    };
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sandbox_launch_explain(cases[i].said, &err);
        assert_string_equal(err.text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_BOX(it_is_ready_with_its_sockets),
        IN_A_BOX(codes_come_back),
        IN_A_BOX(what_cannot_run_says_why),
        IN_A_BOX(a_folder_that_is_not_there_says_so),
        IN_A_BOX(the_environment_is_what_was_given),
        IN_A_BOX(both_outputs_and_the_input_are_there),
        IN_A_BOX(a_large_command_arrives_whole),
        IN_A_BOX(a_terminal_has_a_name_a_size_and_job_control),
        IN_A_BOX(killing_reaches_the_whole_group),
        IN_A_BOX(orphans_are_reaped),
        IN_A_BOX(stop_asks_first),
        IN_A_BOX(stop_does_not_wait_for_ever),
        cmocka_unit_test_setup_teardown(a_command_whose_descriptors_cannot_be_passed_fails_alone,
                                        open_box_of_few_files, close_box),
        IN_A_BOX(a_killed_init_is_told),
        cmocka_unit_test(without_a_network_there_are_no_sockets),
        cmocka_unit_test(the_workload_has_the_uid_that_the_policy_names),
        cmocka_unit_test(a_strict_policy_fails_by_name),
        cmocka_unit_test(a_strict_policy_that_can_be_met_is),
        cmocka_unit_test(without_bubblewrap_it_says_so),
        cmocka_unit_test(each_place_where_it_cannot_work_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
