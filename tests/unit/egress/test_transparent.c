/* SPDX-License-Identifier: Apache-2.0 */
/* Connects of programs that know no proxy: what they notice, what is decided, and what is left when
 * they go. */
#include "egress/inspect/authority.h"
#include "support/deaf.h"
#include "support/rig.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/mman.h>

/* What the workload knows of the test. */
struct task {
    struct rig *rig;
    struct in_addr address;                         /* that it connects to */
    uint16_t port;
    struct shared { volatile int ready, error; } *shared;
};

static struct task task_for(struct rig *rig, const char *host)
{
    struct task task = {.rig = rig, .port = rig->origin_port};
    if (inet_pton(AF_INET, host, &task.address) != 1)
        assert_true(egress_names_address(rig->names, host, 0, &task.address));
    task.shared =
        mmap(NULL, sizeof *task.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return task;
}

static void start_with_dial_ms(struct rig *rig, const char *host, unsigned dial_ms)
{
    char self[256], rules[600];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    snprintf(rules, sizeof rules, "%s 0 %s", host, self);
    rig_start_with(rig, rules, (struct egress_limits){.dial_ms = dial_ms});
}

static void start_for_this_program(struct rig *rig, const char *host)
{
    start_with_dial_ms(rig, host, 0);
}

static pid_t begin(struct rig *rig, int (*fn)(void *arg), struct task *task)
{
    return watched_fork(&rig->watched, fn, task);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* Serves until the process has ended; what it returned, or 128 and the signal. */
static int finish(struct rig *rig, pid_t pid)
{
    int status = 0;
    uv_timer_t tick;
    uv_timer_init(&rig->loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    UNTIL(rig, waitpid(pid, &status, WNOHANG) == pid);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(struct rig *rig, int (*fn)(void *arg), struct task *task)
{
    return finish(rig, begin(rig, fn, task));
}

static unsigned open_clients(const struct rig *rig)
{
    struct egress_stats stats;
    egress_stats(rig->proxy, &stats);
    return stats.open;
}

static void until_nobody_is_left(struct rig *rig)
{
    uv_timer_t tick;
    uv_timer_init(&rig->loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    UNTIL(rig, open_clients(rig) == 0);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
}

/* ---- what the workload does; each returns 0 or the number of what went wrong ---- */

#define EXPECT(condition)                                                               \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
            return 1;                                                                   \
        }                                                                               \
    } while (0)

static struct sockaddr_in destination(const struct task *task)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(task->port),
                                .sin_addr = task->address};
}

/* 0 or the error. */
static int connect_to(int fd, const struct task *task)
{
    struct sockaddr_in to = destination(task);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

static int connect_mapped(int fd, const struct task *task)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(task->port)};
    to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&to.sin6_addr.s6_addr[12], &task->address, 4);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

static int error_of(int fd)
{
    int error = -1;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : -1;
}

/* The origin is the test: it takes what comes. */
static int talk(int fd)
{
    EXPECT(send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
    return 0;
}

static int connect_blocking(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect_to(fd, arg) == 0);
    EXPECT((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 && error_of(fd) == 0);
    EXPECT(connect_to(fd, arg) == EISCONN);
    return talk(fd);
}

static int connect_not_blocking(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    int rc = connect_to(fd, arg);
    EXPECT(rc == 0 || rc == EINPROGRESS);
    EXPECT(poll(&writable, 1, RIG_PATIENCE_MS) == 1 && writable.revents == POLLOUT);
    EXPECT(error_of(fd) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK));
    return talk(fd);
}

/* As a program that reads its certificates after the connect. */
static int speak_late(void *arg)
{
    enum { LATE_MS = 200 };                         /* a connect waits 50 ms for its destination */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd writable = {.fd = fd, .events = POLLOUT}, hung = {.fd = fd, .events = POLLIN};
    int rc = connect_to(fd, arg);
    EXPECT(rc == 0 || rc == EINPROGRESS);
    EXPECT(poll(&writable, 1, RIG_PATIENCE_MS) == 1 && writable.revents == POLLOUT);
    EXPECT(poll(&hung, 1, LATE_MS) == 0);
    return talk(fd);
}

