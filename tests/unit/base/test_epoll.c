/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that the kernel refuses to watch are watched all the same.  A seccomp filter refuses
 * them here as the kernel does when the account of watches is full. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct watch {
    int epoll, ends[2];
};

static struct watch watch_new(void)
{
    struct watch w = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    assert_true(w.epoll >= 0);
    assert_int_equal(pipe(w.ends), 0);
    return w;
}

static int ask(const struct watch *w, int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = w->ends[0]};
    return epoll_ctl(w->epoll, op, w->ends[0], &event);
}

static int wait_for(const struct watch *w, int timeout, struct epoll_event *event)
{
    *event = (struct epoll_event){0};
    return epoll_wait(w->epoll, event, 1, timeout);
}

static void watch_free(const struct watch *w)
{
    close(w->ends[0]);
    close(w->ends[1]);
    close(w->epoll);
}

/* For good, so it is called in a child. */
static void refuse(int error)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_ctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, EPOLL_CTL_ADD, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rows / sizeof *rows, rows};
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void check_watch(void)
{
    struct watch w = watch_new();
    struct epoll_event event;
    assert_int_equal(ask(&w, EPOLL_CTL_ADD, EPOLLIN), 0);
    assert_int_equal(ask(&w, EPOLL_CTL_ADD, EPOLLIN), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(wait_for(&w, 0, &event), 0);
    assert_int_equal(wait_for(&w, 10, &event), 0);
    assert_int_equal(write(w.ends[1], "x", 1), 1);
    assert_int_equal(wait_for(&w, -1, &event), 1);
    assert_int_equal(event.events, EPOLLIN);
    assert_int_equal(event.data.fd, w.ends[0]);
    assert_int_equal(ask(&w, EPOLL_CTL_MOD, 0), 0);
    assert_int_equal(wait_for(&w, 0, &event), 0);
    close(w.ends[1]);
    assert_int_equal(wait_for(&w, -1, &event), 1);
    assert_int_equal(event.events, EPOLLHUP);
    assert_int_equal(ask(&w, EPOLL_CTL_DEL, 0), 0);
    assert_int_equal(ask(&w, EPOLL_CTL_DEL, 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(wait_for(&w, 0, &event), 0);
    watch_free(&w);
}

static void check_closed(void)
{
    struct watch w = watch_new();
    struct epoll_event event;
    assert_int_equal(ask(&w, EPOLL_CTL_ADD, EPOLLIN), 0);
    close(w.ends[1]);
    close(w.ends[0]);
    assert_int_equal(wait_for(&w, 0, &event), 0);
    close(w.epoll);
}

/* One watch from before the account was full, and one from after. */
static void check_both(int error)
{
    struct watch before = watch_new(), after = watch_new();
    struct epoll_event events[4];
    after.epoll = before.epoll;
    assert_int_equal(ask(&before, EPOLL_CTL_ADD, EPOLLIN), 0);
    refuse(error);
    assert_int_equal(ask(&after, EPOLL_CTL_ADD, EPOLLIN), 0);
    assert_int_equal(write(before.ends[1], "x", 1), 1);
    assert_int_equal(epoll_wait(before.epoll, events, 4, -1), 1);
    assert_int_equal(events[0].data.fd, before.ends[0]);
    assert_int_equal(write(after.ends[1], "x", 1), 1);
    assert_int_equal(epoll_wait(before.epoll, events, 4, -1), 2);
    assert_int_equal(epoll_wait(before.epoll, events, 1, -1), 1);
}

static void in_child(int error, void (*check)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (check)
            refuse(error);
        else
            check_both(error);
        if (check)
            check();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void what_the_kernel_watches_is_left_to_it(void **state)
{
    (void)state;
    check_watch();
    check_closed();
}

static void what_it_refuses_is_watched_all_the_same(void **state)
{
    static const int errors[] = {ENOSPC, ENOMEM};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        in_child(errors[i], check_watch);
        in_child(errors[i], check_closed);
        in_child(errors[i], NULL);
    }
}

static void other_errors_are_told(void **state)
{
    struct watch w = watch_new();
    (void)state;
    close(w.ends[0]);
    assert_int_equal(ask(&w, EPOLL_CTL_ADD, EPOLLIN), -1);
    assert_int_equal(errno, EBADF);
    close(w.ends[1]);
    close(w.epoll);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_kernel_watches_is_left_to_it),
        cmocka_unit_test(what_it_refuses_is_watched_all_the_same),
        cmocka_unit_test(other_errors_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
