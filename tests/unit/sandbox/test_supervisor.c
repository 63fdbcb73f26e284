/* SPDX-License-Identifier: Apache-2.0 */
#include "support/supervisor.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/clock.h"

#include <dirent.h>

#define ONE_RULE "version: 1\nnetwork_policies: {api: {binaries: [{path: /usr/bin/curl}], " \
                 "endpoints: [{host: example.com, port: 443}]}}\n"

/* --- the stream ------------------------------------------------------------------------------- */

static void hello_says_what_is_enforced(void **state)
{
    struct supervisor_fixture *d = *state;
    const struct sandbox_hello *hello = &d->hello.hello;
    assert_int_equal(hello->protocol, SANDBOX_PROTOCOL_VERSION);
    assert_string_equal(hello->sandbox, "sandbox-1");
    assert_int_equal(hello->loaded_revision, 1);
}

static void a_ping_is_answered(void **state)
{
    struct supervisor_fixture *d = *state;
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_PING});
    RUN_UNTIL(d, d->pongs == 1);
}

static void a_policy_is_loaded(void **state)
{
    struct supervisor_fixture *d = *state;
    struct problems problems = {0};
    struct policy *next = policy_parse(ONE_RULE, strlen(ONE_RULE), DOC_YAML, &problems);
    fixture_send_policy(d, 2, policy_hash(next), policy_json(next));
    RUN_UNTIL(d, d->loaded == 2);
    assert_string_equal(d->loaded_hash, policy_hash(next));
    fixture_send_policy(d, 3, policy_hash(next), policy_json(next));
    RUN_UNTIL(d, d->loaded == 3);
    policy_unref(next);
}

static void a_bad_policy_is_refused_and_the_old_one_stays(void **state)
{
    struct supervisor_fixture *d = *state;
    fixture_send_policy(d, 2, "abc",
                        "{\"version\":1,\"network_policies\":{\"a\":{\"endpoint\":[]}}}");
    RUN_UNTIL(d, d->failed[0]);
    assert_non_null(strstr(d->failed, "network_policies.a"));
    d->failed[0] = '\0';
    fixture_send_policy(d, 3, "abc", policy_json(d->policy));
    RUN_UNTIL(d, d->failed[0]);
    assert_non_null(strstr(d->failed, "the policy's hash is "));
    gateway_shut(&d->g);
    gateway_serve(&d->g, &fixture_router, d);
    RUN_UNTIL(d, d->hellos == 2);
    assert_int_equal(d->hello.hello.loaded_revision, 1);
    assert_int_equal(d->loaded, 0);
}

static void refuse_to_load(struct supervisor_fixture *d, uint64_t revision, const char *yaml,
                           const char *why)
{
    struct problems problems = {0};
    struct policy *written = policy_parse(yaml, strlen(yaml), DOC_YAML, &problems);
    assert_non_null(written);
    struct policy *next = policy_complete(written, d->policy);
    d->failed[0] = '\0';
    fixture_send_policy(d, revision, policy_hash(next), policy_json(next));
    RUN_UNTIL(d, d->failed[0]);
    if (!strstr(d->failed, why))
        fail_msg("'%s' is not in '%s'", why, d->failed);
    policy_unref(next);
    policy_unref(written);
}

/* Whatever voters a site has: what would be half enforced is not loaded. */
static void what_cannot_be_enforced_is_not_loaded(void **state)
{
    struct supervisor_fixture *d = *state;
    refuse_to_load(
        d, 2,
        "version: 1\nnetwork_policies: {a: {binaries: [{path: /usr/bin/curl}], endpoints: "
        "[{host: a.example.com, port: 443, protocol: sql, enforcement: audit, access: "
        "read-only}]}}\n",
        "network_policies.a.endpoints[0].protocol: this runtime cannot enforce protocol yet");
    refuse_to_load(d, 4,
                   "version: 1\nfilesystem_policy: {include_workdir: true, read_only: [/usr], "
                   "read_write: [/tmp, /dev/null]}\n",
                   "cannot be taken from a running sandbox: stop it and start it again");
    refuse_to_load(d, 5, "version: 1\nprocess: {run_as_user: '4711'}\n",
                   "process.run_as_user: 'sandbox' cannot be taken from a running sandbox");
    assert_int_equal(d->loaded, 0);
}

