/* SPDX-License-Identifier: Apache-2.0 */
/* Every script of tests/security/lua must end as an error, the one that its second line names,
 * within its budget. */
#include <dirent.h>
#include <time.h>
#include <lauxlib.h>
#include <lualib.h>

#include "base/clock.h"
#include "support/lua.h"

enum { BUDGET_MS = 200, ATTACKS = 100 };

static const char folder[] = "tests/security/lua";
static const char candidate[] =
    "version: 1\n"
    "network_policies:\n"
    "  api:\n"
    "    endpoints: [{host: api.example.com, port: 443}, {host: b.example.com, port: 80}]\n"
    "    binaries: [{path: /usr/bin/curl}]\n";

/* What the script is expected to fail with. */
static void read_expectation(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(out, (int)size, file));
    assert_non_null(fgets(out, (int)size, file));
    fclose(file);
    static const char mark[] = "-- fails with: ";
    assert_int_equal(strncmp(out, mark, sizeof mark - 1), 0);
    memmove(out, out + sizeof mark - 1, strlen(out) - (sizeof mark - 1) + 1);
    out[strcspn(out, "\n")] = '\0';
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int rc = regexec(&regex, text, 0, NULL, 0);
    regfree(&regex);
    return rc == 0;
}

static void vote_on(struct voter *voter, const struct sluice_transition *t, struct error *err)
{
    struct arena *arena = arena_new();
    struct ballot ballot;
    if (vote_of(voter, t, arena, &ballot, err) == 0)
        error_set(err, ERROR_INTERNAL, "nothing: it voted %s", chain_verdict_word(ballot.verdict));
    arena_free(arena);
}

static struct voter *open_isolated(const char *path, struct error *err)
{
    const struct chain_config chain = {.base_dir = "."};
    const struct chain_voter_config config = {
        .script = path, .timeout_ms = BUDGET_MS, .memory_mb = 8};
    return voter_process_open(&chain, &config, NULL, err);
}

/* Returns whether it came out as told. */
static bool attack(const char *name, const struct sluice_transition *t, bool isolated)
{
    char expected[512];
    struct error err = {0};
    char *path = alloc_printf("%s/%s", folder, name);
    read_expectation(path, expected, sizeof expected);
    uint64_t start = clock_mono_ms();
    struct voter *voter = isolated ? open_isolated(path, &err) : open_script(path, NULL, &err);
    bool loads = voter != NULL;
    if (voter) {
        voter->timeout_ms = BUDGET_MS;
        vote_on(voter, t, &err);
    }
    voter_free(voter);
    uint64_t took = clock_mono_ms() - start;
    free(path);
    /* On a busy machine the time may be spent before the memory is. */
    bool failed = matches(err.text, expected) ||
                  matches(err.text, "(^|: )it spent its time of 20+ ms$") ||
                  (isolated && matches(err.text, "^it did not vote within 200 ms and was killed$"));
    bool in_time = took <= (loads ? BUDGET_MS : 2000) + (uint64_t)patience_ms();
    if (!failed || !in_time)
        print_error("%s took %d ms and failed with \"%.200s\", not with \"%s\"\n", name, (int)took,
                    err.text, expected);
    return failed && in_time;
}

static int is_script(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0;
}

static void attack_with_each(bool isolated)
{
    struct change c;
    change_begin(&c, "version: 1\n", candidate);
    struct dirent **entries;
    int n = scandir(folder, &entries, is_script, alphasort);
    assert_in_range(n, ATTACKS, 10000);
    int wrong = 0;
    for (int i = 0; i < n; i++) {
        wrong += !attack(entries[i]->d_name, &c.t, isolated);
        free(entries[i]);
    }
    free(entries);
    change_end(&c);
    assert_int_equal(wrong, 0);
}

static void test_each_attack_fails_inline(void **state)
{
    (void)state;
    attack_with_each(false);
}

static void test_each_attack_fails_isolated(void **state)
{
    (void)state;
    assert_int_equal(setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1),
                     0);
    attack_with_each(true);
}

