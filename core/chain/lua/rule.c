/* SPDX-License-Identifier: Apache-2.0 */
/* Lua voters.
 *
 * A vote runs the whole file anew in an environment of its own, so that nothing a script keeps,
 * global or local, outlives a vote; what is warm is the state with its library and the compiled
 * file.  A state that ended a vote in an error is thrown away. */
#include <lauxlib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "chain/ballot.h"
#include "chain/codefile.h"
#include "chain/lua/api.h"
#include "chain/lua/coverage.h"
#include "chain/lua/definition.h"
#include "chain/lua/lib/sandbox.h"
#include "chain/options.h"
#include "chain/voter.h"

enum { SOURCE_BYTES_MAX = 256 * 1024, IDLE_MAX = 8, LOAD_TIMEOUT_MS = 2000 };

struct rule {
    struct codefile file;
    struct arena *arena;                            /* of the definition */
    struct definition definition;
    struct options *options;
    const char *chunk;                              /* "@<base name>": what errors begin with */
    char *name;                                     /* the voter's */
    const struct log *log;
    size_t memory;
    struct coverage *coverage;                      /* NULL unless it was asked for */
    pthread_mutex_t lock;                           /* of the members below */
    struct machine *idle;
    size_t n_idle;
};

/* Keys in the registry. */
static const char registry_chunk, registry_environment;

/* ---- machines ---- */

/* Without the byte order mark that some editors write. */
static int load_text(lua_State *L, const struct rule *rule)
{
    const char *text = (const char *)rule->file.bytes;
    size_t mark = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return luaL_loadbufferx(L, text + mark, rule->file.size - mark, rule->chunk, "t");
}

static int set_up(lua_State *L)
{
    const struct rule *rule = lua_touserdata(L, 1);
    sandbox_open(L);                                /* base */
    api_open(L);
    lua_createtable(L, 0, 2);                       /* base meta */
    lua_insert(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_environment);
    if (load_text(L, rule))
        return lua_error(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_chunk);
    return 0;
}

/* Pushes what the file returns, run in a new environment. */
static void run_file(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_chunk);
    lua_newtable(L);                                /* chunk environment */
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_environment);
    lua_setmetatable(L, -2);
    lua_setupvalue(L, -2, 1);                       /* chunk */
    lua_call(L, 0, 1);
}

static void machine_close(struct machine *m)
{
    budget_close(&m->budget);
    views_free(&m->views);
    arena_free(m->arena);
    free(m);
}

/* What a failed protected call left on the stack, as a text that is fit to be shown. */
static int keep_error(struct machine *m, struct error *err)
{
    lua_State *L = m->budget.L;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (m->budget.spent[0])
        return error_set(err, ERROR_INTERNAL, "it %s", m->budget.spent);
    if (text && strcmp(text, "not enough memory") == 0)
        return error_set(err, ERROR_INTERNAL, "it spent its %zu MB of memory",
                         m->budget.limit >> 20);
    if (!text)
        return error_set(err, ERROR_INTERNAL, "it raised a %s that is no text",
                         luaL_typename(L, -1));
    if (text_utf8_valid(text, strlen(text)) != strlen(text))
        return error_set(err, ERROR_INTERNAL, "it raised a text that is no UTF-8");
    return error_set(err, ERROR_INTERNAL, "%s", text);
}

static int call(struct machine *m, lua_CFunction function, const void *argument, int results,
                uint32_t timeout_ms, struct error *err)
{
    lua_State *L = m->budget.L;
    budget_start(&m->budget, timeout_ms, m->coverage);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, (void *)(uintptr_t)argument);
    int status = lua_pcall(L, 1, results, 0);
    if (status == LUA_OK && !m->budget.spent[0])
        return 0;
    return keep_error(m, err);
}

static struct machine *machine_open(const struct rule *rule, struct error *err)
{
    struct machine *m = alloc_zero(1, sizeof *m);
    if (!budget_open(&m->budget, rule->memory)) {
        error_set(err, ERROR_INTERNAL, "no Lua state fits into its memory");
        machine_close(m);
        return NULL;
    }
    m->log = rule->log;
    m->name = rule->name;
    if (call(m, set_up, rule, 0, LOAD_TIMEOUT_MS, err) != 0) {
        machine_close(m);
        return NULL;
    }
    return m;
}

