/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/inspect/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/unset.h"
#include "chain/ballot.h"
#include "chain/inspect/set.h"
#include "chain/inspect/stage.h"

enum { MIDDLEWARES = 1 << 20 }; /* the order of the first, behind every voter of the chain */

static const char voter_error[] = "VOTER_ERROR";

/* A question to one voter. */
struct asked {
    struct inspection *inspection;
    struct inspector *inspector;
    const struct inspect_middleware *middleware;    /* NULL: as one of the chain */
    size_t order;                                   /* in the chain */
    uint64_t since_ns;
    struct sluice_request request;                  /* as the voter sees it */
    struct sluice_response response;
    struct question *question;                      /* NULL: answered */
    struct asked *next;
};

struct inspection {
    struct inspectors *set;
    struct sluice_request request;                  /* with the changes so far */
    const struct inspect_middleware *middlewares;
    size_t n, next;                                 /* how many; the next to be asked */
    struct arena *arena;
    inspect_done *done;
    void *arg;
    struct inspect_verdict verdict;
    size_t order;                                   /* of who decided it */
    struct asked *asked;
    size_t open;                                    /* questions that are not answered */
    size_t room, holds_room, facts_room;            /* of the changes, the holds and the facts */
    bool begun;                                     /* inspect_begin has returned */
};

/* ---- what a voter sees ---- */

static size_t cut(size_t len, size_t max, bool *complete)
{
    *complete = *complete && len <= max;
    return len < max ? len : max;
}

static void show(const struct inspection *i, struct asked *asked)
{
    const struct inspector *inspector = asked->inspector;
    size_t max = inspector->voter->inspect.body_bytes;
    struct sluice_request *r = &asked->request;
    *r = i->request;
    r->body_len = cut(r->body_len, max, &r->body_complete);
    if (r->response) {
        asked->response = *r->response;
        r->response = &asked->response;
        asked->response.body_len =
            cut(asked->response.body_len, max, &asked->response.body_complete);
    }
    if (asked->middleware)
        r->headers = inspect_stage_headers(&i->request, i->arena, &r->n_headers);
}

static bool is_concerned(const struct inspector *inspector, const struct sluice_request *request)
{
    return !request->response || inspector->voter->inspects_responses;
}

/* ---- what it says ---- */

static int gravity(enum sluice_verdict verdict)
{
    return verdict == SLUICE_DENY ? 2 : verdict == SLUICE_HOLD;
}

/* Of voters that are as grave as each other the first one of the chain decides. */
static void weigh(struct inspection *i, size_t order, const struct inspect_verdict *said)
{
    struct inspect_verdict *now = &i->verdict;
    int more = gravity(said->verdict) - gravity(now->verdict);
    if (!gravity(said->verdict) || more < 0 || (more == 0 && order >= i->order))
        return;
    struct inspect_verdict next = *said;
    next.changes = now->changes;
    next.n_changes = now->n_changes;
    next.facts = now->facts;
    next.n_facts = now->n_facts;
    next.holds = now->holds;
    next.n_holds = now->n_holds;
    *now = next;
    i->order = order;
}

static void add_hold(struct inspection *i, const struct inspect_verdict *said)
{
    struct inspect_verdict *now = &i->verdict;
    struct inspect_hold *holds = (struct inspect_hold *)(uintptr_t)now->holds;
    holds = arena_grow(i->arena, holds, now->n_holds, &i->holds_room, sizeof *holds);
    holds[now->n_holds++] = (struct inspect_hold){said->voter, said->code, said->message,
                                                  said->middleware};
    now->holds = holds;
}

static void add_facts(struct inspection *i, const struct voter *voter,
                      const struct ballot *ballot)
{
    struct inspect_verdict *now = &i->verdict;
    struct inspect_fact *facts = (struct inspect_fact *)(uintptr_t)now->facts;
    const char *name = ballot->n_facts ? arena_str(i->arena, voter->name) : NULL;
    for (size_t f = 0; f < ballot->n_facts && now->n_facts < INSPECT_FACTS_MAX; f++) {
        facts = arena_grow(i->arena, facts, now->n_facts, &i->facts_room, sizeof *facts);
        facts[now->n_facts++] =
            (struct inspect_fact){name, ballot->facts[f].key, ballot->facts[f].value};
    }
    now->facts = facts;
}