static int connect_by_ipv6(void *arg)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    EXPECT(connect_mapped(fd, arg) == 0);
    return talk(fd);
}

static int connect_by_mptcp(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    if (fd < 0)
        fd = socket(AF_INET, SOCK_STREAM, 0);       /* this kernel has none */
    EXPECT(connect_to(fd, arg) == 0);
    return talk(fd);
}

static int connect_bound(void *arg)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    EXPECT(connect_to(fd, arg) == 0);
    return talk(fd);
}

static int connect_refused(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0),
        other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd hung = {.fd = other, .events = POLLOUT};
    EXPECT(connect_to(fd, arg) == ECONNREFUSED);
    EXPECT(error_of(fd) == 0 && send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    EXPECT(connect_to(fd, arg) == ECONNREFUSED);    /* and not EISCONN */
    EXPECT(connect_to(other, arg) == ECONNREFUSED);
    EXPECT(poll(&hung, 1, 0) == 1 && (hung.revents & POLLHUP));
    return 0;
}

/* ---- */

static void each_kind_of_socket_is_connected(void **state)
{
    static int (*const ways[])(void *) = {connect_blocking, connect_not_blocking, connect_by_ipv6,
                                          connect_by_mptcp, connect_bound};
    struct rig rig;
    (void)state;
    start_for_this_program(&rig, "origin.test");
    struct task task = task_for(&rig, "origin.test");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        pid_t pid = begin(&rig, ways[i], &task);
        struct end *origin = rig_origin(&rig);
        UNTIL(&rig, end_has(origin, "hello") && origin->eof);
        shutdown(origin->fd, SHUT_WR);
        assert_int_equal(finish(&rig, pid), 0);
    }
    assert_non_null(strstr(rig.lines.data, "NET:OPEN [INFO] ALLOWED "));
    assert_non_null(strstr(rig.lines.data, "-> origin.test:"));
    assert_int_equal(rig.n_denials, 0);
    until_nobody_is_left(&rig);
    rig_stop(&rig);
}

static void a_program_that_speaks_late_is_waited_for(void **state)
{
    struct rig rig;
    struct error err;
    struct egress_authority *authority = egress_authority_new(&err);
    (void)state;
    rig_begin(&rig);
    rig_start_proxy(&rig, rig_policy(&rig, "origin.test 0 /**"), (struct egress_limits){0},
                    (struct egress_inspection){.authority = authority});
    struct task task = task_for(&rig, "origin.test");
    pid_t pid = begin(&rig, speak_late, &task);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, origin->eof);
    assert_true(end_has(origin, "hello"));
    shutdown(origin->fd, SHUT_WR);
    assert_int_equal(finish(&rig, pid), 0);
    rig_stop(&rig);
    egress_authority_free(authority);
}

static void what_no_rule_allows_is_refused_at_once(void **state)
{
    struct rig rig;
    char denial[128];
    (void)state;
    start_for_this_program(&rig, "origin.test");
    struct task task = task_for(&rig, "other.test");
    assert_int_equal(run(&rig, connect_refused, &task), 0);
    snprintf(denial, sizeof denial, "transparent-tcp other.test:%u /", rig.origin_port);
    assert_non_null(strstr(rig.denials.data, denial));
    assert_int_equal(rig.n_denials, 3);
    assert_non_null(strstr(rig.lines.data, "NET:OPEN [MED] DENIED "));
    assert_int_equal(rig.accepted, 0);
    until_nobody_is_left(&rig);
    rig_stop(&rig);
}

