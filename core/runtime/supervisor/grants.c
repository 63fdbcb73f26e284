/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/supervisor/grants.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/sandbox.h"
#include "runtime/start/start.h"
#include "sandbox/wire/uses.h"

const struct policy_grant *grants_find_stored(const struct store_draft *drafts, size_t n,
                                              const char *chunk, struct arena *arena)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(drafts[i].id, chunk) == 0)
            return policy_grant_parse(drafts[i].grant_json, arena);
    return NULL;
}

struct policy_grants grants_of_revision(struct store *store, const struct store_revision *revision,
                                        struct arena *arena)
{
    struct policy_grants grants = policy_grants_parse(revision->grants_json, arena);
    struct policy_grant *items = arena_alloc(arena, (grants.n + 1) * sizeof *items);
    struct store_draft *drafts;
    struct error ignored;
    size_t n = 0;
    if (grants.n && store_draft_granted(store, revision->sandbox_id, arena, &drafts, &n, &ignored))
        n = 0;
    for (size_t i = 0; i < grants.n; i++) {
        const struct policy_grant *stored =
            n ? grants_find_stored(drafts, n, grants.items[i].chunk, arena) : NULL;
        items[i] = grants.items[i];
        items[i].used = stored ? stored->used : 0;
    }
    return (struct policy_grants){items, grants.n};
}

/* ---- from a supervisor ---- */

struct reported {
    struct runtime *all;
    char *name, *chunk, *ended;                     /* ended NULL: it has not */
    int64_t used;
};

static void report_work(void *arg)
{
    const struct reported *r = arg;
    struct drafts *drafts = r->all->setup.drafts;
    struct error err = {0};
    int rc = r->used ? drafts_used(drafts, r->name, r->chunk, r->used, &err) : 0;
    if (rc == 0 && r->ended)
        rc = drafts_expire(drafts, r->name, r->chunk, r->ended, &err);
    if (rc != 0 && err.kind != ERROR_NOT_FOUND)
        log_error(r->all->setup.log, "sandbox %s: the grant of chunk %s: %s", r->name, r->chunk,
                  err.text);
}

static void report_done(void *arg)
{
    struct reported *r = arg;
    free(r->name);
    free(r->chunk);
    free(r->ended);
    free(r);
}

/* In order with what the sandbox is denied: a refusal after the end makes a chunk of its own. */
void sandbox_grant_reported(struct sandbox *s, const struct sandbox_grant *grant)
{
    struct reported *r = alloc_zero(1, sizeof *r);
    *r = (struct reported){s->all, alloc_str(s->name), alloc_str(grant->chunk),
                           alloc_str(grant->ended), grant->used};
    jobs_run(s->all->setup.jobs, s->name, report_work, report_done, r);
}

/* ---- by the gateway's own clock ---- */

static int expire(struct runtime *all, const struct store_draft *draft, const char *why,
                  struct arena *arena, struct error *err)
{
    struct store_sandbox box;
    struct error elsewhere;
    if (store_sandbox_by_id(all->setup.store, draft->sandbox_id, arena, &box, err) != 0)
        return -1;
    /* The clock of its home counts. */
    if (runtime_check_home(all, &box, &elsewhere) != 0)
        return 0;
    return drafts_expire(all->setup.drafts, box.name, draft->id, why, err);
}

static bool is_late(const struct policy_grant *grant)
{
    char boot[CLOCK_BOOT_SIZE];
    return policy_grant_is_late(grant, clock_boot_id(boot), clock_now_ms(), clock_boot_ms());
}

static void check_work(void *arg)
{
    struct runtime *all = arg;
    struct arena *arena = arena_new();
    struct store_draft *drafts;
    struct error err = {0};
    size_t n = 0;
    int rc = store_draft_granted(all->setup.store, NULL, arena, &drafts, &n, &err);
    for (size_t i = 0; i < n; i++) {
        const struct policy_grant *grant = policy_grant_parse(drafts[i].grant_json, arena);
        if (grant && is_late(grant))
            rc |= expire(all, &drafts[i], "its time is over", arena, &err);
    }
    if (rc != 0)
        log_error(all->setup.log, "cannot end a grant whose time is over: %s", err.text);
    arena_free(arena);
}

static void check_done(void *arg)
{
    struct runtime *all = arg;
    all->checking_grants = false;
}

void runtime_check_grants(struct runtime *all)
{
    if (all->checking_grants || all->draining)
        return;
    all->checking_grants = true;
    jobs_run(all->setup.jobs, NULL, check_work, check_done, all);
}

/* ---- before a start ---- */

const char *start_uses_path(struct start *st)
{
    return arena_printf(st->arena, "%s/uses", st->site.dir);
}

/* Its last supervisor may have let through what the gateway never heard of. */
static int count_uses(struct start *st, const struct store_draft *draft,
                      struct policy_grant *grant, const char **why)
{
    char boot[CLOCK_BOOT_SIZE];
    int64_t used = sandbox_uses_read(start_uses_path(st), clock_boot_id(boot), draft->id);
    if (used < 0)
        *why = "the sandbox was started anew, and nobody knows all its uses of before";
    if (used > grant->used) {
        grant->used = used;
        if (drafts_used(st->all->setup.drafts, st->record.name, draft->id, used, &st->err) != 0)
            return -1;
    }
    if (grant->used >= grant->uses)
        *why = arena_printf(st->arena, "it was used %lld time%s", (long long)grant->used,
                            grant->used == 1 ? "" : "s");
    return 0;
}

/* NULL: it runs on. */
static const char *why_ended(const struct policy_grant *grant)
{
    if (grant->pid)
        return "the sandbox was started anew, so its process has ended";
    return is_late(grant) ? "its time is over" : NULL;
}

int start_check_grants(struct start *st)
{
    struct store_draft *drafts;
    size_t n, ended = 0;
    if (store_draft_granted(st->all->setup.store, st->id, st->arena, &drafts, &n, &st->err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct policy_grant *stored = policy_grant_parse(drafts[i].grant_json, st->arena);
        struct policy_grant grant = stored ? *stored : (struct policy_grant){0};
        const char *why = stored ? why_ended(&grant) : NULL;
        if (grant.uses && count_uses(st, &drafts[i], &grant, &why) != 0)
            return -1;
        if (why && expire(st->all, &drafts[i], why, st->arena, &st->err) != 0)
            return -1;
        ended += why != NULL;
    }
    return ended ? store_revision_get(st->all->setup.store, st->id, 0, st->arena, &st->revision,
                                      &st->err) : 0;
}
