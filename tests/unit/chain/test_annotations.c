/* SPDX-License-Identifier: Apache-2.0 */
/* scripts/sluice.lua, from which editors complete, against what a vote really is handed. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdalign.h>

#include "chain/lua/api.h"
#include "chain/lua/lib/sandbox.h"
#include "chain/lua/view.h"
#include "chain/request.h"
#include "chain/transition.h"
#include "policy/policy.h"
#include "support/chain.h"

/* A table of classes: each name of a field with its type, each name of a method with what it
 * returns. The functions of `sluice` are a class too. */
static const char read_annotations[] =
    "local classes, class, returns = {sluice = {}}, nil, ''\n"
    "for line in io.lines('scripts/sluice.lua') do\n"
    "  local name = line:match('^%-%-%-@class sluice%.(%a+)')\n"
    "  if name then class = {} classes[name] = class end\n"
    "  local field, type = line:match('^%-%-%-@field ([%a_]+) (.+)')\n"
    "  if field then class[field] = type end\n"
    "  returns = line:match('^%-%-%-@return (.+)') or returns\n"
    "  local method = line:match('^function %a+:([%a_]+)')\n"
    "  if method then class[method] = 'method ' .. returns returns = '' end\n"
    "  local plain = line:match('^function sluice%.([%a_]+)')\n"
    "  if plain then classes.sluice[plain] = 'function' end\n"
    "end\n"
    "return classes\n";

struct fixture {
    lua_State *notes;                               /* the classes at 1 */
    struct machine machine;
    lua_State *L;                                   /* a sandbox's state, its base table at 1 */
};

static int open_all(lua_State *L)
{
    sandbox_open(L);
    api_open(L);
    return 1;
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->notes = luaL_newstate();
    luaL_openlibs(f->notes);
    assert_int_equal(luaL_dostring(f->notes, read_annotations), 0);
    f->L = budget_open(&f->machine.budget, 16 << 20);
    budget_start(&f->machine.budget, 60000, NULL);
    lua_pushcfunction(f->L, open_all);
    assert_int_equal(lua_pcall(f->L, 0, 1, 0), 0);
    views_begin(&f->machine.views);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lua_close(f->notes);
    budget_close(&f->machine.budget);
    views_free(&f->machine.views);
    arena_free(f->machine.arena);
    test_free(f);
    return 0;
}

/* What the annotations say of a member; fails the test where they say nothing. */
static const char *type_of(struct fixture *f, const char *class, const char *member)
{
    lua_settop(f->notes, 1);
    if (lua_getfield(f->notes, 1, class) != LUA_TTABLE)
        fail_msg("no class sluice.%s", class);
    if (lua_getfield(f->notes, -1, member) != LUA_TSTRING)
        fail_msg("class sluice.%s lacks %s", class, member);
    return lua_tostring(f->notes, -1);
}

/* How a field of the kind is written: a pattern with the name of its class in (). */
static const char *pattern_of(enum schema_kind kind)
{
    switch (kind) {
    case SCHEMA_TEXT:    return "^(string|\"|sluice\\.Kind)";
    case SCHEMA_BOOL:    return "^boolean";
    case SCHEMA_U16:
    case SCHEMA_U32:
    case SCHEMA_I32:
    case SCHEMA_I64:     return "^integer";
    case SCHEMA_DOUBLE:  return "^number";
    case SCHEMA_TEXTS:   return "^string\\[\\]";
    case SCHEMA_U16S:    return "^integer\\[\\]";
    case SCHEMA_STRUCT:
    case SCHEMA_GROUP:   return "^sluice\\.([A-Za-z]+)\\??";
    case SCHEMA_STRUCTS: return "^sluice\\.([A-Za-z]+)\\[\\]";
    case SCHEMA_KEYED:   return "^table<string, sluice\\.([A-Za-z]+)>";
    default:             return "^[\"a-z]";
    }
}

/* A class that the type names, "" where it names none. */
static void class_in(const char *type, char class[64])
{
    const char *at = strstr(type, "sluice.");
    class[0] = '\0';
    if (at)
        sscanf(at, "sluice.%63[A-Za-z]", class);
}

static void check_words(const char *type, const struct schema_field *field, const char *class)
{
    for (const char *const *word = field->words; word && *word && strchr(type, '"'); word++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\"", *word);
        if (!strstr(type, quoted))
            fail_msg("sluice.%s.%s lacks the word %s", class, field->name, quoted);
    }
}

static void check_record(struct fixture *f, const char *class, const struct schema *schema);

static void check_field(struct fixture *f, const char *class, const struct schema_field *field)
{
    char type[512], inner[64];
    snprintf(type, sizeof type, "%s", type_of(f, class, field->name));
    assert_matches(type, pattern_of(field->kind));
    check_words(type, field, class);
    class_in(type, inner);
    if (!field->sub || !*inner)
        return;
    if (field->wrap) {
        snprintf(type, sizeof type, "%s", type_of(f, inner, field->wrap));
        class_in(type, inner);
    }
    check_record(f, inner, field->sub);
}

