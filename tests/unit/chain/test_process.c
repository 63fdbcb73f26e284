/* SPDX-License-Identifier: Apache-2.0 */
/* Voters in processes of their own: the same answers as inline, and no way to hurt the gateway. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "lua_support.h"

enum { VOTE_MS = 300, SLACK_MS = 1500 };            /* slack: sanitizers, a busy machine */

static const char before[] = "version: 1\n"
                             "network_policies:\n"
                             "  gone: {endpoints: [{host: gone.example.com, port: 443}], binaries: "
                             "[{path: /usr/bin/curl}]}\n"
                             "  kept: {endpoints: [{host: kept.example.com, port: 443}], binaries: "
                             "[{path: /usr/bin/curl}]}\n";
static const char after[] =
    "version: 1\n"
    "filesystem_policy: {include_workdir: true, read_only: [/usr], read_write: [/tmp]}\n"
    "network_policies:\n"
    "  api:\n"
    "    endpoints: [{host: '*.example.com', ports: [443, 8443], protocol: rest, enforcement: "
    "enforce,\n"
    "                 rules: [{allow: {method: GET, path: /v1/**}}]}]\n"
    "    binaries: [{path: /usr/bin/curl}]\n"
    "  kept: {endpoints: [{host: kept.example.com, port: 80}], binaries: [{path: "
    "/usr/bin/curl}]}\n";

static const char *const dirs[] = {SLUICE_BUILD_DIR "/tests/plugins", SLUICE_BUILD_DIR "/plugins"};

struct fixture {
    struct scripts scripts;
    struct change change;
    struct arena *arena;
    struct ballot ballot;
    struct error err;
    int log;                                        /* what was logged */
    struct log sink;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_int_equal(setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1),
                     0);
    scripts_begin(&f->scripts);
    change_begin(&f->change, before, after);
    f->arena = arena_new();
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
    f->log = pipes[0];
    f->sink = (struct log){.fd = pipes[1], .level = LOG_INFO, .program = "test"};
    *state = f;
    return 0;
}

/* No process may be left. */
static int tear_down(void **state)
{
    struct fixture *f = *state;
    close(f->log);
    close(f->sink.fd);
    arena_free(f->arena);
    change_end(&f->change);
    scripts_end(&f->scripts);
    free(f);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return 0;
}

static struct voter *open_native(struct fixture *f, const char *plugin, const char *mode)
{
    char *options = mode ? alloc_printf("{\"mode\": \"%s\"}", mode) : alloc_str("{}");
    const struct chain_config chain = {.plugin_dirs = dirs, .n_plugin_dirs = 2, .base_dir = "."};
    const struct chain_voter_config config = {
        .plugin = plugin, .options_json = options, .timeout_ms = VOTE_MS, .memory_mb = 32};
    struct voter *voter = voter_process_open(&chain, &config, &f->sink, &f->err);
    free(options);
    return voter;
}

static struct voter *open_fault(struct fixture *f, const char *mode)
{
    struct voter *voter = open_native(f, "fault", mode);
    if (!voter)
        fail_msg("%s", f->err.text);
    return voter;
}

static struct voter *open_lua(struct fixture *f, const char *text, const char *options)
{
    char *path = scripts_write(&f->scripts, "rule.lua", text, strlen(text));
    const struct chain_config chain = {.base_dir = "."};
    const struct chain_voter_config config = {
        .script = path, .options_json = options, .timeout_ms = VOTE_MS, .memory_mb = 8};
    struct voter *voter = voter_process_open(&chain, &config, &f->sink, &f->err);
    free(path);
    return voter;
}

static int ask(struct fixture *f, struct voter *voter)
{
    return vote_of(voter, &f->change.t, f->arena, &f->ballot, &f->err);
}

static void assert_logged(struct fixture *f, const char *pattern)
{
    char bytes[65536];
    ssize_t n = read(f->log, bytes, sizeof bytes - 1);
    bytes[n > 0 ? n : 0] = '\0';
    assert_matches(bytes, pattern);
}

