/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a process that cannot go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/die.h"

static void die_of_something(void)
{
    die("something is missing");
}

static void die_of_memory(void)
{
    (void)!alloc_zero(SIZE_MAX / 2, 2);             /* more than there is */
}

/* What the child wrote to stderr; it has to end by abort(). */
static void said_by(void (*end)(void), char *text, size_t room)
{
    int fds[2], status;
    size_t n = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        end();
        _exit(0);
    }
    close(fds[1]);
    for (ssize_t got; n + 1 < room && (got = read(fds[0], text + n, room - 1 - n)) > 0;)
        n += (size_t)got;
    text[n] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void a_process_says_why_it_ends(void **state)
{
    (void)state;
    char text[256];
    said_by(die_of_something, text, sizeof text);
    assert_string_equal(text, "sluice: something is missing\n");
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void so_it_does_without_memory(void **state)
{
    (void)state;
    char text[4096];
    said_by(die_of_memory, text, sizeof text);
    assert_non_null(strstr(text, "sluice: out of memory\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_says_why_it_ends),
        cmocka_unit_test(so_it_does_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
