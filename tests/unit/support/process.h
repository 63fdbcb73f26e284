/* SPDX-License-Identifier: Apache-2.0 */
/* Voters in processes of their own, for the tests of this folder: a vote, and a log that is
 * read. */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "support/lua.h"

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

static inline int set_up(void **state)
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
static inline int tear_down(void **state)
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

static inline struct voter *open_patient(struct fixture *f, const char *plugin, const char *mode,
                                         uint32_t timeout_ms)
{
    char *options = mode ? alloc_printf("{\"mode\": \"%s\"}", mode) : alloc_str("{}");
    const struct chain_config chain = {.plugin_dirs = dirs, .n_plugin_dirs = 2, .base_dir = "."};
    const struct chain_voter_config config = {
        .plugin = plugin, .options_json = options, .timeout_ms = timeout_ms, .memory_mb = 32};
    struct voter *voter = voter_process_open(&chain, &config, &f->sink, &f->err);
    free(options);
    return voter;
}

static inline struct voter *open_native(struct fixture *f, const char *plugin, const char *mode)
{
    return open_patient(f, plugin, mode, VOTE_MS);
}

static inline struct voter *open_fault(struct fixture *f, const char *mode)
{
    struct voter *voter = open_native(f, "fault", mode);
    if (!voter)
        fail_msg("%s", f->err.text);
    return voter;
}

static inline struct voter *open_lua(struct fixture *f, const char *text, const char *options)
{
    char *path = scripts_write(&f->scripts, "rule.lua", text, strlen(text));
    const struct chain_config chain = {.base_dir = "."};
    const struct chain_voter_config config = {
        .script = path, .options_json = options, .timeout_ms = VOTE_MS, .memory_mb = 8};
    struct voter *voter = voter_process_open(&chain, &config, &f->sink, &f->err);
    free(path);
    return voter;
}

/* The voter of WIRE.md, its file in the folder of the test, after these lines. */
static inline char *write_python(struct fixture *f, const char *first)
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
    char *whole = alloc_printf("%s%s", first, begin);
    char *path = scripts_write(&f->scripts, "few_rules.py", whole, strlen(whole));
    free(whole);
    return path;
}

static inline int ask(struct fixture *f, struct voter *voter)
{
    return vote_of(voter, &f->change.t, f->arena, &f->ballot, &f->err);
}

static inline void assert_logged(struct fixture *f, const char *pattern)
{
    char bytes[65536];
    ssize_t n = read(f->log, bytes, sizeof bytes - 1);
    bytes[n > 0 ? n : 0] = '\0';
    assert_matches(bytes, pattern);
}

#endif
