/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/command.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const ls[] = {"ls"};

static const char *value_of(const char **env, size_t n, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(env[i], name, strlen(name)) == 0 && env[i][strlen(name)] == '=') {
            assert_null(value);                     /* a name stands there once */
            value = env[i] + strlen(name) + 1;
        }
    return value;
}

static void later_values_win_but_never_over_the_proxy(void **state)
{
    struct spec_pair own[] = {{"PATH", "/opt/bin"},
                              {"A", "1"},
                              {"HTTPS_PROXY", "http://evil"},
                              {"SSL_CERT_FILE", "/dev/null"}};
    struct spec_pair call[] = {{"A", "2"}, {"TERM", "vt100"}, {"no_proxy", "*"},
                               {"NODE_EXTRA_CA_CERTS", "/dev/null"}};
    const struct sandbox_spec spec = {.name = "demo", .proxy = true, .env = own, .n_env = 4};
    const struct sandbox_exec exec = {.command = ls, .n_command = 1, .env = call, .n_env = 4};
    struct arena *arena = arena_new();
    size_t n;
    const char **env = sandbox_env_make(&spec, &exec, NULL, arena, &n);
    (void)state;
    assert_string_equal(value_of(env, n, "SLUICE_SANDBOX"), "1");
    assert_string_equal(value_of(env, n, "OPENSHELL_SANDBOX"), "1");
    assert_string_equal(value_of(env, n, "HOME"), "/sandbox");
    assert_string_equal(value_of(env, n, "PATH"), "/opt/bin");
    assert_string_equal(value_of(env, n, "A"), "2");
    assert_string_equal(value_of(env, n, "TERM"), "vt100");
    assert_string_equal(value_of(env, n, "HTTPS_PROXY"), "http://10.200.0.1:3128");
    assert_string_equal(value_of(env, n, "grpc_proxy"), "http://10.200.0.1:3128");
    assert_string_equal(value_of(env, n, "no_proxy"), "127.0.0.1,localhost,::1,demo");
    assert_string_equal(value_of(env, n, "NODE_USE_ENV_PROXY"), "1");
    assert_string_equal(value_of(env, n, "NODE_EXTRA_CA_CERTS"), "/etc/sluice-tls/ca.pem");
    assert_string_equal(value_of(env, n, "DENO_CERT"), "/etc/sluice-tls/ca.pem");
    assert_string_equal(value_of(env, n, "SSL_CERT_FILE"), "/etc/sluice-tls/ca-bundle.pem");
    assert_string_equal(value_of(env, n, "REQUESTS_CA_BUNDLE"), "/etc/sluice-tls/ca-bundle.pem");
    assert_string_equal(value_of(env, n, "CURL_CA_BUNDLE"), "/etc/sluice-tls/ca-bundle.pem");
    assert_string_equal(value_of(env, n, "GIT_SSL_CAINFO"), "/etc/sluice-tls/ca-bundle.pem");
    arena_free(arena);
}

static void without_a_network_there_is_no_proxy(void **state)
{
    const struct sandbox_spec spec = {.proxy = false};
    const struct sandbox_exec exec = {.command = ls, .n_command = 1, .tty = true};
    struct arena *arena = arena_new();
    size_t n;
    const char **env = sandbox_env_make(&spec, &exec, NULL, arena, &n);
    (void)state;
    assert_null(value_of(env, n, "HTTP_PROXY"));
    assert_null(value_of(env, n, "SSL_CERT_FILE"));
    assert_string_equal(value_of(env, n, "TERM"), "xterm-256color");
    arena_free(arena);
}