/* By allowed_ips, and only where those reach. */
static void an_address_is_judged_as_one(void **state)
{
    struct rig rig;
    char self[256], rules[600];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)state;
    self[len > 0 ? len : 0] = '\0';
    snprintf(rules, sizeof rules, "- 0 %s " ORIGIN_ADDRESS, self);
    rig_start(&rig, rules);
    struct task task = task_for(&rig, ORIGIN_ADDRESS), other = task_for(&rig, OTHER_ADDRESS);
    pid_t pid = begin(&rig, connect_blocking, &task);
    UNTIL(&rig, rig.accepted == 1);
    assert_int_equal(finish(&rig, pid), 0);
    assert_int_equal(run(&rig, connect_refused, &other), 0);
    assert_non_null(strstr(rig.denials.data, "ssrf " OTHER_ADDRESS ":"));
    rig_stop(&rig);
}

/* Every literal that is blocked, and one of each range that is not the sandbox's own. */
static void blocked_addresses_stay_blocked(void **state)
{
    static const char *const addresses[] = {"169.254.169.254", "224.0.0.1",       "240.0.0.1",
                                            "255.255.255.255", "100.100.100.200", "192.0.2.1",
                                            "8.8.8.8"};
    struct rig rig;
    (void)state;
    start_for_this_program(&rig, "origin.test");
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct task task = task_for(&rig, addresses[i]);
        assert_int_equal(run(&rig, connect_refused, &task), 0);
    }
    rig_stop(&rig);
}

static void an_address_without_a_name_is_refused_and_proposes_nothing(void **state)
{
    struct rig rig;
    char self[256], rules[600];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)state;
    self[len > 0 ? len : 0] = '\0';
    snprintf(rules, sizeof rules, "- 0 %s 198.18.0.0/15", self);
    rig_start(&rig, rules);                         /* not even where they are listed */
    struct task task = task_for(&rig, "198.18.3.4");
    assert_int_equal(run(&rig, connect_refused, &task), 0);
    assert_int_equal(rig.n_denials, 0);
    assert_non_null(strstr(rig.lines.data,
                           "198.18.3.4 is an address of this sandbox's resolver that stands "
                           "for no name: look the name up again"));
    rig_stop(&rig);
}

static int connect_other_ways(void *arg)
{
    const struct task *task = arg;
    struct sockaddr_in to = destination(task);
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(task->port)};
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    int tcp = socket(AF_INET, SOCK_STREAM, 0), tcp6 = socket(AF_INET6, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    EXPECT(connect(udp, (struct sockaddr *)&to, sizeof to) == -1 && errno == ENETUNREACH);
    EXPECT(connect(tcp6, (struct sockaddr *)&to, sizeof to) == -1 &&
           (errno == EAFNOSUPPORT || errno == EINVAL));
    EXPECT(connect(tcp, (struct sockaddr *)&to6, sizeof to6) == -1 && errno == EAFNOSUPPORT);
    EXPECT(connect(tcp, (struct sockaddr *)&to, 5) == -1 && errno == EINVAL);
    EXPECT(connect(tcp, &unspecified, sizeof unspecified) == 0);
    to.sin_port = 0;
    EXPECT(connect(tcp, (struct sockaddr *)&to, sizeof to) == -1);
    /* Where connects are redirected to is nobody's to connect to. */
    inet_pton(AF_INET, PROXY_ADDRESS, &to.sin_addr);
    to.sin_port = htons(task->rig->transparent_port);
    EXPECT(connect(tcp, (struct sockaddr *)&to, sizeof to) == -1 && errno == ECONNREFUSED);
    return 0;
}

static void other_protocols_and_bad_addresses_are_the_kernels(void **state)
{
    struct rig rig;
    (void)state;
    start_for_this_program(&rig, "origin.test");
    struct task task = task_for(&rig, "other.test");
    assert_int_equal(run(&rig, connect_other_ways, &task), 0);
    assert_int_equal(rig.n_denials, 0);
    rig_stop(&rig);
}

/* A connect that went on and got there by an address that was changed meanwhile: as the test
 * does. */
static void a_connection_that_was_not_redirected_is_closed(void **state)
{
    struct rig rig;
    struct sockaddr_in to = {.sin_family = AF_INET};
    (void)state;
    start_for_this_program(&rig, "origin.test");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, PROXY_ADDRESS, &to.sin_addr);
    to.sin_port = htons(rig.transparent_port);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    struct end *end = rig_end(&rig, fd);
    UNTIL(&rig, end->eof);
    assert_int_equal(end->in.len, 0);
    rig_stop(&rig);
}

