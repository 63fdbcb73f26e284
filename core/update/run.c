/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an update, in one place: every line of decide() is a step of the pipeline. */
#include <time.h>

#include "base/clock.h"
#include "policy/diff.h"
#include "store/gateways.h"
#include "update/updates.h"

static int check_request(const struct update_request *r, struct error *err)
{
    if (r->override && (!r->reason || !*r->reason))
        return error_set(err, ERROR_FORBIDDEN, "an override needs a reason: say why it is right");
    if (r->kind == SLUICE_GLOBAL && !r->tighten)
        return error_set(err, ERROR_UNSUPPORTED, "there is no policy of the whole gateway yet");
    return 0;
}

static void drop_warnings(void *warnings)
{
    problems_free(warnings);
}

/* Every attempt starts from nothing: what an earlier one found may have moved. */
static void begin(struct update *u)
{
    const struct update_request *request = u->request;
    problems_free(&u->result->warnings);
    problems_free(u->problems);
    *u->result = (struct update_result){
        .dry_run = request->dry_run,
        .status = "",
        .decision_id = "",
        .draft_id = "",
        .at_ms = clock_now_ms(),
    };
    u->result->chain_digest = arena_str(u->arena, chain_digest(u->chain));
}

static int vote(struct update *u, const struct sluice_transition *transition)
{
    chain_ask(u->chain, transition, u->arena, &u->result->votes);
    update_vote_ceilings(u);
    /* A held request has no document that could be signed. */
    if (!u->request->of_request && update_vote_signature(u) != 0)
        return -1;
    chain_tally(&u->result->votes, u->request->override, u->arena, &u->result->tally);
    u->result->outcome = u->result->tally.outcome;
    return 0;
}

/* That such a revision is loaded does not say that the sandbox does what it says by now. */
static void warn_of_start(struct update *u)
{
    struct update_result *r = u->result;
    const char *name = u->request->sandbox;
    for (size_t i = 0; i < r->diff->n_static_changes && r->current; i++)
        problems_add(&r->warnings, r->diff->static_changes[i]->path, 0, 0,
                     "what changes here counts from the sandbox's next start on: sluice sandbox "
                     "stop %s, then "
                     "sluice sandbox start %s",
                     name, name);
    update_locate(u);
}

static int decide(struct update *u)
{
    struct update_result *r = u->result;
    begin(u);
    if (update_load(u) != 0 || update_load_ceilings(u) != 0 || update_candidate(u) != 0)
        return -1;
    r->revision = r->base_revision;
    const struct sluice_policy *before, *after;
    if (update_without_grants(u, &before, &after) != 0)
        return -1;
    r->diff = policy_diff(before, after, u->arena);
    update_find(u, before, after);
    const struct sluice_transition *transition = update_transition(u);
    bool asks = u->request->kind != SLUICE_EXPIRE && u->request->kind != SLUICE_GLOBAL;
    r->asked = (r->changed && asks) || u->request->of_request;
    if (r->asked && vote(u, transition) != 0)
        return -1;
    if (r->changed && r->outcome != CHAIN_DENIED) {
        update_warn_of_bindings(u);
        warn_of_start(u);
    }
    if (u->request->review && u->request->review(u->request->arg, r, u->err) != 0)
        return -1;
    if (u->request->dry_run)
        return 0;
    if (update_commit(u) != 0)
        return -1;
    if (r->changed || r->asked)
        chain_observe(u->chain,
                      &(struct sluice_outcome){sizeof(struct sluice_outcome), transition,
                                               chain_outcome_word(r->outcome),
                                               r->outcome == CHAIN_ALLOWED ? r->revision : 0});
    return 0;
}

/* On the newest chain; nothing that outlives the attempt needs it. */
static int attempt(struct update *u)
{
    u->chain = updates_chain(u->updates);
    int rc = decide(u);
    updates_leave_chain(u->updates, u->chain);
    u->chain = NULL;
    return rc;
}

static void tell(const struct update *u, bool ahead)
{
    const struct updates *all = u->updates;
    for (size_t i = 0; i < all->n_observers; i++)
        if (all->observers[i].ahead == ahead)
            all->observers[i].decided(all->observers_ctx, u->request, u->result);
}

/* The one place from which everything that follows a commit happens. */
static void tell_observers(const struct update *u)
{
    tell(u, true);
    if (u->request->committed)
        u->request->committed(u->request->arg, u->result);
    tell(u, false);
}

/* Updates of one gateway take turns, those of several do not: whoever came second may find the
 * sandbox moved again and again. */
enum { SHARED_PATIENCE_MS = 3000, PAUSE_MAX_MS = 32 };

static bool may_try_again(const struct update *u, int tried, uint64_t began_ms)
{
    return tried < UPDATE_ATTEMPTS || (store_is_shared(u->updates->store) &&
                                       clock_mono_ms() - began_ms < SHARED_PATIENCE_MS);
}

/* Of random length, so that two do not meet for ever. */
static void pause_on_shared(const struct update *u, int tried)
{
    if (tried < 2 || !store_is_shared(u->updates->store))
        return;
    uint64_t most_ms = tried < 6 ? UINT64_C(1) << tried : PAUSE_MAX_MS;
    nanosleep(&(struct timespec){0, (long)(clock_mono_ns() % (most_ms * 1000000))}, NULL);
}

static int run(struct update *u)
{
    const struct update_request *request = u->request;
    uint64_t began_ms = clock_mono_ms();
    int tried = 0;
    arena_defer(u->arena, drop_warnings, &u->result->warnings);
    if (check_request(request, u->err) != 0)
        return -1;
    do {
        pause_on_shared(u, tried);
        *u->err = (struct error){0};
        if (attempt(u) == 0) {
            if (!request->dry_run)
                tell_observers(u);
            return 0;
        }
        /* Somebody else's update came first.  A caller who named a revision or reviewed one is
         * told; everybody else is re-run on top of it. */
        if (u->err->kind != ERROR_MOVED || request->if_revision || request->review)
            return -1;
    } while (may_try_again(u, ++tried, began_ms));
    return error_set(
        u->err, ERROR_MOVED,
        "gave up after %d attempts: other updates of sandbox '%s' kept coming first; try again",
        tried, request->sandbox);
}

int update_run(struct updates *updates, const struct update_request *request, struct arena *arena,
               struct update_result *out, struct problems *problems, struct error *err)
{
    /* The arena frees the warnings, and may well outlive out. */
    struct update u = {
        .updates = updates, .request = request, .arena = arena,
        .result = arena_zalloc(arena, sizeof *u.result), .problems = problems, .err = err,
    };
    int rc = run(&u);
    *out = *u.result;
    return rc;
}
