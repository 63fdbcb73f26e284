/* SPDX-License-Identifier: Apache-2.0 */
/* Everything is written, in parts and over signals, or the reason is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"

enum { BYTES = 4 << 20, SIGNALS = 200 };

struct reader {
    pthread_t id, writer;
    int fd;
    char *got;
};

static void ignore(int number)
{
    (void)number;
}

/* Reads in small parts and interrupts the writer between them. */
static void *read_slowly(void *arg)
{
    struct reader *r = arg;
    size_t len = 0;
    for (ssize_t n; (n = read(r->fd, r->got + len, 30011)) > 0; len += (size_t)n)
        if (len < BYTES / 2)
            pthread_kill(r->writer, SIGUSR1);
    return (void *)len;
}

static void a_slow_reader_and_signals_cost_no_byte(void **state)
{
    (void)state;
    const struct sigaction action = {.sa_handler = ignore};     /* without SA_RESTART */
    struct reader r = {.writer = pthread_self(), .got = alloc_zero(BYTES + 1, 1)};
    char *bytes = alloc_bytes(BYTES);
    int ends[2];
    void *len;
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    r.fd = ends[1];
    assert_int_equal(pthread_create(&r.id, NULL, read_slowly, &r), 0);
    assert_int_equal(io_write_all(ends[0], bytes, BYTES), 0);
    close(ends[0]);
    pthread_join(r.id, &len);
    close(ends[1]);
    assert_int_equal((size_t)len, BYTES);
    assert_memory_equal(r.got, bytes, BYTES);
    free(r.got);
    free(bytes);
}

static void the_reason_of_a_failure_is_in_errno(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(io_write_all(full, "x", 1), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(io_write_all(full, "", 0), 0);
    close(full);
    assert_int_equal(io_write_all(-1, "x", 1), -1);
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_reader_and_signals_cost_no_byte),
        cmocka_unit_test(the_reason_of_a_failure_is_in_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