/* ---- while the destination is silent ---- */

static int connect_slow(void *arg)
{
    struct task *task = arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    task->shared->ready++;
    task->shared->error = connect_to(fd, task);
    return 0;
}

struct waiting {
    struct rig rig;
    struct deaf deaf;
    struct task task;
    pid_t pid;
};

/* A caller waits for an address that does not answer. */
static void begin_waiting(struct waiting *w)
{
    memset(w, 0, sizeof *w);
    start_with_dial_ms(&w->rig, OTHER_ADDRESS, 60000);      /* longer than a test */
    w->deaf = deaf_begin(OTHER_ADDRESS, w->rig.origin_port);
    w->task = task_for(&w->rig, OTHER_ADDRESS);
    w->pid = begin(&w->rig, connect_slow, &w->task);
    UNTIL(&w->rig, open_clients(&w->rig) == 1 && w->rig.lines.len > 0);
}

static void a_caller_that_is_killed_leaves_nothing(void **state)
{
    struct waiting w;
    (void)state;
    begin_waiting(&w);
    kill(w.pid, SIGKILL);
    assert_int_equal(finish(&w.rig, w.pid), 128 + SIGKILL);
    until_nobody_is_left(&w.rig);
    deaf_end(&w.deaf);
    rig_stop(&w.rig);
}

static void a_caller_that_waits_is_refused_by_a_new_policy(void **state)
{
    struct waiting w;
    (void)state;
    begin_waiting(&w);
    rig_set(&w.rig, "");
    assert_int_equal(finish(&w.rig, w.pid), 0);
    assert_int_equal(w.task.shared->error, ECONNREFUSED);
    assert_non_null(strstr(w.rig.denials.data, "transparent-tcp " OTHER_ADDRESS));
    deaf_end(&w.deaf);
    rig_stop(&w.rig);
}

static void a_caller_that_waits_is_answered_when_the_proxy_ends(void **state)
{
    struct waiting w;
    (void)state;
    begin_waiting(&w);
    deaf_end(&w.deaf);
    rig_stop(&w.rig);
    int status;
    assert_int_equal(waitpid(w.pid, &status, 0), w.pid);
    assert_int_equal(w.task.shared->error, ECONNABORTED);
}

static int connect_in_event_loop(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd hung = {.fd = fd, .events = POLLIN};
    int rc = connect_to(fd, arg);
    EXPECT(rc == 0 || rc == EINPROGRESS);
    EXPECT(error_of(fd) == 0 && send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
    EXPECT(poll(&hung, 1, 0) == 0);                 /* the time of a dial is still to come */
    EXPECT(poll(&hung, 1, RIG_PATIENCE_MS) == 1 && error_of(fd) == ECONNRESET);
    return 0;
}

/* Its program does other things meanwhile: so it goes on, and is told later that there is no
 * way. */
static void a_connect_that_does_not_block_waits_for_no_silent_destination(void **state)
{
    struct rig rig;
    (void)state;
    start_for_this_program(&rig, OTHER_ADDRESS);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    struct task task = task_for(&rig, OTHER_ADDRESS);
    assert_int_equal(run(&rig, connect_in_event_loop, &task), 0);
    assert_non_null(strstr(rig.lines.data, "did not answer"));
    until_nobody_is_left(&rig);
    deaf_end(&deaf);
    rig_stop(&rig);
}

static void one_that_waits_holds_up_no_other(void **state)
{
    struct waiting w;
    char self[256], rules[800];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)state;
    self[len > 0 ? len : 0] = '\0';
    begin_waiting(&w);
    snprintf(rules, sizeof rules, OTHER_ADDRESS " 0 %s\norigin.test 0 %s", self, self);
    rig_set(&w.rig, rules);
    struct task other = task_for(&w.rig, "origin.test");
    pid_t pid = begin(&w.rig, connect_blocking, &other);
    UNTIL(&w.rig, w.rig.accepted == 1);
    assert_int_equal(finish(&w.rig, pid), 0);
    assert_int_equal(waitpid(w.pid, NULL, WNOHANG), 0);
    kill(w.pid, SIGKILL);
    assert_int_equal(finish(&w.rig, w.pid), 128 + SIGKILL);
    deaf_end(&w.deaf);
    rig_stop(&w.rig);
}

