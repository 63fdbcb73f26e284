/* SPDX-License-Identifier: Apache-2.0 */
/* Voters in processes of their own, seen from the gateway: one process per voter, which is asked one
 * vote at a time. */
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "chain/ballot.h"
#include "chain/process/confine.h"
#include "chain/process/session.h"
#include "chain/process/tables.h"

enum {
    OBSERVE_TIMEOUT_MS = 100,
    GRACE_MS = 25,                                  /* for a voter that keeps its limit to say so */
};

struct isolated {
    bool observes;
    pthread_mutex_t mutex;                          /* of the members below; one vote at a time */
    struct session session;
};

/* ---- votes ---- */

/* A vote under way.  While it is, its thread holds the mutex of the voter, and waits for the mutex
 * of no other voter before it has given back all it holds: see begin in voter.h. */
struct begun {
    struct exchange exchange;
    struct arena *arena;
    const struct told *told;
    int64_t id;
    bool down;                                      /* there is no process to ask */
};

/* Casts what the process said into the gateway's ballot, which checks it once more. */
static int cast(const struct message_voted *voted, struct sluice_ballot *ballot, struct error *err)
{
    enum sluice_verdict verdict = (enum sluice_verdict)message_verdict(voted->verdict);
    for (size_t i = 0; i < voted->n_facts; i++)
        sluice_fact(ballot, voted->facts[i]->key, voted->facts[i]->value);
    sluice_cast(ballot, verdict, voted->code, voted->path, "%s", voted->message);
    return ballot_finish(ballot, verdict, err);
}

static bool take_turn(struct isolated *v, bool patient)
{
    if (patient)
        pthread_mutex_lock(&v->mutex);
    else if (pthread_mutex_trylock(&v->mutex) != 0)
        return false;
    if (patient || child_is_idle(&v->session.child))
        return true;
    pthread_mutex_unlock(&v->mutex);
    return false;
}

static void send(struct voter *voter, struct begun *b)
{
    struct isolated *v = voter->impl;
    session_ask(&v->session, b->told, voter->timeout_ms + GRACE_MS, &b->exchange);
}

static void *isolated_begin(struct voter *voter, struct voter_ask *ask, bool patient)
{
    struct isolated *v = voter->impl;
    if (!ask->told)
        ask->told = told_vote(ask->transition, ask->id, ask->arena);
    if (!take_turn(v, patient))
        return NULL;
    struct arena *arena = arena_new();
    struct begun *b = arena_zalloc(arena, sizeof *b);
    b->arena = arena;
    b->told = ask->told;
    b->id = ask->id;
    b->down = session_ensure(&v->session, &b->exchange.err) != 0;
    if (b->down)
        b->exchange.ended = b->exchange.failed = true;
    else
        send(voter, b);
    return b;
}

size_t voter_process_answered(void *const *begun, size_t n)
{
    struct arena *arena = NULL;
    for (size_t i = 0; i < n && !arena; i++)
        if (begun[i])
            arena = ((struct begun *)begun[i])->arena;
    struct exchange **list = arena_zalloc(arena, n * sizeof *list);
    for (size_t i = 0; i < n; i++)
        if (begun[i])
            list[i] = &((struct begun *)begun[i])->exchange;
    return exchange_await(list, n, arena);
}

/* A process may end in order between two votes, and so just before one reaches it: then it is started
 * again and asked once more. */
static int take_answer(struct voter *voter, struct begun *b, struct message *answer,
                       struct error *err)
{
    struct session *s = &((struct isolated *)voter->impl)->session;
    struct exchange *x = &b->exchange;
    int rc = session_take_vote(s, x, b->id, true, b->arena, answer, err);
    if (rc != SESSION_LEFT)
        return rc;
    exchange_end(x);
    *x = (struct exchange){0};
    if (session_ensure(s, err) != 0)
        return -1;
    send(voter, b);
    exchange_await(&x, 1, b->arena);
    return session_take_vote(s, x, b->id, false, b->arena, answer, err);
}