static void test_the_same_answers_as_inline(void **state)
{
    static const char rule[] =
        "return { version = '3.0.0', summary = 'All of it.', codes = {SEEN = 'Always.'},\n"
        "  options = {who = {type = 'text', default = 'me', help = 'Who.'}},\n"
        "  vote = function(t, ballot, options)\n"
        "  local out = {t.kind, tostring(t.dry_run), t.reason, t.now, t.sandbox.labels.team, "
        "t.sandbox.network,\n"
        "    t.actor.name, options.who}\n"
        "  local function add(...) out[#out + 1] = table.concat({...}, ':') end\n"
        "  for r in t:added() do local e = r.endpoints[1]\n"
        "    add('+', r.key, r.doc_path, e.host, e.port, #e.ports, e.rules[1].allow.path, "
        "e.doc_path) end\n"
        "  for r in t:removed() do add('-', r.key, r.endpoints[1].host) end\n"
        "  for c in t:changed() do add('~', c.before.endpoints[1].port, c.after.endpoints[1].port) "
        "end\n"
        "  add(t.relation) for r in t:gained() do add('>', r.host, r.port, r.binary, r.method) end\n"
        "  for r in t:lost() do add('<', r.host, r.port, r.path, r.example) end\n"
        "  for s in t:static_changes() do add('=', s.path, s.before, s.after) end\n"
        "  for _, p in ipairs({'baseline', 'current', 'candidate'}) do\n"
        "    for key in pairs(t[p].rules) do add(p, key) end\n"
        "    add(table.unpack(t[p].filesystem_policy.read_only)) add(t[p].process.run_as_user) "
        "end\n"
        "  ballot:fact('n', #out)\n"
        "  return ballot:deny('SEEN', 'a.b[1]', '%s', table.concat(out, ' ')) end }";
    struct fixture *f = *state;
    struct error err;
    struct voter *alone = open_lua(f, rule, "{}"),
                 *inside = open_text(&f->scripts, rule, "{}", &err);
    if (!alone)
        fail_msg("%s", f->err.text);
    assert_non_null(inside);
    assert_string_equal(alone->ops->kind, "lua");
    assert_string_equal(alone->name, inside->name);
    assert_string_equal(alone->version, inside->version);
    assert_string_equal(alone->summary, inside->summary);
    assert_string_equal(alone->path, inside->path);
    assert_string_equal(alone->sha256, inside->sha256);
    assert_string_equal(alone->options, inside->options);
    assert_string_equal(alone->codes[0].code, "SEEN");
    assert_string_equal(alone->option_table[0].help, "Who.");
    assert_int_equal(ask(f, inside), 0);
    char message[SLUICE_MESSAGE_MAX + 1];
    strcpy(message, f->ballot.message);
    assert_matches(
        message,
        "replace false because 1700000000000 web proxy dev me \\+:api:network_policies.api");
    for (int i = 0; i < 3; i++) {
        memset(&f->ballot, 0, sizeof f->ballot);
        assert_int_equal(ask(f, alone), 0);
        assert_string_equal(f->ballot.message, message);
        assert_string_equal(f->ballot.code, "SEEN");
        assert_string_equal(f->ballot.path, "a.b[1]");
        assert_int_equal(f->ballot.verdict, SLUICE_DENY);
        assert_int_equal(f->ballot.n_facts, 1);
    }
    voter_free(alone);
    voter_free(inside);
}

