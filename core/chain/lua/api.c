/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/api.h"

#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "chain/chain.h"
#include "chain/lua/endpoints.h"
#include "chain/lua/lib/sandbox.h"
#include "chain/lua/network.h"
#include "chain/lua/view.h"
#include "chain/request.h"
#include "chain/transition.h"
#include "policy/policy.h"

/* ---- t ---- */

#define RECORDS(list) ((const void *const *)(const void *)(list))

static const struct sluice_diff *diff_of(lua_State *L)
{
    const struct sluice_transition *t = view_check(L, 1, &chain_transition_schema);
    return t->diff;
}

static int t_added(lua_State *L)
{
    const struct sluice_diff *diff = diff_of(L);
    view_push_iterator(L, &policy_rule_schema, RECORDS(diff->added), diff->n_added);
    return 1;
}

static int t_removed(lua_State *L)
{
    const struct sluice_diff *diff = diff_of(L);
    view_push_iterator(L, &policy_rule_schema, RECORDS(diff->removed), diff->n_removed);
    return 1;
}

static int t_changed(lua_State *L)
{
    const struct sluice_diff *diff = diff_of(L);
    view_push_iterator(L, &chain_rule_change_schema, RECORDS(diff->changed), diff->n_changed);
    return 1;
}

static int t_static_changes(lua_State *L)
{
    const struct sluice_diff *diff = diff_of(L);
    view_push_iterator(L, &chain_static_change_schema, RECORDS(diff->static_changes),
                       diff->n_static_changes);
    return 1;
}

static int t_gained(lua_State *L)
{
    const struct sluice_diff *diff = diff_of(L);
    view_push_iterator(L, &chain_reach_schema, RECORDS(diff->gained), diff->n_gained);
    return 1;
}

static int t_lost(lua_State *L)
{
    const struct sluice_diff *diff = diff_of(L);
    view_push_iterator(L, &chain_reach_schema, RECORDS(diff->lost), diff->n_lost);
    return 1;
}

void api_push_transition(lua_State *L)
{
    view_push(L, &chain_transition_schema, machine_of(L)->transition);
}

void api_push_request(lua_State *L)
{
    view_push(L, &chain_request_schema, machine_of(L)->request);
}

/* ---- ballot ---- */

static const char registry_ballot;
/* What ballot calls return stands under the addresses of these; no script can make one up. */
static const char registry_verdicts[SLUICE_VERDICT_COUNT];

static struct machine *voting(lua_State *L)
{
    struct machine *m = machine_of(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_ballot);
    if (!m->ballot || !lua_rawequal(L, 1, -1))
        luaL_error(L, "call it with a colon, as in ballot:allow()");
    lua_pop(L, 1);
    return m;
}

static int cast(lua_State *L, enum sluice_verdict verdict, const char *code, const char *path,
                const char *message)
{
    struct machine *m = machine_of(L);
    m->cast = true;
    m->verdict = sluice_cast(m->ballot, verdict, code, path, "%s", message);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_verdicts[verdict]);
    return 1;
}

/* A text for C: the bytes after a NUL would be dropped unseen. */
static const char *check_text(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);
    luaL_argcheck(L, strlen(text) == len, index, "a text without zero bytes is expected");
    return text;
}

static int object(lua_State *L, enum sluice_verdict verdict)
{                                                   /* ballot code path format … */
    voting(L);
    size_t len;
    const char *code = check_text(L, 2);
    const char *path = lua_isnil(L, 3) ? "" : check_text(L, 3);
    const char *message = sandbox_format(L, 4, &len);
    return cast(L, verdict, code, path, message);
}

static int ballot_allow(lua_State *L)
{
    voting(L);
    return cast(L, SLUICE_ALLOW, "", "", "");
}

static int ballot_abstain(lua_State *L)
{
    voting(L);
    return cast(L, SLUICE_ABSTAIN, "", "", "");
}

static int ballot_deny(lua_State *L)
{
    return object(L, SLUICE_DENY);
}

static int ballot_hold(lua_State *L)
{
    return object(L, SLUICE_HOLD);
}

static int ballot_fact(lua_State *L)
{
    struct machine *m = voting(L);
    size_t len;
    const char *key = check_text(L, 2);
    luaL_checkany(L, 3);
    const char *value = sandbox_tostring(L, 3, &len);
    sluice_fact(m->ballot, key, value);
    return 0;
}

static int ballot_set_header(lua_State *L)
{
    struct machine *m = voting(L);
    const char *name = check_text(L, 2), *value = check_text(L, 3);
    sluice_set_header(m->ballot, name, value);
    return 0;
}

