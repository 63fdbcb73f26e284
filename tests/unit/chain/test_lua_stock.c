/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a sandbox against those of the lua5.4 program: generated calls of all of them
 * get the same answers, but for the differences in tests/fixtures/lua/differences.lua. */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "chain/lua/budget.h"
#include "chain/lua/lib/sandbox.h"
#include "support/chain.h"

#define DATA "tests/fixtures/lua/"

enum { ROUNDS = 200, MEMORY = 16 << 20, VOTE_MS = 60000, CALLS_OF_A_STATE = 500 };

struct fixture {
    char folder[64];
    char *show;                                     /* the text of show.lua */
};

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    char bytes[4096];
    struct buf text = {0};
    assert_non_null(file);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
        buf_add(&text, bytes, n);
    fclose(file);
    char *copy = alloc_str(buf_str(&text));
    buf_free(&text);
    return copy;
}

static int set_up(void **state)
{
    static struct fixture f = {.folder = "/tmp/sluice-stock-XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    f.show = read_all(DATA "show.lua");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char *command = alloc_printf("rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(f->show);
    return 0;
}

/* A command, in which @ is the folder and # the generator's arguments. */
static int run(const char *format, const char *folder)
{
    const char *seed = getenv("SLUICE_LUA_SEED");
    struct buf command = {0};
    for (const char *p = format; *p; p++)
        if (*p == '@')
            buf_puts(&command, folder);
        else if (*p == '#')
            buf_printf(&command, "%lu %d", seed ? strtoul(seed, NULL, 10) : 1, ROUNDS);
        else
            buf_putc(&command, *p);
    int status = system(buf_str(&command));
    buf_free(&command);
    return status;
}

static int open_base(lua_State *L)
{
    sandbox_open(L);
    return 1;
}

static lua_State *open_sandbox(struct budget *budget)
{
    lua_State *L = budget_open(budget, MEMORY);
    assert_non_null(L);
    lua_pushcfunction(L, open_base);
    assert_int_equal(lua_pcall(L, 0, 1, 0), 0);     /* base, kept at 1 */
    return L;
}

/* Writes the answer as a line.  A call that spends the budget raises past every pcall. */
static void answer(lua_State *L, struct budget *budget, const char *show, const char *call,
                   FILE *out)
{
    char *code = alloc_printf("%sreturn %s", show, call);
    budget_start(budget, VOTE_MS, NULL);
    assert_int_equal(luaL_loadbufferx(L, code, strlen(code), "=t", "t"), 0);
    lua_pushvalue(L, 1);
    lua_setupvalue(L, -2, 1);
    if (lua_pcall(L, 0, 1, 0) != 0)
        fprintf(out, "raised ");
    fprintf(out, "%s\n", lua_tostring(L, -1));
    lua_settop(L, 1);
    free(code);
}

static void answer_all(const struct fixture *f)
{
    char *path = alloc_printf("%s/ours", f->folder), *from = alloc_printf("%s/calls", f->folder);
    FILE *out = fopen(path, "w"), *calls = fopen(from, "r");
    struct budget budget = {0};
    lua_State *L = NULL;
    char *line = NULL;
    size_t room = 0, n = 0;
    assert_non_null(out);
    assert_non_null(calls);
    for (ssize_t len; (len = getline(&line, &room, calls)) > 0; n++) {
        if (L && (n % CALLS_OF_A_STATE == 0 || budget.spent[0])) {
            budget_close(&budget);
            L = NULL;
        }
        L = L ? L : open_sandbox(&budget);
        line[len - 1] = '\0';
        answer(L, &budget, f->show, line, out);
    }
    assert_true(n > ROUNDS);
    budget_close(&budget);
    fclose(calls);
    fclose(out);
    free(line);
    free(from);
    free(path);
}

static void only_documented_differences(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(run("lua5.4 " DATA "generate.lua # >@/calls", f->folder), 0);
    assert_int_equal(run("lua5.4 " DATA "run.lua " DATA "show.lua <@/calls >@/stock", f->folder),
                     0);
    answer_all(f);
    if (run("lua5.4 " DATA "compare.lua " DATA "differences.lua @/calls @/stock @/ours",
            f->folder) != 0)
        fail_msg("the libraries differ from Lua's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_documented_differences)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
