/* SPDX-License-Identifier: Apache-2.0 */
/* The main process of a sandbox, with clients that come and go, and commands without any. */
#include "support/supervisor.h"

#include "sandbox/supervisor/process/exec.h"
#include "sandbox/supervisor/process/output_ring.h"

/* Nothing starts before the credentials are there. */
static void equip(struct supervisor_fixture *d)
{
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_CREDENTIALS,
                                              .credentials = {.number = 1}});
}

static struct supervisor_fixture *start(const char *script, struct sandbox_exec main, bool waits)
{
    struct supervisor_fixture *d = fixture_new();
    const char *const command[] = {"/bin/bash", "-c", script};
    main.id = "";
    main.command = command;
    main.n_command = 3;
    d->main = &main;
    d->main_waits = waits;
    fixture_write_spec(d, NULL, true);
    fixture_spawn(d);
    RUN_UNTIL(d, d->hellos > 0);
    assert_int_equal(d->main_report.started_ms, 0);
    equip(d);
    return d;
}

static struct supervisor_fixture *start_detached(const char *script)
{
    return start(script, (struct sandbox_exec){.detach = true}, false);
}

static void attach(struct supervisor_fixture *d, uint16_t cols, uint16_t rows)
{
    fixture_forget_session(d);
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_ATTACH,
                                              .attach = {"exec-1", cols, rows}});
    RUN_UNTIL(d, d->exec);
}

/* All that a client gets, and then the exit frame. */
static const char *attach_to_the_end(struct supervisor_fixture *d)
{
    attach(d, 0, 0);
    return fixture_end(d);
}

static void leave(struct supervisor_fixture *d)
{
    http_tunnel_close(d->exec);
    RUN_UNTIL(d, d->exec_closed);
}

static void its_output_and_code_are_there_when_a_client_comes_late(void **state)
{
    struct supervisor_fixture *d = start_detached("echo out; echo err >&2; cat; exit 5");
    (void)state;
    RUN_UNTIL(d, d->main_report.ended_ms);          /* it had no input: cat ended */
    assert_true(d->main_report.started_ms > 0);
    assert_int_equal(d->main_report.code, 5);
    assert_string_equal(d->main_report.error, "");
    for (int twice = 0; twice < 2; twice++) {
        assert_string_equal(attach_to_the_end(d), "{\"code\":5}");
        assert_string_equal(buf_str(&d->out), "out\n");
        assert_string_equal(buf_str(&d->err), "err\n");
    }
    fixture_close(d);
}

static void what_cannot_be_run_says_why(void **state)
{
    struct supervisor_fixture *d = fixture_new();
    const char *const command[] = {"nosuch"};
    d->main = &(struct sandbox_exec){.id = "", .command = command, .n_command = 1, .detach = true};
    (void)state;
    fixture_write_spec(d, NULL, true);
    fixture_spawn(d);
    RUN_UNTIL(d, d->hellos > 0);
    equip(d);
    RUN_UNTIL(d, d->main_report.ended_ms);
    assert_int_equal(d->main_report.code, 127);
    assert_non_null(strstr(d->main_report.error, "cannot run nosuch"));
    assert_non_null(strstr(attach_to_the_end(d), "cannot run nosuch"));
    fixture_close(d);
}

static void without_clients_it_never_waits_and_the_newest_output_is_kept(void **state)
{
    struct supervisor_fixture *d = start_detached("seq 1000000; echo end >&2");
    (void)state;
    RUN_UNTIL(d, d->main_report.ended_ms);
    assert_string_equal(attach_to_the_end(d), "{\"code\":0}");
    assert_true(d->out.len > OUTPUT_KEPT_MAX - OUTPUT_LINE_MAX && d->out.len <= OUTPUT_KEPT_MAX);
    assert_non_null(strstr(buf_str(&d->out), "\n999999\n1000000\n"));
    assert_int_equal(strtol(d->out.data, NULL, 10) + strtol("1", NULL, 10),
                     strtol(strchr(d->out.data, '\n'), NULL, 10));      /* whole lines */
    const char *note = buf_str(&d->err);
    unsigned long lost = 0;
    assert_int_equal(sscanf(note, "[sluice: %lu bytes of output were dropped here; "
                                  "the newest 1024 KiB are kept]", &lost), 1);
    assert_int_equal(lost + d->out.len, 6888896);   /* the bytes of seq 1000000 */
    assert_non_null(strstr(note, "\nend\n"));
    fixture_close(d);
}