static struct machine *take_machine(struct rule *rule, struct error *err)
{
    pthread_mutex_lock(&rule->lock);
    struct machine *m = rule->idle;
    if (m) {
        rule->idle = m->next;
        rule->n_idle--;
    }
    pthread_mutex_unlock(&rule->lock);
    return m ? m : machine_open(rule, err);
}

static void give_back(struct rule *rule, struct machine *m)
{
    lua_settop(m->budget.L, 0);
    pthread_mutex_lock(&rule->lock);
    bool keep = rule->n_idle < IDLE_MAX;
    if (keep) {
        m->next = rule->idle;
        rule->idle = m;
        rule->n_idle++;
    }
    pthread_mutex_unlock(&rule->lock);
    if (!keep)
        machine_close(m);
}

/* ---- votes ---- */

static int run_vote(lua_State *L)
{
    const struct rule *rule = lua_touserdata(L, 1);
    run_file(L);                                    /* rule */
    const struct machine *m = machine_of(L);
    const char *function = m->request ? "inspect" : "vote";
    if (!lua_istable(L, -1) || lua_getfield(L, -1, function) != LUA_TFUNCTION)
        return luaL_error(L, "the file returned another table than when it was loaded");
    if (m->request)
        api_push_request(L);
    else
        api_push_transition(L);
    api_push_ballot(L);
    api_push_options(L, rule->definition.options, options_face(rule->options));
    lua_call(L, 3, 1);                              /* … verdict */
    return 1;
}

/* On one of the two: a change or a request. */
static void begin_vote(struct machine *m, const struct sluice_transition *t,
                       const struct sluice_request *r, struct sluice_ballot *ballot)
{
    views_begin(&m->views);
    m->transition = t;
    m->request = r;
    m->ballot = ballot;
    m->logged = 0;
    m->cast = false;
}

static void end_vote(struct machine *m)
{
    m->transition = NULL;
    m->request = NULL;
    m->ballot = NULL;
    arena_free(m->arena);
    m->arena = NULL;
}

static int run(struct voter *voter, const struct sluice_transition *transition,
               const struct sluice_request *request, uint32_t timeout_ms,
               struct sluice_ballot *ballot, struct error *err)
{
    struct rule *rule = voter->impl;
    struct machine *m = take_machine(rule, err);
    if (!m)
        return -1;
    enum sluice_verdict verdict = SLUICE_ABSTAIN;
    begin_vote(m, transition, request, ballot);
    m->coverage = rule->coverage;
    int rc = call(m, run_vote, rule, 1, timeout_ms, err);
    bool clean = rc == 0;
    if (clean)
        rc = api_read_verdict(m->budget.L, -1, &verdict, err);
    end_vote(m);
    if (clean)
        give_back(rule, m);
    else
        machine_close(m);
    return rc == 0 ? ballot_finish(ballot, verdict, err) : -1;
}

static int rule_vote(struct voter *voter, const struct sluice_transition *transition,
                     struct sluice_ballot *ballot, struct error *err)
{
    return run(voter, transition, NULL, voter->timeout_ms, ballot, err);
}

static int rule_inspect(struct voter *voter, const struct sluice_request *request,
                        struct sluice_ballot *ballot, struct error *err)
{
    return run(voter, NULL, request, voter->inspect_ms, ballot, err);
}

static void rule_close(struct voter *voter)
{
    struct rule *rule = voter->impl;
    for (struct machine *m = rule->idle, *next; m; m = next) {
        next = m->next;
        machine_close(m);
    }
    codefile_close(&rule->file);
    arena_free(rule->arena);
    options_free(rule->options);
    coverage_free(rule->coverage);
    pthread_mutex_destroy(&rule->lock);
    free(rule->name);
    free(rule);
}

/* ---- coverage ---- */

static void rule_cover(struct voter *voter)
{
    struct rule *rule = voter->impl;
    lua_State *L = luaL_newstate();
    if (rule->coverage || !L)
        return;
    if (load_text(L, rule) == 0)
        rule->coverage = coverage_new(L, -1);
    lua_close(L);
}

static size_t rule_lines(struct voter *voter, struct arena *arena, struct chain_line **out)
{
    const struct coverage *coverage = ((struct rule *)voter->impl)->coverage;
    size_t last = coverage ? coverage_last(coverage) : 0, n = 0;
    struct chain_line *lines = arena_alloc(arena, (last + 1) * sizeof *lines);
    for (size_t line = 1; line <= last; line++)
        if (coverage_has_code(coverage, line))
            lines[n++] = (struct chain_line){(unsigned)line, coverage_ran(coverage, line)};
    *out = lines;
    return n;
}

