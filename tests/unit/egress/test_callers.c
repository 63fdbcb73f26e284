/* SPDX-License-Identifier: Apache-2.0 */
/* Connects of a workload, seen and made by us: what the programs notice, and who is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/caller/records.h"
#include "support/callers.h"

#include <sys/mman.h>
#include <sys/un.h>

/* ---- what the workload does; each returns 0 or the number of what went wrong ---- */

static int connect_not_blocking(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    EXPECT(connect_to(fd, &proxy) == EINPROGRESS);
    EXPECT(poll(&writable, 1, patience_ms()) == 1 && writable.revents == POLLOUT);
    EXPECT(error_of(fd) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK));
    EXPECT(connect_to(fd, &proxy) == 0); /* as without us: the first one after the wait */
    EXPECT(connect_to(fd, &proxy) == EISCONN);
    return 0;
}

static int connect_by_ipv6(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in6 proxy = {.sin6_family = AF_INET6, .sin6_port = htons(d->port)};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    inet_pton(AF_INET6, "::ffff:" PROXY_ADDRESS, &proxy.sin6_addr);
    EXPECT(connect(fd, (struct sockaddr *)&proxy, sizeof proxy) == 0);
    return 0;
}

static void a_connect_to_the_proxy_is_as_usual_and_recorded(void **state)
{
    static int (*const ways[])(void *) = {connect_blocking, connect_not_blocking, connect_by_ipv6};
    struct desk d;
    (void)state;
    open_desk(&d);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(run(&d, ways[i]), 0);
        assert_int_equal(egress_callers_pending(d.callers), 1);
        expect_this_program(&d);
        assert_int_equal(egress_callers_pending(d.callers), 0);
    }
    close_desk(&d);
}

static int connect_wrongly(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    struct sockaddr *to = (struct sockaddr *)&proxy;
    int fd = socket(AF_INET, SOCK_STREAM, 0), v6 = socket(AF_INET6, SOCK_STREAM, 0), ends[2];
    EXPECT(pipe(ends) == 0);
    EXPECT(connect(999, to, sizeof proxy) == -1 && errno == EBADF);
    EXPECT(connect(-1, to, sizeof proxy) == -1 && errno == EBADF);
    EXPECT(connect(ends[0], to, sizeof proxy) == -1 && errno == ENOTSOCK);
    EXPECT(connect(fd, (struct sockaddr *)8, sizeof proxy) == -1 && errno == EFAULT);
    EXPECT(connect(fd, to, 4) == -1 && errno == EINVAL);
    EXPECT(connect(fd, to, 1000) == -1 && errno == EINVAL);
    EXPECT(connect(fd, to, (socklen_t)-1) == -1 && errno == EINVAL);
    EXPECT(connect(fd, to, 0) == -1 && errno == EINVAL);
    EXPECT(connect(v6, to, sizeof proxy) == -1 && (errno == EINVAL || errno == EAFNOSUPPORT));
    proxy.sin_port = htons(1);
    EXPECT(connect_to(fd, &proxy) == ECONNREFUSED);
    proxy = address_of("192.0.2.1", 80);
    EXPECT(connect_to(fd, &proxy) == ENETUNREACH);
    return 0;
}

static int connect_elsewhere(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in local = address_of("127.0.0.1", d->local_port);
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0local"};
    int fd = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(connect_to(fd, &local) == 0);
    EXPECT(connect_to(udp, &proxy) == 0);           /* the same numbers, but not TCP */
    EXPECT(bind(server, (struct sockaddr *)&name, sizeof name) == 0 && listen(server, 1) == 0);
    EXPECT(connect(client, (struct sockaddr *)&name, sizeof name) == 0);
    return 0;
}

static void other_connects_are_the_kernels(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_int_equal(run(&d, connect_wrongly), 0);
    assert_int_equal(run(&d, connect_elsewhere), 0);
    assert_int_equal(egress_callers_pending(d.callers), 0);
    assert_false(one_waits(&d));
    close_desk(&d);
}

/* A key agent or whoever else does not want to be looked into.  What that takes is decided when a
 * program is executed: so it is executed here, in the test's user namespace. */
static int connect_hidden(void *arg)
{
    const struct desk *d = arg;
    char port[8];
    snprintf(port, sizeof port, "%u", d->port);
    execl("/proc/self/exe", "hidden", "hidden", port, (char *)NULL);
    return 1;
}

static int hidden_main(const char *port)
{
    struct desk d = {.port = (uint16_t)atoi(port)};
    prctl(PR_SET_DUMPABLE, 0);
    return connect_blocking(&d);
}

static void a_hidden_program_is_known_too(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_int_equal(run(&d, connect_hidden), 0);
    expect_this_program(&d);
    close_desk(&d);
}

/* ---- threads ---- */

struct threaded {
    const struct desk *desk;
    int result, fd;
};

static int connect_in_thread(void *arg)
{
    struct threaded *t = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, t->desk->port);
    t->result = connect_to(t->fd, &proxy);
    return 0;
}

static void *thread_main(void *arg)
{
    connect_in_thread(arg);
    return NULL;
}

static int connect_from_a_thread(void *arg)
{
    struct threaded t = {.desk = arg, .fd = socket(AF_INET, SOCK_STREAM, 0)};
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, thread_main, &t) == 0);
    pthread_join(thread, NULL);
    EXPECT(t.result == 0);
    return 0;
}

static void *thread_with_own_table(void *arg)
{
    struct threaded *t = arg;
    if (unshare(CLONE_FILES) != 0)
        return NULL;
    dup2(socket(AF_INET, SOCK_STREAM, 0), t->fd);
    connect_in_thread(t);
    t->result = t->result ? t->result : error_of(t->fd);
    return t;
}

/* The number stands for another file in the thread's table than in its process's. */
static int connect_from_a_thread_with_a_table(void *arg)
{
    struct threaded t = {.desk = arg, .fd = dup(STDERR_FILENO), .result = -1};
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, thread_with_own_table, &t) == 0);
    pthread_join(thread, NULL);
    EXPECT(t.result == 0);
    return 0;
}

static void threads_are_their_process(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_int_equal(run(&d, connect_from_a_thread), 0);
    expect_this_program(&d);
    assert_int_equal(run(&d, connect_from_a_thread_with_a_table), 0);
    expect_this_program(&d);
    close_desk(&d);
}

/* As a kernel before 6.9: no descriptors of threads. */
static void forbid_descriptors_of_threads(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_pidfd_open, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    assert_int_equal(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0);
}

static void old_kernels_do_too(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    forbid_descriptors_of_threads();
    assert_int_equal(run(&d, connect_blocking), 0);
    expect_this_program(&d);
    assert_int_equal(run(&d, connect_from_a_thread), 0);
    expect_this_program(&d);
    /* Its socket cannot be had there: it connects, and is nobody. */
    assert_int_equal(run(&d, connect_from_a_thread_with_a_table), 0);
    expect_nobody(&d);
    close_desk(&d);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_connect_to_the_proxy_is_as_usual_and_recorded),
        cmocka_unit_test(other_connects_are_the_kernels),
        cmocka_unit_test(a_hidden_program_is_known_too),
        cmocka_unit_test(threads_are_their_process),
        cmocka_unit_test(old_kernels_do_too),           /* last: its filter stays */
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "hidden") == 0)
        return hidden_main(argv[2]);
    network_enter();
    return tests();
}