static void paths_may_be_added(void **state)
{
    struct supervisor_fixture *d = *state;
    struct sluice_policy model = *policy_model(d->policy);
    struct sluice_filesystem files = *model.filesystem;
    const char *paths[64] = {"/opt"};
    memcpy(paths + 1, files.read_only, files.n_read_only * sizeof *paths);
    files.read_only = paths;
    files.n_read_only++;
    model.filesystem = &files;
    struct policy *next = policy_take(arena_new(), &model);
    fixture_send_policy(d, 2, policy_hash(next), policy_json(next));
    RUN_UNTIL(d, d->loaded == 2);
    policy_unref(next);
}

static void a_gateway_that_was_away_is_found_again(void **state)
{
    struct supervisor_fixture *d = *state;
    for (unsigned again = 2; again < 5; again++) {
        gateway_shut(&d->g);
        assert_null(d->stream);
        gateway_serve(&d->g, &fixture_router, d);
        RUN_UNTIL(d, d->hellos == again);
    }
    assert_string_equal(fixture_sh(d, "echo still here"), "still here\n");
}

static void strange_lines_change_nothing(void **state)
{
    struct supervisor_fixture *d = *state;
    http_tunnel_write(d->stream, "{\"type\":\"dance\"}\nnonsense\n\n{}\n", 30);
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_PING});
    RUN_UNTIL(d, d->pongs == 1);
}

static void an_orphan_stops(void **state)
{
    struct supervisor_fixture *d = *state;
    d->refuse_410 = true;
    http_tunnel_close(d->stream);
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 0);
}

/* --- the network ------------------------------------------------------------------------------ */

#define CURL "curl -sS -m 10 -o /dev/null -w '%{http_code} %{http_connect}' "

static void what_is_refused_is_told_at_once(void **state)
{
    struct supervisor_fixture *d = *state;
    assert_string_equal(fixture_sh(d, CURL "http://example.com/"), "403 000");
    RUN_UNTIL(d, d->denials == 1);
    assert_string_equal(d->denied_host, "example.com");
    assert_string_equal(d->denied_binary, "/usr/bin/curl");
    assert_string_equal(fixture_sh(d, CURL "https://other.example/"), "000 403");
    RUN_UNTIL(d, d->denials == 2);
    assert_string_equal(d->denied_host, "other.example");
    RUN_UNTIL(d, strstr(buf_str(&d->logs), "DENIED /usr/bin/curl"));
}

/* A program may forbid to be looked into (PR_SET_DUMPABLE), and for most users that is obeyed. */
static void a_program_that_hides_is_known(void **state)
{
    struct supervisor_fixture *d = *state;
    char *script = alloc_printf("perl -MIO::Socket::INET -e 'syscall(%d, %d, 0) == 0 or die; "
                                "$s = IO::Socket::INET->new(\"10.200.0.1:3128\") or die; "
                                "print $s \"GET http://hidden.example/ HTTP/1.1\\r\\nHost: "
                                "h\\r\\n\\r\\n\"; print scalar <$s>'",
                                SYS_prctl, PR_SET_DUMPABLE);
    assert_string_equal(fixture_sh(d, script), "HTTP/1.1 403 Forbidden\r\n");
    RUN_UNTIL(d, d->denials == 1);
    assert_string_equal(d->denied_host, "hidden.example");
    assert_string_equal(d->denied_binary, "/usr/bin/perl");
    free(script);
}

static void the_same_refusal_again_is_told_once_a_second(void **state)
{
    enum { REFUSALS = 40 };
    struct supervisor_fixture *d = *state;
    uint64_t start_ns = clock_mono_ns();
    fixture_sh(d, "curl -sS -m 20 -o /dev/null 'http://example.com/[1-40]'");
    for (int n = 1; n <= REFUSALS; n++) {
        char line[32];
        snprintf(line, sizeof line, "example.com:80/%d ", n);
        RUN_UNTIL(d, strstr(buf_str(&d->logs), line));
    }
    assert_in_range(d->denials, 1, 2 + (clock_mono_ns() - start_ns) / 1000000000u);
}