static void the_first_client_starts_it_and_its_input_is_the_process_s(void **state)
{
    struct supervisor_fixture *d =
        start("read line; echo got $line; cat; echo eof; exec sleep 1000",
              (struct sandbox_exec){0}, true);
    (void)state;
    attach(d, 0, 0);
    fixture_write(d, FRAME_STDIN, "one\ntwo\n", 8);
    RUN_UNTIL(d, d->out.len && strstr(buf_str(&d->out), "two"));
    assert_true(d->main_report.started_ms > 0);
    leave(d);                                       /* that ends the input and nothing else */
    attach(d, 0, 0);
    fixture_write(d, FRAME_STDIN, "three\n", 6);    /* others have no say */
    RUN_UNTIL(d, d->out.len && strstr(buf_str(&d->out), "eof\n"));
    assert_string_equal(buf_str(&d->out), "got one\ntwo\neof\n");
    assert_int_equal(d->main_report.ended_ms, 0);
    fixture_close(d);
}

static void it_starts_without_its_client_after_a_while(void **state)
{
    struct supervisor_fixture *d = start("cat; echo alone", (struct sandbox_exec){0}, true);
    (void)state;
    RUN_UNTIL(d, d->main_report.ended_ms);
    assert_string_equal(attach_to_the_end(d), "{\"code\":0}");
    assert_string_equal(buf_str(&d->out), "alone\n");
    fixture_close(d);
}

static void it_may_close_its_streams_and_go_on(void **state)
{
    struct supervisor_fixture *d = start_detached("exec >&- 2>&-; sleep 0.3; exit 6");
    (void)state;
    assert_string_equal(attach_to_the_end(d), "{\"code\":6}");
    assert_int_equal(d->main_report.code, 6);
    fixture_close(d);
}

static void what_it_leaves_behind_goes_on_and_is_heard(void **state)
{
    struct supervisor_fixture *d = start_detached(
        "(trap '' HUP; while [ ! -e go ]; do sleep 0.05; done; echo later) & echo first; exit 4");
    (void)state;
    assert_string_equal(attach_to_the_end(d), "{\"code\":4}");
    assert_string_equal(buf_str(&d->out), "first\n");
    fixture_sh(d, "touch go");
    for (unsigned tries = 0; tries < 200 && !strstr(buf_str(&d->out), "later"); tries++)
        attach_to_the_end(d);
    assert_string_equal(buf_str(&d->out), "first\nlater\n");
    fixture_close(d);
}

static void pass(struct supervisor_fixture *d, uint64_t ms)
{
    uint64_t end = uv_hrtime() + ms * 1000000;
    while (uv_hrtime() < end) {
        uv_run(&d->g.loop, UV_RUN_NOWAIT);
        usleep(10000);
    }
}

static void a_client_that_pauses_loses_nothing(void **state)
{
    struct supervisor_fixture *d =
        start("head -c 8000000 /dev/zero; echo done >&2", (struct sandbox_exec){0}, true);
    (void)state;
    attach(d, 0, 0);
    RUN_UNTIL(d, d->out.len > 0);
    http_tunnel_pause(d->exec);
    pass(d, 600);
    assert_int_equal(d->main_report.ended_ms, 0);   /* it waits */
    http_tunnel_resume(d->exec);
    assert_string_equal(fixture_end(d), "{\"code\":0}");
    assert_int_equal(d->out.len, 8000000);
    assert_string_equal(buf_str(&d->err), "done\n");
    fixture_close(d);
}

static void a_terminal_is_everybody_s_and_no_client_ends_it(void **state)
{
    struct supervisor_fixture *d = start(
        "trap 'echo size $(stty size)' WINCH; echo ready; "
        "while read line; do echo \"<$line>\"; done",
        (struct sandbox_exec){.tty = true, .detach = true, .cols = 100, .rows = 30}, false);
    (void)state;
    attach(d, 90, 20);
    RUN_UNTIL(d, d->out.len && strstr(buf_str(&d->out), "ready"));
    fixture_write(d, FRAME_STDIN, "one\n", 4);
    RUN_UNTIL(d, strstr(buf_str(&d->out), "<one>"));
    fixture_write(d, FRAME_STDIN, NULL, 0);         /* the end of its input */
    leave(d);
    attach(d, 70, 15);                              /* a program that draws is told to draw again */
    RUN_UNTIL(d, d->out.len && strstr(buf_str(&d->out), "<one>"));
    fixture_write(d, FRAME_STDIN, "two\n", 4);
    RUN_UNTIL(d, strstr(buf_str(&d->out), "<two>") && strstr(buf_str(&d->out), "size 15 70"));
    assert_int_equal(d->main_report.ended_ms, 0);
    fixture_close(d);
}

