/* SPDX-License-Identifier: Apache-2.0 */
/* The typed calls, with a supervisor at the other end of a stream: commands, logs, revisions. */
#include "support/runtime.h"

#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sandbox.h"

/* ---- commands ---- */

static const char *const words[] = {"echo", "hi"};
static const struct sandbox_exec command = {.command = words, .n_command = 2};

struct run {
    unsigned calls;
    struct net_stream *session;
    struct error err;
    struct peer front;
};

static void ran(void *arg, struct net_stream *session, const struct error *err)
{
    struct run *r = arg;
    r->calls++;
    r->session = session;
    r->err = err ? *err : (struct error){0};
}

static void a_command_gets_its_session(void **state)
{
    struct house *h = *state;
    struct run r = {0};
    struct peer far;
    assert_int_equal(runtime_exec(h->runtime, "s1", NULL, &command, ran, &r, &h->f->err), 0);
    struct sandbox_message m = hear_next(h, MESSAGE_EXEC);
    assert_string_equal(m.exec.command[1], "hi");
    assert_null(runtime_exec_find(h->runtime, "s1", "another"));
    assert_null(runtime_exec_find(h->runtime, "s2", m.exec.id));        /* only its own sandbox */
    struct exec_wait *wait = runtime_exec_find(h->runtime, "s1", m.exec.id);
    assert_non_null(wait);
    assert_int_equal(r.calls, 0);
    runtime_exec_connect(wait, peer_open(h, &far));
    assert_int_equal(r.calls, 1);
    assert_null(runtime_exec_find(h->runtime, "s1", m.exec.id));        /* once */
    r.front.stream = r.session;
    net_set_owner(r.session, &peer_calls, &r.front);
    net_read(r.session);
    net_write(far.stream, "out", 3);
    RUN_UNTIL(h, r.front.got.len == 3);
    peer_close(h, &far);
    peer_close(h, &r.front);
}

static void a_command_fails_with_its_supervisor(void **state)
{
    struct house *h = *state;
    struct run r = {0};
    assert_int_equal(runtime_exec(h->runtime, "s1", NULL, &command, ran, &r, &h->f->err), 0);
    net_close(h->supervisor.stream);
    RUN_UNTIL(h, r.calls == 1);
    assert_null(r.session);
    assert_int_equal(r.err.kind, ERROR_UPSTREAM);
    assert_string_equal(
        r.err.text,
        "the command was not run in sandbox 'demo': the connection to its supervisor broke");
}

static void a_command_waits_for_a_supervisor_that_comes_back(void **state)
{
    struct house *h = *state;
    struct run r = {0};
    buf_clear(&h->heard);
    peer_close(h, &h->supervisor);
    for (int i = 0; i < 3; i++)
        uv_run(&h->loop, UV_RUN_NOWAIT);
    assert_int_equal(runtime_exec(h->runtime, "s1", NULL, &command, ran, &r, &h->f->err), 0);
    connect_supervisor(h);
    struct sandbox_message m = hear_next(h, MESSAGE_EXEC);
    struct peer far;
    runtime_exec_connect(runtime_exec_find(h->runtime, "s1", m.exec.id), peer_open(h, &far));
    assert_int_equal(r.calls, 1);
    net_discard(r.session);
    peer_close(h, &far);
}

/* The right to it was judged by its id. */
static void no_command_in_a_sandbox_that_has_the_name_of_a_deleted_one(void **state)
{
    struct house *h = *state;
    struct sandbox *demo = sandbox_find(h->runtime, "s1"), *other = sandbox_find(h->runtime, "s2");
    struct run r = {0};
    struct buf log = {0};
    char *name = other->name;
    demo->removing = true;
    other->name = demo->name;
    assert_int_equal(runtime_exec(h->runtime, "s1", NULL, &command, ran, &r, &h->f->err), -1);
    assert_int_equal(h->f->err.kind, ERROR_NOT_FOUND);
    assert_string_equal(h->f->err.text, "the sandbox was deleted");
    assert_int_equal(runtime_logs(h->runtime, "s1", &log, &h->f->err), -1);
    assert_int_equal(r.calls, 0);
    demo->removing = false;
    other->name = name;
}

