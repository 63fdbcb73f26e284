/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver on its sockets: UDP and TCP clients, also bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "egress/dns/server.h"
#include "support/network.h"
#include "support/patience.h"

#include <poll.h>
#include <string.h>


#define QUERY "\x12\x34\1\0\0\1\0\0\0\0\0\0\3api\4test\0\0\1\0\1"
enum { QUERY_LEN = sizeof QUERY - 1, ANSWER_LEN = QUERY_LEN + 16 };

struct scene {
    uv_loop_t loop;
    uv_timer_t tick;
    struct egress_names *names;
    struct egress_dns *dns;
    uint16_t udp_port, tcp_port;
    bool closed;
};

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static int bind_udp(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    inet_pton(AF_INET, PROXY_ADDRESS, &at.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void begin(struct scene *s, unsigned rate, unsigned idle_ms)
{
    struct error err;
    memset(s, 0, sizeof *s);
    uv_loop_init(&s->loop);
    uv_timer_init(&s->loop, &s->tick);
    uv_timer_start(&s->tick, on_tick, 1, 1);        /* the loop never waits long */
    s->names = egress_names_new();
    struct egress_dns_config config = {
        .udp = bind_udp(&s->udp_port), .tcp = network_listen(PROXY_ADDRESS, &s->tcp_port),
        .own_host = "box", .names = s->names, .rate = rate,
        .idle_ms = idle_ms ? idle_ms : (unsigned)patience_ms()};
    s->dns = egress_dns_new(&s->loop, &config, &err);
    assert_non_null(s->dns);
}

static void on_closed(void *ctx)
{
    ((struct scene *)ctx)->closed = true;
}

static void end(struct scene *s)
{
    egress_dns_close(s->dns, on_closed, s);
    uv_close((uv_handle_t *)&s->tick, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_true(s->closed);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    egress_names_free(s->names);
}

static int client(const struct scene *s, int type)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(type == SOCK_DGRAM ? s->udp_port : s->tcp_port)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, PROXY_ADDRESS, &to.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* Runs the server until fd can be read; what recv says then. */
static ssize_t receive(struct scene *s, int fd, void *out, size_t size)
{
    uint64_t end_ms = clock_mono_ms() + patience_ms();
    while (!is_readable(fd)) {
        assert_true(clock_mono_ms() < end_ms);
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    return recv(fd, out, size, 0);
}

static void receive_all(struct scene *s, int fd, void *out, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = receive(s, fd, (char *)out + got, size - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
}

static void assert_sent(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static void is_answer(const uint8_t *answer)
{
    struct in_addr address;
    memcpy(&address, answer + ANSWER_LEN - 4, 4);
    assert_memory_equal(answer, "\x12\x34\x81\x80\0\1\0\1", 8);
    assert_true(egress_names_covers(address));
}

static void send_by_tcp(int fd, const void *query, size_t len)
{
    uint8_t bytes[2 + QUERY_LEN] = {(uint8_t)(len >> 8), (uint8_t)len};
    memcpy(bytes + 2, query, len);
    assert_sent(fd, bytes, len + 2);
}

static void receive_by_tcp(struct scene *s, int fd)
{
    uint8_t answer[2 + ANSWER_LEN];
    receive_all(s, fd, answer, sizeof answer);
    assert_int_equal(answer[0] << 8 | answer[1], ANSWER_LEN);
    is_answer(answer + 2);
}

static void a_datagram_is_answered(void **state)
{
    struct scene s;
    uint8_t answer[600];
    (void)state;
    begin(&s, 0, 0);
    int fd = client(&s, SOCK_DGRAM);
    assert_sent(fd, QUERY, QUERY_LEN);
    assert_int_equal(receive(&s, fd, answer, sizeof answer), ANSWER_LEN);
    is_answer(answer);
    close(fd);
    end(&s);
}

/* Each is followed by a good one, whose answer shows that it had none or what it was. */
static void garbage_is_passed_over(void **state)
{
    static const struct { const char *bytes; size_t len; } rows[] = {
        {"", 0}, {"x", 1}, {"\x12\x34\x81\x80\0\1\0\0\0\0\0\0", 12}, {"\0\0\0\0\0\0\0\0\0\0\0", 11},
    };
    static uint8_t large[20000];
    struct scene s;
    uint8_t answer[600];
    (void)state;
    begin(&s, 0, 0);
    int fd = client(&s, SOCK_DGRAM);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_sent(fd, rows[i].bytes, rows[i].len);
        assert_sent(fd, QUERY, QUERY_LEN);
        assert_int_equal(receive(&s, fd, answer, sizeof answer), ANSWER_LEN);
        is_answer(answer);
    }
    memcpy(large, QUERY, QUERY_LEN);
    assert_sent(fd, large, sizeof large);
    assert_int_equal(receive(&s, fd, answer, sizeof answer), 12);
    assert_int_equal(answer[3] & 15, DNS_FORMAT_ERROR);
    close(fd);
    end(&s);
}

static void questions_by_tcp_are_answered_in_turn(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 0, 0);
    int fd = client(&s, SOCK_STREAM);
    for (int i = 0; i < 3; i++)
        send_by_tcp(fd, QUERY, QUERY_LEN);
    for (int i = 0; i < 3; i++)
        receive_by_tcp(&s, fd);
    send_by_tcp(fd, QUERY, QUERY_LEN);
    receive_by_tcp(&s, fd);
    close(fd);
    end(&s);
}

static void a_question_may_come_byte_by_byte(void **state)
{
    static const uint8_t bytes[] = "\0\x1a" QUERY;
    struct scene s;
    int one = 1;
    (void)state;
    begin(&s, 0, 0);
    int fd = client(&s, SOCK_STREAM);
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
    assert_int_equal(QUERY_LEN, 0x1a);
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        assert_sent(fd, bytes + i, 1);
        uv_run(&s.loop, UV_RUN_ONCE);
    }
    receive_by_tcp(&s, fd);
    close(fd);
    end(&s);
}

/* Answers to a client that has ended its side still come, then our end. */
static void a_client_that_ends_gets_its_answers(void **state)
{
    struct scene s;
    uint8_t rest[8];
    (void)state;
    begin(&s, 0, 0);
    int fd = client(&s, SOCK_STREAM);
    send_by_tcp(fd, QUERY, QUERY_LEN);
    send_by_tcp(fd, QUERY, QUERY_LEN);
    shutdown(fd, SHUT_WR);
    receive_by_tcp(&s, fd);
    receive_by_tcp(&s, fd);
    assert_int_equal(receive(&s, fd, rest, sizeof rest), 0);
    close(fd);
    end(&s);
}

static void a_client_that_sends_nonsense_is_closed(void **state)
{
    static const struct { const char *bytes; size_t len; } rows[] = {
        {"\0\0", 2}, {"\x20\1" "x", 3}, {"\xff\xff", 2}, {"\0\1x", 3},
        {"\0\xc\0\0\x80\0\0\0\0\0\0\0\0\0", 14},    /* an answer */
    };
    struct scene s;
    char byte;
    (void)state;
    begin(&s, 0, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = client(&s, SOCK_STREAM);
        assert_sent(fd, rows[i].bytes, rows[i].len);
        assert_true(receive(&s, fd, &byte, 1) <= 0);
        close(fd);
    }
    end(&s);
}

/* It never reads what it asked for: its questions are read no further, and the others have their
 * answers. */
static void a_client_that_does_not_read_is_waited_for(void **state)
{
    static uint8_t flood[2 + QUERY_LEN];
    struct scene s;
    uint64_t sent = 0, idle = 0;
    (void)state;
    begin(&s, 1000000, 0);
    int fd = client(&s, SOCK_STREAM);
    memcpy(flood, "\0\x1a" QUERY, sizeof flood);
    while (idle < 200) {                            /* until nobody takes any more */
        ssize_t n = send(fd, flood, sizeof flood, MSG_DONTWAIT | MSG_NOSIGNAL);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (uint64_t)n : 0;
        uv_run(&s.loop, n > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        assert_true(sent < 64 * 1024 * 1024);
    }
    int other = client(&s, SOCK_STREAM);
    send_by_tcp(other, QUERY, QUERY_LEN);
    receive_by_tcp(&s, other);
    receive_by_tcp(&s, fd);                         /* and it, once it reads */
    close(other);
    close(fd);
    end(&s);
}

static void one_client_too_many_replaces_the_most_silent(void **state)
{
    struct scene s;
    int fds[EGRESS_DNS_CLIENTS_MAX + 1];
    char byte;
    (void)state;
    begin(&s, 0, 0);
    for (int i = 0; i < EGRESS_DNS_CLIENTS_MAX; i++) {
        fds[i] = client(&s, SOCK_STREAM);
        send_by_tcp(fds[i], QUERY, QUERY_LEN);
        receive_by_tcp(&s, fds[i]);
        uint64_t heard_ms = clock_mono_ms();
        while (clock_mono_ms() == heard_ms)         /* the next one is heard later */
            uv_run(&s.loop, UV_RUN_NOWAIT);
    }
    send_by_tcp(fds[0], QUERY, QUERY_LEN);          /* so the second one is */
    receive_by_tcp(&s, fds[0]);
    fds[EGRESS_DNS_CLIENTS_MAX] = client(&s, SOCK_STREAM);
    assert_int_equal(receive(&s, fds[1], &byte, 1), 0);
    for (int i = 0; i <= EGRESS_DNS_CLIENTS_MAX; i++) {
        if (i != 1) {
            send_by_tcp(fds[i], QUERY, QUERY_LEN);
            receive_by_tcp(&s, fds[i]);
        }
        close(fds[i]);
    }
    end(&s);
}

static void a_silent_client_is_closed(void **state)
{
    struct scene s;
    char byte;
    (void)state;
    begin(&s, 0, 40);
    int fd = client(&s, SOCK_STREAM), beginner = client(&s, SOCK_STREAM);
    assert_sent(beginner, "\0", 1);
    assert_int_equal(receive(&s, fd, &byte, 1), 0);
    assert_true(receive(&s, beginner, &byte, 1) <= 0);
    close(fd);
    close(beginner);
    end(&s);
}

/* 20 questions a second are one for each window. */
static void questions_are_answered_at_a_rate(void **state)
{
    struct scene s;
    uint8_t answer[600];
    (void)state;
    begin(&s, 20, 0);
    int fd = client(&s, SOCK_DGRAM), stream = client(&s, SOCK_STREAM);
    uint64_t began_ms = clock_mono_ms();
    for (int i = 0; i < 5; i++)
        assert_sent(fd, QUERY, QUERY_LEN);
    for (int i = 0; i < 5; i++)
        assert_int_equal(receive(&s, fd, answer, sizeof answer), ANSWER_LEN);
    for (int i = 0; i < 5; i++)
        send_by_tcp(stream, QUERY, QUERY_LEN);
    for (int i = 0; i < 5; i++)
        receive_by_tcp(&s, stream);
    assert_true(clock_mono_ms() - began_ms >= 9 * 50 - 10);
    close(fd);
    close(stream);
    end(&s);
}

static void a_socket_that_cannot_be_used_is_an_error(void **state)
{
    uv_loop_t loop;
    struct error err;
    uint16_t port = 0;
    (void)state;
    uv_loop_init(&loop);
    struct egress_names *names = egress_names_new();
    int udp = open("/dev/null", O_RDONLY | O_CLOEXEC);      /* not to be polled */
    struct egress_dns_config config = {.udp = udp, .tcp = network_listen(PROXY_ADDRESS, &port),
                                       .own_host = "box", .names = names};
    assert_null(egress_dns_new(&loop, &config, &err));
    assert_non_null(strstr(err.text, "the sandbox's resolver cannot listen: "));
    assert_int_equal(fcntl(udp, F_GETFD), -1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    egress_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_is_answered),
        cmocka_unit_test(garbage_is_passed_over),
        cmocka_unit_test(questions_by_tcp_are_answered_in_turn),
        cmocka_unit_test(a_question_may_come_byte_by_byte),
        cmocka_unit_test(a_client_that_ends_gets_its_answers),
        cmocka_unit_test(a_client_that_sends_nonsense_is_closed),
        cmocka_unit_test(a_client_that_does_not_read_is_waited_for),
        cmocka_unit_test(one_client_too_many_replaces_the_most_silent),
        cmocka_unit_test(a_silent_client_is_closed),
        cmocka_unit_test(questions_are_answered_at_a_rate),
        cmocka_unit_test(a_socket_that_cannot_be_used_is_an_error),
    };
    network_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