static void clients_hear_how_the_sandbox_ends(void **state)
{
    struct supervisor_fixture *d =
        start_detached("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done");
    (void)state;
    attach(d, 0, 0);
    RUN_UNTIL(d, d->out.len > 0);
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_STOP, .stop = {5000}});
    RUN_UNTIL(d, d->exec_closed && d->exited);
    assert_string_equal(buf_str(&d->exit), "{\"code\":9}");
    assert_string_equal(buf_str(&d->out), "up\nbye\n");
    assert_int_equal(d->main_report.code, 9);
    fixture_close(d);
}

static void one_that_does_not_end_is_killed_and_reported(void **state)
{
    struct supervisor_fixture *d =
        start_detached("trap '' TERM; echo up; while :; do sleep 0.05; done");
    (void)state;
    attach(d, 0, 0);
    RUN_UNTIL(d, d->out.len > 0);
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_STOP, .stop = {50}});
    RUN_UNTIL(d, d->exec_closed && d->exited);
    assert_string_equal(buf_str(&d->exit), "{\"code\":137,\"error\":\"the sandbox was stopped\"}");
    assert_int_equal(d->main_report.code, 137);
    fixture_close(d);
}

static void begin_detached(struct supervisor_fixture *d, const char *const *command, size_t n)
{
    unsigned before = d->n_detached;
    struct sandbox_exec exec = {.id = "d-1", .command = command, .n_command = n, .detach = true};
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_EXEC, .exec = exec});
    RUN_UNTIL(d, d->n_detached > before);
}

static void detached_commands_have_a_pid_or_a_reason(void **state)
{
    struct supervisor_fixture *d = *state;
    char script[64];
    const char *const sleeper[] = {"/bin/sleep", "1000"};
    const char *const nosuch[] = {"nosuch"};
    begin_detached(d, sleeper, 2);
    assert_string_equal(d->detached.error, "");
    snprintf(script, sizeof script, "tr '\\0' ' ' </proc/%d/cmdline", (int)d->detached.pid);
    assert_string_equal(fixture_sh(d, script), "/bin/sleep 1000 ");
    begin_detached(d, nosuch, 1);
    assert_int_equal(d->detached.pid, 0);
    assert_string_equal(d->detached.error, "cannot run nosuch: No such file or directory");
}

static void detached_commands_are_bounded(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const sleeper[] = {"/bin/sleep", "1000"};
    for (int i = 0; i < EXEC_SESSIONS_MAX; i++) {
        begin_detached(d, sleeper, 2);
        assert_string_equal(d->detached.error, "");
    }
    for (int i = 0; i < 100; i++) {
        begin_detached(d, sleeper, 2);
        assert_string_equal(d->detached.error, "32 commands run in this sandbox already");
    }
    fixture_sh(d, "true");
    assert_non_null(strstr(buf_str(&d->exit), "32 commands run in this sandbox already"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_output_and_code_are_there_when_a_client_comes_late),
        cmocka_unit_test(what_cannot_be_run_says_why),
        cmocka_unit_test(without_clients_it_never_waits_and_the_newest_output_is_kept),
        cmocka_unit_test(the_first_client_starts_it_and_its_input_is_the_process_s),
        cmocka_unit_test(it_starts_without_its_client_after_a_while),
        cmocka_unit_test(it_may_close_its_streams_and_go_on),
        cmocka_unit_test(what_it_leaves_behind_goes_on_and_is_heard),
        cmocka_unit_test(a_client_that_pauses_loses_nothing),
        cmocka_unit_test(a_terminal_is_everybody_s_and_no_client_ends_it),
        cmocka_unit_test(clients_hear_how_the_sandbox_ends),
        cmocka_unit_test(one_that_does_not_end_is_killed_and_reported),
        WITH_SUPERVISOR(detached_commands_have_a_pid_or_a_reason),
        WITH_SUPERVISOR(detached_commands_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