static void no_command_where_nothing_runs(void **state)
{
    struct house *h = *state;
    struct run r = {0};
    assert_int_equal(runtime_exec(h->runtime, "s2", NULL, &command, ran, &r, &h->f->err), -1);
    assert_string_equal(h->f->err.text,
                        "sandbox 'other' is not ready (it is stopped): start it, or wait for it");
    assert_int_equal(runtime_exec(h->runtime, "s3", NULL, &command, ran, &r, &h->f->err), -1);
    assert_int_equal(h->f->err.kind, ERROR_NOT_FOUND);
    assert_int_equal(r.calls, 0);
}

/* ---- logs ---- */

struct reader {
    struct buf lines;
    bool ended;
};

static void read_line(void *ctx, const char *text, size_t len)
{
    buf_add(&((struct reader *)ctx)->lines, text, len);
}

static void read_end(void *ctx)
{
    ((struct reader *)ctx)->ended = true;
}

static const struct log_follower_calls reading = {read_line, read_end};

static void log_line(struct house *h, const char *text)
{
    say(h, (struct sandbox_message){
               .type = MESSAGE_LOG,
               .log = {.level = "info", .kind = "general", .text = text, .at_ms = 1}});
}

static void a_log_is_kept_and_followed(void **state)
{
    struct house *h = *state;
    struct reader first = {0}, second = {0};
    struct buf kept = {0};
    struct log_follower *one =
        runtime_logs_follow(h->runtime, "s1", &reading, &first, &h->f->err);
    struct log_follower *two =
        runtime_logs_follow(h->runtime, "s1", &reading, &second, &h->f->err);
    log_line(h, "a");
    RUN_UNTIL(h, second.lines.len);
    runtime_logs_unfollow(one);
    log_line(h, "b");
    RUN_UNTIL(h, strstr(buf_str(&second.lines), " b\n"));
    assert_string_equal(buf_str(&first.lines), "1970-01-01T00:00:00.001Z info  a\n");
    assert_int_equal(runtime_logs(h->runtime, "s1", &kept, &h->f->err), 0);
    assert_string_equal(buf_str(&kept), buf_str(&second.lines));
    assert_int_equal(runtime_logs(h->runtime, "s3", &kept, &h->f->err), -1);
    assert_string_equal(h->f->err.text, "the sandbox was deleted");
    runtime_logs_unfollow(two);
    buf_free(&kept);
    buf_free(&first.lines);
    buf_free(&second.lines);
}

static void is_deleted(void *arg, const struct error *err)
{
    assert_null(err);
    *(bool *)arg = true;
}

static void a_deleted_sandbox_is_stopped_and_ends_its_readers(void **state)
{
    struct house *h = *state;
    struct reader reader = {0};
    bool deleted = false;
    assert_non_null(runtime_logs_follow(h->runtime, "s1", &reading, &reader, &h->f->err));
    runtime_delete(h->runtime, "s1", is_deleted, &deleted);
    hear_next(h, MESSAGE_STOP);
    net_close(h->supervisor.stream);
    RUN_UNTIL(h, deleted);
    assert_true(reader.ended);
    assert_int_equal(runtime_exec_check(h->runtime, "s1", &h->f->err), -1);
    assert_int_equal(h->f->err.kind, ERROR_NOT_FOUND);
}

/* ---- revisions ---- */

static void count_call(void *arg)
{
    ++*(unsigned *)arg;
}

static struct record_wait *wait_for(struct house *h, uint64_t revision, unsigned *calls)
{
    const struct record_wait_for what = {
        .settled = record_wait_revision,
        .loop = &h->loop, .jobs = h->jobs, .events = h->events, .store = h->f->store,
        .sandbox = "demo", .revision = revision, .timeout_ms = 3600000,
    };
    return record_wait(&what, count_call, calls);
}

static void a_wait_ends_when_the_supervisor_has_loaded_it(void **state)
{
    struct house *h = *state;
    unsigned calls = 0, cancelled = 0;
    succeed(h->f, merge(h->f, "alice",
                        "{operations: [{add_rule: {rule_name: r, rule: {endpoints: [{host: "
                        "a.example.com, port: 443}], "
                        "binaries: [{path: /usr/bin/git}]}}}]}"));
    hear_next(h, MESSAGE_POLICY);
    wait_for(h, 2, &calls);
    record_wait_cancel(wait_for(h, 2, &cancelled));
    RUN_UNTIL(h, cancelled);
    assert_int_equal(calls, 0);
    say(h, (struct sandbox_message){.type = MESSAGE_LOADED,
                                    .revision = {.revision = 2, .hash = h->f->result.hash}});
    RUN_UNTIL(h, calls == 1);
}