static int ballot_remove_header(lua_State *L)
{
    struct machine *m = voting(L);
    sluice_remove_header(m->ballot, check_text(L, 2));
    return 0;
}

static int ballot_set_body(lua_State *L)
{
    struct machine *m = voting(L);
    size_t len;
    const char *body = luaL_checklstring(L, 2, &len);
    sluice_set_body(m->ballot, body, len);
    return 0;
}

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "the ballot is read only");
}

static void open_ballot(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"allow", ballot_allow}, {"abstain", ballot_abstain}, {"deny", ballot_deny},
        {"hold", ballot_hold},   {"fact", ballot_fact},       {"set_header", ballot_set_header},
        {"remove_header", ballot_remove_header},              {"set_body", ballot_set_body},
        {NULL, NULL},
    };
    lua_newuserdatauv(L, 1, 0);
    lua_createtable(L, 0, 3);                       /* ballot meta */
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_ballot);
    for (int v = 0; v < SLUICE_VERDICT_COUNT; v++) {
        lua_newuserdatauv(L, 0, 0);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_verdicts[v]);
    }
}

void api_push_ballot(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_ballot);
}

int api_read_verdict(lua_State *L, int index, enum sluice_verdict *out, struct error *err)
{
    struct machine *m = machine_of(L);
    if (lua_isnil(L, index) && !m->cast) {
        *out = sluice_abstain(m->ballot);
        return 0;
    }
    if (lua_isnil(L, index))
        return error_set(err, ERROR_INTERNAL,
                         "cast %s but returned nothing: write return ballot:%s(…)",
                         chain_verdict_word(m->verdict), chain_verdict_word(m->verdict));
    index = lua_absindex(L, index);
    for (int v = 0; v < SLUICE_VERDICT_COUNT; v++) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_verdicts[v]);
        bool this = lua_rawequal(L, index, -1);
        lua_pop(L, 1);
        if (this) {
            *out = (enum sluice_verdict)v;
            return 0;
        }
    }
    return error_set(
        err, ERROR_INTERNAL,
        "%s returned a %s: return what a ballot call gives, as in return ballot:allow()",
        m->request ? "inspect" : "vote", luaL_typename(L, index));
}

/* ---- sluice ---- */

static int write_log(lua_State *L)
{
    struct machine *m = machine_of(L);
    size_t len;
    const char *text = sandbox_format(L, 1, &len);
    if (text_utf8_valid(text, len) != len)
        return luaL_error(L, "the text to log is no UTF-8");
    if (m->logged++ < MACHINE_LOG_LINES)
        log_info(m->log, "voter %s: %.*s", m->name, MACHINE_LOG_BYTES, text);
    return 0;
}

void api_open(lua_State *L)
{                                                   /* base */
    static const luaL_Reg methods[] = {
        {"added", t_added},     {"removed", t_removed},
        {"changed", t_changed}, {"static_changes", t_static_changes},
        {"gained", t_gained},   {"lost", t_lost},
        {"changed_endpoints", endpoints_of_change},
        {NULL, NULL},
    };
    network_push_functions(L);
    lua_pushcfunction(L, endpoints_of_policy);
    lua_setfield(L, -2, "endpoints");
    lua_pushcfunction(L, write_log);
    lua_setfield(L, -2, "log");
    sandbox_freeze(L, "sluice");
    lua_setfield(L, -2, "sluice");
    luaL_newlib(L, methods);
    view_open(L);
    open_ballot(L);
}

/* ---- options ---- */

static void push_list(lua_State *L, const struct sluice_options *options, const char *name)
{
    size_t n = 0;
    const char *const *items = options->list(options, name, &n);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushstring(L, items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_option(lua_State *L, const struct sluice_option *row,
                        const struct sluice_options *options)
{
    switch (row->type) {
    case SLUICE_TEXT:    lua_pushstring(L, options->text(options, row->name)); break;
    case SLUICE_BOOLEAN: lua_pushboolean(L, options->boolean(options, row->name)); break;
    case SLUICE_LIST:    push_list(L, options, row->name); break;
    default:             lua_pushinteger(L, options->integer(options, row->name));
    }
}

void api_push_options(lua_State *L, const struct sluice_option *table,
                      const struct sluice_options *options)
{
    lua_newtable(L);
    for (; table && table->name; table++) {
        push_option(L, table, options);
        lua_setfield(L, -2, table->name);
    }
}
