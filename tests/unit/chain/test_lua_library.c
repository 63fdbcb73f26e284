/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox's own string and table functions against those of Lua, call by call. */
#include <lauxlib.h>
#include <lualib.h>

#include "chain/lua/budget.h"
#include "chain/lua/lib/sandbox.h"
#include "support/chain.h"

enum { ROUNDS = 30000 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* All results of a call, or its error, as text.  Lua names its functions in errors by looking
 * through its loaded libraries, of which a sandbox has none. */
static const char show[] =
    "local function show(...) local out = {} for i = 1, select('#', ...) do\n"
    "  out[i] = tostring((select(i, ...))):gsub('#%d to [^(]*', '') end return table.concat(out, "
    "'|') end\n"
    "local function call(f, ...) return show(pcall(f, ...)) end\n";

static int open_base(lua_State *L)
{
    sandbox_open(L);
    return 1;
}

static lua_State *open_sandbox(struct budget *budget)
{
    lua_State *L = budget_open(budget, 16 << 20);
    lua_pushcfunction(L, open_base);
    assert_int_equal(lua_pcall(L, 0, 1, 0), 0);     /* base, kept at 1 */
    return L;
}

/* The same text in both worlds; position prefixes are the same too. */
static const char *evaluate(lua_State *L, bool sandbox, const char *code)
{
    char text[2048];
    snprintf(text, sizeof text, "%sreturn %s", show, code);
    if (luaL_loadbuffer(L, text, strlen(text), "=t") != 0)
        return lua_tostring(L, -1);
    if (sandbox) {
        lua_pushvalue(L, 1);
        lua_setupvalue(L, -2, 1);
    }
    if (lua_pcall(L, 0, 1, 0) != 0)
        print_error("%s\n", lua_tostring(L, -1));
    return lua_tostring(L, -1);
}

struct worlds {
    struct budget budget;
    lua_State *ours, *lua;
};

static void begin(struct worlds *w)
{
    w->ours = open_sandbox(&w->budget);
    w->lua = luaL_newstate();
    luaL_openlibs(w->lua);
}

static void end(struct worlds *w)
{
    budget_close(&w->budget);
    lua_close(w->lua);
}

static void compare(struct worlds *w, const char *code)
{
    budget_start(&w->budget, 60000, NULL);
    const char *ours = evaluate(w->ours, true, code), *lua = evaluate(w->lua, false, code);
    if (!ours || !lua || strcmp(ours, lua) != 0)
        fail_msg("%s\n  ours: %s\n  Lua:  %s", code, ours, lua);
    lua_settop(w->ours, 1);
    lua_settop(w->lua, 0);
}

static void add_pieces(char *out, size_t size, const char *const *pieces, size_t n, size_t most,
                       uint64_t *seed)
{
    out[0] = '\0';
    for (size_t i = next_random(seed) % (most + 1); i > 0; i--)
        snprintf(out + strlen(out), size - strlen(out), "%s", pieces[next_random(seed) % n]);
}

#define PIECES(list) list, sizeof list / sizeof *list

static const char *const pieces[] = {
    "a",     "b",   "ab",   ".",    "%a",   "%d",     "%S",     "%w", "[ab]", "[^a]", "[a-c]",
    "[%d-]", "[]]", "[^]]", "*",    "+",    "-",      "?",      "(",  ")",    "()",   "(a*)",
    "(.-)",  "%1",  "%2",   "%b()", "%bab", "%f[%w]", "%f[^a]", "^",  "$",    "%%",   "%.",
    " ",     "1",   "x",    "%",    "[",    "[a",     "%f",     "%b",
};
static const char *const subjects[] = {"a", "b", "ab", "(", ")", " ", "1",
                                       "x", "-", ".",  "]", "%", "B"};

static void test_patterns_mean_the_same(void **state)
{
    (void)state;
    static const char *const calls[] = {
        "call(string.find, '%s', '%s')",
        "call(string.match, '%s', '%s')",
        "call(string.find, '%s', '%s', -2)",
        "call(string.gsub, '%s', '%s', '<%%0>')",
        "call(string.gsub, '%s', '%s', '%%1%%%%', 2)",
        "call(string.find, '%s', '%s', 3, true)",
        "call(string.gsub, '%s', '%s', {a = 'A', ab = false, b = 1})",
        "call(string.gsub, '%s', '%s', function(x, y) return y or x end)",
        "call(function(s, p) local r = '' for x, y in s:gmatch(p) do r = r .. ';' .. tostring(x) "
        ".. tostring(y) end return r end, '%s', '%s')",
        "call(string.match, '%s', '%s', 2)",
    };
    struct worlds w;
    begin(&w);
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < ROUNDS; i++) {
        char pattern[256], subject[256], code[1024];
        add_pieces(pattern, sizeof pattern, PIECES(pieces), 5, &seed);
        add_pieces(subject, sizeof subject, PIECES(subjects), 10, &seed);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(code, sizeof code, calls[i % (sizeof calls / sizeof *calls)], subject, pattern);
#pragma GCC diagnostic pop
        compare(&w, code);
    }
    end(&w);
}

