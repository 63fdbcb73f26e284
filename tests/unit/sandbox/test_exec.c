/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in a sandbox: what goes in, what comes out, and how they end. */
#include "support/supervisor.h"

static void output_errors_and_code_come_back(void **state)
{
    struct supervisor_fixture *d = *state;
    assert_string_equal(fixture_sh(d, "echo out; echo err >&2; exit 3"), "out\n");
    assert_string_equal(buf_str(&d->err), "err\n");
    assert_string_equal(buf_str(&d->exit), "{\"code\":3}");
    fixture_sh(d, "kill -9 $$");
    assert_string_equal(buf_str(&d->exit), "{\"code\":137}");
}

static void input_goes_in_until_its_end(void **state)
{
    struct supervisor_fixture *d = *state;
    static char block[60000];
    char sum[128];
    const char *const command[] = {"/usr/bin/sha256sum"};
    memset(block, 'a', sizeof block);
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 1});
    for (int i = 0; i < 100; i++)
        fixture_write(d, FRAME_STDIN, block, sizeof block);
    fixture_write(d, FRAME_STDIN, NULL, 0);
    assert_string_equal(fixture_end(d), "{\"code\":0}");
    snprintf(sum, sizeof sum, "%s", buf_str(&d->out));
    assert_string_equal(fixture_sh(d, "head -c 6000000 /dev/zero | tr '\\0' a | sha256sum"), sum);
}

static void much_output_is_complete(void **state)
{
    struct supervisor_fixture *d = *state;
    fixture_sh(d, "head -c 20000000 /dev/zero; echo end >&2");
    assert_int_equal(d->out.len, 20000000);
    assert_string_equal(buf_str(&d->err), "end\n");
}

static void let_pass(uv_timer_t *timer)
{
    (void)timer;
}

static void a_reader_that_pauses_loses_nothing(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c", "head -c 3000000 /dev/zero; echo done >&2"};
    uv_timer_t pause;
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    RUN_UNTIL(d, d->out.len > 0);
    http_tunnel_pause(d->exec);
    uv_timer_init(&d->g.loop, &pause);
    uv_timer_start(&pause, let_pass, 600, 0);       /* longer than any linger */
    while (uv_is_active((uv_handle_t *)&pause))
        uv_run(&d->g.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&pause, NULL);
    http_tunnel_resume(d->exec);
    assert_string_equal(fixture_end(d), "{\"code\":0}");
    assert_int_equal(d->out.len, 3000000);
    assert_string_equal(buf_str(&d->err), "done\n");
}

/* Its command has finished; what that left behind says more than anybody reads, until all is
 * full. */
static void begin_unread(struct supervisor_fixture *d)
{
    const char *const command[] = {
        "/bin/sh", "-c",
        "(while head -c 20000 /dev/zero; do echo >>/tmp/said; done) & echo >/tmp/said"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    http_tunnel_pause(d->exec);
}

static void finished_commands_that_nobody_reads_give_way(void **state)
{
    struct supervisor_fixture *d = *state;
    for (int i = 0; i < 32; i++)
        begin_unread(d);
    while (strcmp(fixture_sh(d, "echo there is room"), "there is room\n") != 0)
        assert_false(d->g.expired);
}

static void a_stop_does_not_wait_for_a_client_that_does_not_read(void **state)
{
    struct supervisor_fixture *d = *state;
    begin_unread(d);
    fixture_sh(d, "while a=$(wc -l </tmp/said); sleep 0.1; [ $a -lt 20 ] || [ $a != $(wc -l "
                  "</tmp/said) ]; do :; done");
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_STOP});
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 0);
}

static void what_is_left_in_the_background_does_not_hold_the_exit(void **state)
{
    struct supervisor_fixture *d = *state;
    fixture_sh(d, "sleep 1000 & echo started");
    assert_string_equal(buf_str(&d->out), "started\n");
    assert_string_equal(buf_str(&d->exit), "{\"code\":0}");
    assert_string_equal(fixture_sh(d, "ps -e -o comm= | grep -c sleep"), "1\n");
}

static void the_environment_is_the_sandboxs(void **state)
{
    struct supervisor_fixture *d = *state;
    struct spec_pair env[] = {{"MINE", "1"}, {"HTTPS_PROXY", "http://evil"}};
    const char *const command[] = {"/bin/sh", "-c",
                                   "echo $SLUICE_SANDBOX $OWN $MINE $HTTPS_PROXY $HOME $PWD"};
    fixture_begin(
        d, (struct sandbox_exec){
               .command = command, .n_command = 3, .env = env, .n_env = 2, .workdir = "/tmp"});
    fixture_end(d);
    assert_string_equal(buf_str(&d->out),
                        "1 of the sandbox 1 http://10.200.0.1:3128 /sandbox /tmp\n");
}

