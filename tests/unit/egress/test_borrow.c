/* SPDX-License-Identifier: Apache-2.0 */
/* A workload has the same open files as the loop that serves it.  Whatever it does to a socket, no
 * call of the loop waits for it. */
#include "support/rig.h"
#include "support/callers.h"
#include "support/deaf.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STANDS_S = 5, TTL_OF_NOBODY = 255 };

/* ---- a loop that stands still ends the test ---- */

static void loop_stands(int signum)
{
    static const char text[] = "[  FAILED  ] the loop stood still: a call of it waits\n";
    (void)signum;
    _exit(write(STDERR_FILENO, text, sizeof text - 1) > 0 ? 1 : 2);
}

static void loop_turns(uv_timer_t *timer)
{
    (void)timer;
    alarm(STANDS_S);
}

static void watch_loop(uv_loop_t *loop, uv_timer_t *timer)
{
    uv_timer_init(loop, timer);
    uv_timer_start(timer, loop_turns, 0, 100);
    signal(SIGALRM, loop_stands);
    alarm(STANDS_S);
}

static void unwatch_loop(uv_timer_t *timer)
{
    alarm(0);
    uv_close((uv_handle_t *)timer, NULL);
}

/* ---- what the workload does ---- */

/* From now on the socket hears nothing: not that it is connected, nor that bytes have arrived. */
static void make_deaf(int fd)
{
    const int ttl = TTL_OF_NOBODY;
    setsockopt(fd, IPPROTO_IP, IP_MINTTL, &ttl, sizeof ttl);
}

/* A part of this program that is run anew, as it has threads of its own. */
struct program {
    const char *name;
    uint16_t port;
    int told;                                       /* closed when it has closed its socket */
};

static int execute(void *arg)
{
    const struct program *program = arg;
    char port[8], told[12];
    snprintf(port, sizeof port, "%u", program->port);
    snprintf(told, sizeof told, "%d", program->told);
    execl("/proc/self/exe", program->name, program->name, port, told, (char *)NULL);
    return 1;
}

struct blocker {
    pthread_t main;
    atomic_int fd;
};

/* Makes the socket block, again and again. */
static void *make_block(void *arg)
{
    struct blocker *blocker = arg;
    for (;;)
        fcntl(atomic_load(&blocker->fd), F_SETFL, 0);
    return NULL;
}

static void nothing(int signum)
{
    (void)signum;
}

static bool is_being_connected(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_state == TCP_SYN_SENT;
}

/* A call that waits for its connection, which never comes, ends by a signal. */
static void *interrupt_main(void *arg)
{
    struct blocker *blocker = arg;
    for (;;) {
        if (is_being_connected(atomic_load(&blocker->fd)))
            pthread_kill(blocker->main, SIGUSR1);
        usleep(100);
    }
    return NULL;
}

static int deaf_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    make_deaf(fd);
    return fd;
}

static int connect_sockets_that_begin_to_block(uint16_t port)
{
    enum { ATTEMPTS = 200, THREADS = 4 };
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, port);
    struct sigaction interrupted = {.sa_handler = nothing};
    struct blocker blocker = {.main = pthread_self(), .fd = -1};
    pthread_t threads[THREADS];
    sigaction(SIGUSR1, &interrupted, NULL);
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, i ? make_block : interrupt_main, &blocker) == 0);
    for (int i = 0; i < ATTEMPTS; i++) {
        int fd = deaf_socket();
        atomic_store(&blocker.fd, fd);
        EXPECT(connect_to(fd, &proxy) == EINTR);
        close(fd);
    }
    return 0;
}

static void a_socket_that_begins_to_block_keeps_only_its_owner(void **state)
{
    struct desk d;
    uv_timer_t turns;
    (void)state;
    open_desk(&d);
    watch_loop(&d.loop, &turns);
    struct program program = {.name = "block", .port = d.port};
    assert_int_equal(finish(&d, watched_fork(&d.watched, execute, &program)), 0);
    unwatch_loop(&turns);
    close_desk(&d);
}

/* The last one to close it waits until its end has arrived, which it never hears. */
static bool make_linger(int fd)
{
    const struct linger lingers = {.l_onoff = 1, .l_linger = 600};
    make_deaf(fd);
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &lingers, sizeof lingers) == 0;
}

static int connect_and_linger(void *arg)
{
    const struct desk *d = arg;
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, d->port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect_to(fd, &proxy) == 0);
    EXPECT(make_linger(fd));
    return 0;
}

static void a_socket_that_lingers_is_closed_without_waiting(void **state)
{
    struct desk d;
    uv_timer_t turns;
    struct error err;
    struct egress_caller caller;
    (void)state;
    open_desk(&d);
    watch_loop(&d.loop, &turns);
    assert_int_equal(run(&d, connect_and_linger), 0);
    assert_true(take(&d, &caller, &err));           /* closes the record's socket, the last one */
    egress_caller_free(&caller);
    unwatch_loop(&turns);
    close_desk(&d);
}

struct closer {
    int fd, told;
};

/* As soon as it is redirected, while its connect is still suspended. */
static void *close_while_it_connects(void *arg)
{
    struct closer *closer = arg;
    while (send(closer->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
        sched_yield();
    make_linger(closer->fd);
    close(closer->fd);
    close(closer->told);
    return NULL;
}

static int connect_and_close(uint16_t port, int told)
{
    struct closer closer = {.fd = socket(AF_INET, SOCK_STREAM, 0), .told = told};
    struct sockaddr_in to = address_of(OTHER_ADDRESS, port);
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, close_while_it_connects, &closer) == 0);
    EXPECT(connect_to(closer.fd, &to) == 0);
    return pthread_join(thread, NULL);
}

static void start_for_this_program(struct rig *rig, const char *host)
{
    char self[256], rules[300];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    snprintf(rules, sizeof rules, "%s 0 %s", host, self);
    rig_start(rig, rules);
}

static bool is_closed(int pipe)
{
    struct pollfd end = {.fd = pipe};
    return poll(&end, 1, 0) == 1;
}

/* The destination answers late, so that the workload has time to close its socket. */
static void a_redirected_socket_that_lingers_is_closed_without_waiting(void **state)
{
    struct rig rig;
    uv_timer_t turns;
    int status, told[2];
    (void)state;
    start_for_this_program(&rig, OTHER_ADDRESS);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    watch_loop(&rig.loop, &turns);
    assert_int_equal(pipe(told), 0);
    struct program program = {.name = "close", .port = rig.origin_port, .told = told[1]};
    pid_t pid = watched_fork(&rig.watched, execute, &program);
    close(told[1]);
    UNTIL(&rig, is_closed(told[0]));
    listen(deaf.listener, 16);
    UNTIL(&rig, waitpid(pid, &status, WNOHANG) == pid);
    assert_int_equal(status, 0);
    unwatch_loop(&turns);
    close(told[0]);
    deaf_end(&deaf);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_socket_that_begins_to_block_keeps_only_its_owner),
        cmocka_unit_test(a_socket_that_lingers_is_closed_without_waiting),
        cmocka_unit_test(a_redirected_socket_that_lingers_is_closed_without_waiting),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "block") == 0)
        return connect_sockets_that_begin_to_block((uint16_t)atoi(argv[2]));
    if (argc == 4 && strcmp(argv[1], "close") == 0)
        return connect_and_close((uint16_t)atoi(argv[2]), atoi(argv[3]));
    return rig_main(argc, argv, tests);
}