/* What every match begins with is looked for first. */
static void test_patterns_that_begin_with_something(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"a",  "%.",  "]", "b+", "a*", "1?", "x-",
                                             "%%", "%%+", "-", "^",  "*",  "%a", "a$",
                                             "ab", "ab*", "ba+", "(a", "()b", "(((1", "%f[%w]%d",
                                             "%f[%w](%l", "%f[a]", "%f[^a](", "%f[%w]%u?", "[ab]",
                                             "[^ab]+", "%D", "(%W)", "%x", "%s", "%bab", "%l%u"};
    static const char *const calls[] = {
        "call(string.find, '%s', '%s%s')",
        "call(string.match, '%s', '%s(.+)%s')",
        "call(string.match, '%s', '%s.*%s')",
        "call(string.gsub, '%s', '%s%s', '<%%0>')",
        "call(function(s, p) local r = '' for x in s:gmatch(p) do r = r .. ';' .. x end return r "
        "end, '%s', '%s%s')",
    };
    struct worlds w;
    begin(&w);
    uint64_t seed = 7;
    for (int i = 0; i < ROUNDS; i++) {
        char subject[256], rest[256], code[1024];
        add_pieces(subject, sizeof subject, PIECES(subjects), 10, &seed);
        add_pieces(rest, sizeof rest, PIECES(pieces), 2, &seed);
        const char *beginning =
            beginnings[next_random(&seed) % (sizeof beginnings / sizeof *beginnings)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(code, sizeof code, calls[i % (sizeof calls / sizeof *calls)], subject, beginning,
                 rest);
#pragma GCC diagnostic pop
        compare(&w, code);
    }
    end(&w);
}

/* One item and the end of the subject is looked for at the end alone. */
static void test_patterns_of_the_last_character(void **state)
{
    (void)state;
    static const char *const starts[] = {"", ", 1", ", 2", ", -1", ", 9"};
    struct worlds w;
    begin(&w);
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (int round = 0; round < 100; round++) {
            char subject[256], code[1024];
            add_pieces(subject, sizeof subject, PIECES(subjects), 4, &seed);
            snprintf(code, sizeof code, "call(string.find, '%s', '%s%s$'%s)", subject,
                     round % 4 ? "" : "^", pieces[i], starts[round % 5]);
            compare(&w, code);
        }
    }
    end(&w);
}

