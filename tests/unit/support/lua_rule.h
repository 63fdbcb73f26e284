/* SPDX-License-Identifier: Apache-2.0 */
/* A Lua voter inline, and a transition that it votes on. */
#ifndef TESTS_SUPPORT_LUA_RULE_H
#define TESTS_SUPPORT_LUA_RULE_H

#include "support/lua.h"

static const char policy[] =
    "version: 1\n"
    "filesystem_policy: {include_workdir: true, read_only: [/usr, /lib], read_write: [/tmp]}\n"
    "network_policies:\n"
    "  api:\n"
    "    endpoints:\n"
    "      - {host: api.example.com, ports: [443, 8443], protocol: rest, enforcement: enforce,\n"
    "         rules: [{allow: {method: GET, path: /v1/**, query: {q: 'a*'}}}]}\n"
    "      - {host: b.example.com, port: 80, allowed_ips: [10.0.0.0/8, 10.1.2.3]}\n"
    "    binaries: [{path: /usr/bin/curl}]\n"
    "  web:\n"
    "    name: The web\n"
    "    endpoints: [{host: c.example.com, port: 443}]\n"
    "    binaries: []\n"
    "network_middlewares:\n"
    "  redact: {middleware: openshell/regex, order: 1, config: {mode: redact, list: [1, x]},\n"
    "           endpoints: {include: ['*.example.com']}}\n";

struct fixture {
    struct scripts scripts;
    struct change change;
    struct arena *arena;
    struct ballot ballot;
};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    scripts_begin(&f->scripts);
    change_begin(&f->change, "version: 1\n", policy);
    f->arena = arena_new();
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    change_end(&f->change);
    scripts_end(&f->scripts);
    free(f);
    return 0;
}

static inline int ask(struct fixture *f, struct voter *voter, struct error *err)
{
    ballot_begin(&f->ballot, f->arena, voter->codes);
    return voter->ops->vote(voter, &f->change.t, &f->ballot.face, err);
}

#endif