/* Beyond those that have a line each, they are counted. */
static void many_refusals_alike_are_few_lines(void **state)
{
    enum { REFUSALS = 400, LINES_MAX = 100 };
    struct supervisor_fixture *d = *state;
    unsigned lines = 0;
    fixture_sh(d, "curl -sS -m 60 -o /dev/null 'http://example.com/[1-400]'");
    RUN_UNTIL(d, strstr(buf_str(&d->logs), " like it in "));
    for (const char *at = buf_str(&d->logs); (at = strstr(at, "DENIED")); at++)
        lines++;
    assert_in_range(lines, 1, LINES_MAX);
    RUN_UNTIL(d, strstr(buf_str(&d->traffic), "refused example.com:80 /usr/bin/curl  "));
}

static uint64_t requests_counted(const struct supervisor_fixture *d, const char *what)
{
    uint64_t sum = 0;
    for (const char *at = buf_str(&d->traffic); (at = strstr(at, what)); at++)
        sum += strtoull(at + strlen(what), NULL, 10);
    return sum;
}

#define REFUSED_BY_CURL "refused example.com:80 /usr/bin/curl  "

/* A batch that nobody acknowledged comes again with its number, and what came meanwhile comes after
 * it. */
static void traffic_is_counted_once_over_a_broken_stream(void **state)
{
    struct supervisor_fixture *d = *state;
    d->ignore_batches = true;
    fixture_sh(d, "curl -sS -o /dev/null 'http://example.com/[1-3]'");
    RUN_UNTIL(d, d->batches == 1);
    fixture_sh(d, "curl -sS -o /dev/null 'http://example.com/[1-4]'");
    gateway_shut(&d->g);
    d->ignore_batches = false;
    gateway_serve(&d->g, &fixture_router, d);
    RUN_UNTIL(d, requests_counted(d, REFUSED_BY_CURL) == 7);
    assert_int_equal(d->batch_number, 2);
}

/* A supervisor that is asked to stop hands over what it has counted first. */
static void traffic_is_told_before_the_end(void **state)
{
    struct supervisor_fixture *d = *state;
    fixture_sh(d, "curl -sS -o /dev/null 'http://example.com/[1-3]'");
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_STOP, .stop.grace_ms = 100});
    RUN_UNTIL(d, d->exited);
    assert_int_equal(requests_counted(d, REFUSED_BY_CURL), 3);
}

static void denials_wait_for_a_gateway_that_is_away(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c", "read go; " CURL "http://example.com/"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    d->refuse_stream = true;
    http_tunnel_close(d->stream);
    RUN_UNTIL(d, !d->stream);
    fixture_write(d, FRAME_STDIN, "go\n", 3);
    fixture_end(d);
    assert_int_equal(d->denials, 0);
    d->refuse_stream = false;
    RUN_UNTIL(d, d->denials == 1);
    assert_string_equal(d->denied_host, "example.com");
}

/* The pinned address is one that no policy opens, so an allowed request is refused too, but for
 * another reason: nothing is dialled. */
static void a_loaded_policy_is_enforced(void **state)
{
    struct supervisor_fixture *d = *state;
    struct problems problems = {0};
    struct policy *next = policy_parse(ONE_RULE, strlen(ONE_RULE), DOC_YAML, &problems);
    fixture_sh(d, CURL "https://example.com/");
    RUN_UNTIL(d, d->denials == 1);
    assert_string_equal(d->denied_stage, "connect");
    fixture_send_policy(d, 2, policy_hash(next), policy_json(next));
    RUN_UNTIL(d, d->loaded == 2);
    fixture_sh(d, CURL "https://example.com/");
    RUN_UNTIL(d, d->denials == 2);
    assert_string_equal(d->denied_stage, "ssrf");
    fixture_send_policy(d, 3, policy_hash(d->policy), policy_json(d->policy));
    RUN_UNTIL(d, d->loaded == 3);
    fixture_sh(d, CURL "https://example.com/");
    RUN_UNTIL(d, d->denials == 3);
    assert_string_equal(d->denied_stage, "connect");
    policy_unref(next);
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool process_is_there(const char *name)
{
    DIR *proc = opendir("/proc");
    bool found = false;
    for (struct dirent *e; (e = readdir(proc));) {
        char path[300], line[4096] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        FILE *file = fopen(path, "re");
        size_t n = file ? fread(line, 1, sizeof line - 1, file) : 0;
        if (file)
            fclose(file);
        found = found || memmem(line, n, name, strlen(name));
    }
    closedir(proc);
    return found;
}

static void stop_ends_it(void **state)
{
    struct supervisor_fixture *d = *state;
    fixture_send(d, &(struct sandbox_message){.type = MESSAGE_STOP, .stop = {.grace_ms = 100}});
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 0);
    assert_string_equal(d->start_failed, "");
}