static void test_a_policy_that_changes_between_votes(void **state)
{
    struct fixture *f = *state;
    struct voter *voter =
        open_lua(f,
                 "return { vote = function(t, b) local keys = {}\n"
                 "for key in pairs(t.candidate.rules) do keys[#keys + 1] = key end\n"
                 "return b:deny('KEYS', '', 'keys: %s current: %s', table.concat(keys, ' '), "
                 "t.current and #t.current.rules) end }",
                 "{}");
    assert_int_equal(ask(f, voter), 0);
    assert_string_equal(f->ballot.message, "keys: api kept current: 2");
    const struct sluice_transition kept = f->change.t;
    f->change.t.candidate = kept.current;
    f->change.t.current = NULL;
    f->change.t.baseline = NULL;
    f->change.t.diff = policy_diff(NULL, kept.current, f->change.arena);
    assert_int_equal(ask(f, voter), 0);
    assert_string_equal(f->ballot.message, "keys: gone kept current: nil");
    f->change.t = kept;
    assert_int_equal(ask(f, voter), 0);
    assert_string_equal(f->ballot.message, "keys: api kept current: 2");
    voter_free(voter);
}

static void test_natives(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_fault(f, "none");
    assert_string_equal(voter->ops->kind, "native");
    assert_string_equal(voter->name, "fault");
    assert_string_equal(voter->ops->state(voter), "ready");
    assert_null(voter->codes);
    assert_int_equal(ask(f, voter), 0);
    assert_int_equal(f->ballot.verdict, SLUICE_ALLOW);
    voter_free(voter);
}

static void test_nothing_outside_can_be_reached(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_native(f, "escape", "try");
    if (!voter)
        fail_msg("%s", f->err.text);
    if (ask(f, voter) != 0)
        fail_msg("%s", f->err.text);
    assert_string_equal(f->ballot.message, "");
    assert_int_equal(f->ballot.verdict, SLUICE_ALLOW);
    voter_free(voter);
}

static void test_each_failure_is_a_failed_vote(void **state)
{
    static const struct {
        const char *mode, *pattern;
    } failures[] = {
        {"crash", "killed by signal 11 .Segmentation fault."},
        {"abort", "killed by signal 6 .Aborted."},
        {"exit_0", "ended with code 0"},
        {"exit_3", "ended with code 3"},
        {"fork", "called what voters may not"},
        {"exec", "called what voters may not"},
        {"thread", "called what voters may not"},
        {"loop", "did not vote within 300 ms and was killed"},
        {"stop", "did not vote within 300 ms and was killed"},
        {"ignore", "did not vote within 300 ms and was killed"},
        {"close", "killed by signal|ended with code"},
        {"flood", "a frame of [0-9]+ bytes, where [0-9]+ are allowed"},
        {"wrong_bytes", "answered with what is no answer"},
        {"wrong_type", "answered with what is no answer"},
        {"wrong_id", "answered with what is no answer"},
        {"wrong_verdict", "answered with what is no answer"},
        {"allocate", "killed by signal|did not vote|ended with code"},
        {"message", "killed by signal|did not vote|ended with code"},
        {"no_verdict", "it returned 99, which is no verdict"},
        {"not_cast", "it returned allow without casting it"},
        {"fork_bomb", "called what voters may not"},
        {"handler", "did not vote within 300 ms and was killed"},
        {"partial", "did not vote within 300 ms and was killed"},
        {"jump", "killed by signal|ended with code"},
        {"corrupt", "killed by signal|ended with code"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct voter *voter = open_fault(f, failures[i].mode);
        uint64_t start = clock_mono_ms();
        if (ask(f, voter) == 0)
            fail_msg("%s voted", failures[i].mode);
        assert_matches(f->err.text, failures[i].pattern);
        assert_in_range(clock_mono_ms() - start, 0, VOTE_MS + SLACK_MS);
        voter_free(voter);
    }
}

static void test_what_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    assert_null(open_native(f, "fault", "init_crash"));
    assert_matches(f->err.text, "its process could not open it: it was killed by signal 11");
    assert_null(open_native(f, "fault", "init_exit"));
    assert_matches(f->err.text, "its process could not open it: it ended with code 0");
    assert_null(open_native(f, "fault", "init_refuse"));
    assert_matches(f->err.text, "refused to start: it does not feel like it");
    assert_null(open_native(f, "missing", NULL));
    assert_matches(f->err.text, "there is no missing.so in");
    assert_null(open_lua(f, "return {vote = ", "{}"));
    assert_matches(f->err.text, "rule.lua:1: unexpected symbol");
    assert_null(open_lua(f, "return {vote = error}", "{\"nope\": 1}"));
    assert_int_equal(f->err.kind, ERROR_INVALID);
    assert_matches(f->err.text, "nope");
}

