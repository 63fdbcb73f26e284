/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/endpoints.h"

#include <lauxlib.h>
#include <string.h>

#include "chain/lua/budget.h"
#include "chain/lua/network.h"
#include "chain/lua/view.h"
#include "chain/transition.h"
#include "policy/policy.h"

/* Which endpoints are wanted: those of which one of these holds. */
struct selection {
    const struct network_names *within, *outside;   /* NULL: not asked for */
    struct network_blocks *networks;
    bool local_names;
};

/* Through rules, then through changes. */
struct cursor {
    const struct sluice_rule *const *rules;
    const struct sluice_rule_change *const *changes;
    size_t n_rules, n_changes;
    size_t rule, endpoint;                          /* what is next */
    bool selects;
    struct selection selection;
};

static bool is_selected(lua_State *L, const struct cursor *c, const struct sluice_endpoint *e)
{
    const struct selection *s = &c->selection;
    return !c->selects || (s->within && network_within(s->within, e->host)) ||
           (s->outside && !network_within(s->outside, e->host)) ||
           (s->local_names && network_is_local_name(e->host)) ||
           (s->networks && network_reaches(L, s->networks, e));
}

static const struct sluice_rule *rule_at(const struct cursor *c, const struct sluice_rule **before)
{
    *before = NULL;
    if (c->rule < c->n_rules)
        return c->rules[c->rule];
    size_t i = c->rule - c->n_rules;
    if (i == c->n_changes)
        return NULL;
    *before = c->changes[i]->before;
    return c->changes[i]->after;
}

/* The next endpoint, selected or not; NULL: there are no more. */
static const struct sluice_endpoint *advance(struct cursor *c, const struct sluice_rule **before)
{
    const struct sluice_rule *rule;
    while ((rule = rule_at(c, before)) && c->endpoint == rule->n_endpoints) {
        c->rule++;
        c->endpoint = 0;
    }
    return rule ? rule->endpoints[c->endpoint++] : NULL;
}

/* Upvalues: the cursor, and what its selection lives in. */
static int next_endpoint(lua_State *L)
{
    struct cursor *c = lua_touserdata(L, lua_upvalueindex(1));
    const struct sluice_rule *before;
    const struct sluice_endpoint *endpoint;
    do {
        endpoint = advance(c, &before);
        budget_charge(L, c->selects ? 16 : 1);
    } while (endpoint && !is_selected(L, c, endpoint));
    if (!endpoint)
        return 0;
    view_push(L, &policy_endpoint_schema, endpoint);
    lua_pushstring(L, endpoint->host);
    view_push(L, &policy_rule_schema, before);
    return 3;
}

/* ---- which are wanted ---- */

/* Reads the member at the top of the stack, and leaves what it lives in there. */
static void read_member(lua_State *L, const char *name, struct selection *out)
{
    int index = lua_gettop(L);
    if (strcmp(name, "within") == 0)
        out->within = network_push_names(L, index);
    else if (strcmp(name, "outside") == 0)
        out->outside = network_push_names(L, index);
    else if (strcmp(name, "networks") == 0)
        out->networks = network_push_blocks(L, index);
    else
        luaL_error(L, "endpoints are selected by within, outside, networks and local_names, not %s",
                   name);
}

/* Reads the table at index 2; returns how many values it left on the stack. */
static int read_selection(lua_State *L, struct selection *out)
{
    int values = 0;
    for (lua_pushnil(L); lua_next(L, 2);) {         /* … name value */
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "a selection of endpoints has names, not a %s", luaL_typename(L, -2));
        const char *name = lua_tostring(L, -2);
        if (strcmp(name, "local_names") == 0) {
            out->local_names = lua_toboolean(L, -1);
            lua_pop(L, 1);
            continue;
        }
        read_member(L, name, out);                  /* … name value kept */
        lua_replace(L, -2);
        lua_insert(L, -2);                          /* … kept name */
        values++;
    }
    return values;
}

static int iterate(lua_State *L, const struct cursor *cursor, int kept)
{                                                   /* … kept… */
    *(struct cursor *)lua_newuserdatauv(L, sizeof *cursor, 0) = *cursor;
    lua_insert(L, -kept - 1);
    lua_pushcclosure(L, next_endpoint, kept + 1);
    return 1;
}

int endpoints_of_change(lua_State *L)
{                                                   /* t [selection] */
    const struct sluice_transition *t = view_check(L, 1, &chain_transition_schema);
    struct cursor c = {.rules = t->diff->added, .n_rules = t->diff->n_added,
                       .changes = t->diff->changed, .n_changes = t->diff->n_changed};
    c.selects = !lua_isnoneornil(L, 2);
    if (c.selects)
        luaL_checktype(L, 2, LUA_TTABLE);
    return iterate(L, &c, c.selects ? read_selection(L, &c.selection) : 0);
}

int endpoints_of_policy(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_isnil(L, 1))
        return iterate(L, &(struct cursor){0}, 0);
    const struct sluice_policy *policy = view_check(L, 1, &policy_schema);
    return iterate(L, &(struct cursor){.rules = policy->rules, .n_rules = policy->n_rules}, 0);
}