static void what_is_no_message_ends_nothing(void **state)
{
    struct house *h = *state;
    struct reader reader = {0};
    net_write(h->supervisor.stream, "{\"type\":\"nonsense\"}\nno JSON\n", 28);
    struct log_follower *follower =
        runtime_logs_follow(h->runtime, "s1", &reading, &reader, &h->f->err);
    log_line(h, "still here");
    RUN_UNTIL(h, reader.lines.len);
    runtime_logs_unfollow(follower);
    assert_false(h->supervisor.ended);
    buf_free(&reader.lines);
}

static void a_line_without_an_end_ends_the_stream(void **state)
{
    struct house *h = *state;
    struct buf line = {0};
    for (size_t i = 0; i <= SANDBOX_LINE_MAX; i++)
        buf_putc(&line, 'x');
    net_send(h->supervisor.stream, &line);
    RUN_UNTIL(h, h->supervisor.ended);
}

static void a_newer_stream_takes_the_place_of_an_older_one(void **state)
{
    struct house *h = *state;
    struct peer older = h->supervisor;
    net_set_owner(older.stream, &peer_calls, &older);
    net_read(older.stream);
    connect_supervisor(h);
    RUN_UNTIL(h, older.ended);
    peer_close(h, &older);
    assert_int_equal(runtime_exec_check(h->runtime, "s1", &h->f->err), 0);
}

/* At once, also to a supervisor that comes back. */
static void a_supervisor_hears_of_its_settings(void **state)
{
    struct house *h = *state;
    set_settings(h, &(struct sandbox_changes){.approval_mode = "auto", .labels_json = "",
                                              .has_hold = true, .hold_ms = 20000,
                                              .has_proposals = true, .agent_proposals = true});
    struct spec_settings settings = hear_next(h, MESSAGE_SETTINGS).settings;
    RUN_UNTIL(h, has_heard(h, "settings"));
    for (int again = 0; again < 2; again++) {
        assert_int_equal(settings.hold_ms, 20000);
        assert_true(settings.agent_proposals);
        assert_true(settings.resolve_denied);
        peer_close(h, &h->supervisor);
        settings = connect_supervisor(h);
    }
}

/* Its process may be known to have ended before what it sent was read. */
static void what_a_supervisor_said_last_is_heard(void **state)
{
    struct house *h = *state;
    struct sandbox *s = sandbox_find(h->runtime, "s1");
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    sandbox_watch(s, pid);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 3; i++)
        uv_run(&h->loop, UV_RUN_NOWAIT);
    say(h, (struct sandbox_message){.type = MESSAGE_START_FAILED, .log = {.text = "no"}});
    net_finish(h->supervisor.stream);
    RUN_UNTIL(h, s->state == SANDBOX_DOWN);
    assert_string_equal(s->start_error.text, "sandbox 'demo' cannot be made: no");
}

/* One that leaves its stream open, as a child of its own may, has ended all the same. */
static void a_supervisor_ends_with_its_process(void **state)
{
    struct house *h = *state;
    struct sandbox *s = sandbox_find(h->runtime, "s1");
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    sandbox_watch(s, pid);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    RUN_UNTIL(h, s->state == SANDBOX_DOWN);
    RUN_UNTIL(h, h->supervisor.ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_command_gets_its_session),
        HOUSE_TEST(a_command_fails_with_its_supervisor),
        HOUSE_TEST(a_command_waits_for_a_supervisor_that_comes_back),
        HOUSE_TEST(no_command_where_nothing_runs),
        HOUSE_TEST(no_command_in_a_sandbox_that_has_the_name_of_a_deleted_one),
        HOUSE_TEST(a_log_is_kept_and_followed),
        HOUSE_TEST(a_deleted_sandbox_is_stopped_and_ends_its_readers),
        HOUSE_TEST(a_wait_ends_when_the_supervisor_has_loaded_it),
        HOUSE_TEST(what_is_no_message_ends_nothing),
        HOUSE_TEST(a_line_without_an_end_ends_the_stream),
        HOUSE_TEST(a_newer_stream_takes_the_place_of_an_older_one),
        HOUSE_TEST(a_supervisor_hears_of_its_settings),
        HOUSE_TEST(what_a_supervisor_said_last_is_heard),
        HOUSE_TEST(a_supervisor_ends_with_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