static void test_a_bad_end_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    static const char *const modes[] = {"fini_crash", "fini_loop"};
    for (int i = 0; i < 2; i++) {
        struct voter *voter = open_fault(f, modes[i]);
        assert_int_equal(ask(f, voter), 0);
        uint64_t start = clock_mono_ms();
        voter_free(voter);
        assert_in_range(clock_mono_ms() - start, 0, 500 + SLACK_MS);
    }
}

/* Asks again while the voter pauses before its next start. */
static int ask_patiently(struct fixture *f, struct voter *voter)
{
    for (;;) {
        int rc = ask(f, voter);
        if (rc == 0 || !strstr(f->err.text, "is started again in"))
            return rc;
        usleep(1000);
    }
}

/* What a watcher was told, a line for each time. */
static void note_state(void *ctx, const char *voter, const char *state, const char *why)
{
    buf_printf(ctx, "%s is %s: %s\n", voter, state, why);
}

static void test_restart_pause_and_quarantine(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_fault(f, "crash_on_dry_run");
    struct buf told = {0};
    voter->watcher = note_state;
    voter->watcher_ctx = &told;
    for (int i = 0; i < 4; i++) {
        f->change.t.dry_run = true;
        assert_int_equal(ask_patiently(f, voter), -1);
        assert_matches(f->err.text, "killed by signal 11");
    }
    assert_int_equal(ask(f, voter), -1);
    assert_matches(f->err.text, "it failed 4 times in a row and is started again in [0-9]+ ms");
    f->change.t.dry_run = false;
    assert_int_equal(ask_patiently(f, voter), 0);
    f->change.t.dry_run = true;
    for (int i = 0; i < 5; i++) {
        assert_string_equal(voter->ops->state(voter), "ready");
        assert_string_equal(buf_str(&told), "");
        assert_int_equal(ask_patiently(f, voter), -1);
    }
    assert_string_equal(voter->ops->state(voter), "quarantined");
    assert_string_equal(buf_str(&told), "fault is quarantined: it was killed by signal 11 (Segmentation fault)\n");
    buf_free(&told);
    f->change.t.dry_run = false;
    assert_int_equal(ask(f, voter), -1);
    assert_matches(f->err.text, "quarantined after 5 failures in a row: reload the chain");
    assert_logged(f, "voter fault is quarantined until the chain is reloaded");
    voter_free(voter);
}

static void test_a_changed_file_is_not_started_again(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_lua(f,
                                   "return { vote = function(t, b) if t.dry_run then while true do "
                                   "end end return b:allow() end }",
                                   "{}");
    assert_int_equal(ask(f, voter), 0);
    char *command = alloc_printf("kill -9 $(pgrep -P %d sluice-plugin)", (int)getpid());
    assert_int_equal(system(command), 0);
    free(command);
    free(scripts_write(&f->scripts, "rule.lua", "return { vote = error }", 23));
    while (ask(f, voter) == 0 || strstr(f->err.text, "killed by signal 9"))
        continue;                                   /* until its end has been seen */
    assert_matches(f->err.text, "its file changed since the chain was loaded");
    voter_free(voter);
}

struct crowd {
    struct fixture *f;
    struct voter *voter;
};

