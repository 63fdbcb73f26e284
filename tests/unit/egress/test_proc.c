/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of /proc that are longer than what one read brings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "egress/proc.h"

enum { CHILDREN = 1500, STACK = 4096, DESCRIPTORS = 700 };

static int wait_for_the_end(void *arg)
{
    (void)arg;
    while (pause() != 0)
        ;
    return 0;
}

static const char *children_path(void)
{
    static char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
    return path;
}

static void a_list_of_many_pages_is_read_to_its_end(void **state)
{
    static _Alignas(16) char stacks[CHILDREN][STACK];
    static char list[CHILDREN * 8];
    pid_t pids[CHILDREN];
    (void)state;
    for (size_t i = 0; i < CHILDREN; i++) {
        int flags = CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD;
        pids[i] = clone(wait_for_the_end, stacks[i] + STACK, flags, NULL);
        assert_true(pids[i] > 0);
    }
    ssize_t len = egress_proc_read_path(children_path(), list, sizeof list);
    assert_true(len > 4096);
    char *at = list;
    for (size_t i = 0; i < CHILDREN; i++)
        assert_int_equal(strtol(at, &at, 10), pids[i]);
    assert_string_equal(at, " ");
    for (size_t i = 0; i < CHILDREN; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
}

static void an_open_list_is_read_as_it_is_now(void **state)
{
    char list[64], expected[64];
    int fd = open(children_path(), O_RDONLY | O_CLOEXEC);
    (void)state;
    assert_int_equal(egress_proc_read(fd, list, sizeof list), 0);
    pid_t child = fork();
    if (child == 0)
        wait_for_the_end(NULL);
    snprintf(expected, sizeof expected, "%d ", (int)child);
    assert_true(egress_proc_read(fd, list, sizeof list) > 0);
    assert_string_equal(list, expected);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(egress_proc_read(fd, list, sizeof list), 0);
    close(fd);
}

static void a_list_that_does_not_fit_is_cut(void **state)
{
    char text[8];
    (void)state;
    assert_int_equal(egress_proc_read_path("/proc/self/status", text, sizeof text), sizeof text - 1);
    assert_memory_equal(text, "Name:\t", 6);
    assert_int_equal(text[sizeof text - 1], '\0');
    assert_int_equal(egress_proc_read_path("/proc/0/status", text, sizeof text), -1);
}

static void every_entry_of_a_folder_comes_once(void **state)
{
    static unsigned char seen[DESCRIPTORS + 64];
    struct rlimit limit;
    struct proc_folder folder;
    const struct dirent64 *entry;
    int fds[DESCRIPTORS];
    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < DESCRIPTORS; i++) {
        fds[i] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
        assert_in_range(fds[i], 0, sizeof seen - 1);
    }
    assert_int_equal(egress_proc_open(&folder, "/proc/self/fd"), 0);
    while ((entry = egress_proc_next(&folder))) {
        assert_in_range(entry->d_name[0], '0', '9');
        assert_in_range(atoi(entry->d_name), 0, sizeof seen - 1);
        seen[atoi(entry->d_name)]++;
    }
    egress_proc_close(&folder);
    for (size_t i = 0; i < DESCRIPTORS; i++) {
        assert_int_equal(seen[fds[i]], 1);
        close(fds[i]);
    }
    assert_int_equal(egress_proc_open(&folder, "/proc/0/fd"), -1);
    assert_int_equal(errno, ENOENT);
}

static void an_ended_process_is_known_before_it_was_waited_for(void **state)
{
    siginfo_t info;
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    assert_true(egress_proc_ended(child, child));
    waitpid(child, NULL, 0);
    assert_true(egress_proc_ended(child, child));
    assert_false(egress_proc_ended(getpid(), getpid()));
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_list_of_many_pages_is_read_to_its_end),
        cmocka_unit_test(an_open_list_is_read_as_it_is_now),
        cmocka_unit_test(a_list_that_does_not_fit_is_cut),
        cmocka_unit_test(every_entry_of_a_folder_comes_once),
        cmocka_unit_test(an_ended_process_is_known_before_it_was_waited_for),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