static void weigh_failure(struct inspection *i, const struct inspect_middleware *middleware,
                          const struct inspector *inspector, size_t order, const char *why)
{
    const char *name = inspector ? inspector->voter->name : middleware->voter;
    bool deny = middleware ? !middleware->fail_open : inspector->voter->deny_on_error;
    inspectors_report(i->set, name, why);
    const struct inspect_verdict said = {
        .verdict = deny ? SLUICE_DENY : SLUICE_ALLOW,
        .voter = arena_str(i->arena, name), .code = voter_error,
        .message = arena_printf(i->arena, "voter %s failed: %s", name, why),
        .middleware = middleware ? middleware->key : "", .failed = true,
    };
    weigh(i, order, &said);
}

static const struct sluice_header *without(const struct sluice_header *headers, size_t *n,
                                           const char *name, struct arena *arena)
{
    struct sluice_header *left = arena_alloc(arena, (*n + 1) * sizeof *left);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (strcmp(headers[i].name, name) != 0)
            left[kept++] = headers[i];
    *n = kept;
    return left;
}

static void change(struct inspection *i, const struct inspect_change *change)
{
    struct sluice_request *r = &i->request;
    if (!change->header) {
        r->body = change->value;
        r->body_len = change->len;
    } else {
        struct sluice_header *headers = (struct sluice_header *)(uintptr_t)without(
            r->headers, &r->n_headers, change->header, i->arena);
        if (change->value)
            headers[r->n_headers++] = (struct sluice_header){change->header, change->value};
        r->headers = headers;
    }
    struct inspect_change *changes = (struct inspect_change *)(uintptr_t)i->verdict.changes;
    changes = arena_grow(i->arena, changes, i->verdict.n_changes, &i->room, sizeof *changes);
    changes[i->verdict.n_changes++] = *change;
    i->verdict.changes = changes;
}

static bool decides(const struct asked *asked)
{
    return asked->middleware || asked->inspector->voter->level != CHAIN_ADVISORY;
}

/* With what options it was asked does not matter. */
static void count_time(struct inspect_counts *counts, uint64_t us)
{
    counts->took_us += us;
#define X(name, most)            \
    if (us <= (most)) {          \
        counts->took.name++;     \
        return;                  \
    }
    INSPECT_TIMES(X)
#undef X
}

static void count(const struct asked *asked, enum sluice_verdict verdict, bool failed)
{
    struct inspector *counted = asked->inspector;
    if (asked->middleware)
        counted = inspectors_named(asked->inspection->set, asked->middleware->voter);
    if (!counted)
        return;
    counted->counts.requests++;
    counted->counts.denials += !failed && verdict == SLUICE_DENY;
    counted->counts.holds += !failed && verdict == SLUICE_HOLD;
    counted->counts.errors += failed;
    count_time(&counted->counts, (clock_mono_ns() - asked->since_ns) / 1000);
}

static void take(struct asked *asked, const struct ballot *ballot, const struct error *err)
{
    struct inspection *i = asked->inspection;
    const struct voter *voter = asked->inspector->voter;
    const char *problem = ballot ? inspect_stage_problem(&asked->request, ballot->changes,
                                                         ballot->n_changes) : err->text;
    count(asked, ballot ? ballot->verdict : SLUICE_ABSTAIN, problem != NULL);
    if (problem) {
        if (decides(asked))
            weigh_failure(i, asked->middleware, asked->inspector, asked->order, problem);
        return;
    }
    add_facts(i, voter, ballot);
    for (size_t c = 0; c < ballot->n_changes; c++)
        change(i, &ballot->changes[c]);
    if (!decides(asked) || !gravity(ballot->verdict))
        return;
    const struct inspect_verdict said = {
        .verdict = ballot->verdict, .voter = arena_str(i->arena, voter->name),
        .code = arena_str(i->arena, ballot->code),
        .message = arena_str(i->arena, ballot->message),
        .middleware = asked->middleware ? asked->middleware->key : "",
    };
    if (said.verdict == SLUICE_HOLD)
        add_hold(i, &said);
    weigh(i, asked->order, &said);
}

/* ---- asking ---- */

static void proceed(struct inspection *i);

static void on_answered(void *arg, const struct ballot *ballot, const struct error *err)
{
    struct asked *asked = arg;
    asked->question = NULL;
    take(asked, ballot, err);
    asked->inspection->open--;
    proceed(asked->inspection);
}

static void ask_inline(struct asked *asked, bool may_change)
{
    struct voter *voter = asked->inspector->voter;
    UNSET struct ballot ballot;
    UNSET struct error err;
    ballot_begin(&ballot, asked->inspection->arena, voter->codes);
    ballot.may_change = may_change;
    int rc = voter->ops->inspect(voter, &asked->request, &ballot.face, &err);
    take(asked, rc == 0 ? &ballot : NULL, &err);
}