static void *vote_often(void *arg)
{
    const struct crowd *crowd = arg;
    for (int i = 0; i < 100; i++) {
        struct arena *arena = arena_new();
        struct ballot ballot;
        struct error err;
        int rc = vote_of(crowd->voter, &crowd->f->change.t, arena, &ballot, &err);
        arena_free(arena);
        if (rc != 0 || strcmp(ballot.message, "2 rules") != 0)
            return (void *)1;
    }
    return NULL;
}

static void test_many_threads_vote_at_once(void **state)
{
    static const char rule[] = "return { vote = function(t, b)\n"
                               "return b:deny('N', '', '%d rules', #t.candidate.rules) end }";
    struct fixture *f = *state;
    struct error err;
    struct voter *voters[] = {open_lua(f, rule, "{}"), open_text(&f->scripts, rule, "{}", &err)};
    for (int i = 0; i < 2; i++) {
        enum { N = 4 };
        pthread_t threads[N];
        struct crowd crowd = {f, voters[i]};
        for (int t = 0; t < N; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, vote_often, &crowd), 0);
        for (int t = 0; t < N; t++) {
            void *failed;
            pthread_join(threads[t], &failed);
            assert_null(failed);
        }
        voter_free(voters[i]);
    }
}

static void test_a_transition_is_written_once_for_all(void **state)
{
    struct fixture *f = *state;
    struct voter *voters[] = {open_lua(f, "return { vote = function(t, b)\n"
                                          "return b:deny('N', '', '%d', #t.candidate.rules) end }",
                                       "{}"),
                              open_lua(f, "return { vote = function(t, b)\n"
                                          "return b:deny('K', '', '%s', t.kind) end }",
                                       "{}")};
    static const char *const said[] = {"2", "replace"};
    struct voter_ask ask = {.transition = &f->change.t, .id = 7, .arena = f->arena};
    const struct told *told = NULL;
    void *begun[2];
    for (int i = 0; i < 2; i++) {
        begun[i] = voters[i]->ops->begin(voters[i], &ask, true);
        assert_non_null(ask.told);
        assert_true(i == 0 || ask.told == told);
        told = ask.told;
    }
    for (int i = 0; i < 2; i++) {
        ballot_begin(&f->ballot, f->arena, voters[i]->codes);
        assert_int_equal(voters[i]->ops->finish(voters[i], begun[i], &f->ballot.face, &f->err), 0);
        assert_string_equal(f->ballot.message, said[i]);
        voter_free(voters[i]);
    }
}

