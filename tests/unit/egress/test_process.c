/* SPDX-License-Identifier: Apache-2.0 */
/* A look that cannot be completed is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "egress/process.h"

static void *wait_for_the_end(void *arg)
{
    pause();
    return arg;
}

/* A child with so many threads, all of them there. */
static pid_t start(int threads)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        for (int i = 1; i < threads; i++)
            pthread_create(&thread, NULL, wait_for_the_end, NULL);
        (void)!write(ready[1], "r", 1);
        wait_for_the_end(NULL);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static int look_without_descriptors(struct search *search, struct error *err)
{
    struct rlimit limit, none;
    bool changed;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){0, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    int rc = egress_search_look(search, &changed, err);
    setrlimit(RLIMIT_NOFILE, &limit);
    return rc;
}

static void begin(struct search *search)
{
    struct error err;
    int init = egress_children_open(getpid(), &err);
    assert_true(init >= 0);
    egress_search_begin(search, init, NULL, 0, clock_mono_ns() + UINT64_C(5000000000));
}

static void finish(struct search *search)
{
    close(search->init_children);
    egress_search_end(search);
}

static void a_look_ends_when_it_finds_no_change(void **state)
{
    struct search search;
    struct error err;
    bool changed = true;
    (void)state;
    pid_t pid = start(1);
    begin(&search);
    for (int looks = 1; looks <= 2; looks++) {
        assert_int_equal(egress_search_look(&search, &changed, &err), 0);
        assert_int_equal(changed, looks == 1);
    }
    assert_int_equal(search.n, 1);
    assert_int_equal(search.items[0].pid, pid);
    end(pid);
    assert_int_equal(egress_search_look(&search, &changed, &err), 0);
    assert_true(changed);
    finish(&search);
}

static void without_descriptors_threads_cannot_be_listed(void **state)
{
    struct search search;
    struct error err;
    (void)state;
    pid_t pid = start(2);
    begin(&search);
    assert_int_equal(look_without_descriptors(&search, &err), -1);
    assert_non_null(strstr(err.text, "cannot list the threads of process "));
    finish(&search);
    end(pid);
}

static void without_descriptors_children_cannot_be_listed(void **state)
{
    struct search search;
    struct error err;
    (void)state;
    pid_t pid = start(1);
    begin(&search);
    assert_int_equal(look_without_descriptors(&search, &err), -1);
    assert_non_null(strstr(err.text, "cannot list the children of process "));
    finish(&search);
    end(pid);
}

/* How many descriptors a hidden process has room for is its own choice. */
static void hidden_descriptors_are_compared_until_it_is_too_late(void **state)
{
    struct search search;
    struct error err;
    struct stat st;
    bool changed;
    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(fstat(fd, &st), 0);
    const uint32_t inode = (uint32_t)st.st_ino;
    pid_t pid = start(1);
    begin(&search);
    search.inodes = &inode;
    search.n_sockets = 1;
    assert_int_equal(egress_search_look(&search, &changed, &err), 0);
    assert_int_equal(search.n_holdings, 1);
    search.hidden = alloc_resize(NULL, 1, sizeof *search.hidden);
    search.hidden[search.n_hidden++] = (struct hidden){0, pid};
    assert_int_equal(egress_table_look_hidden(&search, 0, &err), 0);
    search.deadline_ns = 0;
    assert_int_equal(egress_table_look_hidden(&search, 0, &err), -1);
    assert_non_null(strstr(err.text, "cannot be looked through in time"));
    finish(&search);
    close(fd);
    end(pid);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_look_ends_when_it_finds_no_change),
        cmocka_unit_test(without_descriptors_threads_cannot_be_listed),
        cmocka_unit_test(without_descriptors_children_cannot_be_listed),
        cmocka_unit_test(hidden_descriptors_are_compared_until_it_is_too_late),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