static void expect_refusal(const struct sandbox_exec *exec, const char *text)
{
    struct error err;
    assert_int_equal(sandbox_exec_check(exec, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.text, text);
}

static char *long_text(size_t len)
{
    char *text = alloc_bytes(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static void commands_are_bounded(void **state)
{
    const char *many[COMMAND_ARGS_MAX + 1];
    char *longest = long_text(COMMAND_ARG_MAX), *longer = long_text(COMMAND_ARG_MAX + 1);
    (void)state;
    for (size_t i = 0; i <= COMMAND_ARGS_MAX; i++)
        many[i] = "a";
    struct sandbox_exec exec = {.command = many};
    expect_refusal(&exec, "a command is required");
    exec.n_command = COMMAND_ARGS_MAX;
    assert_int_equal(sandbox_exec_check(&exec, NULL), 0);
    exec.n_command = COMMAND_ARGS_MAX + 1;
    expect_refusal(&exec, "too many arguments (1025 > 1024)");
    exec.n_command = 9;
    many[1] = longest;
    assert_int_equal(sandbox_exec_check(&exec, NULL), 0);
    many[1] = longer;
    expect_refusal(&exec, "argument 1 is longer than 32768 bytes");
    for (size_t i = 1; i < 9; i++)
        many[i] = longest;
    expect_refusal(&exec, "the command is longer than 262144 bytes");
    many[0] = "";
    expect_refusal(&exec, "a command is required");
    free(longest);
    free(longer);
}

static void services_are_known_and_take_no_command(void **state)
{
    (void)state;
    assert_int_equal(sandbox_exec_check(&(struct sandbox_exec){.service = "ssh"}, NULL), 0);
    assert_int_equal(sandbox_exec_check(&(struct sandbox_exec){.service = "tcp", .port = 1}, NULL),
                     0);
    expect_refusal(&(struct sandbox_exec){.service = "x11"},
                   "a service is ssh or tcp, not 'x11'");
    expect_refusal(&(struct sandbox_exec){.service = ""}, "a service is ssh or tcp, not ''");
    expect_refusal(&(struct sandbox_exec){.service = "tcp"},
                   "which port? it is a number from 1 to 65535");
    expect_refusal(&(struct sandbox_exec){.service = "ssh", .port = 22},
                   "a port is for the service tcp");
    expect_refusal(&(struct sandbox_exec){.service = "ssh", .command = ls, .n_command = 1},
                   "a service takes no command");
}

static void folders_are_checked(void **state)
{
    char *folder = long_text(COMMAND_FOLDER_MAX + 1);
    struct sandbox_exec exec = {.command = ls, .n_command = 1, .workdir = "/tmp"};
    (void)state;
    assert_int_equal(sandbox_exec_check(&exec, NULL), 0);
    exec.workdir = "/tmp\n/etc";
    expect_refusal(&exec, "workdir may not contain a line end");
    exec.workdir = folder;
    expect_refusal(&exec, "workdir is longer than 4096 bytes");
    free(folder);
}

static void time_is_bounded_by_what_a_message_holds(void **state)
{
    struct sandbox_exec exec = {.command = ls, .n_command = 1, .timeout_ms = EXEC_TIMEOUT_MAX_MS};
    (void)state;
    assert_int_equal(sandbox_exec_check(&exec, NULL), 0);
    exec.timeout_ms++;
    expect_refusal(&exec, "timeout_ms is a number from 0, which means none, to 2147483647");
}

static void environment_names_are_checked(void **state)
{
    static const struct { const char *name, *value, *error;
    } cases[] = {
        {"1A", "",
         "environment variable 1A: a name is letters, digits and _, and does not begin with a "
         "digit"},
        {"", "",
         "environment variable : a name is letters, digits and _, and does not begin with a digit"},
        {"A-B", "",
         "environment variable A-B: a name is letters, digits and _, and does not begin with a "
         "digit"},
        {"SLUICE_X", "",
         "environment variable SLUICE_X: names that begin with SLUICE_ or OPENSHELL_ are reserved"},
        {"OPENSHELL_SANDBOX", "",
         "environment variable OPENSHELL_SANDBOX: names that begin with SLUICE_ or OPENSHELL_ are "
         "reserved"},
        {"A", "x\ny", "environment variable A: its value may not contain a line end"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct spec_pair env = {cases[i].name, cases[i].value};
        expect_refusal(
            &(struct sandbox_exec){.command = ls, .n_command = 1, .env = &env, .n_env = 1},
            cases[i].error);
    }
}

static void the_environment_is_bounded(void **state)
{
    struct spec_pair env[COMMAND_ENV_MAX + 1];
    char *value = long_text(COMMAND_ENV_VALUE_MAX), *longer = long_text(COMMAND_ENV_VALUE_MAX + 1);
    struct sandbox_exec exec = {.command = ls, .n_command = 1, .env = env};
    (void)state;
    for (size_t i = 0; i <= COMMAND_ENV_MAX; i++)
        env[i] = (struct spec_pair){"A", "x"};
    exec.n_env = COMMAND_ENV_MAX + 1;
    expect_refusal(&exec, "too many environment variables (129 > 128)");
    exec.n_env = 1;
    env[0].value = value;
    assert_int_equal(sandbox_exec_check(&exec, NULL), 0);
    env[0].value = longer;
    expect_refusal(&exec, "environment variable A: its value is longer than 8192 bytes");
    for (size_t i = 0; i < 32; i++)
        env[i].value = value;
    exec.n_env = 32;
    expect_refusal(&exec, "the environment is larger than 262144 bytes");
    free(value);
    free(longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_values_win_but_never_over_the_proxy),
        cmocka_unit_test(without_a_network_there_is_no_proxy),
        cmocka_unit_test(commands_are_bounded),
        cmocka_unit_test(services_are_known_and_take_no_command),
        cmocka_unit_test(folders_are_checked),
        cmocka_unit_test(time_is_bounded_by_what_a_message_holds),
        cmocka_unit_test(environment_names_are_checked),
        cmocka_unit_test(the_environment_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