static void a_signal_ends_it(void **state)
{
    struct supervisor_fixture *d = *state;
    uv_process_kill(&d->supervisor, SIGTERM);
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 0);
}

static void nothing_outlives_a_killed_supervisor(void **state)
{
    struct supervisor_fixture *d = *state;
    const char *const command[] = {"/bin/sh", "-c", "echo up; exec sleep 987654"};
    fixture_begin(d, (struct sandbox_exec){.command = command, .n_command = 3});
    RUN_UNTIL(d, d->out.len > 0);
    uv_process_kill(&d->supervisor, SIGKILL);
    RUN_UNTIL(d, d->exited && d->exec_closed);
    while (process_is_there("987654") && !d->g.expired)
        uv_run(&d->g.loop, UV_RUN_NOWAIT);
    assert_false(d->g.expired);
}

static void a_dead_sandbox_is_told(void **state)
{
    struct supervisor_fixture *d = *state;
    char command[128];
    /* init is the one whose parent is bwrap, a child of the supervisor */
    snprintf(command, sizeof command,
             "for b in $(pgrep -P %d); do pkill -KILL -P $b; done", d->supervisor.pid);
    assert_int_equal(system(command), 0);
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 1);
    assert_string_equal(d->start_failed, "the sandbox has ended: its first process was killed");
}

static void a_policy_that_cannot_be_met_is_told(void **state)
{
    struct supervisor_fixture *d = fixture_new();
    (void)state;
    fixture_write_spec(d, "version: 1\nlandlock: {compatibility: hard_requirement}\n"
                       "filesystem_policy: {read_only: [/no/such/folder]}\n", true);
    fixture_spawn(d);
    RUN_UNTIL(d, d->exited);
    assert_int_equal(d->exit_code, 1);
    assert_int_equal(d->hellos, 0);
    assert_string_equal(
        d->start_failed,
        "landlock.compatibility is hard_requirement, but filesystem_policy.read_only[0], "
        "/no/such/folder, does not exist");
    fixture_close(d);
}

static void one_sandbox_has_one_supervisor(void **state)
{
    struct supervisor_fixture *d = *state;
    char command[400], program[256];
    snprintf(command, sizeof command,
             "%s --spec %s/spec.json 2>&1 | grep -q 'another supervisor runs this sandbox'",
             mode_program("sluice-supervisor", program), d->g.folder);
    assert_int_equal(system(command), 0);
}

static int run_with_supervisor(const char *group)
{
    const struct CMUnitTest tests[] = {
        WITH_SUPERVISOR(hello_says_what_is_enforced),
        WITH_SUPERVISOR(a_ping_is_answered),
        WITH_SUPERVISOR(a_policy_is_loaded),
        WITH_SUPERVISOR(a_bad_policy_is_refused_and_the_old_one_stays),
        WITH_SUPERVISOR(what_cannot_be_enforced_is_not_loaded),
        WITH_SUPERVISOR(paths_may_be_added),
        WITH_SUPERVISOR(a_gateway_that_was_away_is_found_again),
        WITH_SUPERVISOR(strange_lines_change_nothing),
        WITH_SUPERVISOR(an_orphan_stops),
        WITH_SUPERVISOR(what_is_refused_is_told_at_once),
        WITH_SUPERVISOR(a_program_that_hides_is_known),
        WITH_SUPERVISOR(the_same_refusal_again_is_told_once_a_second),
        WITH_SUPERVISOR(many_refusals_alike_are_few_lines),
        WITH_SUPERVISOR(traffic_is_counted_once_over_a_broken_stream),
        WITH_SUPERVISOR(traffic_is_told_before_the_end),
        WITH_SUPERVISOR(denials_wait_for_a_gateway_that_is_away),
        WITH_SUPERVISOR(a_loaded_policy_is_enforced),
        WITH_SUPERVISOR(stop_ends_it),
        WITH_SUPERVISOR(a_signal_ends_it),
        WITH_SUPERVISOR(nothing_outlives_a_killed_supervisor),
        WITH_SUPERVISOR(a_dead_sandbox_is_told),
        cmocka_unit_test(a_policy_that_cannot_be_met_is_told),
        WITH_SUPERVISOR(one_sandbox_has_one_supervisor),
    };
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    return mode_run_all(run_with_supervisor);
}