static const char *const functions[] = {
    "call(string.rep, 'ab', 3)",
    "call(string.rep, 'ab', 3, ',')",
    "call(string.rep, 'ab', 0)",
    "call(string.rep, 'ab', -1)",
    "call(string.rep, '', 5, 'x')",
    "call(string.rep, 'x', 1, 'y')",
    "call(string.format, '%5d|%-5s|%05.1f|%x|%q|%%|%c|%i', 1, 'a', 2.25, 255, 'q\\n', 65, 7)",
    "call(string.format, '%s %s %s %s', nil, true, 1, 1.5)",
    "call(string.format, '%d', 1.5)",
    "call(string.format, '%10.3s|', 'abcdef')",
    "call(string.format, '%s')",
    "call(string.format, '%y', 1)",
    "call(string.upper, 'aB1')",
    "call(string.lower, 'aB1')",
    "call(string.lower, '@AZ[`az{\\0\\xC4')",
    "call(string.lower, 'ab-1', 'x')",
    "call(string.lower, 12)",
    "call(string.lower)",
    "call(string.reverse, 'abc')",
    "call(string.sub, 'abcdef', 2, -2)",
    "call(string.byte, 'abc', 1, -1)",
    "call(string.char, 65, 66)",
    "call(string.len, 'a\\0b')",
    "('x'):rep(3)",
    "#('x'):upper()",
    "call(string.find, 'a.b', '.', 1, true)",
    "call(string.find, 'abc', '', 10)",
    "call(string.find, 'abc', '', 4)",
    "call(string.find, 'a\\0b', '\\0')",
    "call(table.concat, {1, 'b', 3.5}, ', ')",
    "call(table.concat, {}, ',')",
    "call(table.concat, {1, 2, 3}, '-', 2, 3)",
    "call(table.concat, {1, {}, 3})",
    "call(table.unpack, {1, 2, 3})",
    "call(table.unpack, {1, 2, 3}, 2)",
    "call(table.unpack, {1, 2, 3}, -1, 1)",
    "call(function() local t = table.pack(1, nil, 3) return t.n, t[3] end)",
    "call(function() local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) return "
    "table.concat(t, ' ') end)",
    "call(table.insert, {1, 2, 3}, 6, 0)",
    "call(table.insert, {1}, 1, 2, 3)",
    "call(table.insert, {1})",
    "call(function() local t = {1, 2, 3} local a, b = table.remove(t), table.remove(t, 1) "
    "return a, b, #t, t[1] end)",
    "call(table.remove, {})",
    "call(table.remove, {}, 0)",
    "call(table.remove, {1, 2, 3}, 7)",
    "call(table.remove, {1, 2, 3}, 4)",
    "call(function() local t = table.move({1, 2, 3}, 2, 3, 1) return table.concat(t, ' ') end)",
    "call(function() local t = table.move({1, 2, 3}, 1, 3, 2) return table.concat(t, ' ') end)",
    "call(function() local t = table.move({1, 2, 3}, 1, 3, 3, {9, 9}) return table.concat(t, ' "
    "') end)",
    "call(table.move, {1}, 1, 2, math.maxinteger)",
    "call(function() local t = {5, 2, 8, 1, 9, 3} table.sort(t) return table.concat(t, ' ') "
    "end)",
    "call(function() local t = {5, 2, 8, 1} table.sort(t, function(a, b) return a > b end) "
    "return table.concat(t, ' ') end)",
    "call(function() local t = {'b', 'a', 'c'} table.sort(t) return table.concat(t, ' ') end)",
    "call(table.sort, {1, 2}, 5)",
    "call(next, {})",
    "call(next, {5})",
    "call(next, {a = 1}, 'a')",
    "call(ipairs)",
    "call(pcall, error, 'x', 0)",
    "call(xpcall, error, function(e) return e .. '!' end, 'x', 0)",
    "call(xpcall, function(a, b) return b, a end, error, 1, 2)",
    "call(select, '#', 1, nil)",
    "call(select, -1, 1, 2)",
    "call(tonumber, '0x10')",
    "call(tonumber, 'z', 36)",
    "call(tonumber, 'x')",
    "call(tostring, 1e15)",
    "call(math.floor, 2.5)",
    "call(math.max, 1, 5, 2)",
    "call(math.tointeger, 3.0)",
    "call(math.type, 1)",
    "call(utf8.char, 228, 8364)",
    "call(utf8.len, 'a\\xc3\\xa4')",
    "call(utf8.codepoint, '\\xc3\\xa4')",
    "call(function() local m = {__index = {v = 1}} local o = setmetatable({}, m) return o.v, "
    "getmetatable(o) == m end)",
    "call(function() local o = setmetatable({}, {__add = function(a, b) return 7 end}) return "
    "o + 1 end)",
    "call(function() local o = setmetatable({}, {__tostring = function() return 'me' end}) "
    "return tostring(o) end)",
    "call(function() local o = setmetatable({}, {__call = function(self, x) return x end}) "
    "return o(3) end)",
    "call(function() local o = setmetatable({}, {__len = function() return 4 end}) return #o "
    "end)",
    "call(function() local n = 0 for _ in pairs(setmetatable({}, {__pairs = function() return "
    "function(_, k) if not k then return 1 end end end})) do n = n + 1 end return n end)",
};

static void test_functions_answer_the_same(void **state)
{
    (void)state;
    struct worlds w;
    begin(&w);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        compare(&w, functions[i]);
    end(&w);
}

/* Lengths that a script makes up, at which sums overflow. */
static void test_lengths_at_the_limits(void **state)
{
    static const char *const lengths[] = {"math.maxinteger", "math.mininteger", "-1", "0"};
    static const char *const calls[] = {
        "table.insert(o, 7)", "table.insert(o, 1, 7)", "table.insert(o, n, 7)",
        "table.insert(o, math.mininteger, 7)", "table.remove(o)", "table.remove(o, n)",
        "table.remove(o, 0)", "table.remove(o, 5)",
    };
    (void)state;
    struct worlds w;
    begin(&w);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t j = 0; j < sizeof calls / sizeof *calls; j++) {
            char code[512];
            if (i == 0 && strcmp(calls[j], "table.remove(o, 5)") == 0)
                continue;                           /* Lua's would take for ever */
            snprintf(
                code, sizeof code,
                "call(function() local n, seen = %s, {}\n"
                "local o = setmetatable({}, {__len = function() return n end,\n"
                "  __newindex = function(_, k, v) seen[#seen + 1] = k .. '=' .. tostring(v) end,\n"
                "  __index = function(_, k) return k end})\n"
                "local r = (function() return %s end)() return r, table.concat(seen, ' ') end)",
                lengths[i], calls[j]);
            compare(&w, code);
        }
    end(&w);
}

static void test_sorting_random_lists(void **state)
{
    (void)state;
    struct worlds w;
    begin(&w);
    for (int n = 0; n < 200; n++) {
        char code[512];
        snprintf(code, sizeof code,
                 "call(function() local t, s = {}, %d for i = 1, %d do s = (s * 1103515245 + "
                 "12345) %% 2147483648\n"
                 "t[i] = s %% 50 end table.sort(t) return table.concat(t, ' ') end)",
                 n, n);
        compare(&w, code);
    }
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_mean_the_same),
        cmocka_unit_test(test_patterns_that_begin_with_something),
        cmocka_unit_test(test_patterns_of_the_last_character),
        cmocka_unit_test(test_functions_answer_the_same),
        cmocka_unit_test(test_lengths_at_the_limits),
        cmocka_unit_test(test_sorting_random_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