static void ask_process(struct asked *asked, bool may_change)
{
    struct inspection *i = asked->inspection;
    UNSET struct error err;
    asked->question = questions_ask(asked->inspector->questions, &asked->request, may_change,
                                    i->arena, on_answered, asked, &err);
    if (asked->question)
        i->open++;
    else
        take(asked, NULL, &err);
}

/* NULL, or why a middleware cannot process the body: it has to be all of it. */
static const char *body_problem(const struct inspection *i, const struct inspector *inspector)
{
    const struct sluice_request *r = &i->request;
    size_t max = inspector->voter->inspect.body_bytes;
    if (r->response || !max || (r->body_complete && r->body_len <= max))
        return NULL;
    return arena_printf(i->arena, "the body is longer than the %zu bytes that it takes", max);
}

static void ask(struct inspection *i, struct inspector *inspector,
                const struct inspect_middleware *middleware, size_t order)
{
    const char *problem = middleware ? body_problem(i, inspector) : NULL;
    if (problem) {
        inspector->counts.requests++;
        inspector->counts.errors++;
        weigh_failure(i, middleware, inspector, order, problem);
        return;
    }
    struct asked *asked = arena_zalloc(i->arena, sizeof *asked);
    bool may_change = middleware && !i->request.response;
    *asked = (struct asked){.inspection = i, .inspector = inspector, .middleware = middleware,
                            .order = order, .since_ns = clock_mono_ns(), .next = i->asked};
    i->asked = asked;
    show(i, asked);
    if (inspector->questions)
        ask_process(asked, may_change);
    else
        ask_inline(asked, may_change);
}

static void ask_chain(struct inspection *i)
{
    const struct lot *lot = i->set->lot;
    for (size_t v = 0; lot && v < lot->n; v++) {
        struct inspector *inspector = &lot->items[v];
        const struct voter *voter = inspector->voter;
        if (!voter->inspect.middleware_only && is_concerned(inspector, &i->request) &&
            voter_looks_at(voter, i->request.host, i->request.protocol))
            ask(i, inspector, NULL, v);
    }
}

static void on_opened(void *arg, struct inspector *inspector, const char *why)
{
    struct inspection *i = arg;
    const struct inspect_middleware *middleware = &i->middlewares[i->next - 1];
    i->open--;
    if (!inspector)
        weigh_failure(i, middleware, NULL, MIDDLEWARES + i->next, why);
    else if (is_concerned(inspector, &i->request))
        ask(i, inspector, middleware, MIDDLEWARES + i->next);
    proceed(i);
}

static void ask_middleware(struct inspection *i)
{
    const struct inspect_middleware *middleware = &i->middlewares[i->next++];
    struct inspector *inspector;
    const char *why;
    switch (inspectors_find(i->set, middleware, i->arena, on_opened, i, &inspector, &why)) {
    case INSPECTORS_FOUND:
        if (is_concerned(inspector, &i->request))
            ask(i, inspector, middleware, MIDDLEWARES + i->next);
        break;
    case INSPECTORS_OPENING:
        i->open++;
        break;
    case INSPECTORS_NONE:
        weigh_failure(i, middleware, NULL, MIDDLEWARES + i->next, why);
        break;
    }
}

/* Until somebody has to be waited for; a denial ends it. */
static void proceed(struct inspection *i)
{
    while (!i->open && i->next < i->n && i->verdict.verdict != SLUICE_DENY)
        ask_middleware(i);
    if (i->open || !i->begun)
        return;
    struct inspectors *set = i->set;
    i->done(i->arg, &i->verdict);
    inspectors_unref(set);
}

struct inspection *inspect_begin(struct inspectors *set, const struct sluice_request *request,
                                 const struct inspect_middleware *middlewares, size_t n,
                                 struct arena *arena, inspect_done *done, void *arg,
                                 struct inspect_verdict *out)
{
    struct inspection *i = arena_alloc(arena, sizeof *i);
    *i = (struct inspection){
        .set = set, .request = *request, .middlewares = middlewares, .n = n, .arena = arena,
        .done = done, .arg = arg, .order = SIZE_MAX,
        .verdict = {.verdict = SLUICE_ALLOW, .voter = "", .code = "", .message = "",
                    .middleware = ""},
    };
    ask_chain(i);
    proceed(i);
    if (i->open) {
        i->begun = true;
        inspectors_ref(set);
        return i;
    }
    *out = i->verdict;
    return NULL;
}

void inspect_cancel(struct inspection *i)
{
    for (struct asked *asked = i->asked; asked; asked = asked->next)
        if (asked->question)
            question_cancel(asked->question);
    inspectors_forget(i->set, i);
    inspectors_unref(i->set);
}
