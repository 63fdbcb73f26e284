/* SPDX-License-Identifier: Apache-2.0 */
/* Voters in processes of their own, seen from the gateway: one process per voter, which is asked
 * one vote at a time. */
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "chain/ballot.h"
#include "chain/process/changes.h"
#include "chain/process/confine.h"
#include "chain/process/conversation.h"
#include "chain/process/tables.h"

enum {
    OBSERVE_TIMEOUT_MS = 100,
    GRACE_MS = 25,                                  /* for a voter that keeps its limit to say so */
};

struct isolated {
    bool observes;
    pthread_mutex_t mutex;                          /* of the members below; one vote at a time */
    struct conversation conversation;
};

/* ---- votes ---- */

int conversation_cast(const struct message_voted *voted, struct sluice_ballot *ballot,
                      struct error *err)
{
    if (changes_make(voted, ballot, err) != 0)
        return -1;
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
    if (patient || child_is_idle(&v->conversation.child))
        return true;
    pthread_mutex_unlock(&v->mutex);
    return false;
}

/* Until isolated_finish the thread holds the voter's mutex; it waits for the mutex of no other
 * voter before it has released all it holds: see begin in voter.h. */
static struct conversation *isolated_begin(struct voter *voter, struct voter_ask *ask, bool patient)
{
    struct isolated *v = voter->impl;
    if (!ask->encoded)
        ask->encoded =
            ask->request ? encode_inspect(ask->request, ask->id, ask->may_change, ask->arena)
                         : encode_vote(ask->transition, ask->id, ask->arena);
    if (!take_turn(v, patient))
        return NULL;
    conversation_ask(&v->conversation, ask->encoded, voter->timeout_ms + GRACE_MS);
    return &v->conversation;
}

static int isolated_finish(struct voter *voter, struct sluice_ballot *ballot, struct error *err)
{
    struct isolated *v = voter->impl;
    struct arena *arena = arena_new();
    struct message answer;
    int rc = conversation_take(&v->conversation, arena, &answer, err);
    pthread_mutex_unlock(&v->mutex);
    if (rc == 0 && answer.type == MESSAGE_FAILED)
        rc = error_set(err, ERROR_INTERNAL, "%s", answer.failed->text);
    else if (rc == 0)
        rc = conversation_cast(answer.voted, ballot, err);
    arena_free(arena);
    return rc;
}

static void isolated_observe(struct voter *voter, const struct sluice_outcome *outcome)
{
    struct isolated *v = voter->impl;
    if (!v->observes || health_quarantined(&v->conversation.health))
        return;
    struct arena *arena = arena_new();
    pthread_mutex_lock(&v->mutex);
    conversation_tell(&v->conversation, encode_outcome(outcome, arena), OBSERVE_TIMEOUT_MS);
    pthread_mutex_unlock(&v->mutex);
    arena_free(arena);
}

static struct conversation *isolated_conversation(struct voter *voter)
{
    return &((struct isolated *)voter->impl)->conversation;
}

static const char *isolated_state(const struct voter *voter)
{
    const struct isolated *v = voter->impl;
    return health_quarantined(&v->conversation.health) ? "quarantined" : "ready";
}

static void isolated_close(struct voter *voter)
{
    struct isolated *v = voter->impl;
    conversation_close(&v->conversation);
    pthread_mutex_destroy(&v->mutex);
    free(v);
}

#define OPS(word) \
    {.kind = word, .begin = isolated_begin, .finish = isolated_finish, \
     .conversation = isolated_conversation, \
     .observe = isolated_observe, .close = isolated_close, .state = isolated_state}
static const struct voter_ops native_ops = OPS("native"), lua_ops = OPS("lua"),
                              command_ops = OPS("command");

/* ---- making one ---- */

static int keep_description(struct isolated *v, struct voter *voter,
                            const struct message_opened *opened, struct error *err)
{
    struct conversation *c = &v->conversation;
    voter->name = alloc_str(opened->name);
    voter->version = alloc_str(opened->version);
    voter->summary = alloc_str(opened->summary);
    voter->path = alloc_str(opened->path);
    voter->sha256 = alloc_str(opened->sha256);
    voter->options = alloc_str(opened->options);
    c->name = arena_str(c->arena, opened->name);
    c->sha256 = arena_str(c->arena, opened->sha256);
    v->observes = opened->observes;
    voter->votes = opened->votes;
    voter->inspects = opened->inspects;
    voter->inspects_responses = opened->inspects && opened->inspects_responses;
    voter->codes = tables_keep_codes(c->arena, opened);
    return tables_keep_options(c->arena, opened, &voter->option_table, err);
}

/* A script opens no files, so that there is nothing to keep it from. */
static void look_at_files(struct voter *voter, const struct log *log)
{
    voter->reads_files = voter->ops != &lua_ops && !confine_hides_files();
    if (voter->reads_files)
        log_warn(log,
                 "voter %s: this kernel has no Landlock, so that it can read whatever the "
                 "gateway's user "
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
    conversation_init(&v->conversation, voter, chain, config, log);
    if (conversation_open(&v->conversation, arena, &opened, err) != 0
        || keep_description(v, voter, opened, err) != 0) {
        voter_free(voter);
        voter = NULL;
    } else {
        look_at_files(voter, log);
    }
    arena_free(arena);
    return voter;
}
