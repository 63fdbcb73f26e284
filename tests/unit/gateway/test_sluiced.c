/* SPDX-License-Identifier: Apache-2.0 */
/* The program itself: its command line, --check, its signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

struct house {
    char folder[64], file[96], state[96];
    pid_t pid;                                      /* of a gateway that runs; 0: none */
    FILE *out, *err;
    struct buf said, logged;
    int code;                                       /* of the one that ended */
};

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    struct house *h = alloc_zero(1, sizeof *h);
    strcpy(h->folder, "/tmp/sluice-sluiced-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    snprintf(h->file, sizeof h->file, "%s/sluice.yaml", h->folder);
    snprintf(h->state, sizeof h->state, "%s/state", h->folder);
    alarm(60);                                      /* a test that waits in vain ends here */
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct house *h = *state;
    if (h->pid) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
        fclose(h->out);
        fclose(h->err);
    }
    alarm(0);
    buf_free(&h->said);
    buf_free(&h->logged);
    nftw(h->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(h);
    return 0;
}

static void become(const char *const *args, int out, int err)
{
    const char *argv[16] = {"sluiced"};
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(SLUICE_BUILD_DIR "/bin/sluiced", (char *const *)argv);
    _exit(127);
}

static void start(struct house *h, const char *const *args)
{
    int out[2], err[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    h->pid = fork();
    assert_true(h->pid >= 0);
    if (h->pid == 0)
        become(args, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    h->out = fdopen(out[0], "r");
    h->err = fdopen(err[0], "r");
}

static void read_all(FILE *from, struct buf *to)
{
    char line[4096];
    while (fgets(line, sizeof line, from))
        buf_puts(to, line);
    fclose(from);
}

/* Until it has ended. */
static void finish(struct house *h)
{
    int status;
    read_all(h->out, &h->said);
    read_all(h->err, &h->logged);
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    h->pid = 0;
    assert_null(strstr(buf_str(&h->logged), "Sanitizer"));
    h->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run(struct house *h, const char *const *args)
{
    buf_clear(&h->said);
    buf_clear(&h->logged);
    start(h, args);
    finish(h);
}

#define RUN(h, ...) run(h, (const char *const[]){__VA_ARGS__, NULL})
#define START(h, ...) start(h, (const char *const[]){__VA_ARGS__, NULL})

/* The next line with this in it; what comes before is skipped. */
static char *wait_line(FILE *from, const char *part)
{
    static const size_t room = 4096;
    char *line = alloc_bytes(room);
    while (fgets(line, (int)room, from))
        if (strstr(line, part))
            return line;
    fail_msg("the gateway ended without saying '%s'", part);
    return line;
}

static void expect_line(FILE *from, const char *part)
{
    free(wait_line(from, part));
}

static void write_config(struct house *h, const char *yaml)
{
    FILE *file = fopen(h->file, "w");
    assert_non_null(file);
    fputs(yaml, file);
    fclose(file);
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

/* ---- the command line ---- */

static void help_and_version(void **state)
{
    struct house *h = *state;
    RUN(h, "--help");
    assert_int_equal(h->code, 0);
    assert_contains(buf_str(&h->said), "usage: sluiced ");
    assert_contains(buf_str(&h->said), "example: ");
    RUN(h, "--version");
    assert_int_equal(h->code, 0);
    assert_string_equal(buf_str(&h->said), "sluiced " SLUICE_VERSION "\n");
}

static void a_wrong_command_line(void **state)
{
    struct house *h = *state;
    static const struct {
        const char *args[3], *says;
    } cases[] = {
        {{"--nonsense"}, "unrecognized option '--nonsense'"},
        {{"--config"}, "option '--config' requires an argument"},
        {{"--log-level", "loud"}, "sluiced: no such log level: 'loud'"},
        {{"--log-format", "jpeg"}, "sluiced: the log format is text or json, not 'jpeg'"},
        {{"serve"}, "sluiced: unexpected argument 'serve'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(h, cases[i].args);
        assert_int_equal(h->code, 2);
        assert_contains(buf_str(&h->logged), cases[i].says);
        assert_contains(buf_str(&h->logged), "usage: sluiced ");
        assert_string_equal(buf_str(&h->said), "");
    }
}

/* ---- --check ---- */

static void a_check_prints_the_chain_and_touches_nothing(void **state)
{
    struct house *h = *state;
    RUN(h, "--check", "--state-dir", h->state);
    assert_int_equal(h->code, 0);
    assert_contains(buf_str(&h->said), "static_fields");
    assert_contains(buf_str(&h->said), "policy_safety");
    assert_contains(buf_str(&h->said), "live_reload");
    assert_contains(buf_str(&h->said), "configuration is good: 3 voters\n");
    assert_int_equal(access(h->state, F_OK), -1);
}

static void a_check_tells_what_is_wrong_and_where(void **state)
{
    struct house *h = *state;
    char wanted[256];
    write_config(h, "sandboxes:\n  on_exits: keep\n");
    RUN(h, "--check", "--config", h->file);
    assert_int_equal(h->code, 2);
    snprintf(
        wanted, sizeof wanted,
        "%s:2:3: sandboxes.on_exits: a sandboxes has no such field; did you mean \"on_exit\"?\n",
        h->file);
    assert_contains(buf_str(&h->logged), wanted);
    snprintf(wanted, sizeof wanted, "sluiced: the configuration file %s has 1 problem\n", h->file);
    assert_contains(buf_str(&h->logged), wanted);
}

static void a_check_loads_the_chain(void **state)
{
    struct house *h = *state;
    char wanted[256];
    write_config(h, "chain:\n  voters:\n    - plugin: live_reload\n      isolation: inline\n    - "
                    "plugin: no_such_voter\n"
                    "      isolation: inline\n");
    RUN(h, "--check", "--config", h->file);
    assert_int_equal(h->code, 2);
    snprintf(wanted, sizeof wanted, "%s:5:15: chain.voters[1].plugin: ", h->file);
    assert_contains(buf_str(&h->logged), wanted);
    assert_contains(buf_str(&h->logged), "sluiced: the chain of voters does not load: 1 problem\n");
}

static void a_start_refuses_what_a_check_refuses(void **state)
{
    struct house *h = *state;
    write_config(h, "listen: [\"tcp:nowhere.example:1\"]\n");
    RUN(h, "--config", h->file, "--state-dir", h->state);
    assert_int_equal(h->code, 2);
    assert_contains(buf_str(&h->logged),
                    "sluice.yaml:1:10: listen[0]: tcp:nowhere.example:1 names a host");
    RUN(h, "--config", "/does/not/exist");
    assert_int_equal(h->code, 2);
}

/* ---- signals ---- */

#define CHAIN(voter) "chain:\n  voters:\n    - plugin: " voter "\n      isolation: inline\n"

static void say_hello(struct house *h)
{
    START(h, "--config", h->file, "--state-dir", h->state);
    expect_line(h->out, "sluiced ready on unix:");
}

static void end_with(struct house *h, int signal)
{
    kill(h->pid, signal);
    finish(h);
    assert_int_equal(h->code, 0);
    assert_contains(buf_str(&h->logged), "stopped");
}

static void it_is_ready_with_one_line_and_ends_with_zero(void **state)
{
    struct house *h = *state;
    char wanted[256];
    START(h, "--state-dir", h->state);
    char *ready = wait_line(h->out, "");
    snprintf(wanted, sizeof wanted, "sluiced ready on unix:%s/sluice.sock (3 voters)\n", h->state);
    assert_string_equal(ready, wanted);
    free(ready);
    end_with(h, SIGTERM);
    assert_string_equal(buf_str(&h->said), "");
    START(h, "--state-dir", h->state, "--log-format", "json");
    expect_line(h->out, "sluiced ready on");
    kill(h->pid, SIGINT);
    finish(h);
    assert_int_equal(h->code, 0);
    assert_contains(buf_str(&h->logged), "{\"");
}

static void a_hangup_reloads_the_chain(void **state)
{
    struct house *h = *state;
    write_config(h, CHAIN("live_reload"));
    say_hello(h);
    write_config(h, CHAIN("mode_lock") "    - plugin: live_reload\n      isolation: inline\n");
    kill(h->pid, SIGHUP);
    expect_line(h->err, "reloaded: 2 voters");
    end_with(h, SIGTERM);
}

static void a_hangup_that_fails_leaves_the_chain_at_work(void **state)
{
    struct house *h = *state;
    char wanted[256];
    write_config(h, CHAIN("live_reload"));
    say_hello(h);
    write_config(h, CHAIN("live_reload") "      levl: advisory\n");
    kill(h->pid, SIGHUP);
    expect_line(h->err, "the chain at work stays: the configuration file ");
    snprintf(wanted, sizeof wanted, "%s:5:7: chain.voters[0].levl: ", h->file);
    expect_line(h->err, wanted);
    write_config(h, CHAIN("no_such_voter"));
    kill(h->pid, SIGHUP);
    expect_line(h->err, "the chain at work stays: the chain of voters does not load: 1 problem");
    snprintf(wanted, sizeof wanted, "%s:3:15: chain.voters[0].plugin: ", h->file);
    expect_line(h->err, wanted);
    write_config(h, CHAIN("live_reload"));
    kill(h->pid, SIGHUP);
    expect_line(h->err, "reloaded: 1 voters");
    end_with(h, SIGTERM);
}

static void a_hangup_names_what_needs_a_restart(void **state)
{
    struct house *h = *state;
    write_config(h, CHAIN("live_reload"));
    say_hello(h);
    write_config(h, CHAIN("live_reload") "sandboxes: {on_exit: stop}\negress: {hosts: {a.example: "
                                         "10.0.0.1}}\nstate_dir: /tmp/elsewhere\n");
    kill(h->pid, SIGHUP);
    expect_line(
        h->err,
        "these settings changed and need a restart: egress, sandboxes\n"); /* the flag's state dir
                                                                              stays */
    expect_line(h->err, "reloaded: 1 voters");
    end_with(h, SIGTERM);
}

static void a_start_that_fails_says_why(void **state)
{
    struct house *h = *state;
    RUN(h, "--state-dir", "/proc/nowhere/sluice");
    assert_int_equal(h->code, 1);
    assert_contains(
        buf_str(&h->logged),
        "sluiced: cannot make the state folder /proc/nowhere/sluice (at /proc/nowhere)");
    RUN(h, "--state-dir", h->state, "--store", "sqlite:/proc/nowhere.db");
    assert_int_equal(h->code, 1);
    assert_contains(buf_str(&h->logged), "sluiced: store ");
    assert_string_equal(buf_str(&h->said), "");
}

static void a_second_gateway_is_refused(void **state)
{
    struct house *h = *state, second = {0};
    char wanted[256], other[128];
    START(h, "--state-dir", h->state);
    expect_line(h->out, "sluiced ready on");
    snprintf(other, sizeof other, "unix:%s/other.sock", h->folder);
    RUN(&second, "--state-dir", h->state, "--listen", other);
    assert_int_equal(second.code, 1);
    snprintf(wanted, sizeof wanted,
             "sluiced: another sluiced works in the state folder %s: stop it, or give this one its "
             "own with --state-dir\n",
             h->state);
    assert_string_equal(buf_str(&second.logged), wanted);
    snprintf(other, sizeof other, "unix:%s/sluice.sock", h->state);
    snprintf(wanted, sizeof wanted, "sluiced: another process listens on %s already\n", other);
    RUN(&second, "--state-dir", h->folder, "--listen", other);
    assert_int_equal(second.code, 1);
    assert_string_equal(buf_str(&second.logged), wanted);
    snprintf(other, sizeof other, "sqlite:%s/sluice.db", h->state);
    snprintf(
        wanted, sizeof wanted,
        "sluiced: another sluiced works in the store %s: stop it, or give this one its own with "
        "--store\n",
        other + strlen("sqlite:"));
    RUN(&second, "--state-dir", h->folder, "--store", other);
    assert_int_equal(second.code, 1);
    assert_string_equal(buf_str(&second.logged), wanted);
    buf_free(&second.said);
    buf_free(&second.logged);
    end_with(h, SIGTERM);
}

static void the_folder_of_a_socket_is_made(void **state)
{
    struct house *h = *state;
    char address[160];
    snprintf(address, sizeof address, "unix:%s/run/sluice/sluice.sock", h->folder);
    START(h, "--state-dir", h->state, "--listen", address);
    expect_line(h->out, address);
    end_with(h, SIGTERM);
    RUN(h, "--state-dir", h->state, "--listen", "unix:/proc/nowhere/sluice.sock");
    assert_int_equal(h->code, 1);
    assert_contains(buf_str(&h->logged),
                    "sluiced: cannot make the socket folder /proc/nowhere (at /proc/nowhere)");
}

static pid_t start_without_streams(const char *state, const char *notify)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    setenv("NOTIFY_SOCKET", notify, 1);
    execl(SLUICE_BUILD_DIR "/bin/sluiced", "sluiced", "--state-dir", state, NULL);
    _exit(127);
}

/* A standard stream that is closed would be the number of the first file opened, such as a
 * voter's. */
static void closed_streams_are_nobody_elses(void **state)
{
    struct house *h = *state;
    struct stat null, st;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[64], word[16] = "";
    int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", h->folder);
    assert_int_equal(bind(notify, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(stat("/dev/null", &null), 0);
    pid_t pid = start_without_streams(h->state, address.sun_path);
    assert_int_equal(recv(notify, word, sizeof word - 1, 0), 7);
    assert_string_equal(word, "READY=1");
    for (int fd = 0; fd < 3; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_rdev, null.st_rdev);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(notify);
}

/* It is not the default: where nobody votes, nothing is allowed. */
static void an_empty_list_of_voters_is_a_mistake(void **state)
{
    struct house *h = *state;
    write_config(h, "chain: {voters: []}\n");
    RUN(h, "--check", "--config", h->file);
    assert_int_equal(h->code, 2);
    assert_contains(buf_str(&h->logged),
                    "sluice.yaml:1:17: chain.voters: must not be an empty list: leave it out\n");
}

#define HOUSE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(help_and_version),
        HOUSE_TEST(a_wrong_command_line),
        HOUSE_TEST(a_check_prints_the_chain_and_touches_nothing),
        HOUSE_TEST(a_check_tells_what_is_wrong_and_where),
        HOUSE_TEST(a_check_loads_the_chain),
        HOUSE_TEST(a_start_refuses_what_a_check_refuses),
        HOUSE_TEST(it_is_ready_with_one_line_and_ends_with_zero),
        HOUSE_TEST(a_hangup_reloads_the_chain),
        HOUSE_TEST(a_hangup_that_fails_leaves_the_chain_at_work),
        HOUSE_TEST(a_hangup_names_what_needs_a_restart),
        HOUSE_TEST(a_start_that_fails_says_why),
        HOUSE_TEST(a_second_gateway_is_refused),
        HOUSE_TEST(the_folder_of_a_socket_is_made),
        HOUSE_TEST(closed_streams_are_nobody_elses),
        HOUSE_TEST(an_empty_list_of_voters_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