struct sender {
    struct task *task;
    int fd, sent;
};

static void *send_thread(void *arg)
{
    struct sender *sender = arg;
    while (!sender->task->shared->error)
        sender->sent |= send(sender->fd, "early", 5, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
    return NULL;
}

static int send_while_waiting(void *arg)
{
    struct sender sender = {.task = arg, .fd = socket(AF_INET, SOCK_STREAM, 0)};
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, send_thread, &sender) == 0);
    int error = connect_to(sender.fd, arg);
    sender.task->shared->error = error ? error : -1;
    pthread_join(thread, NULL);
    EXPECT(error == ETIMEDOUT);
    return 0;
}

/* Another thread writes to the socket before it is decided: nobody gets it, and it is bounded. */
static void bytes_before_the_decision_go_nowhere(void **state)
{
    struct rig rig;
    (void)state;
    start_for_this_program(&rig, OTHER_ADDRESS);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    struct task task = task_for(&rig, OTHER_ADDRESS);
    assert_int_equal(run(&rig, send_while_waiting, &task), 0);
    until_nobody_is_left(&rig);
    deaf_end(&deaf);
    rig_stop(&rig);
}

enum { CROWD = 300 };

static void *crowd_member(void *arg)
{
    struct task *task = arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int error = connect_to(fd, task);
    __atomic_add_fetch(error == ETIMEDOUT || error == ECONNREFUSED || error == EAGAIN
                           ? &task->shared->ready
                           : &task->shared->error,
                       1, __ATOMIC_SEQ_CST);
    close(fd);
    return NULL;
}

static int connect_crowd(void *arg)
{
    static pthread_t threads[CROWD];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 * 1024);
    for (int i = 0; i < CROWD; i++)
        EXPECT(pthread_create(&threads[i], &small, crowd_member, arg) == 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* More than may wait: those are refused, the others wait for their time. */
static void very_many_that_wait_are_bounded(void **state)
{
    struct rig rig;
    (void)state;
    start_with_dial_ms(&rig, OTHER_ADDRESS, 1000);
    struct deaf deaf = deaf_begin(OTHER_ADDRESS, rig.origin_port);
    struct task task = task_for(&rig, OTHER_ADDRESS);
    assert_int_equal(run(&rig, connect_crowd, &task), 0);
    assert_int_equal(task.shared->error, 0);
    assert_int_equal(task.shared->ready, CROWD);
    until_nobody_is_left(&rig);
    deaf_end(&deaf);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(each_kind_of_socket_is_connected),
        cmocka_unit_test(a_program_that_speaks_late_is_waited_for),
        cmocka_unit_test(what_no_rule_allows_is_refused_at_once),
        cmocka_unit_test(an_address_is_judged_as_one),
        cmocka_unit_test(blocked_addresses_stay_blocked),
        cmocka_unit_test(an_address_without_a_name_is_refused_and_proposes_nothing),
        cmocka_unit_test(other_protocols_and_bad_addresses_are_the_kernels),
        cmocka_unit_test(a_connection_that_was_not_redirected_is_closed),
        cmocka_unit_test(a_caller_that_is_killed_leaves_nothing),
        cmocka_unit_test(a_caller_that_waits_is_refused_by_a_new_policy),
        cmocka_unit_test(a_caller_that_waits_is_answered_when_the_proxy_ends),
        cmocka_unit_test(a_connect_that_does_not_block_waits_for_no_silent_destination),
        cmocka_unit_test(one_that_waits_holds_up_no_other),
        cmocka_unit_test(bytes_before_the_decision_go_nowhere),
        cmocka_unit_test(very_many_that_wait_are_bounded),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