/* Of this thread: how long others keep the processor says nothing about a pattern. */
static uint64_t cpu_time_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Patterns at which a backtracking matcher takes time exponential or of a high power. */
static void test_worst_case_patterns_end_soon(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "('a?'):rep(N) .. ('a'):rep(N)", "('a*'):rep(N) .. 'b'", "('a-'):rep(N) .. 'b'",
        "('.-'):rep(N) .. 'b'", "('.*'):rep(N) .. 'b'", "('a+'):rep(N) .. 'b'",
        "('[ab]*'):rep(N) .. 'c'", "('%w*'):rep(N) .. '%d'", "('(a*)'):rep(N) .. 'b'",
        "'(.*)%1%1%1b'", "'(.-)%1(.-)%2b'", "('%S-'):rep(N) .. '!'", "('[^b]-'):rep(N) .. 'b$'",
    };
    enum { SIZES = 4 };
    static const int sizes[SIZES] = {10, 20, 30, 31};
    struct scripts scripts;
    struct change c;
    scripts_begin(&scripts);
    change_begin(&c, "version: 1\n", candidate);
    for (size_t i = 0; i < SIZES * sizeof patterns / sizeof *patterns; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "return { vote = function(t, ballot) local N = %d\n"
                 "local s = ('a'):rep(3000)\n"
                 "string.find(s, %s) error('found nothing', 0) end }",
                 sizes[i % SIZES], patterns[i / SIZES]);
        struct error err;
        struct voter *voter = open_text(&scripts, text, NULL, &err);
        assert_non_null(voter);
        uint64_t start = cpu_time_us();
        vote_on(voter, &c.t, &err);
        uint64_t took_us = cpu_time_us() - start;
        voter_free(voter);
        assert_matches(err.text, "too costly|found nothing");
        assert_in_range(took_us, 0, 50000);
    }
    change_end(&c);
    scripts_end(&scripts);
}

static void expect_no_script(const struct scripts *scripts, const char *code, size_t len,
                             const char *pattern)
{
    struct error err = {0};
    char *path = scripts_write(scripts, "rule.lua", code, len);
    assert_null(open_script(path, NULL, &err));
    assert_matches(err.text, pattern);
    free(path);
}

/* Also dressed as text, cut anywhere, and damaged. */
static void test_bytecode_is_refused(void **state)
{
    static const char *const dresses[] = {"#!/usr/bin/lua\n", "# lua\n", "\xef\xbb\xbf", "\n", " "};
    static const char binary[] = "attempt to load a binary chunk";
    (void)state;
    struct scripts scripts;
    scripts_begin(&scripts);
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    assert_int_equal(luaL_dostring(L, "return string.dump(function() return {vote = 1} end)"), 0);
    size_t len;
    const char *code = lua_tolstring(L, -1, &len);
    for (size_t cut = 1; cut <= len; cut++)
        expect_no_script(&scripts, code, cut, binary);
    for (size_t i = 0; i < sizeof dresses / sizeof *dresses; i++) {
        struct buf dressed = {0};
        buf_puts(&dressed, dresses[i]);
        buf_add(&dressed, code, len);
        expect_no_script(&scripts, dressed.data, dressed.len, "rule.lua");
        buf_free(&dressed);
    }
    char *damaged = memcpy(alloc_bytes(len), code, len);
    for (size_t at = 1; at < len; at++) {
        damaged[at] ^= (char)(1u << at % 8);
        expect_no_script(&scripts, damaged, len, binary);
    }
    free(damaged);
    lua_close(L);
    scripts_end(&scripts);
}