static const struct voter_ops rule_ops = {.kind = "lua",
                                          .vote = rule_vote,
                                          .inspect = rule_inspect,
                                          .close = rule_close,
                                          .cover = rule_cover,
                                          .lines = rule_lines};

/* ---- opening ---- */

static int read_definition(lua_State *L)
{
    struct rule *rule = lua_touserdata(L, 1);
    run_file(L);
    definition_read(L, lua_gettop(L), rule->arena, &rule->definition);
    return 0;
}

static int load(struct rule *rule, struct error *err)
{
    struct machine *m = machine_open(rule, err);
    if (!m)
        return -1;
    int rc = call(m, read_definition, rule, 0, LOAD_TIMEOUT_MS, err);
    if (rc == 0)
        give_back(rule, m);
    else
        machine_close(m);
    return rc;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static char *stem(const char *path)
{
    const char *base = base_name(path), *dot = strrchr(base, '.');
    return alloc_strn(base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

static int check_name(const struct rule *rule, struct error *err)
{
    const char *name = rule->definition.name;
    char *file = stem(rule->file.path);
    int rc =
        *name && strcmp(name, file) != 0
            ? error_set(err, ERROR_INTERNAL,
                        "the rule calls itself %s, so its file must be called %s.lua", name, name)
            : 0;
    free(file);
    return rc;
}

static int read_file(struct rule *rule, const struct chain_config *chain,
                     const struct chain_voter_config *config, struct error *err)
{
    bool relative = config->script[0] != '/' && chain->base_dir && *chain->base_dir;
    char *path = alloc_printf("%s%s%s", relative ? chain->base_dir : "", relative ? "/" : "",
                              config->script);
    int rc = codefile_read(path, config->sha256, SOURCE_BYTES_MAX, &rule->file, err);
    free(path);
    if (rc != 0)
        return -1;
    rule->chunk = arena_printf(rule->arena, "@%s", base_name(rule->file.path));
    return 0;
}

/* "no.lua:3: unexpected symbol" becomes "/etc/rules/no.lua:3: unexpected symbol". */
static int add_folder(const struct rule *rule, struct error *err)
{
    const char *base = rule->chunk + 1;
    struct error inner = *err;
    if (strncmp(inner.text, base, strlen(base)) == 0)
        return error_set(err, inner.kind, "%.*s%s", (int)(strlen(rule->file.path) - strlen(base)),
                         rule->file.path, inner.text);
    return error_prefix(err, "%s", rule->file.path);
}

static void describe(struct voter *voter, const struct rule *rule)
{
    const struct definition *d = &rule->definition;
    voter->name = alloc_str(rule->name);
    voter->version = alloc_str(*d->version ? d->version : "0.0.0");
    voter->summary = alloc_str(d->summary);
    voter->path = alloc_str(rule->file.path);
    voter->sha256 = alloc_str(rule->file.sha256);
    voter->options = alloc_str(options_json(rule->options));
    voter->votes = d->votes;
    voter->inspects = d->inspects;
    voter->inspects_responses = d->responses;
    voter->codes = d->codes;
    voter->option_table = d->options;
}

static int open_rule(struct voter *voter, struct rule *rule, const struct chain_config *chain,
                     const struct chain_voter_config *config, struct error *err)
{
    if (read_file(rule, chain, config, err) != 0)
        return -1;
    rule->name = config->name && *config->name ? alloc_str(config->name) : stem(rule->file.path);
    if (load(rule, err) != 0 || check_name(rule, err) != 0)
        return add_folder(rule, err);
    rule->options = options_read(rule->definition.options, config->options_json, err);
    if (!rule->options)
        return -1;
    describe(voter, rule);
    return 0;
}

struct voter *voter_lua_open(const struct chain_config *chain,
                             const struct chain_voter_config *config, const struct log *log,
                             struct error *err)
{
    struct rule *rule = alloc_zero(1, sizeof *rule);
    struct voter *voter = voter_new(&rule_ops, chain, config);
    voter->impl = rule;
    rule->log = log;
    rule->arena = arena_new();
    rule->memory = (size_t)voter->memory_mb << 20;
    pthread_mutex_init(&rule->lock, NULL);
    if (open_rule(voter, rule, chain, config, err) == 0)
        return voter;
    voter_free(voter);
    return NULL;
}