/* The voter of WIRE.md, its file in the folder of the test. */
static char *write_python(struct fixture *f)
{
    static char text[32768];
    FILE *file = fopen("include/WIRE.md", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    char *begin = strstr(text, "```python\n");
    assert_non_null(begin);
    begin += strlen("```python\n");
    *strstr(begin, "```") = '\0';
    return scripts_write(&f->scripts, "few_rules.py", begin, strlen(begin));
}

static struct voter *open_command(struct fixture *f, const char *const *words, size_t n)
{
    const struct chain_config chain = {.base_dir = f->scripts.folder};
    const struct chain_voter_config config = {.command = words, .n_command = n, .timeout_ms = 2000,
                                              .memory_mb = 64, .options_json = "{\"max\": 1}"};
    return voter_process_open(&chain, &config, &f->sink, &f->err);
}

static void test_any_program_can_vote(void **state)
{
    struct fixture *f = *state;
    char *path = write_python(f);
    const char *const words[] = {"python3", path};
    struct voter *voter = open_command(f, words, 2);
    if (!voter)
        fail_msg("%s", f->err.text);
    assert_string_equal(voter->ops->kind, "command");
    assert_string_equal(voter->name, "few_rules");
    assert_string_equal(voter->version, "1.0.0");
    assert_string_equal(voter->path, path);
    assert_string_equal(voter->codes[0].code, "TOO_MANY");
    assert_int_equal(strlen(voter->sha256), 64);
    for (int i = 0; i < 3; i++) {
        if (ask(f, voter) != 0)
            fail_msg("%s", f->err.text);
        assert_int_equal(f->ballot.verdict, SLUICE_DENY);
        assert_string_equal(f->ballot.message, "2 rules, where 1 are allowed");
    }
    voter_free(voter);
    free(path);
}

static void test_an_argument_may_be_a_file_beside_the_configuration(void **state)
{
    struct fixture *f = *state;
    char *path = write_python(f);
    const char *const words[] = {"python3", "./few_rules.py"};
    struct voter *voter = open_command(f, words, 2);
    if (!voter)
        fail_msg("%s", f->err.text);
    assert_string_equal(voter->path, path);
    assert_int_equal(ask(f, voter), 0);
    voter_free(voter);
    assert_int_equal(chmod(path, 0666), 0);
    assert_null(open_command(f, words, 2));
    assert_matches(f->err.text, "others may write .*/few_rules.py");
    free(path);
}

static void test_programs_that_are_refused(void **state)
{
    struct fixture *f = *state;
    char *path = scripts_write(&f->scripts, "bad.py", "import os\nos.fork()\n", 20);
    const char *const missing[] = {"no-such-program"}, *const gone[] = {"python3", "/no/such.py"};
    char *raises = scripts_write(&f->scripts, "raises.py", "import nothing_like_this\n", 25);
    const char *const fork[] = {"python3", path}, *const silent[] = {"true"};
    const char *const raising[] = {"python3", raises};
    assert_null(open_command(f, missing, 1));
    assert_matches(f->err.text,
                   "there is no program no-such-program in /usr/local/bin:/usr/bin:/bin");
    assert_null(open_command(f, gone, 2));
    assert_matches(f->err.text, "/no/such.py");
    assert_null(open_command(f, fork, 2));
    assert_matches(f->err.text, "could not open it: it was killed because it called what voters may not");
    assert_null(open_command(f, silent, 1));
    assert_matches(f->err.text, "could not open it: it ended with code 0");
    assert_null(open_command(f, raising, 2));
    assert_matches(f->err.text, "code 1, after saying: ModuleNotFoundError: No module named");
    free(raises);
    assert_int_equal(chmod(path, 0666), 0);
    assert_null(open_command(f, fork, 2));
    assert_matches(f->err.text, "others may write .*/bad.py");
    free(path);
}

static void test_nothing_outside_can_be_reached_by_a_program(void **state)
{
    struct fixture *f = *state;
    const char *const words[] = {SLUICE_BUILD_DIR "/tests/plugins/escape"};
    assert_null(open_command(f, words, 1));
    assert_matches(f->err.text, "after saying: what works: nothing$");
}

/* Three voters that take the whole of their time limit take it together. */
static void test_voters_are_asked_in_parallel(void **state)
{
    struct fixture *f = *state;
    enum { N = 3 };
    struct chain_voter_config configs[N];
    const struct chain_voter_config *voters[N];
    static const char *const names[N] = {"one", "two", "three"};
    for (int i = 0; i < N; i++) {
        configs[i] = (struct chain_voter_config){.plugin = "fault",
                                                 .name = names[i],
                                                 .timeout_ms = 1000,
                                                 .options_json = "{\"mode\": \"loop\"}"};
        voters[i] = &configs[i];
    }
    struct chain_config config = {
        .plugin_dirs = dirs, .n_plugin_dirs = 2, .voters = voters, .n_voters = N};
    struct problems problems = {0};
    struct chain *chain = chain_load(&config, &f->sink, &problems);
    assert_non_null(chain);
    struct chain_votes votes;
    uint64_t start = clock_mono_ms();
    chain_ask(chain, &f->change.t, f->arena, &votes);
    uint64_t took = clock_mono_ms() - start;
    for (int i = 0; i < N; i++)
        assert_matches(votes.items[i].message, "did not vote within 1000 ms and was killed");
    assert_in_range(took, 1000, 1000 + 900);
    chain_unref(chain);
}

struct asker {
    struct fixture *f;
    struct chain *chain;
    struct arena *arena;
    struct chain_votes votes;
};

static void *ask_once(void *arg)
{
    struct asker *a = arg;
    chain_ask(a->chain, &a->f->change.t, a->arena, &a->votes);
    return NULL;
}

static void assert_only_the_second_takes_long(const struct chain_votes *votes)
{
    for (size_t i = 0; i < votes->n; i++) {
        uint64_t ms = votes->items[i].duration_ns / 1000000;
        if (i == 1)
            assert_in_range(ms, 1000, 3000);
        else
            assert_in_range(ms, 0, 900);
    }
}

/* Two updates at once: the one waits for the other's turn with the voter that hangs, and neither
 * keeps a turn with another voter meanwhile. */
static void test_a_voter_that_hangs_keeps_nobody_from_the_others(void **state)
{
    struct fixture *f = *state;
    static const char *const hangs[] = {"{\"mode\": \"loop\"}", "{\"mode\": \"partial\"}"};
    for (int mode = 0; mode < 2; mode++) {
        const struct chain_voter_config configs[] = {
            {.plugin = "fault", .name = "calm", .options_json = "{}", .timeout_ms = 10000},
            {.plugin = "fault", .timeout_ms = 1000, .options_json = hangs[mode]},
            {.plugin = "fault", .name = "inline", .options_json = "{}", .isolation = "inline"},
            {.plugin = "fault", .name = "last", .options_json = "{}", .timeout_ms = 10000},
        };
        const struct chain_voter_config *voters[] = {&configs[0], &configs[1], &configs[2],
                                                     &configs[3]};
        const struct chain_config config = {
            .plugin_dirs = dirs, .n_plugin_dirs = 2, .voters = voters, .n_voters = 4};
        struct problems problems = {0};
        struct chain *chain = chain_load(&config, &f->sink, &problems);
        assert_non_null(chain);
        struct asker askers[2];
        pthread_t threads[2];
        for (int i = 0; i < 2; i++) {
            askers[i] = (struct asker){.f = f, .chain = chain, .arena = arena_new()};
            assert_int_equal(pthread_create(&threads[i], NULL, ask_once, &askers[i]), 0);
        }
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_only_the_second_takes_long(&askers[i].votes);
            arena_free(askers[i].arena);
        }
        chain_unref(chain);
    }
}

