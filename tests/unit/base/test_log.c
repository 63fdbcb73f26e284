/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int open_file(int flags)
{
    char name[] = "/tmp/sluice-log-XXXXXX";
    int made = mkstemp(name), fd = open(name, flags | O_APPEND);
    assert_true(made >= 0 && fd >= 0);
    close(made);
    unlink(name);
    return fd;
}

static void a_file_keeps_the_newest_lines(void **state)
{
    enum { LINES = 1000, MAX = 4096 };
    struct log log = {.fd = open_file(O_RDWR), .program = "test", .file_max = MAX};
    char text[MAX + 1];
    int first = 0, n = 0, number;
    (void)state;
    for (int i = 0; i < LINES; i++) {
        log_info(&log, "line %d", i);
        assert_true(lseek(log.fd, 0, SEEK_END) <= MAX);
    }
    text[pread(log.fd, text, MAX, 0)] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++) {
        assert_int_equal(sscanf(line, "%*s info test: line %d", &number), 1);
        first = n == 0 ? number : first;
        assert_int_equal(number, first + n);
    }
    assert_int_equal(first + n, LINES);
    assert_true(n > MAX / 2 / 64);
    close(log.fd);
}

static void a_line_is_utf8_whatever_is_logged(void **state)
{
    struct log log = {.fd = open_file(O_RDWR), .program = "test", .json = true};
    char text[256] = "";
    (void)state;
    log_info(&log, "caf\xe9\n\xc3\xa9");
    assert_true(pread(log.fd, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "\"message\":\"caf\\\\xe9\\n\xc3\xa9\"}\n"));
    close(log.fd);
}

static void one_that_cannot_be_read_stays_short_too(void **state)
{
    struct log log = {.fd = open_file(O_WRONLY), .program = "test", .file_max = 4096};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        log_info(&log, "line %d", i);
        assert_true(lseek(log.fd, 0, SEEK_END) <= 4096);
    }
    close(log.fd);
}

static char *content(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    return text;
}

static void write_kind(const struct log *log, enum log_kind kind, const char *text)
{
    log_write_line(log, &(struct log_line){.level = LOG_INFO, .kind = kind, .text = text});
}

/* Whichever kind floods, a line of each other kind stays, in text and in JSON. */
static void no_kind_rolls_out_another(void **state)
{
    enum { MAX = 64 * 1024 };
    (void)state;
    for (int flood = 0; flood < LOG_KIND_COUNT; flood++) {
        struct log log = {
            .fd = open_file(O_RDWR), .program = "test", .file_max = MAX, .json = flood % 2};
        for (int kind = 0; kind < LOG_KIND_COUNT; kind++)
            write_kind(&log, (enum log_kind)kind,
                       kind == flood ? "flood" : "evidence [refused]: \",\"kind\":\"allowed\"");
        for (int i = 0; i < 3000; i++)
            write_kind(&log, (enum log_kind)flood, "a line of the flood that says nothing more");
        char *text = content(log.fd), *at = text;
        int left = 0;
        for (; (at = strstr(at, "evidence")); at++)
            left++;
        assert_int_equal(left, LOG_KIND_COUNT - 1);
        assert_true(strlen(text) <= MAX);
        free(text);
        close(log.fd);
    }
}

/* What one kind does not need, the newest lines of the others have. */
static void a_kind_alone_has_half_the_file(void **state)
{
    enum { MAX = 64 * 1024 };
    struct log log = {.fd = open_file(O_RDWR), .program = "test", .file_max = MAX};
    off_t before = 0, size = 0;
    (void)state;
    for (int i = 0; size >= before; i++) {
        before = size;
        write_kind(&log, LOG_KIND_REFUSED, "a line");
        size = lseek(log.fd, 0, SEEK_END);
    }
    assert_in_range(size, MAX / 2 - 100, MAX / 2);
    close(log.fd);
}

static void without_a_limit_all_is_kept(void **state)
{
    struct log log = {.fd = open_file(O_RDWR), .program = "test"};
    (void)state;
    for (int i = 0; i < 100; i++)
        log_info(&log, "%0100d", i);
    assert_true(lseek(log.fd, 0, SEEK_END) > 100 * 100);
    close(log.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_keeps_the_newest_lines),
        cmocka_unit_test(a_line_is_utf8_whatever_is_logged),
        cmocka_unit_test(one_that_cannot_be_read_stays_short_too),
        cmocka_unit_test(no_kind_rolls_out_another),
        cmocka_unit_test(a_kind_alone_has_half_the_file),
        cmocka_unit_test(without_a_limit_all_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
