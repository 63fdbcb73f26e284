/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the chain of the configuration: at the start, for --check and on a reload. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "gateway/gateway.h"
#include "gateway/gateway_parts.h"
#include "gateway/own_files.h"
#include "runtime/credentials/inference.h"
#include "runtime/inspectors.h"

static void print_problems(const char *file, const struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        if (file && p->line)
            terminal_print(stderr, "%s:%u:%u: ", file, p->line, p->column);
        terminal_print(stderr, "%s%s%s\n", p->path, *p->path ? ": " : "", p->message);
    }
}

int gateway_report(const struct gateway_flags *flags, struct problems *problems,
                   const struct error *err, int code)
{
    print_problems(flags->config, problems);
    terminal_print(stderr, "sluiced: %s\n", err->text);
    problems_free(problems);
    return code;
}

struct chain *gateway_load_chain(const struct gateway_config *config, const struct log *log,
                                 struct problems *problems, struct error *err)
{
    struct chain *chain = chain_load(config->chain, log, problems);
    if (chain)
        return chain;
    gateway_config_locate(config, problems);
    error_set(err, ERROR_INVALID, "the chain of voters does not load: %zu problem%s", problems->n,
              problems->n == 1 ? "" : "s");
    return NULL;
}

/* Any thread. */
static void voter_changed(void *ctx, const char *voter, const char *state, const char *why)
{
    struct gateway *g = ctx;
    events_publish(g->events, "voter", "",
                   json_pack("{s:s, s:s, s:s}", "voter", voter, "state", state, "reason", why));
}

void gateway_watch_chain(struct gateway *g, struct chain *chain)
{
    chain_watch(chain, voter_changed, g);
}

static void print_chain(struct chain *chain)
{
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        terminal_print(stdout, "%-20s %-8s %-7s %-12s %-8s %s\n", v.name, v.version, v.kind,
                       v.level, v.isolation, v.path);
    }
    terminal_print(stdout, "configuration is good: %zu voters\n", chain_size(chain));
}

int gateway_check(const struct gateway_flags *flags, const struct log *log)
{
    struct arena *arena = arena_new();
    struct gateway_config config;
    struct problems problems = {0};
    struct error err;
    struct chain *chain = NULL;
    int code = 0;
    if (gateway_config_load(flags, arena, &config, &problems, &err) != 0 ||
        gateway_check_tls(&config, &err) != 0 ||
        !(chain = gateway_load_chain(&config, log, &problems, &err)))
        code = gateway_report(flags, &problems, &err, 2);
    else
        print_chain(chain);
    chain_unref(chain);
    arena_free(arena);
    return code;
}

static int check_own_files(struct gateway *g, const struct gateway_config *config,
                           struct arena *arena, struct error *err)
{
    struct runtime_files own;
    own_files_list(config, g->flags, NULL, arena, &own);
    return own_files_check(&own, g->config.state_dir, g->store, err);
}

void gateway_protect_files(struct gateway *g, const struct gateway_config *config,
                           struct arena *arena)
{
    struct runtime_files own;
    own_files_list(config, g->flags, runtime_bwrap(g->runtime), arena, &own);
    runtime_protect(g->runtime, &own);
}

/* In the log, and to whoever asked for the reload. */
static void tell_restart(struct gateway *g, const char *changed, struct problems *warnings)
{
    log_warn(g->log, "these settings changed and need a restart: %s", changed);
    problems_add(warnings, "", 0, 0,
                 "these settings changed and need a restart of the gateway: %s", changed);
}

int gateway_reload(void *ctx, struct problems *problems, struct error *err)
{
    struct gateway *g = ctx;
    struct arena *arena = arena_new();
    struct gateway_config config;
    struct chain *chain = NULL;
    int rc = -1;
    pthread_mutex_lock(&g->reload_lock);
    gateway_reload_tls(g);
    if (gateway_config_load(g->flags, arena, &config, problems, err) == 0 &&
        check_own_files(g, &config, arena, err) == 0 &&
        (chain = gateway_load_chain(&config, g->log, problems, err))) {
        const char *changed = gateway_config_restart(&g->config, &config, arena);
        if (*changed)
            tell_restart(g, changed, problems);
        gateway_watch_chain(g, chain);
        gateway_protect_files(g, &config, arena);
        updates_set_chain(g->updates, chain);
        runtime_set_inspectors(g->runtime, chain, config.chain);
        auth_roles_set(g->api.auth.roles, &config.auth->roles);
        inference_settings_set(g->inference, config.inference, config.n_inference);
        runtime_equip_all(g->runtime);
        log_info(g->log, "reloaded: %zu voters", chain_size(chain));
        events_publish(g->events, "chain", "", json_pack("{s:s}", "digest", chain_digest(chain)));
        rc = 0;
    } else {
        error_prefix(err, "the chain at work stays");
    }
    pthread_mutex_unlock(&g->reload_lock);
    if (rc == 0)
        drafts_ask_again(g->drafts, NULL);
    chain_unref(chain);
    arena_free(arena);
    return rc;
}

struct hangup {
    struct gateway *g;
    struct problems problems;
    struct error err;
    int rc;
};

static void hangup_work(void *arg)
{
    struct hangup *h = arg;
    h->rc = gateway_reload(h->g, &h->problems, &h->err);
}

static void hangup_done(void *arg)
{
    struct hangup *h = arg;
    if (h->rc != 0) {
        log_error(h->g->log, "%s", h->err.text);
        for (size_t i = 0; i < h->problems.n; i++) {
            const struct problem *p = &h->problems.items[i];
            if (p->line)
                log_error(h->g->log, "%s:%u:%u: %s%s%s", h->g->flags->config, p->line, p->column,
                          p->path, *p->path ? ": " : "", p->message);
            else
                log_error(h->g->log, "%s: %s", p->path, p->message);
        }
    }
    problems_free(&h->problems);
    free(h);
}

void gateway_on_hangup(uv_signal_t *signal, int number)
{
    struct gateway *g = signal->data;
    (void)number;
    if (g->stopping)
        return;
    struct hangup *h = alloc_zero(1, sizeof *h);
    h->g = g;
    jobs_run(h->g->jobs, NULL, hangup_work, hangup_done, h);
}
