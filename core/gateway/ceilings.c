/* SPDX-License-Identifier: Apache-2.0 */
/* Ceilings at the start: a gateway that ended while it tightened policies goes on with that. */
#include "gateway/gateway_parts.h"

static void tell(void *ctx, const char *sandbox, const struct update_result *result,
                 const struct error *err)
{
    const struct gateway *g = ctx;
    if (result)
        log_info(g->log, "the policy of sandbox %s is within its ceilings again: revision %lu",
                 sandbox, (unsigned long)result->revision);
    else
        log_error(g->log, "the policy of sandbox %s is outside its ceilings: %s", sandbox,
                  err->text);
}

static void tighten(void *arg)
{
    struct gateway *g = arg;
    struct arena *arena = arena_new();
    struct store_ceiling *all;
    struct error err;
    size_t n;
    const struct update_tightening t = {
        .actor = {sizeof t.actor, "gateway", "admin", "gateway", "gateway", "gateway"},
        .reason = "the gateway was started again", .each = tell, .ctx = g,
    };
    if (store_ceiling_list(g->store, arena, &all, &n, &err) != 0 ||
        (n && updates_tighten(g->updates, &t, &err) != 0))
        log_error(g->log, "policies were not brought within their ceilings: %s", err.text);
    arena_free(arena);
}

static void done(void *arg)
{
    (void)arg;
}

void gateway_tighten(struct gateway *g)
{
    jobs_run(g->jobs, NULL, tighten, done, g);
}
