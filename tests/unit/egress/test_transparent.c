/* SPDX-License-Identifier: Apache-2.0 */
/* Connects of programs that know no proxy: what they notice, and what is decided. */
#include "egress/inspect/authority.h"
#include "support/transparent.h"

#include <netinet/tcp.h>

static int connect_mapped(int fd, const struct task *task)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(task->port)};
    to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&to.sin6_addr.s6_addr[12], &task->address, 4);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

static int connect_not_blocking(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    int rc = connect_to(fd, arg);
    EXPECT(rc == 0 || rc == EINPROGRESS);
    EXPECT(poll(&writable, 1, patience_ms()) == 1 && writable.revents == POLLOUT);
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
    EXPECT(poll(&writable, 1, patience_ms()) == 1 && writable.revents == POLLOUT);
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
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
