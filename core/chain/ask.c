/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/unset.h"
#include "chain/ballot.h"
#include "chain/inspect/stage.h"
#include "chain/process/conversation.h"
#include "chain/seat.h"

static const char voter_error[] = "VOTER_ERROR";

static const char *keep(struct arena *arena, const char *text)
{
    return *text ? arena_str(arena, text) : "";
}

static void take_ballot(const struct ballot *ballot, struct arena *arena, struct chain_vote *out)
{
    out->verdict = ballot->verdict;
    out->code = keep(arena, ballot->code);
    out->path = keep(arena, ballot->path);
    out->message = keep(arena, ballot->message);
    out->facts = ballot->facts;
    out->n_facts = ballot->n_facts;
    out->changes = ballot->changes;
    out->n_changes = ballot->n_changes;
}

static void take_failure(const struct seat *seat, const struct error *err, struct arena *arena,
                         struct chain_vote *out)
{
    const struct voter *voter = seat->voter;
    out->failed = true;
    out->died = seat->alone && (err->kind == ERROR_UPSTREAM || err->kind == ERROR_TIMEOUT);
    out->verdict = voter->deny_on_error ? SLUICE_DENY : SLUICE_ABSTAIN;
    out->code = voter_error;
    out->message = arena_printf(arena, "voter %s failed: %s", voter->name, err->text);
    out->path = "";
    out->facts = NULL;
    out->n_facts = 0;
}

/* What is known about one question to all voters; arrays by seat. */
struct question {
    struct chain *chain;
    struct voter_ask ask;
    struct chain_vote *votes;                       /* voter NULL: not voted yet */
    struct conversation **begun;                    /* votes under way; else NULL */
    uint64_t *since_ns;                             /* when those began */
    size_t n_begun;
};

static bool is_asked(const struct question *q, const struct voter *voter)
{
    const struct sluice_request *r = q->ask.request;
    if (!r)
        return voter->votes;
    return voter->inspects && (q->ask.middleware || (!voter->inspect.middleware_only &&
                                                     voter_looks_at(voter, r->host, r->protocol)));
}

static int ask_now(const struct question *q, struct voter *voter, struct ballot *ballot,
                   struct error *err)
{
    if (!is_asked(q, voter))
        return ballot_finish(&ballot->face, sluice_abstain(&ballot->face), err);
    if (q->ask.request)
        return voter->ops->inspect(voter, q->ask.request, &ballot->face, err);
    return voter->ops->vote(voter, q->ask.transition, &ballot->face, err);
}

/* A voter that changed what it may not has failed. */
static int check_changes(const struct question *q, const struct ballot *ballot, struct error *err)
{
    const char *problem = ballot->n_changes ? inspect_stage_problem(q->ask.request, ballot->changes,
                                                                    ballot->n_changes) : NULL;
    return problem ? error_set(err, ERROR_INTERNAL, "%s", problem) : 0;
}

static void ask(struct question *q, size_t i, uint64_t *now_ns)
{
    struct seat *seat = &q->chain->seats[i];
    struct voter *voter = seat->voter;
    struct chain_vote *out = &q->votes[i];
    UNSET struct ballot ballot;
    UNSET struct error err;
    ballot_begin(&ballot, q->ask.arena, voter->codes);
    out->voter = arena_str(q->ask.arena, voter->name);
    out->version = arena_str(q->ask.arena, voter->version);
    out->level = chain_level_word(voter->level);
    ballot.may_change = q->ask.may_change;
    int rc = q->begun[i] ? voter->ops->finish(voter, &ballot.face, &err)
                         : ask_now(q, voter, &ballot, &err);
    if (rc == 0)
        rc = check_changes(q, &ballot, &err);
    if (rc == 0)
        take_ballot(&ballot, q->ask.arena, out);
    else
        take_failure(seat, &err, q->ask.arena, out);
    uint64_t start = *now_ns;
    *now_ns = clock_mono_ns();
    out->duration_ns = *now_ns - start;
    if (rc == 0 && voter->ops->unstoppable && voter_check_time(voter, out->duration_ns, &err) != 0)
        take_failure(seat, &err, q->ask.arena, out);
    stats_add(&seat->stats, out->duration_ns, out->verdict == SLUICE_DENY, out->failed);
}

/* Puts every isolated voter to work that is free; patient: waits for the first that is left. */
static void begin_votes(struct question *q, bool patient)
{
    for (size_t i = 0; i < q->chain->n; i++) {
        struct voter *voter = q->chain->seats[i].voter;
        if (q->votes[i].voter || !voter->ops->begin || !is_asked(q, voter))
            continue;
        q->since_ns[i] = clock_mono_ns();
        q->begun[i] = voter->ops->begin(voter, &q->ask, patient);
        q->n_begun += q->begun[i] != NULL;
        patient = false;
    }
}

static void ask_inline(struct question *q)
{
    uint64_t now_ns = clock_mono_ns();
    for (size_t i = 0; i < q->chain->n; i++)
        if (!q->chain->seats[i].voter->ops->begin || !is_asked(q, q->chain->seats[i].voter))
            ask(q, i, &now_ns);
}

/* In the order of their answers: a voter that takes its time keeps nobody from the turn of
 * another. */
static void finish_votes(struct question *q)
{
    while (q->n_begun) {
        size_t i = conversation_await(q->begun, q->chain->n);
        ask(q, i, &q->since_ns[i]);
        q->begun[i] = NULL;
        q->n_begun--;
    }
}

static bool all_voted(const struct question *q)
{
    for (size_t i = 0; i < q->chain->n; i++)
        if (!q->votes[i].voter)
            return false;
    return true;
}

static void ask_all(struct chain *chain, struct voter_ask ask, struct arena *arena,
                    struct chain_votes *out)
{
    ask.id = atomic_fetch_add(&chain->asked, 1) + 1;
    ask.arena = arena;
    struct question q = {
        .chain = chain,
        .ask = ask,
        .votes = arena_zalloc(arena, chain->n * sizeof *q.votes),
        .begun = arena_zalloc(arena, chain->n * sizeof *q.begun),
        .since_ns = arena_zalloc(arena, chain->n * sizeof *q.since_ns),
    };
    begin_votes(&q, false);
    ask_inline(&q);
    finish_votes(&q);
    while (!all_voted(&q)) {
        begin_votes(&q, true);
        finish_votes(&q);
    }
    *out = (struct chain_votes){q.votes, chain->n};
}

void chain_ask(struct chain *chain, const struct sluice_transition *transition,
               struct arena *arena, struct chain_votes *out)
{
    ask_all(chain, (struct voter_ask){.transition = transition}, arena, out);
}

void chain_ask_request(struct chain *chain, const struct sluice_request *request, bool middleware,
                       struct arena *arena, struct chain_votes *out)
{
    struct sluice_request seen = *request;
    if (middleware)
        seen.headers = inspect_stage_headers(request, arena, &seen.n_headers);
    ask_all(chain,
            (struct voter_ask){.request = &seen, .may_change = middleware && !request->response,
                               .middleware = middleware},
            arena, out);
}