static void test_what_it_says_is_logged(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_fault(f, "stderr");
    assert_int_equal(ask(f, voter), 0);
    assert_logged(f, "voter fault: said on stderr");
    voter_free(voter);
    assert_null(open_native(f, "fault", "init_refuse"));
    assert_logged(f, "test: voter fault: it does not feel like it");
    voter = open_lua(
        f, "return { vote = function(t, b) sluice.log('seen %d', 7) return b:allow() end }", "{}");
    assert_int_equal(ask(f, voter), 0);
    assert_logged(f, "test: voter rule: seen 7");
    voter_free(voter);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_same_answers_as_inline),   TEST(test_a_policy_that_changes_between_votes),
        TEST(test_natives),                      TEST(test_nothing_outside_can_be_reached),
        TEST(test_nothing_outside_can_be_reached_by_a_program),
        TEST(test_each_failure_is_a_failed_vote),
        TEST(test_what_cannot_be_opened),        TEST(test_a_bad_end_holds_nobody_up),
        TEST(test_restart_pause_and_quarantine), TEST(test_a_changed_file_is_not_started_again),
        TEST(test_what_it_says_is_logged),       TEST(test_voters_are_asked_in_parallel),
        TEST(test_any_program_can_vote),         TEST(test_many_threads_vote_at_once),
        TEST(test_programs_that_are_refused),
        TEST(test_an_argument_may_be_a_file_beside_the_configuration),    TEST(test_a_transition_is_written_once_for_all),
        TEST(test_a_voter_that_hangs_keeps_nobody_from_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