static int read_member(lua_State *L)
{                                                   /* view name */
    lua_gettable(L, 1);
    return 1;
}

/* What the view at the top of the sandbox's stack has by that name is pushed; false: nothing. */
static bool push_member(struct fixture *f, const char *name)
{
    lua_pushcfunction(f->L, read_member);
    lua_pushvalue(f->L, -2);
    lua_pushstring(f->L, name);
    return lua_pcall(f->L, 2, 1, 0) == LUA_OK;
}

static void check_member(struct fixture *f, const char *class, const char *name, bool annotated)
{
    bool offered = push_member(f, name), method = lua_isfunction(f->L, -1);
    lua_pop(f->L, 1);
    if (offered && method != !!strstr(type_of(f, class, name), "method "))
        fail_msg("sluice.%s.%s is %s method", class, name, method ? "a" : "no");
    if (annotated && !offered)
        fail_msg("sluice.%s has no %s", class, name);
}

/* The annotated member that comes behind another, first behind NULL; NULL: there is none. */
static const char *member_after(struct fixture *f, const char *class, const char *name)
{
    lua_settop(f->notes, 1);
    lua_getfield(f->notes, 1, class);
    lua_pushstring(f->notes, name);
    return lua_next(f->notes, 2) ? lua_tostring(f->notes, 3) : NULL;
}

/* Both ways: what a view offers is annotated, and what is annotated is offered. */
static void check_members(struct fixture *f, const char *class)
{
    static const char *const names[] = {"doc_path",       "key",    "rules",   "now",
                                        "relation",       "added",  "removed", "changed",
                                        "static_changes", "gained", "lost",
                                        "changed_endpoints"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_member(f, class, names[i], false);
    for (const char *name = NULL; (name = member_after(f, class, name));)
        check_member(f, class, name, true);
}

static void check_record(struct fixture *f, const char *class, const struct schema *schema)
{
    static const struct sluice_diff diff = {.size = sizeof diff};
    struct sluice_transition transition = {.size = sizeof transition, .diff = &diff};
    alignas(max_align_t) char record[1024] = "";    /* a group has no size of its own */
    assert_in_range(schema->size, 0, sizeof record);
    view_push(f->L, schema,
              schema == &chain_transition_schema ? (const void *)&transition : record);
    check_members(f, class);
    lua_pop(f->L, 1);
    for (const struct schema_field *field = schema->fields; field->name; field++)
        if (!(field->flags & (SCHEMA_ALIAS | SCHEMA_IGNORED)))
            check_field(f, class, field);
    views_begin(&f->machine.views);
}

static void test_records(void **state)
{
    check_record(*state, "Transition", &chain_transition_schema);
    check_record(*state, "Request", &chain_request_schema);
}

static void test_what_iterators_give(void **state)
{
    static const struct {
        const char *method, *class;
        const struct schema *schema;
    } rows[] = {
        {"added", "Rule", &policy_rule_schema},
        {"removed", "Rule", &policy_rule_schema},
        {"changed", "RuleChange", &chain_rule_change_schema},
        {"static_changes", "StaticChange", &chain_static_change_schema},
        {"gained", "Reach", &chain_reach_schema},
        {"lost", "Reach", &chain_reach_schema},
        {"changed_endpoints", "Endpoint", &policy_endpoint_schema},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char class[64];
        class_in(type_of(f, "Transition", rows[i].method), class);
        assert_string_equal(class, rows[i].class);
        check_record(f, class, rows[i].schema);
    }
}

/* The table at the top of the sandbox's stack has the members of the class, all of them
 * functions. */
static void check_functions(struct fixture *f, const char *class, size_t n)
{
    size_t found = 0;
    for (lua_pushnil(f->L); lua_next(f->L, -2); lua_pop(f->L, 1), found++) {
        assert_true(lua_isfunction(f->L, -1));
        type_of(f, class, lua_tostring(f->L, -2));
    }
    assert_int_equal(found, n);
    lua_settop(f->notes, 1);
    lua_getfield(f->notes, 1, class);
    for (lua_pushnil(f->notes); lua_next(f->notes, -2); lua_pop(f->notes, 1))
        found--;
    assert_int_equal(found, 0);
}

static void test_functions(void **state)
{
    struct fixture *f = *state;
    api_push_ballot(f->L);
    luaL_getmetafield(f->L, -1, "__index");
    check_functions(f, "Ballot", 8);
    lua_settop(f->L, 1);
    lua_getfield(f->L, 1, "sluice");
    luaL_getmetafield(f->L, -1, "__index");
    check_functions(f, "sluice", 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_records), TEST(test_what_iterators_give), TEST(test_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
