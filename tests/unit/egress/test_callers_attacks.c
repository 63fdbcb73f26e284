/* SPDX-License-Identifier: Apache-2.0 */
/* Connects of a workload that tries to pass for another program, or to keep the proxy busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/caller/records.h"
#include "support/callers.h"

#include <sys/mman.h>
#include <sys/un.h>

struct flipped {
    const struct desk *desk;
    struct sockaddr_in address;                     /* changes all the time */
    volatile bool end;
};

static void *flip(void *arg)
{
    struct flipped *f = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, f->desk->port);
    struct sockaddr_in local = address_of("127.0.0.1", f->desk->local_port);
    while (!f->end) {
        f->address = local;
        __sync_synchronize();
        f->address = proxy;
        __sync_synchronize();
    }
    return NULL;
}

static int connect_to_what_changes(void *arg)
{
    struct flipped f = {.desk = arg};
    pthread_t thread;
    f.address = address_of("127.0.0.1", f.desk->local_port);
    EXPECT(pthread_create(&thread, NULL, flip, &f) == 0);
    for (int i = 0; i < 100; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        connect_to(fd, &f.address);
        close(fd);
    }
    f.end = true;
    pthread_join(thread, NULL);
    return 0;
}

static void drain(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        close(fd);
}

/* A look that saw a local address, and a kernel that went to the proxy. */
static void memory_that_changes_after_the_look_gains_nothing(void **state)
{
    struct desk d;
    struct egress_caller caller;
    struct error err;
    unsigned nobody = 0, known = 0;
    (void)state;
    open_desk(&d);
    while (nobody == 0 || known == 0) {
        assert_int_equal(run(&d, connect_to_what_changes), 0);
        while (one_waits(&d)) {
            bool is_known = take(&d, &caller, &err);
            known += is_known;
            nobody += !is_known;
            egress_caller_free(&caller);
        }
        drain(d.local);
        assert_int_equal(egress_callers_pending(d.callers), 0);
    }
    close_desk(&d);
}

static int connect_many(void *arg)
{
    enum { MANY = 1500 };
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    for (int i = 0; i < MANY; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int error = connect_to(fd, &proxy);
        EXPECT(fd >= 0 && (error == EINPROGRESS || error == EAGAIN));
    }
    return 0;
}

static void very_many_connects_are_bounded(void **state)
{
    struct desk d;
    unsigned known = 0;
    (void)state;
    open_desk(&d);
    assert_int_equal(run(&d, connect_many), 0);
    assert_int_equal(egress_callers_pending(d.callers), EGRESS_RECORDS_MAX);
    for (; one_waits(&d); known++)
        expect_this_program(&d);
    assert_int_equal(known, EGRESS_RECORDS_MAX);
    assert_int_equal(run(&d, connect_blocking), 0);
    expect_this_program(&d);
    close_desk(&d);
}

/* An address for which a record is kept, and whose socket everybody has closed. */
static int connect_bound(const struct desk *d, int *error)
{
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    struct sockaddr_in own = address_of("127.0.0.1", 5555);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    EXPECT(bind(fd, (struct sockaddr *)&own, sizeof own) == 0);
    *error = connect_to(fd, &proxy);
    return 0;
}

static int connect_bound_first(void *arg)
{
    int error;
    EXPECT(connect_bound(arg, &error) == 0 && error == 0);
    return 0;
}

static int connect_bound_again(void *arg)
{
    int error;
    EXPECT(connect_bound(arg, &error) == 0 && error == EADDRNOTAVAIL);
    return 0;
}

static void a_source_port_is_not_used_twice(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_int_equal(run(&d, connect_bound_first), 0);
    assert_int_equal(run(&d, connect_bound_again), 0);
    assert_int_equal(egress_callers_pending(d.callers), 1);
    expect_this_program(&d);
    close_desk(&d);
}

/* A socket that is recorded, given up by its owner and connected again to somewhere else. */
static int connect_and_disconnect(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect_to(fd, &proxy) == 0);
    EXPECT(connect(fd, &nowhere, sizeof nowhere) == 0);
    return 0;
}

static void a_record_holds_only_for_its_connection(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_int_equal(run(&d, connect_and_disconnect), 0);
    if (one_waits(&d))
        expect_nobody(&d);
    close_desk(&d);
}

static int connect_for_ever(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    for (int fd;; close(fd)) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        connect_to(fd, &proxy);
    }
    return 0;
}

static void callers_that_are_killed_leave_nothing(void **state)
{
    enum { CALLERS = 12, ROUNDS = 8 };
    struct desk d;
    pid_t pids[CALLERS];
    struct egress_caller caller;
    struct error err;
    (void)state;
    open_desk(&d);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CALLERS; i++)
            pids[i] = watched_fork(&d.watched, connect_for_ever, &d);
        for (int i = 0; i < CALLERS; i++) {
            uv_run(&d.loop, UV_RUN_ONCE);
            kill(pids[i], SIGKILL);
            assert_int_equal(finish(&d, pids[i]), 128 + SIGKILL);
        }
        while (one_waits(&d)) {
            take(&d, &caller, &err);
            egress_caller_free(&caller);
        }
        assert_int_equal(egress_callers_pending(d.callers), 0);
    }
    assert_int_equal(run(&d, connect_blocking), 0);
    expect_this_program(&d);
    close_desk(&d);
}

static void *exec_soon(void *arg)
{
    usleep(*(useconds_t *)arg);
    execl("/bin/true", "true", (char *)NULL);
    return NULL;
}

static int connect_while_another_executes(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    useconds_t delay = (useconds_t)(getpid() % 7) * 60;
    pthread_t thread;
    pthread_create(&thread, NULL, exec_soon, &delay);
    for (int i = 0; i < 100; i++)
        connect_to(socket(AF_INET, SOCK_STREAM, 0), &proxy);
    pthread_join(thread, NULL);
    return 1;
}

/* The process is another program as soon as its other thread is gone; the connections are not. */
static void a_connect_is_of_the_program_that_called_it(void **state)
{
    enum { ATTEMPTS = 40 };
    struct desk d;
    struct egress_caller caller;
    struct error err;
    (void)state;
    open_desk(&d);
    for (int i = 0; i < ATTEMPTS; i++) {
        assert_int_equal(run(&d, connect_while_another_executes), 0);
        while (one_waits(&d)) {
            if (take(&d, &caller, &err))
                assert_null(strstr(caller.binary, "/true"));
            egress_caller_free(&caller);
        }
    }
    close_desk(&d);
}

static int connect_unwatched(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    EXPECT(connect_to(socket(AF_INET, SOCK_STREAM, 0), &proxy) == ENOSYS);
    return 0;
}

static void without_us_nobody_connects(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    egress_callers_close(d.callers, on_closed, &d);
    while (!d.closed)
        uv_run(&d.loop, UV_RUN_ONCE);
    assert_int_equal(run(&d, connect_unwatched), 0);
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(memory_that_changes_after_the_look_gains_nothing),
        cmocka_unit_test(very_many_connects_are_bounded),
        cmocka_unit_test(a_source_port_is_not_used_twice),
        cmocka_unit_test(a_record_holds_only_for_its_connection),
        cmocka_unit_test(callers_that_are_killed_leave_nothing),
        cmocka_unit_test(a_connect_is_of_the_program_that_called_it),
        cmocka_unit_test(without_us_nobody_connects),
    };
    network_enter();
    return cmocka_run_group_tests(list, NULL, NULL);
}