/* Calls whatever a script can reach, with whatever it can hold.  The reason is the seed. */
static const char random_calls[] =
    "return { vote = function(t, ballot)\n"
    "  local seed = tonumber(t.reason)\n"
    "  local function random(n) seed = (seed * 1103515245 + 12345) % 2147483648 return seed // "
    "65536 % n + 1 end\n"
    "  local functions = {}\n"
    "  for name in ('assert error getmetatable ipairs next pairs pcall rawequal rawget rawlen "
    "select '\n"
    "    .. 'setmetatable tonumber tostring type xpcall'):gmatch('%a+') do functions[#functions + "
    "1] = _ENV[name] end\n"
    "  for name in ('string.byte string.char string.find string.format string.gmatch string.gsub "
    "string.len '\n"
    "    .. 'string.lower string.match string.rep string.reverse string.sub string.upper "
    "table.concat '\n"
    "    .. 'table.insert table.move table.pack table.remove table.sort table.unpack utf8.char "
    "utf8.codepoint '\n"
    "    .. 'utf8.codes utf8.len utf8.offset math.abs math.ceil math.floor math.fmod math.log "
    "math.max '\n"
    "    .. 'math.modf math.sqrt math.tointeger math.type math.ult sluice.host_match "
    "sluice.cidr_contains '\n"
    "    .. 'sluice.host_within sluice.cidr_overlaps sluice.endpoints "
    "sluice.log'):gmatch('[%a.8_]+') do\n"
    "    local library, member = name:match('(.*)%.(.*)')\n"
    "    functions[#functions + 1] = _ENV[library][member] end\n"
    "  for name in ('added removed changed static_changes gained lost "
    "changed_endpoints'):gmatch('[%a_]+') do\n"
    "    functions[#functions + 1] = t[name] end\n"
    "  for name in ('allow abstain deny hold fact'):gmatch('%a+') do functions[#functions + 1] = "
    "ballot[name] end\n"
    "  local rules = t.candidate.rules\n"
    "  local values = {'', 'a', '%', '%a*-', '[^', '%b()', '%5s', '\\0', '\\xff\\xfe', '*.a.com', "
    "'10.0.0.0/8', '::1',\n"
    "    0, 1, -1, 3, 0.5, -0.0, 1/0, 0/0, math.mininteger, math.maxinteger, true, false, {}, {1, "
    "2, 3},\n"
    "    setmetatable({}, {__index = function() return 1 end, __len = function() return 5 end}),\n"
    "    {'a.com', '10.0.0.0/8'}, {within = {'com'}, networks = {'10.0.0.0/8'}, local_names = "
    "true},\n"
    "    setmetatable({}, {__index = function(_, i) return ('x'):rep(i * 100 % 7) end}),\n"
    "    t, ballot, rules, rules.api, t.candidate, t.sandbox.labels, print, string.rep, "
    "function(...) return ... end}\n"
    "  for i = 1, 400 do\n"
    "    local made = {}\n"
    "    for k = 1, random(5) - 1 do made[k] = values[random(#values + 1)] end\n"
    "    local result = table.pack(pcall(functions[random(#functions)], table.unpack(made, 1, "
    "5)))\n"
    "    if result[1] and result[2] ~= nil then values[random(#values)] = result[2] end\n"
    "  end\n"
    "  return ballot:allow() end }\n";

/* Under the sanitizers, which judge.  A state that was treated so still votes in order. */
static void test_random_calls(void **state)
{
    (void)state;
    enum { SEEDS = 300 };
    struct scripts scripts;
    struct change c;
    struct error err;
    scripts_begin(&scripts);
    change_begin(&c, "version: 1\n", candidate);
    struct voter *voter = open_text(&scripts, random_calls, NULL, &err);
    if (!voter)
        fail_msg("%s", err.text);
    int through = 0;
    for (int seed = 1; seed <= SEEDS; seed++) {
        char text[16];
        snprintf(text, sizeof text, "%d", seed);
        c.t.reason = text;
        err.text[0] = '\0';
        vote_on(voter, &c.t, &err);
        through += strstr(err.text, "it voted allow") != NULL;
    }
    assert_in_range(through, SEEDS / 2, SEEDS);
    voter_free(voter);
    change_end(&c);
    scripts_end(&scripts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_attack_fails_inline),
        cmocka_unit_test(test_each_attack_fails_isolated),
        cmocka_unit_test(test_worst_case_patterns_end_soon),
        cmocka_unit_test(test_bytecode_is_refused),
        cmocka_unit_test(test_random_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