static int isolated_finish(struct voter *voter, void *begun, struct sluice_ballot *ballot,
                           struct error *err)
{
    struct isolated *v = voter->impl;
    struct begun *b = begun;
    struct message answer;
    int rc = -1;
    exchange_await(&(struct exchange *){&b->exchange}, 1, b->arena);
    if (b->down)
        *err = b->exchange.err;
    else
        rc = take_answer(voter, b, &answer, err);
    pthread_mutex_unlock(&v->mutex);
    if (rc == 0 && answer.type == MESSAGE_FAILED)
        rc = error_set(err, ERROR_INTERNAL, "%s", answer.failed->text);
    else if (rc == 0)
        rc = cast(answer.voted, ballot, err);
    exchange_end(&b->exchange);
    arena_free(b->arena);
    return rc;
}

static void isolated_observe(struct voter *voter, const struct sluice_outcome *outcome)
{
    struct isolated *v = voter->impl;
    struct session *s = &v->session;
    if (!v->observes || health_quarantined(&s->health))
        return;
    struct arena *arena = arena_new();
    struct error err;
    pthread_mutex_lock(&v->mutex);
    if (session_ensure(s, &err) == 0)
        session_tell(s, told_outcome(outcome, arena), OBSERVE_TIMEOUT_MS, "observe", &err);
    pthread_mutex_unlock(&v->mutex);
    arena_free(arena);
}

static const char *isolated_state(const struct voter *voter)
{
    const struct isolated *v = voter->impl;
    return health_quarantined(&v->session.health) ? "quarantined" : "ready";
}

static void isolated_close(struct voter *voter)
{
    struct isolated *v = voter->impl;
    session_close(&v->session);
    pthread_mutex_destroy(&v->mutex);
    free(v);
}

#define OPS(word) \
    {.kind = word, .begin = isolated_begin, .finish = isolated_finish, \
     .observe = isolated_observe, .close = isolated_close, .state = isolated_state}
static const struct voter_ops native_ops = OPS("native"), lua_ops = OPS("lua"),
                              command_ops = OPS("command");

/* ---- making one ---- */

static int keep_description(struct isolated *v, struct voter *voter,
                            const struct message_opened *opened, struct error *err)
{
    struct session *s = &v->session;
    voter->name = alloc_str(opened->name);
    voter->version = alloc_str(opened->version);
    voter->summary = alloc_str(opened->summary);
    voter->path = alloc_str(opened->path);
    voter->sha256 = alloc_str(opened->sha256);
    voter->options = alloc_str(opened->options);
    s->name = arena_str(s->arena, opened->name);
    s->sha256 = arena_str(s->arena, opened->sha256);
    v->observes = opened->observes;
    voter->codes = tables_keep_codes(s->arena, opened);
    return tables_keep_options(s->arena, opened, &voter->option_table, err);
}

/* A script opens no files, so that there is nothing to keep it from. */
static void look_at_files(struct voter *voter, const struct log *log)
{
    voter->reads_files = voter->ops != &lua_ops && !confine_hides_files();
    if (voter->reads_files)
        log_warn(log, "voter %s: this kernel has no Landlock, so that it can read whatever the gateway's user "
                      "may read, the gateway's own files too: trust it, or boot with lsm=landlock,...",
                 voter->name);
}

struct voter *voter_process_open(const struct chain_config *chain,
                                 const struct chain_voter_config *config, const struct log *log,
                                 struct error *err)
{
    struct isolated *v = alloc_zero(1, sizeof *v);
    bool script = config->script && *config->script;
    const struct voter_ops *ops = config->n_command ? &command_ops
                                : script            ? &lua_ops : &native_ops;
    struct voter *voter = voter_new(ops, chain, config);
    struct arena *arena = arena_new();
    const struct message_opened *opened;
    voter->impl = v;
    pthread_mutex_init(&v->mutex, NULL);
    session_begin(&v->session, voter, chain, config, log);
    if (session_open(&v->session, arena, &opened, err) != 0
        || keep_description(v, voter, opened, err) != 0) {
        voter_free(voter);
        voter = NULL;
    } else {
        look_at_files(voter, log);
    }
    arena_free(arena);
    return voter;
}
