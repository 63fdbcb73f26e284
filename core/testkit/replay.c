/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/replay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "policy/diff.h"
#include "policy/effect/findings.h"
#include "testkit/answer.h"
#include "testkit/worker.h"
#include "update/update.h"

/* ---- in the worker ---- */

struct task {
    const struct replay *replay;
    size_t first;
};

/* Who approved before is not on record: the one whose approval decided stands for all. */
static const struct sluice_draft *make_draft(const struct replay_decision *d, struct arena *arena)
{
    if (d->kind != SLUICE_APPROVE)
        return NULL;
    struct sluice_draft *draft = arena_alloc(arena, sizeof *draft);
    struct sluice_approval *approval = arena_alloc(arena, sizeof *approval);
    const struct sluice_approval **list = arena_alloc(arena, sizeof *list);
    *approval =
        (struct sluice_approval){sizeof *approval, d->actor->name, d->actor->role, d->now_ms};
    list[0] = approval;
    *draft = (struct sluice_draft){.size = sizeof *draft,
                                   .id = "",
                                   .source = "operator",
                                   .author = "",
                                   .approvals = list,
                                   .n_approvals = 1};
    return draft;
}

static const struct sluice_policy *model(const struct policy *policy)
{
    return policy ? policy_model(policy) : NULL;
}

static json_t *ask(struct chain *chain, const struct replay_decision *d)
{
    struct arena *arena = arena_new();
    struct chain_votes votes;
    struct chain_tally tally;
    /* Which providers the sandbox had then is not on record: their places are not known here. */
    const struct policy_credential_places none = {NULL, 0};
    struct policy_findings found =
        policy_find(model(d->current), model(d->candidate), &none, arena);
    const struct sluice_transition t = {
        .size = sizeof t,
        .kind = d->kind,
        .reason = d->reason,
        .sandbox = d->face,
        .actor = d->actor,
        .baseline = model(d->baseline),
        .current = model(d->current),
        .candidate = model(d->candidate),
        .diff = policy_diff(model(d->current), model(d->candidate), arena),
        .draft = make_draft(d, arena),
        .now_ms = d->now_ms,
        .findings = found.items,
        .n_findings = found.n,
    };
    chain_ask(chain, &t, arena, &votes);
    chain_tally(&votes, d->overridden, arena, &tally);
    const char *outcome = chain_outcome_word(tally.outcome);
    bool same = strcmp(outcome, d->outcome) == 0;
    json_t *answer =
        same ? json_object()
             : json_pack("{s:s, s:o}", "outcome", outcome, "votes", update_votes_json(&votes));
    for (size_t i = 0; i < votes.n; i++)
        if (votes.items[i].died)
            json_object_set_new(answer, "died", json_string(votes.items[i].message));
    arena_free(arena);
    return answer;
}

/* Says {} for a decision that comes out the same. */
static void run_task(int to, void *arg)
{
    const struct task *task = arg;
    const struct replay *r = task->replay;
    const struct log log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "sluice"};
    struct arena *arena = arena_new();
    const char *why;
    struct chain *chain = stage_load_chain(r->chain, &r->settings, &log, arena, &why);
    if (!chain) {
        worker_say(to, json_pack("{s:s}", "refused", why));
        arena_free(arena);
        return;
    }
    bool alive = true;
    for (size_t i = task->first; i < r->n && alive; i++) {
        json_t *answer = ask(chain, &r->decisions[i]);
        alive = !json_object_get(answer, "died");
        worker_say(to, answer);
    }
    chain_unref(chain);
    arena_free(arena);
    worker_say(to, json_pack("{s:b}", "closed", 1));
}

/* ---- in the runner ---- */

struct state {
    const struct replay *replay;
    size_t done;
    int differing;
    bool closed;
    char *refused;                                  /* NULL: the chain loads */
};

static void tell(struct state *s, const char *outcome, json_t *votes, const char *how)
{
    const struct replay *r = s->replay;
    s->differing++;
    r->differs(r->arg, &(struct replay_difference){&r->decisions[s->done], outcome, votes, how});
}

static void count_answer(struct state *s, json_t *message)
{
    const char *outcome = answer_member(message, "outcome"),
               *death = answer_member(message, "died");
    if (json_object_get(message, "refused")) {
        s->refused = alloc_str(answer_member(message, "refused"));
    } else if (json_object_get(message, "closed")) {
        s->closed = true;
    } else if (s->done < s->replay->n) {
        if (*outcome)
            tell(s, outcome, json_object_get(message, "votes"), death);
        s->done++;
        if (s->replay->progress)
            s->replay->progress(s->replay->arg, s->done, s->replay->n);
    }
    json_decref(message);
}

/* Whether the worker's pipe is still open and in time. */
static bool listen_to(struct state *s, struct worker *worker, bool *late)
{
    struct pollfd fd = {worker->from, POLLIN, 0};
    int n = poll(&fd, 1, (int)s->replay->timeout_s * 1000);
    json_t *message;
    if (n < 0 && errno == EINTR)
        return true;
    *late = n == 0;
    bool more = n > 0 && worker_read(worker);
    while ((message = worker_next(worker)))
        count_answer(s, message);
    return more && !s->closed;
}

static int run_worker(struct state *s, struct error *err)
{
    struct task task = {s->replay, s->done};
    struct worker worker;
    bool late = false;
    s->closed = false;
    if (worker_start(&worker, run_task, &task, err) != 0) {
        worker_close(&worker);
        return -1;
    }
    while (listen_to(s, &worker, &late))
        continue;
    worker_kill(&worker);
    char *how = worker_end(&worker);
    if (!s->closed && !s->refused && s->done < s->replay->n) {
        tell(s, "crashed", NULL, late ? "no answer in time" : how ? how : "it ended its process");
        s->done++;
    }
    free(how);
    worker_close(&worker);
    return 0;
}

int replay_run(const struct replay *replay, struct error *err)
{
    struct state s = {.replay = replay};
    int rc = 0;
    do
        rc = run_worker(&s, err);
    while (rc == 0 && !s.refused && s.done < replay->n);
    if (s.refused)
        rc = error_set(err, ERROR_INVALID, "the chain of %s does not load: %s", replay->chain,
                       s.refused);
    free(s.refused);
    return rc == 0 ? s.differing : -1;
}
