/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/inspect/set.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { INLINE_LUA_MS = 5, REPORT_EVERY_MS = 1000 };

/* ---- lots ---- */

/* A rule in this process holds up every connection. */
static void limit_inline(struct voter *voter)
{
    if (!voter->ops->conversation && strcmp(voter->ops->kind, "lua") == 0 &&
        voter->inspect_ms > INLINE_LUA_MS)
        voter->inspect_ms = INLINE_LUA_MS;
}

struct lot *lot_open(struct inspectors *set, const struct chain_config *config,
                     struct problems *problems)
{
    struct chain *chain = chain_load(config, set->log, problems);
    if (!chain)
        return NULL;
    chain_keep_inspecting(chain);
    struct lot *lot = alloc_zero(1, sizeof *lot);
    *lot = (struct lot){.set = set, .chain = chain, .n = chain_size(chain)};
    lot->items = alloc_zero(lot->n + 1, sizeof *lot->items);
    for (size_t i = 0; i < lot->n; i++) {
        struct voter *voter = chain_voter(chain, i);
        limit_inline(voter);
        lot->items[i].voter = voter;
        lot->items[i].questions =
            voter->ops->conversation ? questions_new(voter, set->loop) : NULL;
    }
    return lot;
}

static void free_set(struct inspectors *set)
{
    if (set->references || set->lots)
        return;
    arena_free(set->arena);
    free(set);
}

static void free_lot(struct lot *lot)
{
    struct inspectors *set = lot->set;
    free(lot->items);
    free(lot);
    set->lots--;
    free_set(set);
}

static void close_chain(uv_work_t *work)
{
    chain_unref(((struct lot *)work->data)->chain);
}

static void on_chain_closed(uv_work_t *work, int status)
{
    (void)status;
    free_lot(work->data);
}

static void on_questions_closed(void *arg)
{
    struct lot *lot = arg;
    if (--lot->open)
        return;
    lot->work.data = lot;
    uv_queue_work(lot->set->loop, &lot->work, close_chain, on_chain_closed);
}

void lot_close(struct lot *lot)
{
    bool isolated = false;
    lot->open = 1;
    for (size_t i = 0; i < lot->n; i++) {
        if (!lot->items[i].questions)
            continue;
        isolated = true;
        lot->open++;
        questions_close(lot->items[i].questions, on_questions_closed, lot);
    }
    if (isolated) {
        on_questions_closed(lot);
        return;
    }
    chain_unref(lot->chain);
    free_lot(lot);
}

/* ---- the set ---- */

static void keep_config(struct inspectors *set, const struct chain_config *config)
{
    struct chain_config *copy = schema_copy(&chain_config_schema, config, set->arena);
    set->config = *copy;
    set->config.base_dir = arena_str(set->arena, config->base_dir ? config->base_dir : "");
}

struct inspectors *inspectors_load(const struct chain_config *config, uv_loop_t *loop,
                                   const struct log *log, struct problems *problems)
{
    struct inspectors *set = alloc_zero(1, sizeof *set);
    *set = (struct inspectors){.loop = loop, .log = log, .arena = arena_new()};
    keep_config(set, config);
    if (config->n_voters && !(set->lot = lot_open(set, config, problems))) {
        free_set(set);
        return NULL;
    }
    set->references = 1;
    set->lots = set->lot != NULL;
    return set;
}

struct inspectors *inspectors_ref(struct inspectors *set)
{
    set->references++;
    return set;
}

void inspectors_unref(struct inspectors *set)
{
    if (!set || --set->references)
        return;
    set->lots++;                                    /* until all of them are on their way */
    instances_close(set);
    if (set->lot)
        lot_close(set->lot);
    set->lots--;
    free_set(set);
}

/* A policy may write a namespace in front: openshell/regex is the voter openshell_regex. */
static bool is_called(const struct voter *voter, const char *name)
{
    const char *at = voter->name;
    for (; *at && *name && (*at == *name || (*at == '_' && *name == '/')); at++)
        name++;
    return !*at && !*name;
}

struct inspector *inspectors_named(const struct inspectors *set, const char *name)
{
    for (size_t i = 0; set->lot && i < set->lot->n; i++)
        if (is_called(set->lot->items[i].voter, name))
            return &set->lot->items[i];
    return NULL;
}

static void need(struct inspect_needs *out, const struct voter *voter)
{
    out->any = true;
    out->responses = out->responses || voter->inspects_responses;
    if (voter->inspect.body_bytes > out->body_bytes)
        out->body_bytes = voter->inspect.body_bytes;
}

void inspectors_needs(const struct inspectors *set, const char *host, const char *protocol,
                      const struct inspect_middleware *middlewares, size_t n,
                      struct inspect_needs *out)
{
    *out = (struct inspect_needs){.any = n > 0};
    for (size_t i = 0; set->lot && i < set->lot->n; i++) {
        const struct voter *voter = set->lot->items[i].voter;
        if (!voter->inspect.middleware_only && voter_looks_at(voter, host, protocol))
            need(out, voter);
    }
    for (size_t i = 0; i < n; i++) {
        const struct inspector *inspector = inspectors_named(set, middlewares[i].voter);
        if (!inspector)
            continue;
        need(out, inspector->voter);
        if (inspector->voter->inspect.body_bytes > out->stage_bytes)
            out->stage_bytes = inspector->voter->inspect.body_bytes;
    }
}

void inspectors_report(struct inspectors *set, const char *voter, const char *why)
{
    uint64_t now = clock_mono_ms();
    if (set->reported_ms && now - set->reported_ms < REPORT_EVERY_MS)
        return;
    set->reported_ms = now;
    log_warn(set->log, "voter %s failed on a request: %s", voter, why);
}

static void note_quarantine(struct inspector *inspector)
{
    bool now = strcmp(voter_state(inspector->voter), "quarantined") == 0;
    inspector->counts.quarantines += now && !inspector->quarantined;
    inspector->quarantined = now;
}

void inspectors_count(struct inspectors *set, inspectors_counted *counted, void *ctx)
{
    for (size_t i = 0; set->lot && i < set->lot->n; i++) {
        struct inspector *inspector = &set->lot->items[i];
        note_quarantine(inspector);
        if (!inspector->counts.requests && !inspector->counts.quarantines)
            continue;
        counted(ctx, inspector->voter->name, &inspector->counts);
        inspector->counts = (struct inspect_counts){0};
    }
}
