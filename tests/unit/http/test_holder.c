/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes hold a socket: what decides is what /proc shows, not how busy the machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "http/holder.h"

static uint64_t inode_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static int new_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_socket_of_this_process_is_held_here(void **state)
{
    (void)state;
    int fd = new_socket();
    uint64_t inode = inode_of(fd);
    assert_true(http_socket_held_here(inode, geteuid()));
    assert_false(http_socket_held_here(inode, geteuid() + 1));
    close(fd);
    assert_false(http_socket_held_here(inode, geteuid()));
}

/* A process that holds the socket and is in a user namespace of its own once this returns. */
static pid_t share_with_another_namespace(void)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWUSER) == 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    ssize_t n = read(ready[0], &byte, 1);
    close(ready[0]);
    if (n == 1)
        return pid;
    end_child(pid);
    return -1;
}

static void a_socket_shared_with_another_user_namespace_is_not(void **state)
{
    (void)state;
    int fd = new_socket();
    pid_t pid = share_with_another_namespace();
    if (pid < 0)
        skip();
    assert_false(http_socket_held_here(inode_of(fd), geteuid()));
    end_child(pid);
    assert_true(http_socket_held_here(inode_of(fd), geteuid()));
    close(fd);
}

/* Searches until the pipe is closed; ends at the first search that finds nothing. */
static int search_on(uint64_t inode, int until)
{
    char byte;
    fcntl(until, F_SETFL, O_NONBLOCK);
    while (read(until, &byte, 1) < 0 && errno == EAGAIN)
        if (!http_socket_held_here(inode, geteuid()))
            return 1;
    return 0;
}

/* As on a machine that is too busy to let the search run. */
static void suspend(pid_t pid, long ms)
{
    int status;
    kill(pid, SIGSTOP);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));                /* it found the socket up to now */
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
    kill(pid, SIGCONT);
}

static void a_search_that_stands_still_finds_it_nevertheless(void **state)
{
    (void)state;
    int fd = new_socket(), until[2], status;
    assert_int_equal(pipe2(until, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(until[1]);
        _exit(search_on(inode_of(fd), until[0]));
    }
    for (int i = 0; i < 3; i++)
        suspend(pid, 300);
    close(until[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(until[0]);
    close(fd);
}

enum { OTHER_UID = 1900000007 };                    /* no other test's */

/* A process of that uid with so many descriptors, which are copies of fd, once this returns. */
static pid_t hoard(int fd, int count)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = setuid(OTHER_UID) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
        for (int i = 0; ok && i < count; i++)
            ok = dup(fd) >= 0;
        if (ok && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

/* Somebody who opens many descriptors does not keep a worker thread busy for long. */
static void a_search_ends_after_as_many_entries_as_it_may_read(void **state)
{
    (void)state;
    enum { PROCESSES = 32 };
    const int each = HTTP_HOLDER_ENTRIES_MAX / PROCESSES;
    struct rlimit before, limit;
    pid_t pids[PROCESSES];
    if (geteuid() != 0)
        skip();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)each + 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < PROCESSES; i++)
        pids[i] = hoard(STDERR_FILENO, each);
    int fd = new_socket();
    pid_t holder = hoard(fd, 1);
    assert_false(http_socket_held_here(inode_of(fd), OTHER_UID));
    for (int i = 0; i < PROCESSES; i++)
        end_child(pids[i]);
    assert_true(http_socket_held_here(inode_of(fd), OTHER_UID));
    end_child(holder);
    setrlimit(RLIMIT_NOFILE, &before);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_of_this_process_is_held_here),
        cmocka_unit_test(a_socket_shared_with_another_user_namespace_is_not),
        cmocka_unit_test(a_search_that_stands_still_finds_it_nevertheless),
        cmocka_unit_test(a_search_ends_after_as_many_entries_as_it_may_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