static void what_cannot_run_says_why(void **state)
{
    struct supervisor_fixture *d = *state;
    static const char *const nowhere[] = {"no-such-program"}, *const echo[] = {"echo"};
    struct spec_pair reserved = {"SLUICE_SANDBOX", "0"};
    fixture_begin(d, (struct sandbox_exec){.command = nowhere, .n_command = 1});
    assert_string_equal(
        fixture_end(d),
        "{\"code\":127,\"error\":\"cannot run no-such-program: No such file or directory\"}");
    fixture_begin(
        d, (struct sandbox_exec){.command = echo, .n_command = 1, .env = &reserved, .n_env = 1});
    assert_string_equal(fixture_end(d),
                        "{\"code\":126,\"error\":\"environment variable SLUICE_SANDBOX: names that "
                        "begin with SLUICE_ or OPENSHELL_ are reserved\"}");
    fixture_begin(d, (struct sandbox_exec){.command = echo, .n_command = 0});
    assert_string_equal(fixture_end(d), "{\"code\":126,\"error\":\"a command is required\"}");
}

static void a_command_has_its_time(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c",
                                   "trap '' TERM; echo up; while :; do sleep 1; done"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3, .timeout_ms = 150});
    assert_string_equal(fixture_end(d), "{\"code\":124}");
    assert_string_equal(buf_str(&d->out), "up\n");
}

static void a_terminal_can_be_resized(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {
        "/bin/bash", "-c",
        "stty size; read line; echo got $line; stty size; read line || echo end"};
    fixture_begin(d, (struct sandbox_exec){
                      .command = command, .n_command = 3, .tty = true, .cols = 90, .rows = 20});
    RUN_UNTIL(d, d->out.len > 0 && strstr(d->out.data, "20 90"));
    fixture_write(d, FRAME_RESIZE, "{\"cols\":120,\"rows\":40}", 22);
    fixture_write(d, FRAME_STDIN, "word\n", 5);
    fixture_write(d, FRAME_STDIN, NULL, 0);
    assert_string_equal(fixture_end(d), "{\"code\":0}");
    /* The terminal's own echo may come between them. */
    const char *said = strstr(buf_str(&d->out), "got word\r\n");
    said = said ? strstr(said, "\n40 120\r\n") : NULL;
    if (!said || !strstr(said, "end\r\n"))
        fail_msg("it said: %s", buf_str(&d->out));
}

static void a_client_that_leaves_takes_its_command_along(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c", "echo up; sleep 1000 & wait"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    RUN_UNTIL(d, d->out.len > 0);
    http_tunnel_close(d->exec);
    RUN_UNTIL(d, d->exec_closed);
    do
        fixture_sh(d, "ps -e -o comm= | grep -c sleep");
    while (strcmp(buf_str(&d->out), "0\n") != 0 && !d->g.expired);
    assert_false(d->g.expired);
}

static void a_second_signal_ends_the_grace(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c",
                                   "trap '' TERM; echo up; while :; do sleep 1; done"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    RUN_UNTIL(d, d->out.len > 0);
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_STOP, .stop = {.grace_ms = 600000}});
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_PING});
    RUN_UNTIL(d, d->pongs > 0);
    uv_process_kill(&d->supervisor, SIGTERM);
    fixture_end(d);
    assert_string_equal(buf_str(&d->exit), "{\"code\":137,\"error\":\"the sandbox was stopped\"}");
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 0);
}

static void a_stop_is_told_to_who_waits(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c",
                                   "trap 'exit 5' TERM; echo up; while :; do sleep 0.02; done"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    RUN_UNTIL(d, d->out.len > 0);
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_STOP, .stop = {.grace_ms = 5000}});
    assert_string_equal(fixture_end(d), "{\"code\":5}");
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 0);
}

static void nonsense_frames_end_the_command(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c", "echo up; exec sleep 1000"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    RUN_UNTIL(d, d->out.len > 0);
    http_tunnel_write(d->exec, "GET / HTTP/1.1\r\n\r\n", 18);
    RUN_UNTIL(d, d->exec_closed);
    assert_int_equal(d->exit.len, 0);
}

static int run_with_supervisor(const char *group)
{
    const struct CMUnitTest tests[] = {
        WITH_SUPERVISOR(output_errors_and_code_come_back),
        WITH_SUPERVISOR(input_goes_in_until_its_end),
        WITH_SUPERVISOR(much_output_is_complete),
        WITH_SUPERVISOR(a_reader_that_pauses_loses_nothing),
        WITH_SUPERVISOR(finished_commands_that_nobody_reads_give_way),
        WITH_SUPERVISOR(a_stop_does_not_wait_for_a_client_that_does_not_read),
        WITH_SUPERVISOR(what_is_left_in_the_background_does_not_hold_the_exit),
        WITH_SUPERVISOR(the_environment_is_the_sandboxs),
        WITH_SUPERVISOR(what_cannot_run_says_why),
        WITH_SUPERVISOR(a_command_has_its_time),
        WITH_SUPERVISOR(a_terminal_can_be_resized),
        WITH_SUPERVISOR(a_client_that_leaves_takes_its_command_along),
        WITH_SUPERVISOR(a_stop_is_told_to_who_waits),
        WITH_SUPERVISOR(a_second_signal_ends_the_grace),
        WITH_SUPERVISOR(nonsense_frames_end_the_command),
    };
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    return mode_run_all(run_with_supervisor);
}
